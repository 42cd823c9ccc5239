//! The waiting for what a batch lacks and somebody else knows: a Redis, and whatever else adds to a record. It is asked on
//! tokio and waited for in slices: between any two the caller serves the group and its checkpoints, however long whoever is
//! asked is away. Generic over who that is; how a batch is planned and what becomes of the answers is each one's own matter.

use std::fmt::Display;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// How long the caller waits before it goes around its loop: less than anybody would notice, more than an answer needs.
const SLICE: Duration = Duration::from_millis(10);
/// The longest pause that grows by itself; jitter may double it.
const LONGEST: Duration = Duration::from_secs(1);
const DELAYS: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(20))
    .with_factor(2.0)
    .with_max_delay(LONGEST)
    .with_jitter()
    .without_max_times();

/// What one batch asks.
pub trait Query {
    /// What is answered.
    type Answers: Send + 'static;
    /// Why nothing is, as a line of the log that says who was asked.
    type Error: Unanswered;

    /// Whether there is nothing to ask.
    fn is_complete(&self) -> bool;

    /// Whether the batch has to wait for the answers, or else goes on without them.
    fn waits(&self) -> bool;

    /// Asks once. The future owns all that it needs, so it runs beside the caller; it may be made again.
    fn fetch(&self) -> impl Future<Output = Result<Self::Answers, Self::Error>> + Send + 'static;
}

/// The error of a query that nobody answered.
pub trait Unanswered: Display + Send + 'static {
    /// Who was asked, by its name in the configuration, and why there is no answer.
    fn away(self) -> (String, Away);
}

/// Why whoever was asked has not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Away {
    /// With what to do about it, if it was refused.
    pub why: String,
    /// Waiting does not fix it.
    pub refused: bool,
}

/// A query that was asked, and is asked again until it is answered or need not be.
pub struct PendingAnswer<Q: Query> {
    task: Option<JoinHandle<Result<Q::Answers, Q::Error>>>,
    delays: ExponentialBackoff,
    /// Not asked before then.
    again: Instant,
    away: Option<(String, Away)>,
}

/// What became of a query.
pub enum Answer<A> {
    /// Go on with these; None: there was nothing to ask, or it is not waited for.
    Ready(Option<A>),
    /// Go around the loop and poll again.
    NotYet,
}

impl<Q: Query> PendingAnswer<Q> {
    /// Asks, if there is anything to ask, and does not wait.
    pub fn new(tokio: &Handle, query: &Q) -> Self {
        let task = (!query.is_complete()).then(|| tokio.spawn(query.fetch().in_current_span()));
        Self { task, delays: DELAYS.build(), again: Instant::now(), away: None }
    }

    /// Waits for 10 ms at most. `query`: the one that it was made with.
    pub fn poll(&mut self, tokio: &Handle, query: &Q) -> Answer<Q::Answers> {
        if query.is_complete() {
            return Answer::Ready(None);
        }
        if self.task.is_none() {
            let pause = self.again.saturating_duration_since(Instant::now());
            if !pause.is_zero() {
                std::thread::sleep(pause.min(SLICE));
                return Answer::NotYet;
            }
        }
        let task = self.task.get_or_insert_with(|| tokio.spawn(query.fetch().in_current_span()));
        let Ok(ended) = tokio.block_on(async { tokio::time::timeout(SLICE, &mut *task).await }) else {
            return Answer::NotYet;
        };
        self.task = None;
        let error = match ended {
            Ok(Ok(answers)) => return Answer::Ready(Some(answers)),
            Ok(Err(error)) => Ok(error),
            Err(panicked) => Err(panicked.to_string()),
        };
        if !query.waits() {
            return Answer::Ready(None);
        }
        let (line, (from, away)) = match error {
            Ok(error) => (error.to_string(), error.away()),
            Err(why) => (why.clone(), (String::new(), Away { why, refused: false })),
        };
        // What was refused is a condition, which tells it once.
        if !away.refused {
            tracing::warn!("{line}; trying again");
        }
        self.again = Instant::now() + self.delays.next().unwrap_or(LONGEST);
        self.away = Some((from, away));
        Answer::NotYet
    }

