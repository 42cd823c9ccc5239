//! What time it is for event times, and whether the machine's clock was set back. Weir's own pauses go by a clock that nobody sets, but librdkafka's waits go by
//! the wall clock (confluentinc/librdkafka#2145): set back by an hour its threads stand still for an hour, heartbeats among
//! them, and so would the pipeline. Whoever starts it again loses nothing: it is what kill -9 is.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::processor::Now;

/// How often it looks. A clock that jumps ahead and is set right in between is not seen, but is enough for a thread of
/// librdkafka to wait for the time that it read.
const EVERY: Duration = Duration::from_millis(100);
/// What only delays: less than a group's session time-out.
const HARMLESS: Duration = Duration::from_secs(5);

/// The machine's clock, in epoch milliseconds.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// What time it is, for a batch.
pub(crate) fn now() -> Now {
    Now { instant: Instant::now(), epoch_ms: now_ms() }
}

/// Ends when the clock was set back by more than is harmless; says by how much.
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
