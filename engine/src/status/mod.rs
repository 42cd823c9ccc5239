//! What the workers do, for `/pipeline`, `/readyz` and the demo. Written once a batch or step, never once a record.

pub(crate) mod dependencies;
pub(crate) mod refused;
pub(crate) mod waiting;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use self::dependencies::{Dependencies, Dependency, DependencyStatus};
use self::waiting::{On, Waiting};
use crate::conditions::{Conditions, Severity};
use crate::enrich::Away;
use crate::model::ids::{Offset, Partition};

/// How far a partition is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionStatus {
    /// Worker that has it.
    pub worker: usize,
    /// Next offset to judge.
    pub judged: Option<i64>,
    /// N: what the store holds.
    pub committed: Option<i64>,
    /// The end of the log, as last asked.
    pub end: Option<i64>,
    /// Epoch milliseconds; None: no record moved it yet.
    pub watermark: Option<i64>,
    /// Why it is stopped, if it is.
    pub error: Option<String>,
}

impl PartitionStatus {
    /// Ours, but not yet where it can be judged: the store or the group has not answered.
    pub fn is_being_taken(&self) -> bool {
        self.error.is_none() && self.committed.is_none()
    }
}

/// A lookup that did not answer when a worker last asked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LookupAway {
    /// Its name in the configuration.
    pub name: String,
    /// `on_unavailable = "missing"`: nobody waits for it.
    pub missing: bool,
    /// Why it did not answer.
    pub away: Away,
}

/// A worker that is no member of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Since its start, or since what it had was revoked.
    pub since: Instant,
    /// What is known about it.
    pub why: Option<String>,
}

/// To leave the group, once the last checkpoint is through or given up.
const LEAVE: Duration = Duration::from_millis(800);

/// Shared by all workers of a process.
#[derive(Debug)]
pub struct Status {
    since: Instant,
    judged: AtomicU64,
    /// By worker; None: the group has given it partitions, or told it that it has none.
    members: Mutex<BTreeMap<usize, Option<Outside>>>,
    /// When the stop was asked for.
    stop: OnceLock<Instant>,
    partitions: Mutex<BTreeMap<Partition, PartitionStatus>>,
    /// What keeps a worker from judging, by worker.
    waiting: Mutex<BTreeMap<usize, Waiting>>,
    /// Lookups that did not answer when they were last asked, by worker.
    lookups: Mutex<BTreeMap<usize, Vec<LookupAway>>>,
    /// When a checkpoint was last through.
    checkpoint: Mutex<Option<Instant>>,
    /// Since when the store does not answer, and why.
    store: Mutex<Option<(Instant, String)>>,
    conditions: Conditions,
    dependencies: Dependencies,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            judged: AtomicU64::new(0),
            members: Mutex::default(),
            stop: OnceLock::new(),
            partitions: Mutex::default(),
            waiting: Mutex::default(),
            lookups: Mutex::default(),
            checkpoint: Mutex::default(),
            store: Mutex::default(),
            conditions: Conditions::default(),
            dependencies: Dependencies::default(),
        }
    }
}

impl Status {
    /// What workers and the start found that an operator has to look at.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Seconds since the start.
    pub fn uptime(&self) -> u64 {
        self.since.elapsed().as_secs()
    }

    /// Records judged since the start, those that were judged again after a failure included.
    pub fn judged(&self) -> u64 {
        self.judged.load(Ordering::Relaxed)
    }

    /// Every partition that this process has or had to stop.
    pub fn partitions(&self) -> BTreeMap<Partition, PartitionStatus> {
        self.partitions.lock().expect("no code panics while it holds the lock").clone()
    }

    /// What keeps workers from judging; empty when all is well.
    pub fn waiting(&self) -> BTreeMap<usize, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is known of a service; None: it was not asked yet, or a lookup never failed.
    pub fn dependency(&self, dependency: &Dependency) -> Option<DependencyStatus> {
        self.dependencies.of(dependency)
    }

