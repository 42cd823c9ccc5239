//! One worker's instances: made when a rule first judges, reused while it answers well, dropped at any failure.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::conditions::Severity;
use crate::model::ids::Sha256;
use crate::model::record::Column;
use crate::rules::live::{LiveRule, LiveSet};
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

pub(super) struct Instances {
    runtime: Arc<Runtime>,
    /// With the rule that each was configured for; a module stands in a set once.
    made: HashMap<Sha256, (Arc<LiveRule>, Instance)>,
    /// How long those took that were made since a set was replaced.
    making: Duration,
    /// No call goes on once it is set.
    stop: Arc<AtomicBool>,
    /// A call was given up, for the worker has something else to do: the batch is judged by whoever reads it next.
    pub(super) given_up: bool,
}

impl Instances {
    pub(super) fn new(runtime: Arc<Runtime>, stop: Arc<AtomicBool>) -> Self {
        Self { runtime, made: HashMap::new(), making: Duration::ZERO, stop, given_up: false }
    }

    /// Drops those that the set does not name, or names with other parameters.
    pub(super) fn forget_old(&mut self, set: &LiveSet) {
        self.making = Duration::ZERO;
        self.made.retain(|sha256, (old, _)| {
            let same = |r: &Arc<LiveRule>| r.id.sha256 == *sha256 && r.parameters == old.parameters;
            set.rules.iter().any(same)
        });
    }

    /// How long instances took to be made since [`Instances::forget_old`], those after a failure included.
    pub(super) fn making(&self) -> Duration {
        self.making
    }

    /// Whether the next call goes to an instance that has judged before.
    pub(super) fn used(&self, rule: &LiveRule) -> bool {
        self.made.contains_key(&rule.id.sha256)
    }

    /// Whether its module says the details of flags only if told to. One that stands no more is not known.
    pub(super) fn can_be_told(&self, rule: &LiveRule) -> bool {
        self.made.get(&rule.id.sha256).is_none_or(|(_, instance)| instance.can_be_told())
    }

    /// Drops all.
    pub(super) fn clear(&mut self) {
        self.made.clear();
    }

    /// One call as [`Instances::once`], again and again while the host has no memory for it: that is never the rule's fault, nor
    /// the records'. Given up when `until` says so.
    pub(super) fn call(
        &mut self,
        rule: &Arc<LiveRule>,
        columns: &[&Column],
        rows: usize,
        details: Details,
        until: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<guest::Hit>, Failure> {
        let mut waited = false;
        loop {
            let answer = self.once(rule, columns, rows, details);
            if answer.is_err() && self.stop.load(Ordering::Relaxed) {
                self.given_up = true;
                return answer;
            }
            let message = match answer {
                Err(failure) if failure.code == HOST => failure.message,
                answer => {
                    if waited {
                        self.runtime.conditions.clear("host.memory", &worker());
                    }
                    return answer;
                }
            };
            // The room of the others first: with one instance at a time it goes on, though slower.
            if !self.made.is_empty() {
                self.made.clear();
                continue;
            }
            waited = true;
            let text = format!(
                "this machine has no memory for an instance of rule {} ({message}): the records wait; give the process more \
                 address space and memory (ulimit -v, the container's limit), or run fewer rules or workers",
                rule.id.name
            );
            self.runtime.conditions.raise(Severity::NotReady, "host.memory", worker(), text);
            let began = Instant::now();
            while began.elapsed() < PAUSE {
                if until() {
                    self.given_up = true;
                    self.runtime.conditions.clear("host.memory", &worker());
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
        rule: &Arc<LiveRule>,
        columns: &[&Column],
        rows: usize,
        details: Details,
    ) -> Result<Vec<guest::Hit>, Failure> {
        let (owner, mut instance) = match self.made.remove(&rule.id.sha256) {
            Some(made) => made,
            None => (rule.clone(), self.make(rule)?),
        };
        instance.explain(details == Details::All)?;
        let lowered: Vec<_> = columns.iter().map(|column| contract::column(column)).collect();
        let hits = instance.judge(rows, &lowered, rule.manifest.codes.len())?;
        self.made.insert(rule.id.sha256, (owner, instance));
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

/// Which worker waits: each has a thread of its own.
pub(super) fn worker() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}
