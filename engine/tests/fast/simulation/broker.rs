//! Kafka as one process sees it: the consumer's questions and the transactional producer, in as many requests as the real
//! ones make, each a scheduling point. As the real publisher it makes a new producer after anything but a clean abort.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use weir::checkpoint::{Bounds, Broker, NotYet, Unpublished};
use weir::model::alert::AlertMessage;
use weir::model::checkpoint::OutboxChunk;
use weir::model::ids::{Offset, Partition};
use weir::outbox::format::{Stored, read_any};

use super::group::Membership;
use super::judging::BUDGET;
use super::kafka::{Flight, Message, Refused};
use super::world::{Plant, Shared, World, point};

/// See the module.
pub(crate) struct SimBroker {
    world: Shared,
    process: usize,
    /// The epoch of a producer that is in order.
    ready: Option<u32>,
    /// A `take` is under way: what is published is a replay.
    pub(crate) replaying: bool,
    /// Its Kafka is another cluster's, whose group has committed nothing.
    foreign: bool,
}

fn not_yet(why: &str) -> NotYet {
    NotYet(why.to_owned())
}

impl SimBroker {
    pub(crate) fn new(world: Shared, process: usize, foreign: bool) -> Self {
        Self { world, process, ready: None, replaying: false, foreign }
    }

    async fn init(&self) -> Result<u32, NotYet> {
        let mut tries = 0;
        loop {
            point().await;
            let epoch = {
                let mut world = self.world.lock();
                if world.fault(25) {
                    world.counts.kafka_away += 1;
                    return Err(not_yet("no coordinator"));
                }
                let epoch = world.kafka.init(self.process);
                tries += 1;
                if epoch.is_err() && tries > 3 && world.dice.one_in(4) {
                    return Err(not_yet("init_transactions timed out"));
                }
                epoch
            };
            if let Ok(epoch) = epoch {
                point().await;
                return if self.world.lock().fault(25) { Err(not_yet("the answer was lost")) } else { Ok(epoch) };
            }
        }
    }

    /// One transaction. On failure says whether it was aborted in order.
    async fn transact(
        &self,
        epoch: u32,
        letters: &[Vec<(usize, Message)>],
        offsets: &[(Partition, Offset)],
        proof: Membership,
    ) -> Result<(), Unpublished> {
        for chunk in letters {
            let sent = self.request(|world, process| world.kafka.produce(process, epoch, chunk)).await;
            self.checked(epoch, sent).await?;
            if self.world.lock().fault(30) {
                return Err(self.abort(epoch, Unpublished::Aborted("a letter was not delivered".into())).await);
            }
        }
        if !offsets.is_empty() {
            let send = |world: &mut World, process| {
                if world.fault(60) {
                    world.counts.refused_in_passing += 1;
                    return Err(Refused::Generation);
                }
                world.kafka.send_offsets(process, epoch, proof, offsets)
            };
            let sent = self.request(send).await;
            self.checked(epoch, sent).await?;
        }
        self.commit(epoch).await
    }

    /// A request that is sent again while the transaction before is finishing.
    async fn request(&self, mut call: impl FnMut(&mut World, usize) -> Result<(), Refused>) -> Result<(), Refused> {
        let mut tries = 0;
        loop {
            point().await;
            let mut world = self.world.lock();
            match call(&mut world, self.process) {
                Err(Refused::Busy) if tries < 8 || !world.dice.one_in(4) => tries += 1,
                other => return other,
            }
        }
    }

    async fn checked(&self, epoch: u32, sent: Result<(), Refused>) -> Result<(), Unpublished> {
        match sent {
            Ok(()) => Ok(()),
            Err(Refused::Fenced) => {
                self.world.lock().counts.fenced_producers += 1;
                Err(Unpublished::Unknown("fenced".into()))
            }
            Err(Refused::Busy) => Err(self.abort(epoch, Unpublished::Aborted("concurrent transactions".into())).await),
            Err(Refused::Generation) => {
                self.world.lock().counts.fenced_by_generation += 1;
                Err(self.abort(epoch, Unpublished::Group("ILLEGAL_GENERATION".into())).await)
            }
        }
    }

    async fn abort(&self, epoch: u32, why: Unpublished) -> Unpublished {
        point().await;
        let mut world = self.world.lock();
        let lost = world.fault(10);
        let world = &mut *world;
        if lost || world.kafka.end(self.process, epoch, false, &mut world.counts).is_err() {
            return Unpublished::Unknown(format!("the abort failed: {why}"));
        }
        world.counts.transactions_aborted += 1;
        why
    }