    /// Why the store did not answer when it was last asked, and since when; None: it did.
    pub fn store_away(&self) -> Option<(Instant, String)> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn store(&self, away: Option<String>) {
        self.dependencies.asked(Dependency::Database, away.is_none(), away.as_deref());
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let since = store.as_ref().map_or_else(Instant::now, |(since, _)| *since);
        *store = away.map(|why| (since, why));
    }

    /// The lookups that did not answer this worker. Those that are not waited for are a warning: what is judged lacks fields.
    pub(crate) fn lookups(&self, worker: usize, away: Vec<LookupAway>) {
        let mut all = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(&worker).map_or(away.is_empty(), |before| *before == away) {
            return;
        }
        let before = all.insert(worker, away).unwrap_or_default();
        for LookupAway { name, .. } in
            before.iter().filter(|before| !all.values().flatten().any(|now| now.name == before.name))
        {
            self.dependencies.asked(Dependency::Lookup(name.clone()), true, None);
        }
        for LookupAway { name, away, .. } in all.values().flatten() {
            self.dependencies.asked(Dependency::Lookup(name.clone()), false, Some(&away.why));
        }
        let (refused, away): (Vec<_>, Vec<_>) = all.values().flatten().partition(|lookup| lookup.away.refused);
        let missing: Vec<_> = away.into_iter().filter(|lookup| lookup.missing).collect();
        for LookupAway { name, away, .. } in &missing {
            let message = format!(
                "lookup.{name}: Redis does not answer ({}), so its fields are missing (on_unavailable); start it, or correct \
                 lookup.{name}.url",
                away.why
            );
            self.conditions.raise(Severity::Warning, "lookup.away", name.as_str(), message);
        }
        for LookupAway { name, missing, away } in &refused {
            let (severity, so) = match missing {
                true => (Severity::Warning, "so its fields are missing (on_unavailable)"),
                false => (Severity::NotReady, "and what needs it waits; it is asked again, so mending it is enough"),
            };
            self.conditions.raise(
                severity,
                "lookup.refused",
                name.as_str(),
                format!("lookup.{name}: {}; {so}", away.why),
            );
        }
        let stays = |of: &[&LookupAway], name: &str| of.iter().any(|lookup| lookup.name == name);
        self.conditions.keep("lookup.away", |name| stays(&missing, name));
        self.conditions.keep("lookup.refused", |name| stays(&refused, name));
    }

    /// How many there are.
    pub fn workers(&self) -> u64 {
        self.members.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// The workers that are no members of the group.
    pub fn outside(&self) -> Vec<(usize, Outside)> {
        let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.iter().filter_map(|(worker, outside)| Some((*worker, outside.clone()?))).collect()
    }

    pub(crate) fn add_worker(&self, worker: usize) {
        self.left(worker);
    }

    pub(crate) fn joined(&self, worker: usize) {
        self.change_members(None, |members| drop(members.insert(worker, None)));
    }

    /// What is known about why a worker is no member; says nothing about one that is.
    pub(crate) fn outside_for(&self, worker: usize, why: String) {
        self.change_members(Some(&why), |members| {
            if let Some(Some(outside)) = members.get_mut(&worker) {
                outside.why = Some(why.clone());
            }
        });
    }

    fn left(&self, worker: usize) {
        self.change_members(None, |members| {
            members.entry(worker).or_default().get_or_insert(Outside { since: Instant::now(), why: None });
        });
    }

    /// Kafka is up while every worker is a member of the group.
    fn change_members(&self, error: Option<&str>, change: impl FnOnce(&mut BTreeMap<usize, Option<Outside>>)) {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut members);
        let up = !members.is_empty() && members.values().all(Option::is_none);
        self.dependencies.asked(Dependency::Kafka, up, error.filter(|_| !up));
    }

    /// Called once, when the workers are told to stop.
    pub(crate) fn stops(&self) {
        let _ = self.stop.set(Instant::now());
    }

    /// When they were; None: they were not.
    pub(crate) fn stop_asked(&self) -> Option<Instant> {
        self.stop.get().copied()
    }

    /// Until when a worker that ends may take to leave the group.
    pub(crate) fn leave_by(&self, drain: Duration) -> Instant {
        match self.stop_asked() {
            Some(asked) => asked + drain + LEAVE,
            None => Instant::now() + LEAVE,
        }
    }

