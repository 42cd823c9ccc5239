//! A model of Kafka's transactional contract for one partition: a group's offset, a queue of letters, and what goes wrong.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use weir::checkpoint::{Bounds, Broker, NotYet, Unpublished};
use weir::model::checkpoint::OutboxChunk;
use weir::model::ids::{Offset, Partition};
use weir::outbox::format::decode;

/// The one partition of these tests.
pub const P: Partition = Partition(0);

/// What the next transaction does instead of committing.
#[derive(Clone, Copy, PartialEq)]
pub enum Fault {
    /// It is aborted.
    Abort,
    /// The group is in another generation: refused.
    GroupMoved,
    /// It commits, and the answer is lost.
    LostAnswerCommitted,
    /// It is aborted, and the answer is lost.
    LostAnswerAborted,
    /// No answer, and the transaction stays open: nobody gets to know K until its producer has ended it.
    LeftOpen,
    /// The topic was deleted and made again meanwhile, and K with it.
    TopicRemade,
}

/// What the model holds.
#[derive(Default)]
pub struct Cluster {
    /// K, the group's committed offset.
    pub k: BTreeMap<Partition, Offset>,
    /// Letters in their topic: partition and source offset.
    pub letters: Vec<(Partition, Offset)>,
    /// Low and high watermark of the source.
    pub log: BTreeMap<Partition, (i64, i64)>,
    /// What the next transactions do instead of committing, in order.
    pub faults: VecDeque<Fault>,
    /// Whether a transaction is undecided.
    pub open: bool,
}

/// Kafka as the checkpoint sees it; clones are one cluster.
#[derive(Clone, Default)]
pub struct Model(Arc<Mutex<Cluster>>);

impl Model {
    /// With these bounds of the source's log.
    pub fn with_log(low: i64, high: i64) -> Self {
        let model = Self::default();
        model.0.lock().unwrap().log.insert(P, (low, high));
        model
    }

    /// K of the one partition.
    pub fn k(&self) -> Option<Offset> {
        self.cluster().k.get(&P).copied()
    }

    /// Source offsets of the letters in their topic.
    pub fn letters(&self) -> Vec<i64> {
        self.cluster().letters.iter().map(|(_, offset)| offset.0).collect()
    }

    /// The state, locked.
    pub fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.0.lock().unwrap()
    }

    /// Forgets the faults to come.
    pub fn works_again(&self) {
        self.cluster().faults.clear();
    }

    /// Adds faults to come.
    pub fn fails_with(&self, faults: &[Fault]) {
        self.cluster().faults.extend(faults);
    }
}

#[async_trait]
impl Broker for Model {
    type Metadata = ();

    async fn committed(&self, partitions: &[Partition]) -> Result<BTreeMap<Partition, Option<Offset>>, NotYet> {
        let cluster = self.cluster();
        if cluster.open {
            return Err(NotYet("a transaction over these offsets is undecided".into()));
        }
        Ok(partitions.iter().map(|p| (*p, cluster.k.get(p).copied())).collect())
    }

    async fn bounds(&self, partitions: &[Partition]) -> Result<Bounds, NotYet> {
        let cluster = self.cluster();
        let bounds = |partition: &Partition| {
            let (low, high) = cluster.log[partition];
            (*partition, (Offset(low), Offset(high)))
        };
        Ok(partitions.iter().map(bounds).collect())
    }

    async fn commit_initial(&self, at: &[(Partition, Offset)]) -> Result<(), NotYet> {
        self.cluster().k.extend(at.iter().copied());
        Ok(())
    }

    async fn publish(
        &mut self,
        outbox: &Arc<[OutboxChunk]>,
        from: &BTreeMap<Partition, Offset>,
        offsets: &[(Partition, Offset)],
        (): &(),
    ) -> Result<(), Unpublished> {
        let mut cluster = self.cluster();
        let fault = cluster.faults.pop_front();
        cluster.open = fault == Some(Fault::LeftOpen);
        if fault == Some(Fault::TopicRemade) {
            cluster.k.clear();
        }
        if matches!(fault, None | Some(Fault::LostAnswerCommitted)) {
            for chunk in outbox.iter() {
                for letter in decode(&chunk.letters).unwrap() {
                    if letter.offset >= from[&chunk.partition] {
                        cluster.letters.push((chunk.partition, letter.offset));
                    }
                }
            }
            cluster.k.extend(offsets.iter().copied());
        }
        match fault {
            None => Ok(()),
            Some(Fault::Abort | Fault::TopicRemade) => Err(Unpublished::Aborted("planted".into())),
            Some(Fault::GroupMoved) => Err(Unpublished::Group("ILLEGAL_GENERATION".into())),
            Some(_) => Err(Unpublished::Unknown("planted".into())),
        }
    }

    async fn resolve_in_doubt(&mut self) -> Result<(), NotYet> {
        self.cluster().open = false;
        Ok(())
    }
}
