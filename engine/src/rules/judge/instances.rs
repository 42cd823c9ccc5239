//! One worker's instances: made when a rule first judges, reused while it answers well, dropped at any failure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::model::record::Column;
use crate::rules::live::LiveRule;
use crate::rules::module::contract::{self, guest};
use crate::rules::module::runtime::{Failure, HOST, Instance, Runtime};

/// How long a worker waits for memory before it tries again.
const PAUSE: Duration = Duration::from_millis(100);
/// How often it looks meanwhile whether it should go on waiting.
const LOOK: Duration = Duration::from_millis(10);

/// Which details a module is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Details {
    All,
    /// None of flags, if the module can do without.
    DeadLetters,
}

/// A rule, and its place in the set that its worker judges by.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    pub(super) at: usize,
    pub(super) rule: &'a LiveRule,
}

/// Whoever a call is made for, as long as it waits for memory.
pub(super) struct Caller<'a> {
    /// Whether the call is to be given up.
    pub(super) until: &'a mut dyn FnMut() -> bool,
    /// Told that the host has no memory, and why; None: the wait for it is over.
    pub(super) short_of_memory: &'a mut dyn FnMut(Option<&str>),
}

/// See the module.
pub(super) struct Instances {
    runtime: Arc<Runtime>,
    /// One place for each rule of the set, in its order. None: not made yet, or dropped.
    made: Vec<Option<Instance>>,
    /// How long those took that were made since a set was replaced.
    making: Duration,
    /// No call goes on once it is set.
    stop: Arc<AtomicBool>,
    /// A call was given up, for the worker has something else to do: the batch is judged by whoever reads it next.
    pub(super) given_up: bool,
}

impl Instances {
    pub(super) fn new(runtime: Arc<Runtime>, stop: Arc<AtomicBool>) -> Self {
        Self { runtime, made: Vec::new(), making: Duration::ZERO, stop, given_up: false }
    }

    /// Another set takes the place of one. An instance goes on judging if its module is in both with the same
    /// parameters.
    pub(super) fn take_up(&mut self, before: &[Arc<LiveRule>], rules: &[Arc<LiveRule>]) {
        self.making = Duration::ZERO;
        let mut old = std::mem::take(&mut self.made);
        let stays = |rule: &Arc<LiveRule>| before.iter().position(|other| other.key == rule.key);
        self.made = rules.iter().map(|rule| old.get_mut(stays(rule)?)?.take()).collect();
    }

    /// How long instances took to be made since [`Instances::take_up`], those after a failure included.
    pub(super) fn making(&self) -> Duration {
        self.making
    }

    /// Whether the next call goes to an instance that has judged before.
    pub(super) fn used(&self, placed: Placed<'_>) -> bool {
        self.made[placed.at].is_some()
    }

    /// Whether its module says the details of flags only if told to. One that is in no set any more is not known.
    pub(super) fn can_be_told(&self, placed: Placed<'_>) -> bool {
        self.made[placed.at].as_ref().is_none_or(Instance::can_be_told)
    }

    /// Drops all; true if there was one.
    pub(super) fn clear(&mut self) -> bool {
        let any = self.made.iter().any(Option::is_some);
        self.made.iter_mut().for_each(|instance| *instance = None);
        any
    }

    /// One call as [`Instances::once`], again and again while the host has no memory for it: that is never the rule's fault, nor
    /// the records'. The caller is told, and says when to give up.
    pub(super) fn call(
        &mut self,
        placed: Placed<'_>,
        columns: &[&Column],
        rows: usize,
        details: Details,
        caller: &mut Caller<'_>,
    ) -> Result<Vec<guest::Hit>, Failure> {
        let mut waited = false;
        loop {
            let answer = self.once(placed, columns, rows, details);
            if answer.is_err() && self.stop.load(Ordering::Relaxed) {
                self.given_up = true;
                return answer;
            }
            let message = match answer {
                Err(failure) if failure.code == HOST => failure.message,
                answer => {
                    if waited {
                        (caller.short_of_memory)(None);
                    }
                    return answer;
                }
            };
            // The room of the others first: with one instance at a time it goes on, though slower.
            if self.clear() {
                continue;
            }
            waited = true;
            (caller.short_of_memory)(Some(&message));
            let began = Instant::now();
            while began.elapsed() < PAUSE {
                if (caller.until)() {
                    self.given_up = true;
                    (caller.short_of_memory)(None);
                    return Err(Failure { code: HOST, message });
                }
                std::thread::sleep(LOOK);
            }
        }
    }

    /// One call, in which flags have details if wanted; the instance survives only a good one, for after a lifting error
    /// the next call is not refused.
    fn once(
        &mut self,
        Placed { at, rule }: Placed<'_>,
        columns: &[&Column],
        rows: usize,
        details: Details,
    ) -> Result<Vec<guest::Hit>, Failure> {
        let mut instance = match self.made[at].take() {
            Some(made) => made,
            None => self.make(rule)?,
        };
        instance.explain(details == Details::All)?;
        let lowered: Vec<_> = columns.iter().map(|column| contract::column(column)).collect();
        let hits = instance.judge(rows, &lowered, rule.manifest.codes.len())?;
        self.made[at] = Some(instance);
        Ok(hits)
    }

    fn make(&mut self, rule: &LiveRule) -> Result<Instance, Failure> {
        let began = Instant::now();
        let made = self.runtime.stoppable(&rule.component, &self.stop).and_then(|mut instance| {
            instance.configure(&rule.scales, &rule.parameters)?;
            Ok(instance)
        });
        self.making += began.elapsed();
        made
    }
}
