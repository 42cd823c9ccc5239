//! What the pipeline depends on: Kafka, the database, and each lookup by itself. Whether each answered when it was last asked, since
//! when that is so, and what its last error was.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::clock::now_ms;

/// A service that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependency {
    /// The brokers of `[source]`: up while every worker is a member of the group.
    Kafka,
    /// The store of `[sink]`.
    Database,
    /// The Redis of `[lookup.NAME]`.
    Lookup(String),
}

/// What is known of a dependency. Times are epoch milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DependencyStatus {
    /// Whether it answered when it was last asked.
    pub up: bool,
    /// Since when `up` is what it is.
    pub since: i64,
    /// The last error and when it was last seen; stays when the dependency is up again.
    pub last_error: Option<(i64, String)>,
}

/// Those that were asked at least once.
#[derive(Debug, Default)]
pub(super) struct Dependencies(Mutex<BTreeMap<Dependency, DependencyStatus>>);

impl Dependencies {
    /// It was asked and answered; None: it was never asked.
    pub(super) fn of(&self, dependency: &Dependency) -> Option<DependencyStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(dependency).cloned()
    }

    /// It was asked. `error`: why it does not answer, where that is known.
    pub(super) fn asked(&self, dependency: Dependency, up: bool, error: Option<&str>) {
        let now = now_ms();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let status = all.entry(dependency).or_insert(DependencyStatus { up, since: now, last_error: None });
        if status.up != up {
            (status.up, status.since) = (up, now);
        }
        if let Some(error) = error {
            status.last_error = Some((now, error.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_remembered_when_the_service_is_up_again_and_others_know_nothing_of_it() {
        let all = Dependencies::default();
        assert_eq!(all.of(&Dependency::Database), None, "nobody asked it yet");
        all.asked(Dependency::Database, false, Some("connection refused"));
        all.asked(Dependency::Database, true, None);
        let database = all.of(&Dependency::Database).expect("it was asked");
        assert!(database.up);
        assert_eq!(database.last_error.expect("one was seen").1, "connection refused");
        assert_eq!(all.of(&Dependency::Lookup("customer".into())), None);
    }
}
