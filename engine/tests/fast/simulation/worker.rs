//! A worker of a schedule: the machine that ships (`weir::worker::machine`) and a driver that does what it asks for against the
//! models. What happens and when is the schedule's business, what follows from it is the machine's; here nothing is decided.
//! A planted mistake of a worker is an action that is not done as it was asked for, or an event that is told wrongly.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use weir::checkpoint::{Cancel, ClaimError, ClaimResult, Failed, commit};
use weir::config::Start;
use weir::model::ids::{Offset, Partition};
use weir::model::step::Step;
use weir::model::store::CheckpointStore;
use weir::worker::machine::{
    Action, Event, Machine, Panicked, Phase, PublishedRows, REBALANCE_OVERDUE, Settings, Then, Token,
};

use super::broker::SimBroker;
use super::group::{Event as GroupEvent, Membership};
use super::judging::Windows;
use super::rules::Rules;
use super::store::SimStore;
use super::task::{Done, Task};
use super::world::{Plant, Shared};

const SECOND: Duration = Duration::from_secs(1);
const SETTINGS: Settings = Settings {
    interval: SECOND,
    max_records: 5,
    max_groups: usize::MAX,
    max_letter_bytes: u64::MAX,
    drain: Duration::from_secs(10),
    rejoin_after: Duration::from_secs(60),
};

/// Records of one partition that were fetched and not judged: from, to.
type Fetched = (Partition, i64, i64);

struct Claim {
    claim: Token,
    task: Task,
    cancel: Cancel,
    metadata: Membership,
}

struct Checkpoint {
    checkpoint: Token,
    task: Task,
    cancel: Cancel,
    rows: Vec<PublishedRows>,
}

/// See the module.
pub(crate) struct Worker {
    pub(crate) process: usize,
    world: Shared,
    store: Arc<SimStore>,
    broker: Arc<Mutex<SimBroker>>,
    machine: Machine<Membership>,
    /// This machine's clock; no two workers have the same.
    now: Instant,
    windows: Windows,
    /// Where the consumer reads on in each partition that it was assigned.
    reads: BTreeMap<Partition, i64>,
    backlog: VecDeque<Fetched>,
    claim: Option<Claim>,
    checkpoint: Option<Checkpoint>,
    clearing: Option<Task>,
    probing: bool,
    /// Claims that were abandoned and have not noticed yet.
    detached: Vec<Task>,
    /// It has to end: it was told to, or it failed.
    ends: bool,
    stop_told: bool,
    /// Its Kafka is another cluster's, which no id tells; whether that one's group has given it its partitions.
    foreign: Option<bool>,
    pub(crate) rules: Rules,
    /// A task of it panicked, so it may fail.
    panicked: bool,
    /// Of planted mistakes: rows of checkpoints that passed for successes, which would be caught too soon if they were cleared.
    unpublished: Vec<PublishedRows>,
    pub(crate) stopped: bool,
}

impl Worker {
    pub(crate) fn start(world: &Shared) -> Self {
        let process = world.lock().kafka.group.start();
        Self::with(world, process, None)
    }

    /// One whose configuration names this database and the brokers of another cluster. Its group gives it all partitions.
    pub(crate) fn foreign(world: &Shared) -> Self {
        let process = {
            let mut world = world.lock();
            world.counts.foreign_engines += 1;
            let process = world.kafka.group.outsider();
            world.say(|| format!("worker {process} starts, of another cluster"));
            process
        };
        Self::with(world, process, Some(false))
    }

    fn with(world: &Shared, process: usize, foreign: Option<bool>) -> Self {
        let now = tokio::time::Instant::now().into_std();
        Self {
            process,
            world: world.clone(),
            store: Arc::new(SimStore { world: world.clone(), process }),
            broker: Arc::new(Mutex::new(SimBroker::new(world.clone(), process, foreign.is_some()))),
            machine: Machine::new(SETTINGS, now),
            now,
            windows: Windows::default(),
            reads: BTreeMap::new(),
            backlog: VecDeque::new(),
            claim: None,
            checkpoint: None,
            clearing: None,
            probing: false,
            detached: Vec::new(),
            ends: false,
            stop_told: false,
            foreign,
            rules: Rules::new(world, process, foreign.is_some()),
            panicked: false,
            unpublished: Vec::new(),
            stopped: false,
        }
    }

    /// Every future that is not over.
    pub(crate) fn tasks(&mut self) -> impl Iterator<Item = &mut Task> {
        let claim = self.claim.as_mut().map(|claim| &mut claim.task);
        let checkpoint = self.checkpoint.as_mut().map(|checkpoint| &mut checkpoint.task);
        let checkpoints = claim.into_iter().chain(checkpoint).chain(&mut self.clearing).chain(&mut self.detached);
        checkpoints.chain(self.rules.tasks())
    }