    /// What no checkpoint holds.
    pub(crate) fn undone(&self) -> Vec<String> {
        let judged = self.partitions().into_iter().filter_map(|(partition, status)| {
            let (judged, stored) = (status.judged?, status.committed?);
            (judged > stored).then(|| format!("partition {partition} (judged to {judged}, stored to {stored})"))
        });
        judged.collect()
    }

    /// The end of its log; an answer that comes after the partition was let go says nothing any more.
    pub(crate) fn end(&self, partition: Partition, end: Offset) {
        let mut partitions = self.partitions.lock().expect("no code panics while it holds the lock");
        if let Some(status) = partitions.get_mut(&partition) {
            status.end = Some(end.0);
        }
    }

    /// The group gave them; until they are taken, nothing of them is judged.
    pub(crate) fn taking(&self, worker: usize, partitions: &[Partition]) {
        for partition in partitions {
            self.update(*partition, |status| {
                *status = PartitionStatus { worker, end: status.end, ..Default::default() }
            });
        }
    }

    pub(crate) fn add_judged(&self, records: u64) {
        self.judged.fetch_add(records, Ordering::Relaxed);
    }

    pub(crate) fn waits(&self, worker: usize, why: Option<(On, String)>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((on, why)) = why else {
            waiting.remove(&worker);
            return;
        };
        let before = waiting.get(&worker).filter(|before| before.on == on);
        let since = before.map_or_else(Instant::now, |before| before.since);
        waiting.insert(worker, Waiting { on, why, since });
    }

    /// Records flow: whatever kept them from being read is over.
    pub(crate) fn judged_to(&self, worker: usize, partition: Partition, next: Offset) {
        self.update(partition, |status| {
            status.worker = worker;
            status.judged = Some(next.0);
            status.error = None;
        });
    }

    /// It is consumed from here: whatever had stopped it is over.
    pub(crate) fn taken(&self, worker: usize, partition: Partition, next: Offset) {
        self.update(partition, |status| {
            status.worker = worker;
            status.committed = Some(next.0);
            status.error = None;
        });
    }

    /// How far event time is in a partition that is ours.
    pub(crate) fn watermark(&self, partition: Partition, watermark: Option<i64>) {
        let mut partitions = self.partitions.lock().expect("no code panics while it holds the lock");
        if let Some(status) = partitions.get_mut(&partition) {
            status.watermark = watermark;
        }
    }