    async fn commit(&self, epoch: u32) -> Result<(), Unpublished> {
        point().await;
        {
            let mut world = self.world.lock();
            let world = &mut *world;
            world.changed = true;
            let fate = if world.fault(8) { world.dice.below(3) } else { 3 };
            match fate {
                0 => {
                    world.counts.transactions_unanswered_not_committed += 1;
                    return Err(Unpublished::Unknown("the commit was not sent".into()));
                }
                1 => {
                    world.kafka.flights.push(Flight::End { process: self.process, epoch });
                    return Err(Unpublished::Unknown("the commit timed out".into()));
                }
                _ => {}
            }
            if world.kafka.end(self.process, epoch, true, &mut world.counts).is_err() {
                world.counts.fenced_producers += 1;
                return Err(Unpublished::Unknown("fenced".into()));
            }
            if fate == 2 {
                world.counts.transactions_unanswered_committed += 1;
                return Err(Unpublished::Unknown("the answer to the commit was lost".into()));
            }
        }
        point().await;
        Ok(())
    }

    fn note(
        &self,
        letters: &[Vec<(usize, Message)>],
        offsets: &[(Partition, Offset)],
        result: &Result<(), Unpublished>,
    ) {
        let mut world = self.world.lock();
        world.changed = true;
        if self.replaying {
            world.counts.replays += 1;
            world.counts.replays_with_letters += u64::from(letters.iter().any(|chunk| !chunk.is_empty()));
            let summary = |(_, message): &(usize, Message)| matches!(message, Message::NotSent(..));
            world.counts.replays_with_summaries += u64::from(letters.iter().flatten().any(summary));
        }
        world.say(|| {
            let offsets: Vec<_> = offsets.iter().map(|(partition, to)| format!("P{partition} K={to}")).collect();
            let letters: Vec<_> =
                letters.iter().flatten().map(|(partition, message)| format!("P{partition} {message:?}")).collect();
            format!("  worker {}: publish {offsets:?} letters {letters:?} -> {result:?}", self.process)
        });
    }
}

#[async_trait]
impl Broker for SimBroker {
    type Metadata = Membership;

    async fn committed(&self, partitions: &[Partition]) -> Result<BTreeMap<Partition, Option<Offset>>, NotYet> {
        if self.foreign {
            point().await;
            return Ok(partitions.iter().map(|partition| (*partition, None)).collect());
        }
        let mut tries = 0;
        let known: BTreeMap<_, _> = loop {
            point().await;
            let mut world = self.world.lock();
            if world.fault(30) {
                world.counts.kafka_away += 1;
                return Err(not_yet("no coordinator"));
            }
            if world.kafka.is_undecided(partitions) && world.plant != Plant::UnstableK {
                world.counts.k_read_while_undecided += 1;
                tries += 1;
                if tries > 2 && world.dice.one_in(3) {
                    return Err(not_yet("a transaction is undecided"));
                }
                continue;
            }
            break partitions.iter().map(|p| (*p, world.kafka.k[p.0 as usize].map(Offset))).collect();
        };
        self.world.lock().say(|| format!("  worker {}: K is {known:?}", self.process));
        point().await;
        Ok(known)
    }

    async fn bounds(&self, partitions: &[Partition]) -> Result<Bounds, NotYet> {
        point().await;
        let mut world = self.world.lock();
        if world.fault(30) {
            world.counts.kafka_away += 1;
            return Err(not_yet("no leader"));
        }
        let kafka = &world.kafka;
        let bounds = |partition: &Partition| {
            let at = partition.0 as usize;
            (*partition, (Offset(kafka.starts[at]), Offset(kafka.ends[at])))
        };
        Ok(partitions.iter().map(bounds).collect())
    }

    async fn commit_initial(&self, at: &[(Partition, Offset)]) -> Result<(), NotYet> {
        point().await;
        {
            let mut world = self.world.lock();
            let world = &mut *world;
            world.changed = true;
            let proof = world.kafka.group.knows(self.process);
            let fate = if world.fault(8) { world.dice.below(3) } else { 3 };
            if fate == 0 {
                return Err(not_yet("no coordinator"));
            }
            if fate == 1 {
                world.kafka.flights.push(Flight::CommitInitial { proof, at: at.to_vec() });
                return Err(not_yet("timed out"));
            }
            let found = world.kafka.commit_initial(proof, at);
            world.say(|| format!("  worker {}: commits first offsets {at:?} -> {found:?}", self.process));
            found.map_err(|why| not_yet(&format!("{why:?}")))?;
            if fate == 2 {
                return Err(not_yet("the answer was lost"));
            }
        }
        point().await;
        Ok(())
    }

