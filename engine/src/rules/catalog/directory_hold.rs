//! Whether the rules directory may publish: not while what this engine's Kafka and its database say contradicts each other. It
//! may then be the database of another cluster's engines, whose records these rules are not meant for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::ids::Partition;

/// Partitions that contradict the store, each with the worker whose claim found it and why.
///
/// A worker's partitions stay until its next claim has ended: letting them go says nothing of the database, and a directory that
/// published during a rebalance would have published into another cluster's rules.
#[derive(Default)]
pub struct DirectoryHold(Mutex<BTreeMap<Partition, (usize, String)>>);

impl DirectoryHold {
    /// A worker's claim has ended: these partitions may be consumed, and those contradict. What the worker found before is over.
    pub fn claimed<'a>(
        &self,
        worker: usize,
        ready: impl Iterator<Item = Partition>,
        stopped: impl Iterator<Item = (Partition, &'a str)>,
    ) {
        let ready: BTreeSet<_> = ready.collect();
        let mut partitions = self.partitions();
        partitions.retain(|partition, (by, _)| *by != worker && !ready.contains(partition));
        partitions.extend(stopped.map(|(partition, why)| (partition, (worker, why.to_owned()))));
    }

    /// The first partition that contradicts, and why.
    pub fn why(&self) -> Option<String> {
        self.partitions().iter().next().map(|(partition, (_, why))| format!("partition {partition}: {why}"))
    }

    fn partitions(&self) -> MutexGuard<'_, BTreeMap<Partition, (usize, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(hold: &DirectoryHold, worker: usize, ready: &[i32], stopped: &[i32]) -> Option<String> {
        let partitions = |numbers: &[i32]| numbers.iter().copied().map(Partition).collect::<Vec<_>>();
        let stopped = partitions(stopped);
        hold.claimed(
            worker,
            partitions(ready).into_iter(),
            stopped.iter().map(|partition| (*partition, "it contradicts")),
        );
        hold.why()
    }

    #[test]
    fn a_partition_holds_the_directory_until_its_worker_s_next_claim_or_until_another_worker_may_read_it() {
        let hold = DirectoryHold::default();
        assert_eq!(held(&hold, 0, &[1], &[0]).as_deref(), Some("partition 0: it contradicts"));
        assert!(held(&hold, 1, &[2], &[]).is_some(), "another worker's claim says nothing of it");
        assert_eq!(held(&hold, 1, &[0, 2], &[]), None, "it was mended and went to the other worker");
        assert!(held(&hold, 0, &[1], &[3]).is_some());
        assert!(held(&hold, 1, &[0], &[3]).is_some(), "it contradicts there too");
        assert!(held(&hold, 0, &[1], &[]).is_some(), "the other worker still has it");
        assert_eq!(held(&hold, 1, &[], &[]), None, "no partition is this worker's any more");
    }
}