    /// Since a checkpoint was last through; None: none was.
    pub fn last_checkpoint_age(&self) -> Option<Duration> {
        self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner).map(|at| at.elapsed())
    }

    /// A checkpoint of this partition is through.
    pub(crate) fn committed(&self, worker: usize, partition: Partition, next: Offset) {
        *self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.update(partition, |status| {
            status.worker = worker;
            status.committed = Some(next.0);
        });
    }

    pub(crate) fn stopped(&self, worker: usize, partition: Partition, why: String) {
        self.update(partition, |status| {
            status.worker = worker;
            status.error = Some(why);
        });
    }

    pub(crate) fn let_go(&self, worker: usize) {
        self.left(worker);
        self.partitions
            .lock()
            .expect("no code panics while it holds the lock")
            .retain(|_, status| status.worker != worker);
    }

    fn update(&self, partition: Partition, change: impl FnOnce(&mut PartitionStatus)) {
        change(self.partitions.lock().expect("no code panics while it holds the lock").entry(partition).or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_partition_stays_stopped_when_a_step_ends_and_goes_on_when_it_is_taken() {
        let (status, p) = (Status::default(), Partition(3));
        status.taken(0, p, Offset(5));
        status.stopped(0, p, "the offset is outside the log".into());
        status.committed(0, p, Offset(9));
        assert!(status.partitions()[&p].error.is_some(), "a step in flight says nothing about reading on");
        status.taken(0, p, Offset(9));
        assert_eq!(status.partitions()[&p].error, None);
    }

    #[test]
    fn a_partition_is_being_taken_from_its_assignment_until_its_position_is_known() {
        let (status, p) = (Status::default(), Partition(3));
        status.taking(0, &[p]);
        assert!(status.partitions()[&p].is_being_taken());
        status.taken(0, p, Offset(5));
        assert!(!status.partitions()[&p].is_being_taken());
        status.taking(0, &[p]);
        assert!(status.partitions()[&p].is_being_taken(), "again, after a failure");
    }

    #[test]
    fn each_lookup_is_up_or_away_for_itself_also_if_nobody_waits_for_it() {
        let status = Status::default();
        let away = |name: &str, missing| LookupAway {
            name: name.into(),
            missing,
            away: Away { why: "connection refused".into(), refused: false },
        };
        status.lookups(0, vec![away("customer", true)]);
        status.lookups(1, Vec::new());
        let up = |name: &str| status.dependency(&Dependency::Lookup(name.into())).is_none_or(|known| known.up);
        assert!(!up("customer") && up("merchant"));
        let warned: Vec<_> = status.conditions().all().into_iter().map(|condition| condition.subject).collect();
        assert_eq!(warned, ["customer"], "its fields are missing, and somebody has to hear of it");
        status.lookups(0, vec![away("merchant", false)]);
        assert!(up("customer") && !up("merchant"));
        let customer = status.dependency(&Dependency::Lookup("customer".into())).expect("it failed before");
        assert_eq!(customer.last_error.expect("it failed before").1, "connection refused");
        assert!(status.conditions().all().is_empty(), "one that is waited for shows in /readyz");
    }

    #[test]
    fn kafka_is_up_while_every_worker_is_a_member_and_its_last_error_stays() {
        let status = Status::default();
        let kafka = || status.dependency(&Dependency::Kafka).expect("a worker was added");
        status.add_worker(0);
        status.add_worker(1);
        status.joined(0);
        assert!(!kafka().up && kafka().last_error.is_none());
        status.outside_for(1, "connection refused".into());
        status.joined(1);
        assert!(kafka().up);
        assert_eq!(kafka().last_error.expect("one was told").1, "connection refused");
        status.let_go(1);
        assert!(!kafka().up);
    }

    #[test]
    fn a_lookup_that_no_waiting_mends_is_a_condition_of_its_own_until_it_answers() {
        let status = Status::default();
        let refused = |missing| LookupAway {
            name: "customer".into(),
            missing,
            away: Away { why: "wrong password: correct it".into(), refused: true },
        };
        for (missing, severity) in [(false, Severity::NotReady), (true, Severity::Warning)] {
            status.lookups(0, vec![refused(missing)]);
            let all = status.conditions().all();
            assert_eq!(all.iter().map(|c| (c.code, c.severity)).collect::<Vec<_>>(), [("lookup.refused", severity)]);
            assert!(all[0].message.contains("correct it") && !all[0].message.contains("does not answer"), "{all:?}");
        }
        status.lookups(0, Vec::new());
        assert!(status.conditions().all().is_empty());
    }

    #[test]
    fn a_wait_is_as_old_as_its_first_word_about_the_same_service() {
        let status = Status::default();
        status.waits(0, Some((On::Kafka, "no answer".into())));
        let since = status.waiting()[&0].since;
        status.waits(0, Some((On::Kafka, "refused".into())));
        assert_eq!((status.waiting()[&0].since, status.waiting()[&0].why.as_str()), (since, "refused"));
        status.waits(0, None);
        assert!(status.waiting().is_empty());
    }

    #[test]
    fn an_error_of_reading_is_over_when_a_record_comes() {
        let (status, p) = (Status::default(), Partition(3));
        status.taken(0, p, Offset(5));
        status.stopped(0, p, "the leader is away".into());
        status.judged_to(0, p, Offset(6));
        assert_eq!(status.partitions()[&p].error, None);
    }

    #[test]
    fn an_answer_about_a_partition_that_was_let_go_brings_it_back_no_more() {
        let (status, p) = (Status::default(), Partition(3));
        status.taken(0, p, Offset(5));
        status.let_go(0);
        status.end(p, Offset(9));
        assert!(status.partitions().is_empty());
    }
}
