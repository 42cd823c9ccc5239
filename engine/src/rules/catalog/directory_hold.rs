//! Whether the rules directory may publish: not while what this engine's Kafka and its database say contradicts each other. It
//! may then be the database of another cluster's engines, whose records these rules are not meant for.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Catalog;
use crate::model::ids::Partition;

/// Why each partition contradicts.
#[derive(Default)]
pub(super) struct DirectoryHold(Mutex<BTreeMap<Partition, String>>);

impl DirectoryHold {
    fn partitions(&self) -> MutexGuard<'_, BTreeMap<Partition, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Catalog {
    /// This partition could not be taken: store, group and log contradict each other.
    pub fn hold_directory(&self, partition: Partition, why: &str) {
        self.directory_hold.partitions().insert(partition, why.to_owned());
    }

    /// It was taken, or is not this process's any more.
    pub fn release_directory(&self, partition: Partition) {
        self.directory_hold.partitions().remove(&partition);
    }

    /// Why the directory must not publish or retire anything now: the first partition that contradicts.
    pub fn directory_held(&self) -> Option<String> {
        self.directory_hold.partitions().iter().next().map(|(partition, why)| format!("partition {partition}: {why}"))
    }
}