    async fn publish(
        &mut self,
        outbox: &Arc<[OutboxChunk]>,
        from: &BTreeMap<Partition, Offset>,
        offsets: &[(Partition, Offset)],
        metadata: &Membership,
    ) -> Result<(), Unpublished> {
        if self.foreign {
            self.world.lock().violated(|| format!("a foreign cluster's engine publishes {offsets:?}"));
        }
        self.resolve_in_doubt().await.map_err(|NotYet(why)| Unpublished::Unknown(why))?;
        let epoch = self.ready.take().expect("`resolve_in_doubt` has just made one");
        let mut letters: Vec<_> = outbox.iter().map(|chunk| messages(chunk, from)).collect();
        let plant = self.world.lock().plant;
        if plant == Plant::CountsLostAtARetake && self.replaying {
            letters.iter_mut().for_each(|chunk| chunk.retain(|(_, message)| !matches!(message, Message::NotSent(..))));
        }
        let first: Vec<_> = offsets.iter().copied().filter(|(partition, _)| !from.contains_key(partition)).collect();
        let result = if plant == Plant::PlainFirstOffsets && !first.is_empty() {
            self.ready = Some(epoch);
            self.commit_initial(&first).await.map_err(|NotYet(why)| Unpublished::Aborted(why))
        } else if plant == Plant::AlertsApart {
            let is_letter = |(_, message): &(usize, Message)| matches!(message, Message::Letter(_));
            let (letters, alerts): (Vec<_>, Vec<_>) =
                letters.iter().cloned().partition(|chunk| chunk.iter().all(is_letter));
            match self.transact(epoch, &alerts, &[], *metadata).await {
                Ok(()) => self.transact(epoch, &letters, offsets, *metadata).await,
                failed => failed,
            }
        } else if plant == Plant::OffsetsAfterLetters {
            match self.transact(epoch, &letters, &[], *metadata).await {
                Ok(()) => self.transact(epoch, &[], offsets, *metadata).await,
                failed => failed,
            }
        } else {
            self.transact(epoch, &letters, offsets, *metadata).await
        };
        self.note(&letters, offsets, &result);
        if matches!(result, Ok(()) | Err(Unpublished::Aborted(_) | Unpublished::Group(_))) {
            self.ready = Some(epoch);
        }
        result
    }

    async fn resolve_in_doubt(&mut self) -> Result<(), NotYet> {
        if self.ready.is_none() {
            self.ready = Some(self.init().await?);
        }
        Ok(())
    }
}

fn messages(chunk: &OutboxChunk, from: &BTreeMap<Partition, Offset>) -> Vec<(usize, Message)> {
    let (least, partition) = (from.get(&chunk.partition).copied(), chunk.partition.0 as usize);
    let wanted = |offset: Offset| least.is_none_or(|least| offset >= least);
    let whole = "the outbox gives back what a checkpoint put in";
    match read_any(&chunk.letters).expect(whole) {
        Stored::Letters(letters) => {
            let letters = letters.map(|letter| letter.expect(whole).offset);
            letters.filter(|offset| wanted(*offset)).map(|offset| (partition, Message::Letter(offset.0))).collect()
        }
        Stored::Alerts(alerts) => {
            let alerts: Vec<_> = alerts.map(|message| message.expect(whole)).collect();
            let sent = alerts.iter().filter(|message| matches!(message, AlertMessage::Alert(_))).count();
            let most = BUDGET.most as usize;
            assert!(
                sent <= most && (sent == most || sent == alerts.len()),
                "{sent} of {most}, {} in all",
                alerts.len()
            );
            let message = |message: &AlertMessage<'_>| match message {
                AlertMessage::Alert(alert) => Message::Alert(alert.offset.0),
                AlertMessage::NotSent(not_sent) => Message::NotSent(not_sent.from.0, not_sent.to.0, not_sent.records),
            };
            alerts.iter().filter(|m| wanted(m.offset())).map(|m| (partition, message(m))).collect()
        }
    }
}
