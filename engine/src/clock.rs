//! The machine's clock: the time that event times are held against and that people read, and whether it was set back. It
//! knows no stage.
//!
//! Weir's own pauses go by a clock that nobody sets, but librdkafka's waits go by the wall clock
//! (confluentinc/librdkafka#2145): set back by an hour, its threads stand still for an hour, heartbeats among them, and the
//! pipeline with them. Ending the process is the way out. It loses nothing, as a `kill -9` loses nothing.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time between two looks at the clock. A jump ahead that is set right between two looks is not seen, yet is enough for a
/// thread of librdkafka to wait for the time that it read.
const EVERY: Duration = Duration::from_millis(100);
/// A setback up to this only delays: it is less than a group's session time-out.
const HARMLESS: Duration = Duration::from_secs(5);

/// The wall clock in epoch milliseconds.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Ends when the clock was set back by more than is harmless, with how far.
pub(crate) async fn set_back() -> Duration {
    let mut before = (Instant::now(), SystemTime::now());
    loop {
        tokio::time::sleep(EVERY).await;
        let now = (Instant::now(), SystemTime::now());
        let back = behind(before.1 + (now.0 - before.0), now.1);
        if back > HARMLESS {
            return back;
        }
        before = now;
    }
}

fn behind(wanted: SystemTime, found: SystemTime) -> Duration {
    wanted.duration_since(found).unwrap_or_default()
}