    /// SIGTERM: a last checkpoint, then the group is left.
    pub(crate) fn stop(&mut self) {
        self.ends = true;
    }

    /// It was frozen for so long.
    pub(crate) fn slept(&mut self, time: Duration) {
        self.now += time;
    }

    /// A bug ends the checkpoint's task where it is. Whether there was one.
    pub(crate) fn panic(&mut self) -> bool {
        let running = self.checkpoint.as_mut().filter(|checkpoint| !checkpoint.task.is_done());
        running.map(|checkpoint| checkpoint.task.panic()).is_some()
    }

    /// Once around the loop; while it drains, as far as it gets without blocking.
    pub(crate) fn turn(&mut self) {
        self.detached.retain(|task| !task.is_done());
        if self.machine.draining().is_some() {
            return self.drain();
        }
        self.time_passes();
        if self.one_in(3) {
            self.rules.turn();
        }
        if self.ends {
            if !std::mem::replace(&mut self.stop_told, true) {
                self.feed(Event::Stop { asked: self.now });
            }
            return;
        }
        match self.foreign {
            None => self.serve_group(),
            Some(assigned) => self.serve_foreign_group(assigned),
        }
        if self.machine.draining().is_some() || self.ends {
            return;
        }
        self.serve_probe();
        self.serve_claim();
        self.serve_checkpoint();
        self.tick();
        if self.machine.may_judge(self.windows.len()) {
            self.judge();
        }
    }

    fn one_in(&self, n: u32) -> bool {
        self.world.lock().dice.one_in(n)
    }

    fn fault(&self, n: u32) -> bool {
        self.world.lock().fault(n)
    }

    fn tick(&mut self) {
        self.feed(Event::Tick { groups: self.windows.len() });
    }

    fn time_passes(&mut self) {
        if self.fault(60) {
            self.now += SETTINGS.rejoin_after;
        }
        let roll = self.world.lock().dice.below(24);
        self.now += match roll {
            0..3 if matches!(self.machine.phase(), Phase::Overdue { .. }) => REBALANCE_OVERDUE + SECOND,
            0..8 => SECOND,
            _ => Duration::from_millis(10),
        };
    }

    fn serve_group(&mut self) {
        let event = {
            let mut world = self.world.lock();
            let world = &mut *world;
            world.kafka.group.poll(self.process, &mut world.dice)
        };
        if let Some(event) = &event {
            self.world.lock().say(|| format!("  worker {}: {event:?}", self.process));
        }
        match event {
            Some(GroupEvent::Assign { partitions, metadata }) => self.feed(Event::Assigned { partitions, metadata }),
            Some(GroupEvent::Revoke { lost }) => {
                self.world.lock().counts.revokes += 1;
                self.feed(Event::Revoked { lost });
            }
            None if self.machine.phase() == Phase::Running && self.fault(200) => {
                self.world.lock().counts.strays += 1;
                self.feed(Event::Stray);
            }
            None => {}
        }
    }

    fn serve_foreign_group(&mut self, assigned: bool) {
        if assigned && self.fault(6) {
            self.feed(Event::Revoked { lost: false });
        } else if !assigned && self.one_in(2) {
            let partitions =
                (0..self.world.lock().kafka.partitions).map(|partition| Partition(partition as i32)).collect();
            self.foreign = Some(true);
            self.feed(Event::Assigned { partitions, metadata: Membership::default() });
        }
    }

    fn serve_probe(&mut self) {
        if std::mem::take(&mut self.probing) {
            let answers = self.fault(2);
            self.feed(Event::Probed(if answers { Ok(()) } else { Err("away".into()) }));
        }
    }

    fn serve_claim(&mut self) {
        let Some(mut ended) = self.claim.take_if(|claim| claim.task.is_done()) else { return };
        let Some(Done::Claimed(result)) = ended.task.result() else { return };
        {
            let mut world = self.world.lock();
            world.say(|| format!("  worker {}: take -> {}", self.process, brief(&result)));
            // A zombie may find K past the N that it read before it froze. It has nothing to say about the partition any more.
            let stopped = result.as_ref().ok().and_then(|claimed| claimed.stopped.first());
            world.counts.foreign_claims_stopped += u64::from(self.foreign.is_some() && stopped.is_some());
            if let Some(stopped) = stopped.filter(|_| world.kafka.group.accepts(ended.metadata)) {
                world.violated(|| format!("partition {} stopped: {}", stopped.partition, stopped.why));
            }
        }
        self.feed(Event::ClaimEnded { claim: ended.claim, result: Ok(result) });
    }

