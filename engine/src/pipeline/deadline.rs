//! The bound of a stop. A lock, a client's close or a driver that never returns may hang anything that stops in order, so a
//! plain thread, which needs none of them, looks at the clock from the moment that the stop was asked for, and ends the
//! process when its time is over.

use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::status::Status;
use crate::telemetry;

/// Beyond `checkpoint.drain`: to leave the group, end the API and close the clients.
const REST: Duration = Duration::from_secs(2);
/// Time for a stop while the engine still starts, when there is nothing to finish.
const START: Duration = Duration::from_millis(1_500);
/// For its last words: whoever reads the log may have stopped reading.
const WORDS: Duration = Duration::from_millis(300);
/// What the process ends with when it did not end in order in time.
const UNFINISHED: i32 = 3;

/// The time by which one run has to have stopped.
#[derive(Clone)]
pub(super) struct Deadline {
    drain: Duration,
    /// What it does, once it runs.
    running: Arc<OnceLock<Arc<Status>>>,
}

impl Deadline {
    pub(super) fn new(drain: Duration) -> Self {
        Self { drain, running: Arc::default() }
    }

    /// From now on a stop takes a last checkpoint.
    pub(super) fn running(&self, status: Arc<Status>) {
        let _ = self.running.set(status);
    }

    /// Cancelled when the stop was asked for. It is heard by a task of its own, and the time runs from then on, whatever the rest of
    /// the process is at.
    pub(super) fn heard(&self, shutdown: impl Future<Output = ()> + Send + 'static) -> CancellationToken {
        let told = CancellationToken::new();
        let (deadline, tell) = (self.clone(), told.clone());
        tokio::spawn(async move {
            shutdown.await;
            deadline.begin();
            tell.cancel();
        });
        told
    }

    fn begin(self) {
        match self.running.get() {
            Some(_) => tracing::info!("stopping: a last checkpoint first"),
            None => tracing::info!("stopping before it ran: nothing was judged"),
        }
        let asked = Instant::now();
        let watched = std::thread::Builder::new().name("deadline".into()).spawn(move || self.watch(asked));
        if let Err(why) = watched {
            tracing::error!("no thread to bound the stop, it takes as long as it takes: {why}");
        }
    }

    fn watch(&self, asked: Instant) {
        std::thread::sleep(START);
        let Some(status) = self.running.get() else { std::process::exit(0) };
        let bound = self.drain + REST;
        std::thread::sleep((asked + bound).saturating_duration_since(Instant::now()));
        let words = words(bound, &status.partitions.uncommitted());
        let (said, heard) = mpsc::channel();
        let speak = move || {
            tracing::error!("{words}");
            telemetry::say(&format!("weir: {words}"));
            let _ = said.send(());
        };
        if std::thread::Builder::new().spawn(speak).is_ok() {
            let _ = heard.recv_timeout(WORDS);
        }
        std::process::exit(UNFINISHED);
    }
}

fn words(bound: Duration, undone: &[String]) -> String {
    let undone = match undone {
        [] => "its clients of Kafka or of the database were not closed".to_owned(),
        undone => undone.join(", "),
    };
    format!(
        "the stop did not end within {bound:?} (checkpoint.drain and {REST:?}), so the process is ended here with exit code \
         {UNFINISHED}; left undone: {undone}. Nothing is lost: what no checkpoint holds is judged again by whoever takes the \
         partitions next, which the group gives them when the session is over (session.timeout.ms, 10 s unless set)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_last_words_name_what_was_left_and_what_becomes_of_it() {
        let said = words(Duration::from_secs(12), &["partition 3 (judged to 120, stored to 100)".to_owned()]);
        for part in ["12s", "exit code 3", "partition 3 (judged to 120, stored to 100)", "Nothing is lost"] {
            assert!(said.contains(part), "{said}");
        }
        assert!(words(Duration::from_secs(12), &[]).contains("not closed"));
    }
}
