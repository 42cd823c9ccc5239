//! Waiting that ends for lack of progress, never because a machine is slow.
//!
//! A test that waits for something says what moves on the way there: a position, a count, a line of a log. As long as that moves,
//! it waits on; when nothing has moved for [`STILL`], it fails and says what it saw last. A minute in which the machine gives a test
//! a tenth of a core makes the test slow, and not red.

use std::fmt::Debug;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long nothing may move: longer than any time-out of the engine, the broker or the database that a test waits for, on a machine
/// that has ten times too much to do.
pub const STILL: Duration = Duration::from_secs(180);
/// How long to wait for what takes `usual` at most on a machine that has time for it, and has no steps that can be watched.
pub fn patience(usual: Duration) -> Duration {
    STILL.max(5 * usual)
}

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Waits until `look` gives a value, and returns it. What it gives instead (`Err`) is what moves on the way: as long as it changes,
/// the wait goes on.
///
/// # Panics
/// Where it has not changed for [`STILL`]; `what` and the last of it are told.
pub fn until_some<T, P: PartialEq + Debug>(what: &str, mut look: impl FnMut() -> Result<T, P>) -> T {
    let mut progress = Progress::default();
    loop {
        match look() {
            Ok(value) => return value,
            Err(seen) => progress.saw(what, seen),
        }
        sleep(LOOK);
    }
}

/// What moves on the way to something, for a wait that has a loop of its own: one that looks more often, or that awaits.
pub struct Progress<P> {
    last: Option<P>,
    moved: Instant,
}

impl<P> Default for Progress<P> {
    fn default() -> Self {
        Self { last: None, moved: Instant::now() }
    }
}

impl<P: PartialEq + Debug> Progress<P> {
    /// This was seen on the way to `what`.
    ///
    /// # Panics
    /// Where nothing else was seen for [`STILL`].
    pub fn saw(&mut self, what: &str, seen: P) {
        if self.last.as_ref() == Some(&seen) {
            let moved = self.moved;
            assert!(moved.elapsed() < STILL, "nothing moved for {STILL:?} on the way to: {what}; last seen: {seen:?}");
        } else {
            (self.last, self.moved) = (Some(seen), Instant::now());
        }
    }
}

/// Waits until it is so. For what has no steps on its way.
///
/// # Panics
/// Where it is not so after [`STILL`].
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    until_some(what, || so().then_some(()).ok_or(()));
}

/// The same in a task of tokio's.
///
/// # Panics
/// Where it is not so after [`STILL`].
#[cfg(feature = "engine")]
pub async fn until_async(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < STILL, "not within {STILL:?}: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// A stopwatch for what a test claims about time. While the machine keeps somebody waiting for a processor, the disk or memory
/// (`/proc/pressure`), it stands still; but it shows a tenth of the time at least, so that what is too slow by far is found anyway.
#[derive(Clone, Copy, Debug)]
pub struct Fair {
    began: Instant,
    stalled: Duration,
}

impl Fair {
    /// Starts it.
    pub fn start() -> Self {
        Self { began: Instant::now(), stalled: stalled() }
    }

    /// All of the time since the start, for what has to take so long at least.
    pub fn wall(&self) -> Duration {
        self.began.elapsed()
    }

    /// The time since the start, without that in which the machine was short of something.
    pub fn elapsed(&self) -> Duration {
        let (all, stalled) = (self.began.elapsed(), stalled().saturating_sub(self.stalled));
        all.saturating_sub(stalled).max(all / 10)
    }
}

/// How long some process has waited for a processor, the disk or memory since the machine started; nothing where Linux does not tell.
fn stalled() -> Duration {
    let of = |what: &str| {
        let text = std::fs::read_to_string(format!("/proc/pressure/{what}")).unwrap_or_default();
        let total = text
            .lines()
            .find(|line| line.starts_with("some "))
            .and_then(|line| line.split("total=").nth(1)?.parse().ok());
        Duration::from_micros(total.unwrap_or(0))
    };
    of("cpu") + of("io") + of("memory")
}
