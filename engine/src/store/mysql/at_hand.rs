//! Connections that were in use a moment ago, newest last. sqlx's pool asks the server whether a connection lives when it is
//! given and when it comes back. That is two round trips a transaction, and while the second is under way, whoever
//! comes next gets a further connection, with a log-in and statements to prepare of its own. Who takes the one of before
//! again saves all that, which counts where the server is far.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::MySql;
use sqlx::pool::PoolConnection;

/// Connections that are kept: as many as are usually in use at once (two checkpoints and the catalog). Others go back to
/// the pool.
const MOST: usize = 3;
/// Time after which an unused connection goes back to the pool, which asks the server whether it lives. Well below the
/// session's `wait_timeout`.
const FRESH: Duration = Duration::from_secs(4);

type Connection = PoolConnection<MySql>;

#[derive(Clone, Default)]
pub(super) struct AtHand(Arc<Mutex<Kept>>);

/// Connections, and when each was used last; ascending.
#[derive(Default)]
struct Kept(Vec<(Instant, Connection)>);

impl Drop for Kept {
    /// The way back to the pool is a task, for which there may be no runtime any more.
    fn drop(&mut self) {
        for (_, connection) in self.0.drain(..) {
            drop(connection.detach());
        }
    }
}

impl AtHand {
    /// The one that was used last, if it is fresh.
    pub(super) fn take(&self) -> Option<Connection> {
        self.keep_fresh();
        self.with(Vec::pop).map(|(_, connection)| connection)
    }

    /// One whose last statement was answered.
    pub(super) fn put(&self, connection: Connection) {
        self.keep_fresh();
        let beyond = self.with(|all| {
            all.push((Instant::now(), connection));
            (all.len() > MOST).then(|| all.remove(0))
        });
        drop(beyond);
    }

    /// One failed: those beside it were made to the same server, and the pool asks each before it is used again.
    pub(super) fn mistrust(&self) {
        drop(self.with(std::mem::take));
    }

    fn keep_fresh(&self) {
        let stale = self.with(|all| {
            let fresh = all.iter().position(|(used, _)| used.elapsed() < FRESH).unwrap_or(all.len());
            all.drain(..fresh).collect::<Vec<_>>()
        });
        drop(stale);
    }

    /// What goes back to the pool is dropped by the caller, outside of the lock.
    fn with<T>(&self, change: impl FnOnce(&mut Vec<(Instant, Connection)>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).0)
    }
}
