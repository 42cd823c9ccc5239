//! Fault points: places with a name where a test has the engine die, fail or wait, told by the environment:
//!
//! ```text
//! FAILPOINTS="store.commit.answer=1*return(error);take.owned=2*off->1*return(crash)" weir run weir.toml
//! ```
//!
//! `crash` ends the process at once, as kill -9 would; `error` is what the step says when its service fails or its answer
//! is lost; `group` the same when the consumer group moved on; a number waits so many milliseconds. What a point was told
//! stands on stderr. Only builds of the tests have them: the crate `fail` leaves nothing of a point where its feature
//! `failpoints` is off, which a dev-dependency turns on.

use std::time::Duration;

use crate::model::store::StoreError;

/// All of them; `tests/chaos/fault_points` keeps it so, and lets each fail in every way that it can.
pub const POINTS: &[&str] = &[
    // The checkpoint's transaction in the database: before it, in it after each statement, and its COMMIT.
    "store.commit.before",
    "store.commit.begun",
    "store.commit.position",
    "store.commit.letters",
    "store.commit.activation",
    "store.commit.window",
    "store.commit.written",
    // COMMIT never came to the server, or its answer never came back.
    "store.commit.lost",
    "store.commit.answer",
    "store.outcome",
    // The tables, and what the pipeline ran with.
    "store.prepare.table",
    "store.prepare.created",
    "store.prepare.written",
    // The epoch is raised.
    "store.take.before",
    "store.take.raised",
    "store.take.written",
    "store.take.answer",
    // The first N of a partition.
    "store.begin.before",
    "store.begin.written",
    "store.begin.answer",
    // The outbox is cleared.
    "store.published.before",
    "store.published.marked",
    "store.published.written",
    "store.published.answer",
    // A revision of the rule set.
    "store.catalog.before",
    "store.catalog.current",
    "store.catalog.version",
    "store.catalog.entry",
    "store.catalog.written",
    "store.catalog.answer",
    "store.catalog.asked",
    // Around the two transactions.
    "checkpoint.cleared",
    "checkpoint.committed",
    "checkpoint.published",
    "checkpoint.doubt",
    // The transaction in Kafka.
    "letters.prepare",
    "letters.prepared",
    "letters.begin",
    "letters.begun",
    "letters.produce",
    "letters.produced",
    "letters.offsets",
    "letters.commit.answer",
    "letters.abort",
    // Taking partitions.
    "take.settled",
    "take.owned",
    "take.begun",
    "take.known",
    "take.replayed",
    "take.marked",
    "source.committed",
    "source.bounds",
    // What the group does to a worker.
    "worker.assigned",
    "worker.taken",
    "worker.reading",
    "worker.revoked",
    "worker.drained",
    "worker.released",
    "worker.stopping",
    // Rules into force.
    "catalog.started",
    "catalog.loaded",
    "catalog.stored",
    "catalog.installed",
    "catalog.taken",
    "catalog.directory.published",
    "catalog.directory.forgotten",
];

/// What a point was told to fail with.
#[derive(Debug, thiserror::Error)]
#[error("fault point {point} says {told}")]
pub struct Fault {
    point: &'static str,
    told: String,
}

impl Fault {
    /// Whether the group is to blame.
    pub(crate) fn is_of_the_group(&self) -> bool {
        self.told == "group"
    }
}

/// The service is away, and nothing was done.
impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::Unavailable(fault.to_string())
    }
}

/// Takes what `FAILPOINTS` says, in a build that has the points; held for as long as the process lives.
///
/// # Panics
/// If `FAILPOINTS` names a point that is not in the list.
pub fn arm() -> Option<impl Sized> {
    fail::has_failpoints().then(|| {
        let scenario = fail::FailScenario::setup();
        for (name, _) in fail::list() {
            assert!(POINTS.contains(&name.as_str()), "FAILPOINTS names {name:?}; the points are {POINTS:?}");
        }
        scenario
    })
}

/// A point where something can fail.
#[allow(unused_variables, reason = "nothing names it where the points are left out")]
pub(crate) fn at(point: &'static str) -> Result<(), Fault> {
    fail::fail_point!(point, |told| obey(point, told.unwrap_or_default()));
    Ok(())
}

/// A point where nothing can fail, but the process can die or be slow.
pub(crate) fn pass(point: &'static str) {
    if let Err(fault) = at(point) {
        panic!("{fault}, and nothing can fail there");
    }
}

#[allow(dead_code, reason = "nothing calls it where the points are left out")]
fn obey(point: &'static str, told: String) -> Result<(), Fault> {
    crate::telemetry::say(&format!("fault: {point} {told}"));
    if told == "crash" {
        std::process::abort();
    }
    match told.parse() {
        Ok(ms) => {
            std::thread::sleep(Duration::from_millis(ms));
            Ok(())
        }
        Err(_) => Err(Fault { point, told }),
    }
}
