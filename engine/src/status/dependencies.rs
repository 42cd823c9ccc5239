//! What the pipeline depends on: Kafka, the database, and each lookup by itself. Whether each answered when it was last asked,
//! since when that is so, and what its last error was.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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
    /// When an error was last seen, and which; stays when the dependency is up again. One that goes on is seen at each try.
    pub last_error: Option<(i64, String)>,
}

impl DependencyStatus {
    /// For how long it has not answered, and why, as far as that is known; None: it answers.
    pub fn away(&self) -> Option<(Duration, &str)> {
        let why = self.last_error.as_ref().map_or("", |(_, why)| why.as_str());
        let long = Duration::from_millis(u64::try_from(now_ms() - self.since).unwrap_or_default());
        (!self.up).then_some((long, why))
    }
}

/// The dependencies that were asked at least once. A cheap handle.
#[derive(Clone, Debug, Default)]
pub struct Dependencies(Arc<Mutex<BTreeMap<Dependency, DependencyStatus>>>);

impl Dependencies {
    /// What is known of one; None: it was not asked yet, or a lookup never failed.
    pub fn of(&self, dependency: &Dependency) -> Option<DependencyStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(dependency).cloned()
    }

    /// It was asked just now. `error`: why it does not answer, where that is known.
    pub(crate) fn asked(&self, dependency: Dependency, up: bool, error: Option<&str>) {
        self.asked_at(now_ms(), dependency, up, error);
    }

    /// It was asked at this time, in epoch milliseconds. Of the errors of several who ask, the last that was seen stays.
    pub(super) fn asked_at(&self, at: i64, dependency: Dependency, up: bool, error: Option<&str>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let status = all.entry(dependency).or_insert(DependencyStatus { up, since: at, last_error: None });
        if status.up != up {
            (status.up, status.since) = (up, at);
        }
        if let Some(error) = error.filter(|_| status.last_error.as_ref().is_none_or(|(seen, _)| *seen <= at)) {
            status.last_error = Some((at, error.to_owned()));
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
        let database = || all.of(&Dependency::Database).expect("it was asked");
        assert_eq!(database().away().map(|(_, why)| why.to_owned()), Some("connection refused".to_owned()));
        all.asked(Dependency::Database, true, None);
        assert!(database().up && database().away().is_none());
        assert_eq!(database().last_error.expect("one was seen").1, "connection refused");
        assert_eq!(all.of(&Dependency::Lookup("customer".into())), None);
    }
}
