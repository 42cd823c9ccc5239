//! Whether the rules directory may publish: not while what this engine's Kafka and its database say contradicts each other, and
//! not before it is known that they belong together. It may be the database of another cluster's engines, whose records these
//! rules are not meant for.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::ids::Partition;

/// What keeps the directory from publishing.
#[derive(Default)]
pub struct DirectoryHold(Mutex<State>);

#[derive(Default)]
struct State {
    /// The id of Kafka's cluster was not compared, and no claim has shown yet that the database is this cluster's.
    is_cluster_unknown: bool,
    /// Partitions that contradict the store, each with the worker whose claim found it and why.
    ///
    /// A worker's partitions stay until its next claim has ended: letting them go says nothing of the database, and a directory
    /// that published during a rebalance would have published into another cluster's rules.
    partitions: BTreeMap<Partition, (usize, String)>,
}

/// Why the directory may not publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// The first partition that contradicts, and why.
    Contradiction(String),
    /// Nothing tells yet that the database is this cluster's.
    ClusterUnknown,
}

impl DirectoryHold {
    /// The id of Kafka's cluster was not compared with the database's: held until a claim finds a partition that agrees.
    pub fn until_one_agrees(&self) {
        self.state().is_cluster_unknown = true;
    }

    /// A worker's claim has ended: these partitions may be consumed, each with whether the group's offset of an earlier claim
    /// agrees with the store, and those contradict. What the worker found before is over.
    pub fn claimed<'a>(
        &self,
        worker: usize,
        ready: impl Iterator<Item = (Partition, bool)>,
        stopped: impl Iterator<Item = (Partition, &'a str)>,
    ) {
        let ready: BTreeMap<_, _> = ready.collect();
        let mut state = self.state();
        state.partitions.retain(|partition, (by, _)| *by != worker && !ready.contains_key(partition));
        state.partitions.extend(stopped.map(|(partition, why)| (partition, (worker, why.to_owned()))));
        // One that the store never saw agrees with anything.
        if state.partitions.is_empty() && ready.values().any(|agrees| *agrees) {
            state.is_cluster_unknown = false;
        }
    }

    /// None: it may publish.
    pub fn why(&self) -> Option<Held> {
        let state = self.state();
        let first = state.partitions.iter().next();
        let contradicts =
            first.map(|(partition, (_, why))| Held::Contradiction(format!("partition {partition}: {why}")));
        contradicts.or(state.is_cluster_unknown.then_some(Held::ClusterUnknown))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(hold: &DirectoryHold, worker: usize, ready: &[i32], stopped: &[i32]) -> Option<Held> {
        held_by(hold, worker, &ready.iter().map(|partition| (*partition, true)).collect::<Vec<_>>(), stopped)
    }

    fn held_by(hold: &DirectoryHold, worker: usize, ready: &[(i32, bool)], stopped: &[i32]) -> Option<Held> {
        hold.claimed(
            worker,
            ready.iter().map(|(partition, agrees)| (Partition(*partition), *agrees)),
            stopped.iter().map(|partition| (Partition(*partition), "it contradicts")),
        );
        hold.why()
    }

    #[test]
    fn a_partition_holds_the_directory_until_its_worker_s_next_claim_or_until_another_worker_may_read_it() {
        let hold = DirectoryHold::default();
        let first = Held::Contradiction("partition 0: it contradicts".into());
        assert_eq!(held(&hold, 0, &[1], &[0]), Some(first));
        assert!(held(&hold, 1, &[2], &[]).is_some(), "another worker's claim says nothing of it");
        assert_eq!(held(&hold, 1, &[0, 2], &[]), None, "it was fixed and went to the other worker");
        assert!(held(&hold, 0, &[1], &[3]).is_some());
        assert!(held(&hold, 1, &[0], &[3]).is_some(), "it contradicts there too");
        assert!(held(&hold, 0, &[1], &[]).is_some(), "the other worker still has it");
        assert_eq!(held(&hold, 1, &[], &[]), None, "no partition is this worker's any more");
    }

    #[test]
    fn without_the_cluster_s_id_the_directory_is_held_until_a_partition_that_the_store_knows_agrees() {
        let hold = DirectoryHold::default();
        assert_eq!(hold.why(), None, "the ids were compared");
        hold.until_one_agrees();
        assert_eq!(held(&hold, 0, &[], &[]), Some(Held::ClusterUnknown), "a worker without partitions knows nothing");
        assert_eq!(held_by(&hold, 0, &[(4, false)], &[]), Some(Held::ClusterUnknown), "one that the store never saw");
        assert!(
            matches!(held(&hold, 1, &[1], &[2]), Some(Held::Contradiction(_))),
            "a coincidence beside a contradiction"
        );
        assert_eq!(held(&hold, 1, &[], &[]), Some(Held::ClusterUnknown), "a rebalance says nothing of the database");
        assert_eq!(held(&hold, 0, &[1, 4], &[]), None);
        assert_eq!(held(&hold, 0, &[], &[]), None, "it is known from now on");
    }
}
