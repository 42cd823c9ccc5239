//! Answers of the database that are kept for a while, for pages that are asked for again and again. Who asks while the database is
//! being asked waits for that answer; that there was none is kept, too, so that a database which is away is not waited for by
//! everybody in turn.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Questions whose answers are kept; one more lets go of those that nobody waits for.
const KEPT: usize = 16;

/// Held by whoever asks, until there is an answer.
type Slot<A, E> = tokio::sync::Mutex<Option<(Instant, Result<A, E>)>>;

/// Answers to questions of one kind. `Q`: what is asked, `A`: what comes of it, `E`: why nothing does.
pub(super) struct Kept<Q, A, E> {
    fresh: Duration,
    no_answer: Duration,
    slots: Mutex<BTreeMap<Q, Arc<Slot<A, E>>>>,
}

impl<Q: Ord, A: Clone, E: Clone> Kept<Q, A, E> {
    /// An answer is good for `fresh`; that there was none is remembered for `no_answer`.
    pub(super) fn new(fresh: Duration, no_answer: Duration) -> Self {
        Self { fresh, no_answer, slots: Mutex::default() }
    }

    /// The answer that is kept, or what comes of asking.
    ///
    /// # Errors
    /// Why there was no answer, now or a moment ago.
    pub(super) async fn get(&self, question: Q, ask: impl Future<Output = Result<A, E>>) -> Result<A, E> {
        let slot = self.slot(question);
        let mut kept = slot.lock().await;
        let is_good = |(at, answer): &&(Instant, Result<A, E>)| {
            at.elapsed() < if answer.is_ok() { self.fresh } else { self.no_answer }
        };
        if let Some((_, answer)) = kept.as_ref().filter(is_good) {
            return answer.clone();
        }
        let answer = ask.await;
        *kept = Some((Instant::now(), answer.clone()));
        answer
    }

    fn slot(&self, question: Q) -> Arc<Slot<A, E>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= KEPT && !slots.contains_key(&question) {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        slots.entry(question).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const FRESH: Duration = Duration::from_secs(60);
    const NO_ANSWER: Duration = Duration::from_secs(5);

    fn kept() -> Kept<u32, u32, String> {
        Kept::new(FRESH, NO_ANSWER)
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_is_asked_once_as_long_as_its_answer_is_good() {
        let (kept, asked) = (kept(), Cell::new(0));
        let get = |question: u32| {
            kept.get(question, async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                asked.set(asked.get() + 1);
                Ok(asked.get())
            })
        };
        let answers = futures::future::join_all((0..50).map(|_| get(1))).await;
        assert!(answers.iter().all(|answer| *answer == Ok(1)), "{answers:?}");
        assert_eq!(get(2).await, Ok(2), "another question");
        tokio::time::sleep(FRESH).await;
        assert_eq!(get(1).await, Ok(3), "it was old");
    }

    #[tokio::test(start_paused = true)]
    async fn that_there_was_no_answer_is_told_to_all_who_wait_and_remembered_for_some_seconds() {
        let (kept, asked) = (kept(), Cell::new(0));
        let away = || {
            kept.get(1, async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                asked.set(asked.get() + 1);
                Err("away".to_owned())
            })
        };
        let answers = futures::future::join_all((0..50).map(|_| away())).await;
        assert!(answers.iter().all(|answer| *answer == Err("away".into())), "{answers:?}");
        assert_eq!(kept.get(1, async { Ok(1) }).await, Err("away".into()));
        assert_eq!(asked.get(), 1, "a database that is away is not waited for by everybody in turn");
        tokio::time::sleep(NO_ANSWER).await;
        assert_eq!(kept.get(1, async { Ok(1) }).await, Ok(1));
    }

    #[tokio::test]
    async fn few_answers_are_kept() {
        let kept = kept();
        for question in 0..100 {
            assert_eq!(kept.get(question, async { Ok(question) }).await, Ok(question));
        }
        assert!(kept.slots.lock().expect("nobody panicked").len() <= KEPT);
    }
}
