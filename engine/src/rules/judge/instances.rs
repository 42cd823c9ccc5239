//! One worker's instances: made when a rule first judges, reused while it answers well, dropped at any failure.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::ids::Sha256;
use crate::model::record::Column;
use crate::rules::contract::{self, guest};
use crate::rules::live::{LiveRule, LiveSet};
use crate::rules::runtime::{Failure, Instance, Runtime};

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
}

impl Instances {
    pub(super) fn new(runtime: Arc<Runtime>) -> Self {
        Self { runtime, made: HashMap::new(), making: Duration::ZERO }
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

    /// One call, in which flags have details if wanted; the instance survives only a good one, for after a lifting error
    /// the next call is not refused.
    pub(super) fn call(
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
        let made = self.runtime.instance(&rule.component).and_then(|mut instance| {
            instance.configure(&rule.scales, &rule.parameters)?;
            Ok(instance)
        });
        self.making += began.elapsed();
        made
    }
}
