//! What a batch asks of Redis. It is asked on tokio, and waited for in slices: between any two the worker serves the group
//! and its checkpoints, however long Redis is away.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::enrich::lookup::{Answers, Away, LookupError, Plan};

/// How long the worker waits before it goes around its loop: less than anybody would notice, more than Redis needs.
const SLICE: Duration = Duration::from_millis(10);
/// The longest pause that grows by itself; jitter may double it.
const LONGEST: Duration = Duration::from_secs(1);
const DELAYS: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(20))
    .with_factor(2.0)
    .with_max_delay(LONGEST)
    .with_jitter()
    .without_max_times();

/// See the module.
pub(super) struct Question {
    /// Whether an answer has to be waited for, or else its fields are missing.
    waits: bool,
    task: Option<JoinHandle<Result<Answers, LookupError>>>,
    delays: ExponentialBackoff,
    /// Not asked before then.
    again: Instant,
    /// The lookup that has not answered, and why.
    pub(super) away: Option<(String, Away)>,
}

/// What became of a question.
pub(super) enum Asked {
    /// Go on with these; None: with the fields missing.
    Answered(Option<Answers>),
    /// Go around the loop and ask again.
    NotYet,
}

impl Question {
    /// Asks, if there is anything to ask, and does not wait.
    pub(super) fn new(tokio: &Handle, plan: &Plan, waits: bool) -> Self {
        let task = (!plan.is_complete()).then(|| tokio.spawn(plan.fetch()));
        Self { waits, task, delays: DELAYS.build(), again: Instant::now(), away: None }
    }

    /// Waits for a slice at most.
    pub(super) fn ask(&mut self, tokio: &Handle, plan: &Plan) -> Asked {
        if plan.is_complete() {
            return Asked::Answered(None);
        }
        if self.task.is_none() {
            let pause = self.again.saturating_duration_since(Instant::now());
            if !pause.is_zero() {
                std::thread::sleep(pause.min(SLICE));
                return Asked::NotYet;
            }
        }
        let task = self.task.get_or_insert_with(|| tokio.spawn(plan.fetch()));
        let Ok(ended) = tokio.block_on(async { tokio::time::timeout(SLICE, &mut *task).await }) else {
            return Asked::NotYet;
        };
        self.task = None;
        let (lookup, why, refused) = match ended {
            Ok(Ok(answers)) => return Asked::Answered(Some(answers)),
            Ok(Err(LookupError::Unavailable { lookup, why })) => (lookup, why, false),
            Ok(Err(LookupError::Refused { lookup, why } | LookupError::Config { lookup, why })) => (lookup, why, true),
            Err(why) => (String::new(), why.to_string(), false),
        };
        if !self.waits {
            return Asked::Answered(None);
        }
        // The condition tells what was refused, once.
        if !refused {
            tracing::warn!("lookup.{lookup}: Redis does not answer: {why}; trying again");
        }
        self.again = Instant::now() + self.delays.next().unwrap_or(LONGEST);
        self.away = Some((lookup, Away { why, refused }));
        Asked::NotYet
    }
}