    /// Whether a checkpoint had ended.
    fn serve_checkpoint(&mut self) -> bool {
        let Some(mut ended) = self.checkpoint.take_if(|checkpoint| checkpoint.task.is_done()) else { return false };
        let result = match ended.task.result() {
            Some(Done::Checkpointed(result)) => Ok(result),
            _ => Err(Panicked("by the schedule".into())),
        };
        self.world.lock().say(|| format!("  worker {}: checkpoint -> {result:?}", self.process));
        let result = self.told(&ended, result);
        self.feed(Event::CheckpointEnded { checkpoint: ended.checkpoint, result });
        true
    }

    /// What the machine is told of a checkpoint's end.
    fn told(
        &mut self,
        ended: &Checkpoint,
        result: Result<Result<(), Failed>, Panicked>,
    ) -> Result<Result<(), Failed>, Panicked> {
        let plant = self.world.lock().plant;
        match (&result, plant) {
            (Err(_), Plant::StepsOnAfterAPanic) => self.ends = true,
            (Ok(Err(Failed::Group(_))), Plant::OverdueJudgesOn) => {}
            (Err(_), _) => {
                self.panicked = true;
                return result;
            }
            _ => return result,
        }
        self.unpublished.extend(&ended.rows);
        Ok(Ok(()))
    }

    /// The blocking part of a revoke or a stop, from one wait to the next.
    fn drain(&mut self) {
        if let Some(task) = &self.clearing {
            // The time-out drops the call wherever it is.
            if task.is_done() || self.fault(12) {
                self.clearing = None;
                self.feed(Event::OutboxCleared);
            }
        } else if !self.serve_checkpoint() && self.fault(12) {
            self.now = self.machine.draining().map_or(self.now, |until| self.now.max(until));
            self.tick();
        }
    }

    /// Judges a batch of what was fetched, which was to be judged next when it was.
    fn judge(&mut self) {
        if self.backlog.is_empty() {
            self.fetch();
        }
        let most = 1 + i64::from(self.world.lock().dice.below(3));
        let Some((partition, from, to)) = self.backlog.front_mut() else { return };
        let batch = (Offset(*from), Offset((*to).min(*from + most)));
        let mut world = self.world.lock();
        let Offset(judged) = self.windows.judge(*partition, batch, world.beyond, self.machine.pending_mut());
        world.counts.records_judged += (judged - *from) as u64;
        world.counts.alerts_waited += u64::from(judged < batch.1.0);
        *from = judged;
        if *from == *to {
            self.backlog.pop_front();
        }
    }

    fn fetch(&mut self) {
        let mut world = self.world.lock();
        for (partition, at) in &mut self.reads {
            if world.dice.one_in(2) {
                let end = world.kafka.ends[partition.0 as usize].min(*at + 1 + i64::from(world.dice.below(6)));
                let ours = self.machine.pending().position(*partition).is_some_and(|position| *at >= position.to.0);
                if end > *at && ours {
                    self.backlog.push_back((*partition, *at, end));
                }
                *at = end.max(*at);
            }
        }
    }

    fn feed(&mut self, event: Event<Membership>) {
        let mut actions = Vec::new();
        self.machine.on(event, self.now, &mut actions);
        for action in actions {
            self.perform(action);
        }
    }

    fn perform(&mut self, action: Action<Membership>) {
        let plant = self.world.lock().plant;
        match action {
            Action::Claim { claim, partitions, metadata } => self.start_claim(claim, partitions, metadata),
            Action::AbandonClaim => {
                if let Some(claim) = self.claim.take() {
                    claim.cancel.cancel();
                    self.detached.push(claim.task);
                }
            }
            Action::Resume(claimed) => {
                self.rules.claimed(&claimed);
                if self.foreign.is_some() && !claimed.stands.is_empty() {
                    self.world.lock().violated(|| format!("a foreign cluster's engine reads {:?}", claimed.stands));
                }
                self.reads = claimed.stands.iter().map(|stand| (stand.partition, stand.next.0)).collect();
            }
            Action::Checkpoint { checkpoint, step, cleared, metadata, once } => {
                let cancel = if once { Cancel::cancelled() } else { Cancel::default() };
                self.start_checkpoint(checkpoint, step, cleared, (metadata, cancel));
            }
            Action::AbandonCheckpoint | Action::CancelCheckpoint => {
                let abandoned = matches!(action, Action::AbandonCheckpoint);
                self.world.lock().counts.drains_abandoned += u64::from(abandoned);
                if let Some(checkpoint) = &self.checkpoint {
                    checkpoint.cancel.cancel();
                }
            }
            Action::ClearOutbox { rows, .. } => self.clear_outbox(rows),
            Action::ClearWindows if plant == Plant::ForgetKeepsDeltas => {}
            Action::ClearWindows => {
                self.world.lock().counts.deltas_forgotten += u64::from(self.windows.len() > 0);
                self.windows.clear();
            }
            Action::DropBacklog if plant == Plant::RetakeKeepsBacklog => {}
            Action::DropBacklog => {
                self.world.lock().counts.backlogs_dropped += u64::from(!self.backlog.is_empty());
                self.backlog.clear();
            }
            Action::LetGo(then) => self.let_go(then),
            Action::Probe => self.probing = true,
            Action::Fail(why) => {
                self.ends = true;
                if !self.panicked {
                    self.world.lock().violated(|| format!("a worker failed for good: {why}"));
                }
            }
            Action::Claiming(_) | Action::NotClaimed(_) | Action::Committed(_) | Action::Away(_) => {}
        }
    }