    /// Who has not answered yet, and why; None: nothing is known against it.
    pub fn away(&self) -> Option<&(String, Away)> {
        self.away.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A registry of schemas, made up: it is no lookup, and knows nothing of columns.
    #[derive(Default)]
    struct Registry {
        asked: AtomicUsize,
        /// Tries at which it is away.
        away: usize,
        refuses: bool,
        panics: bool,
    }

    struct Ids {
        registry: Arc<Registry>,
        lacking: Vec<u32>,
        waits: bool,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the registry has no answer to try {0}")]
    struct NoAnswer(usize, bool);

    impl Unanswered for NoAnswer {
        fn away(self) -> (String, Away) {
            ("registry".into(), Away { why: self.to_string(), refused: self.1 })
        }
    }

    impl Query for Ids {
        type Answers = Vec<String>;
        type Error = NoAnswer;

        fn is_complete(&self) -> bool {
            self.lacking.is_empty()
        }

        fn waits(&self) -> bool {
            self.waits
        }

        fn fetch(&self) -> impl Future<Output = Result<Vec<String>, NoAnswer>> + Send + 'static {
            let (registry, lacking) = (self.registry.clone(), self.lacking.clone());
            async move {
                let at = registry.asked.fetch_add(1, Ordering::Relaxed);
                assert!(!registry.panics, "a registry that panics");
                if at < registry.away {
                    return Err(NoAnswer(at, registry.refuses));
                }
                Ok(lacking.iter().map(|id| format!("schema {id}")).collect())
            }
        }
    }

    /// Polls until it is answered: the answer, why there was none meanwhile, and how often the registry was asked.
    fn ask(registry: Registry, lacking: &[u32], waits: bool) -> (Option<Vec<String>>, Vec<Away>, usize) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let ids = Ids { registry: Arc::new(registry), lacking: lacking.to_vec(), waits };
        let mut pending = PendingAnswer::new(runtime.handle(), &ids);
        let mut seen: Vec<Away> = Vec::new();
        for _ in 0..1_000 {
            let answer = pending.poll(runtime.handle(), &ids);
            if let Some((_, away)) = pending.away().filter(|(_, away)| seen.last() != Some(away)) {
                seen.push(away.clone());
            }
            if let Answer::Ready(answers) = answer {
                return (answers, seen, ids.registry.asked.load(Ordering::Relaxed));
            }
        }
        panic!("no answer in 1,000 slices; {seen:?}");
    }

    #[test]
    fn whoever_is_asked_and_is_away_is_asked_again_until_it_is_back() {
        let (answers, away, asked) = ask(Registry { away: 3, ..Registry::default() }, &[7, 9], true);
        assert_eq!(answers, Some(vec!["schema 7".to_owned(), "schema 9".to_owned()]));
        assert_eq!(asked, 4);
        let told = |try_| Away { why: format!("the registry has no answer to try {try_}"), refused: false };
        assert_eq!(away, [told(0), told(1), told(2)]);
    }

    #[test]
    fn who_refuses_is_asked_again_too_for_somebody_may_fix_it() {
        let (answers, away, asked) = ask(Registry { away: 2, refuses: true, ..Registry::default() }, &[7], true);
        assert_eq!((answers.map(|answers| answers.len()), asked), (Some(1), 3));
        assert!(away.iter().all(|away| away.refused));
    }

    #[test]
    fn what_need_not_be_waited_for_is_asked_once() {
        let (answers, away, asked) = ask(Registry { away: 9, ..Registry::default() }, &[7], false);
        assert_eq!((answers, away, asked), (None, vec![], 1));
    }

    #[test]
    fn who_has_nothing_to_ask_goes_on_at_once_and_nobody_is_asked() {
        let (answers, _, asked) = ask(Registry { away: 9, ..Registry::default() }, &[], true);
        assert_eq!((answers, asked), (None, 0));
    }

    #[test]
    fn a_question_that_panics_is_no_answer_and_ends_nobody_else() {
        let (answers, away, asked) = ask(Registry { panics: true, ..Registry::default() }, &[7], false);
        assert_eq!((answers, away, asked), (None, vec![], 1));
    }
}
