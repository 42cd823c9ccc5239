//! Answers of a moment ago, for whoever asks the same meanwhile: a page that a hundred browsers refresh costs the database one
//! read a second. Who asks while the database is being asked waits for that answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How old an answer may be.
const FRESH: Duration = Duration::from_secs(1);
/// Questions whose answers are kept; of more, that of the one that was answered first goes.
const KEPT: usize = 8;

/// See the module. `Q`: what is asked, `A`: what comes of it, `E`: why nothing does.
pub(super) struct Recent<Q, A, E> {
    answers: Mutex<BTreeMap<Q, Arc<Slot<A, E>>>>,
}

/// Held by whoever asks, until there is an answer.
type Slot<A, E> = tokio::sync::Mutex<Option<(Instant, Result<Arc<A>, E>)>>;

impl<Q, A, E> Default for Recent<Q, A, E> {
    fn default() -> Self {
        Self { answers: Mutex::default() }
    }
}

impl<Q: Ord + Copy, A, E: Clone> Recent<Q, A, E> {
    /// The answer that is kept, or a new one. So is an error: those who waited for it would else ask again, one behind the other.
    pub(super) async fn get<F>(&self, question: Q, ask: impl FnOnce() -> F) -> Result<Arc<A>, E>
    where
        F: Future<Output = Result<A, E>>,
    {
        let slot = self.slot(question);
        let mut kept = slot.lock().await;
        if let Some((_, answer)) = kept.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return answer.clone();
        }
        let answer = ask().await.map(Arc::new);
        *kept = Some((Instant::now(), answer.clone()));
        answer
    }

    fn slot(&self, question: Q) -> Arc<Slot<A, E>> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if !answers.contains_key(&question) && answers.len() >= KEPT {
            // Those that nobody waits for and that are old anyway, else the first.
            let is_old = |slot: &Arc<Slot<A, E>>| {
                slot.try_lock().is_ok_and(|kept| kept.as_ref().is_none_or(|(at, _)| at.elapsed() >= FRESH))
            };
            answers.retain(|_, slot| !is_old(slot));
            if answers.len() >= KEPT {
                answers.pop_first();
            }
        }
        answers.entry(question).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    type Answers = Recent<u32, u32, &'static str>;

    #[tokio::test(start_paused = true)]
    async fn who_asks_the_same_within_a_second_gets_the_same_answer_and_one_question_is_asked() {
        let (recent, asked) = (Answers::default(), Cell::new(0));
        let asked = &asked;
        let ask = |question| {
            recent.get(question, move || async move {
                tokio::time::sleep(Duration::from_millis(300)).await;
                asked.set(asked.get() + 1);
                if question == 3 { Err("away") } else { Ok(asked.get()) }
            })
        };
        let answers = futures::future::join_all((0..50).map(|_| ask(1))).await;
        assert!(answers.iter().all(|answer| answer.as_deref() == Ok(&1)), "{answers:?}");
        assert_eq!(ask(2).await.as_deref(), Ok(&2), "another question");
        let answers = futures::future::join_all((0..50).map(|_| ask(3))).await;
        assert!(answers.iter().all(|answer| *answer == Err("away")) && asked.get() == 3, "{answers:?}");
        tokio::time::sleep(FRESH).await;
        assert_eq!(ask(1).await.as_deref(), Ok(&4), "it was old");
    }

    #[tokio::test]
    async fn few_answers_are_kept() {
        let recent = Answers::default();
        for question in 0..100 {
            assert_eq!(recent.get(question, || async { Ok(question) }).await.as_deref(), Ok(&question));
        }
        assert!(recent.answers.lock().unwrap().len() <= KEPT);
    }
}