    fn start_claim(&mut self, claim: Token, partitions: Vec<Partition>, metadata: Membership) {
        let (store, broker, cancel) = (self.store.clone(), self.broker.clone(), Cancel::default());
        let given_up = cancel.clone();
        self.world.lock().counts.takes += 1;
        let task = Task::new(Box::pin(async move {
            let mut broker = broker.lock().await;
            broker.replaying = true;
            let result =
                weir::checkpoint::claim(&*store, &mut *broker, &partitions, Start::Earliest, &metadata, &given_up)
                    .await;
            broker.replaying = false;
            Done::Claimed(result)
        }));
        self.claim = Some(Claim { claim, task, cancel, metadata });
    }

    fn start_checkpoint(
        &mut self,
        checkpoint: Token,
        mut step: Step,
        mut cleared: Vec<PublishedRows>,
        (metadata, cancel): (Membership, Cancel),
    ) {
        step.windows = self.windows.drain();
        let rows: Vec<_> = step.partitions.iter().map(|part| (part.partition, part.owner, part.to)).collect();
        cleared.retain(|row| !self.unpublished.contains(row));
        let (store, broker, given_up) = (self.store.clone(), self.broker.clone(), cancel.clone());
        {
            let mut world = self.world.lock();
            world.counts.steps += 1;
            if world.plant == Plant::DrainClearsFirst && self.machine.draining().is_some() {
                cleared.extend(&rows);
            }
        }
        let task = Task::new(Box::pin(async move {
            let mut broker = broker.lock().await;
            Done::Checkpointed(commit(&*store, &mut *broker, &step, &cleared, &metadata, &given_up).await)
        }));
        self.checkpoint = Some(Checkpoint { checkpoint, task, cancel, rows });
    }

    fn clear_outbox(&mut self, mut rows: Vec<PublishedRows>) {
        rows.retain(|row| !self.unpublished.contains(row));
        let store = self.store.clone();
        self.clearing = Some(Task::new(Box::pin(async move {
            let _ = store.published(&rows).await;
            Done::Cleared
        })));
    }

    fn let_go(&mut self, then: Then) {
        self.reads.clear();
        self.rules.let_go();
        if let Some(assigned) = &mut self.foreign {
            *assigned = false;
            self.stopped = then == Then::Leave;
            return;
        }
        let leaves = self.one_in(2);
        let mut world = self.world.lock();
        match then {
            Then::Unassign => world.kafka.group.unassign(self.process),
            Then::Leave => {
                world.kafka.group.stop(self.process, true);
                self.stopped = true;
            }
            Then::Rejoin => {
                world.counts.rejoins += 1;
                world.kafka.group.stop(self.process, leaves);
                self.process = world.kafka.group.start();
                world.say(|| format!("  a new consumer is worker {}", self.process));
                self.store = Arc::new(SimStore { world: self.world.clone(), process: self.process });
                self.broker = Arc::new(Mutex::new(SimBroker::new(self.world.clone(), self.process, false)));
            }
        }
    }
}

fn brief(result: &Result<ClaimResult, ClaimError>) -> String {
    match result {
        Ok(taken) => {
            let stands = taken.stands.iter().map(|s| format!("P{} from {} as owner {}", s.partition, s.next, s.owner));
            let stopped = taken.stopped.iter().map(|s| format!("P{} STOPPED: {}", s.partition, s.why));
            stands.chain(stopped).collect::<Vec<_>>().join(", ")
        }
        Err(why) => format!("failed: {why}"),
    }
}
