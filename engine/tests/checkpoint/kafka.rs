//! A model of Kafka's transactional contract for one partition: a group's offset, a queue of letters, and what goes wrong.
#![allow(dead_code)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use weir::checkpoint::{Bounds, Broker, NotYet, Unpublished};
use weir::model::ids::{Offset, Partition};
use weir::model::step::OutboxChunk;
use weir::outbox::format::decode;

/// The one partition of these tests.
pub(crate) const P: Partition = Partition(0);

/// What the next transaction does instead of committing.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    Abort,
    GroupMoved,
    LostAnswerCommitted,
    LostAnswerAborted,
    /// No answer, and the transaction stays open: nobody gets to know K until its producer is settled.
    LeftOpen,
    /// The topic was deleted and made again meanwhile, and K with it.
    TopicRemade,
}

#[derive(Default)]
pub(crate) struct Cluster {
    pub(crate) k: BTreeMap<Partition, Offset>,
    pub(crate) letters: Vec<(Partition, Offset)>,
    pub(crate) log: BTreeMap<Partition, (i64, i64)>,
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) open: bool,
}

#[derive(Clone, Default)]
pub(crate) struct Model(Arc<Mutex<Cluster>>);

impl Model {
    pub(crate) fn with_log(low: i64, high: i64) -> Self {
        let model = Self::default();
        model.0.lock().unwrap().log.insert(P, (low, high));
        model
    }

    pub(crate) fn k(&self) -> Option<Offset> {
        self.cluster().k.get(&P).copied()
    }

    pub(crate) fn letters(&self) -> Vec<i64> {
        self.cluster().letters.iter().map(|(_, offset)| offset.0).collect()
    }

    pub(crate) fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.0.lock().unwrap()
    }

    pub(crate) fn works_again(&self) {
        self.cluster().faults.clear();
    }

    pub(crate) fn fails_with(&self, faults: &[Fault]) {
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

    async fn found(&self, at: &[(Partition, Offset)]) -> Result<(), NotYet> {
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

    async fn settle(&mut self) -> Result<(), NotYet> {
        self.cluster().open = false;
        Ok(())
    }
}
