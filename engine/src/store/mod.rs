//! The database of `[sink]`: positions, outbox, activations, `risk_stats` and the catalog, on MySQL/MariaDB or SQLite.
//! The only place that knows SQL. It decides nothing: a compare-and-set either matches or it does not.

use std::sync::Arc;
use std::time::Duration;

pub use crate::model::store::{Outcome, Position, StatsRow, Store, StoreError};

mod mysql;
mod shared;
mod sqlite;

/// A partition that stood still for so long no longer holds the final windows back, unless the caller says otherwise.
const IDLE_AFTER: Duration = Duration::from_secs(60);

/// [`connect_with`] the default of `window.idle_after`.
pub async fn connect(url: &str, pipeline: &str, topic: &str) -> Result<Arc<dyn Store>, StoreError> {
    connect_with(url, pipeline, topic, IDLE_AFTER).await
}

/// Opens the store that the URL names (`mysql://`, `mariadb://` or `sqlite://`) and asks it once, so that a wrong
/// password or database is known at start. Errors never contain the URL, which holds the password. `idle_after`: when a
/// partition no longer holds the final windows back.
pub async fn connect_with(
    url: &str,
    pipeline: &str,
    topic: &str,
    idle_after: Duration,
) -> Result<Arc<dyn Store>, StoreError> {
    let driver: Box<dyn shared::Driver> = match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("mysql" | "mariadb") => Box::new(mysql::MySqlDriver::new(url)?),
        Some("sqlite") => Box::new(sqlite::SqliteDriver::new(url)?),
        _ => {
            return Err(StoreError::Fatal("the sink url must begin with mysql://, mariadb:// or sqlite://".into()));
        }
    };
    let store =
        shared::SqlStore::new(driver, pipeline, topic, i64::try_from(idle_after.as_millis()).unwrap_or(i64::MAX));
    store.ping().await?;
    Ok(Arc::new(store))
}
