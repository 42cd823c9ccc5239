//! The workers, and which of them are members of the group. Kafka is up while every worker is one.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::dependencies::{Dependencies, Dependency};

/// A worker that is no member of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Since its start, or since what it had was revoked.
    pub since: Instant,
    /// What is known about it.
    pub why: Option<String>,
}

/// See the module.
#[derive(Debug)]
pub struct Members {
    /// By worker; None: the group has given it partitions, or told it that it has none.
    workers: Mutex<BTreeMap<usize, Option<Outside>>>,
    dependencies: Dependencies,
}

impl Members {
    pub(super) fn new(dependencies: Dependencies) -> Self {
        Self { workers: Mutex::default(), dependencies }
    }

    /// Number of workers, members or not.
    pub fn workers(&self) -> u64 {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// The workers that are no members of the group.
    pub fn outside(&self) -> Vec<(usize, Outside)> {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.iter().filter_map(|(worker, outside)| Some((*worker, outside.clone()?))).collect()
    }

    /// A worker that starts; it is no member yet.
    pub(crate) fn add(&self, worker: usize) {
        self.left(worker);
    }

    /// The group told a worker which partitions it has.
    pub(crate) fn joined(&self, worker: usize) {
        self.change(None, |workers| drop(workers.insert(worker, None)));
    }

    /// What is known about why a worker is no member; says nothing about one that is.
    pub(crate) fn outside_for(&self, worker: usize, why: String) {
        self.change(Some(&why), |workers| {
            if let Some(Some(outside)) = workers.get_mut(&worker) {
                outside.why = Some(why.clone());
            }
        });
    }

    pub(super) fn left(&self, worker: usize) {
        self.change(None, |workers| {
            workers.entry(worker).or_default().get_or_insert(Outside { since: Instant::now(), why: None });
        });
    }

    /// What Kafka is follows in the same lock, so that the last change is the one that stands.
    fn change(&self, error: Option<&str>, change: impl FnOnce(&mut BTreeMap<usize, Option<Outside>>)) {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut workers);
        let up = !workers.is_empty() && workers.values().all(Option::is_none);
        self.dependencies.asked(Dependency::Kafka, up, error.filter(|_| !up));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafka_is_up_while_every_worker_is_a_member_and_its_last_error_stays() {
        let members = Members::new(Dependencies::default());
        let kafka = || members.dependencies.of(&Dependency::Kafka).expect("a worker was added");
        members.add(0);
        members.add(1);
        members.joined(0);
        assert!(!kafka().up && kafka().last_error.is_none());
        members.outside_for(1, "connection refused".into());
        members.joined(1);
        assert!(kafka().up);
        assert_eq!(kafka().last_error.expect("one was told").1, "connection refused");
        members.left(1);
        assert!(!kafka().up);
    }
}
