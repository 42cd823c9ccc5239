//! Whether the rules directory may publish: not while what this engine's Kafka and its database say contradicts each other. It
//! may then be the database of another cluster's engines, whose records these rules are not meant for.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::ids::Partition;

/// Why each partition contradicts.
#[derive(Default)]
pub(super) struct DirectoryHold(Mutex<BTreeMap<Partition, String>>);

impl DirectoryHold {
    /// This partition contradicts.
    pub(super) fn hold(&self, partition: Partition, why: &str) {
        self.partitions().insert(partition, why.to_owned());
    }

    /// It does not, or is not this process's any more.
    pub(super) fn release(&self, partition: Partition) {
        self.partitions().remove(&partition);
    }

    /// The first partition that contradicts, and why.
    pub(super) fn why(&self) -> Option<String> {
        self.partitions().iter().next().map(|(partition, why)| format!("partition {partition}: {why}"))
    }

    fn partitions(&self) -> MutexGuard<'_, BTreeMap<Partition, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
