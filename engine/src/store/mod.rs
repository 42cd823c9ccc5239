//! The database of `[sink]`: positions, outbox, activations, `risk_stats` and the catalog, on MySQL/MariaDB or SQLite.
//! The only place that knows SQL. It decides nothing: a compare-and-set either matches or it does not.

use std::sync::Arc;
use std::time::Duration;

use crate::model::checkpoint::StatsLayout;
pub use crate::model::store::{
    AuditStore, CatalogStore, CheckpointStore, ClusterCheck, InstanceStore, Outcome, Position, ProbeStore, ReportStore,
    RetentionStore, StatsRow, Store, StoreError, WindowRows, WindowsWanted,
};

mod mysql;
mod sql;
mod sqlite;

pub use sql::revision::CatalogNumbers;
pub use sql::whole::{REPAIR_TO_NONE, may_be_empty};

/// A partition that got no record for so long no longer holds the final windows back, unless the caller says otherwise.
const IDLE_AFTER: Duration = Duration::from_secs(60);

/// [`connect_with`] the default of `window.idle_after`.
///
/// # Errors
/// [`StoreError`]: as of [`connect_with`].
pub async fn connect(url: &str, pipeline: &str, topic: &str) -> Result<Arc<dyn Store>, StoreError> {
    connect_with(url, pipeline, topic, IDLE_AFTER).await
}

/// Opens the store that the URL names (`mysql://`, `mariadb://` or `sqlite://`) and asks it once, so that a wrong
/// password or database is known at start. Errors never contain the URL, which holds the password. `idle_after`: when a
/// partition no longer holds the final windows back.
///
/// # Errors
/// [`StoreError::Fatal`]: a URL, a login or a server's setting that can't be used; [`StoreError::Unavailable`]: no answer.
pub async fn connect_with(
    url: &str,
    pipeline: &str,
    topic: &str,
    idle_after: Duration,
) -> Result<Arc<dyn Store>, StoreError> {
    let driver: Box<dyn sql::Driver> = match scheme(url) {
        Some("mysql" | "mariadb") => Box::new(mysql::MySqlDriver::new(url)?),
        Some("sqlite") => Box::new(sqlite::SqliteDriver::new(url)?),
        _ => return Err(StoreError::Fatal(format!("the sink url {SCHEMES}"))),
    };
    let store = sql::SqlStore::new(driver, pipeline, topic, i64::try_from(idle_after.as_millis()).unwrap_or(i64::MAX));
    store.ping().await?;
    store.suits().await?;
    Ok(Arc::new(store))
}

/// The statements that make the tables and the view which an engine of this layout needs; it runs none of them.
///
/// # Errors
/// [`StoreError::Fatal`]: the URL names no store that is known.
pub fn ddl(url: &str, layout: &StatsLayout, idle_after: Duration) -> Result<Vec<String>, StoreError> {
    let dialect = match scheme(url) {
        Some("mysql" | "mariadb") => &mysql::DIALECT,
        Some("sqlite") => &sqlite::DIALECT,
        _ => return Err(StoreError::Fatal(format!("the sink url {SCHEMES}"))),
    };
    sql::schema::ddl(dialect, layout, i64::try_from(idle_after.as_millis()).unwrap_or(i64::MAX))
}

const SCHEMES: &str = "must begin with mysql://, mariadb:// or sqlite://";

fn scheme(url: &str) -> Option<&str> {
    url.split_once("://").map(|(scheme, _)| scheme)
}

/// What [`connect`] would say of the URL before it connects: `weir check` asks it. Certificates that it names have to be there.
/// The message goes on after `sink.url ` and never shows the password.
///
/// # Errors
/// What is wrong with the URL.
pub fn validate_url(url: &str) -> Result<(), String> {
    match scheme(url) {
        Some("mysql" | "mariadb") => mysql::validate_url(url),
        Some("sqlite") => sqlite::options(url).map(drop).map_err(|why| why.to_string()),
        _ => Err(SCHEMES.to_owned()),
    }
}
