//! Whether the directory may publish: not while what this engine's Kafka and its database say contradicts each other. It may
//! then be the database of another cluster's engines, whose records these rules are not meant for.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::conditions::Severity;
use crate::model::ids::Partition;
use crate::rules::catalog::Catalog;

const HELD: &str = "rules.directory_held";

/// Why each partition contradicts.
#[derive(Default)]
pub(in crate::rules) struct Held(Mutex<BTreeMap<Partition, String>>);

impl Held {
    fn partitions(&self) -> std::sync::MutexGuard<'_, BTreeMap<Partition, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Catalog {
    /// This partition could not be taken: store, group and log contradict each other.
    pub fn hold_directory(&self, partition: Partition, why: &str) {
        self.0.held.partitions().insert(partition, why.to_owned());
    }

    /// It was taken, or is not this process's any more.
    pub fn release_directory(&self, partition: Partition) {
        self.0.held.partitions().remove(&partition);
    }

    /// Whether the directory publishes nothing now; tells why.
    pub(in crate::rules) fn is_held(&self) -> bool {
        let first =
            self.0.held.partitions().iter().next().map(|(partition, why)| format!("partition {partition}: {why}"));
        match &first {
            None => self.0.conditions.clear(HELD, ""),
            Some(why) => self.0.conditions.raise(
                Severity::Warning,
                HELD,
                "",
                format!(
                    "files of rules.dir are neither published nor retired until every partition can be taken: {why}"
                ),
            ),
        }
        first.is_some()
    }
}
