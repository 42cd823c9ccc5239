//! What every part of a schedule shares: the dice, the models of the store and of Kafka, what is planted, what was
//! counted, and the list of events. Nothing here reads a clock; the seed decides everything.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use weir::config::Beyond;

use super::counts::Counts;
use super::database::Database;
use super::kafka::Kafka;
use super::rules::Catalog;

/// Most partitions of a schedule.
pub(crate) const PARTITIONS: usize = 4;

/// A mistake that buggy code would make, planted in the models, or between them and the worker's machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    /// The protocol as it is.
    Nothing,
    /// A checkpoint's compare-and-set compares neither epoch nor position.
    NoCompareAndSet,
    /// It compares the position, but not the epoch.
    NoEpochCheck,
    /// Letters in one transaction, the offsets in a second one.
    OffsetsAfterLetters,
    /// Outbox rows go with the checkpoint that wrote them, before their letters are in Kafka.
    OutboxRemovedEarly,
    /// K is read while a transaction over it is undecided: the old value.
    UnstableK,
    /// After a lost answer to COMMIT the checkpoint is written again, where the position has moved too.
    CommitAgainBlindly,
    /// After a lost answer to COMMIT the checkpoint is tried again without asking, but the compare-and-set holds.
    CommitAgainCompared,
    /// The first K is committed outside of a transaction, as Weir did.
    PlainFirstOffsets,
    /// `begin` sets `published` before K is committed.
    BeginSetsPublished,
    /// After a checkpoint that panicked the worker goes on from where that one would have ended.
    GoesOnAfterAPanic,
    /// A worker that forgets what no checkpoint holds keeps its window deltas.
    ForgetKeepsDeltas,
    /// A drain clears the outbox of the last checkpoint before that one is committed.
    DrainClearsFirst,
    /// A worker whose metadata the group refused judges on, as if the checkpoint were through.
    OverdueJudgesOn,
    /// A worker that claims its partitions again judges what it had fetched before.
    RetakeKeepsBacklog,
    /// A claim publishes the alerts that the outbox holds, and not the summaries of those that were not sent.
    CountsLostAtARetake,
    /// Alerts are sent in a transaction of their own, before that of letters and offsets.
    AlertsApart,
    /// An instance takes the rows of the catalog whatever it has in force.
    RowsTakenAsTheyAre,
    /// A change of the rules does not compare the revision that it was made on.
    CatalogNotCompared,
    /// Files that went at once, or with their directory, pass for removed ones.
    LostIsRemoved,
    /// The directory publishes while a partition contradicts the store.
    HeldPublishes,
    /// It publishes again as soon as the partition is let go.
    HoldEndsAtARevoke,
    /// It publishes before a claim, although no id tells whose the database is.
    UnknownPublishes,
    /// Which rules files brought is asked of the set in force here, which may lag behind the store's.
    BroughtHere,
}

/// Randomness: the only source of it.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// 0 to `n` - 1.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// True once in `n` times.
    pub(crate) fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }
}

/// See the module.
pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) database: Database,
    pub(crate) kafka: Kafka,
    pub(crate) rules: Catalog,
    pub(crate) plant: Plant,
    /// What becomes of alerts beyond the budget in this schedule.
    pub(crate) beyond: Beyond,
    pub(crate) counts: Counts,
    /// The faults of calls are so many times rarer in this schedule.
    calm: u32,
    /// False once the schedule only recovers.
    pub(crate) faults: bool,
    /// Something that the checker looks at has changed.
    pub(crate) changed: bool,
    /// What went wrong first.
    pub(crate) violation: Option<String>,
    events: Option<Vec<String>>,
}

/// The world as store, broker and driver hold it.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn new(seed: u64, plant: Plant, record: bool) -> Self {
        let mut dice = Dice(ChaCha8Rng::seed_from_u64(seed));
        let kafka = Kafka::new(&mut dice);
        let calm = 1 + dice.below(4);
        Self(Arc::new(Mutex::new(World {
            dice,
            database: Database::default(),
            kafka,
            rules: Catalog::default(),
            plant,
            beyond: if seed.is_multiple_of(2) { Beyond::Count } else { Beyond::Wait },
            counts: Counts::default(),
            calm,
            faults: true,
            changed: true,
            violation: None,
            events: record.then(Vec::new),
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl World {
    /// Once in `n` times, as long as faults happen at all.
    pub(crate) fn fault(&mut self, n: u32) -> bool {
        self.faults && self.dice.one_in(n * self.calm)
    }

    /// A transaction that is not over.
    pub(crate) fn pick_live(&mut self) -> Option<usize> {
        let live = self.kafka.live.len() as u32;
        (live > 0).then(|| self.kafka.live[self.dice.below(live) as usize])
    }

    /// Notes an event, if somebody wants to read it.
    pub(crate) fn say(&mut self, event: impl FnOnce() -> String) {
        if let Some(events) = &mut self.events {
            events.push(event());
        }
    }

    pub(crate) fn violated(&mut self, what: impl FnOnce() -> String) {
        if self.violation.is_none() {
            self.violation = Some(what());
        }
    }

    pub(crate) fn take_events(&mut self) -> Vec<String> {
        self.events.take().unwrap_or_default()
    }
}

/// A scheduling point: whoever awaits it goes on when the schedule picks it again, or never.
pub(crate) fn point() -> Point {
    Point(false)
}

pub(crate) struct Point(bool);

impl Future for Point {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
