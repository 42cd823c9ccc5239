//! The group is rebalanced while the database is silent: it keeps its connections, takes new ones and answers nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::edges_store::bed::{Bed, SOON};
use weir_testkit::broker::member::Member;
use weir_testkit::pipeline::Way;
use weir_testkit::pipeline::api::{ask, flowing};
use weir_testkit::wait::Fair;

/// How long the group may wait for an instance: the heartbeat that tells it, `checkpoint.drain`, which is 2 s here, and
/// much for a busy machine. A statement waits for the database for 30 s.
const REBALANCED: Duration = Duration::from_secs(15);
/// From the database's return until all is judged, which is a matter of moments. Partitions that nobody takes when an abandoned
/// step ends are taken after 15 s, or never.
const JUDGED_AGAIN: Duration = Duration::from_secs(12);

/// The others of the stack need the database too, however this ends.
struct Silence<'w>(&'w Way);

impl<'w> Silence<'w> {
    fn of_the_database(way: &'w Way) -> Self {
        way.service("pause", "mysql");
        Self(way)
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        self.0.service("resume", "mysql");
    }
}

fn assignments(log: &Path) -> usize {
    std::fs::read_to_string(log).unwrap_or_default().matches(" assigned").count()
}

#[test]
fn a_rebalance_while_the_database_is_silent_waits_for_nobody_and_loses_nothing() {
    let mut bed = Bed::new("silent");
    bed.change("interval = \"200ms\"", "interval = \"200ms\"\ndrain = \"2s\"");
    bed.change("[admin]", "[engine]\nworkers = 1\n\n[admin]");
    let logs = ["run.log", "other.log"].map(|name| bed.folder.path().join(name));
    let mut one = bed.start();
    let (mut other, admin) = bed.start_beside(&logs[1]);
    // With nothing to judge the partitions are being taken when the group moves again. With a step inside a statement not
    // even that has begun: what was abandoned still has the producer.
    for in_a_step in [false, true] {
        bed.payments.send(400);
        let shared = || [bed.admin, admin].map(flowing) == [Some(2); 2];
        one.until("each has its share, and it flows", SOON, shared);
        bed.until_judged(&mut one);

        let locks = in_a_step.then(|| bed.holds("weir_partition"));
        if in_a_step {
            bed.payments.send(4_000);
            one.until("both have a step that waits", SOON, || [bed.admin, admin].iter().all(|admin| waits(*admin)));
        }
        let silence = Silence::of_the_database(&bed.way);
        if let Some(mut locks) = locks {
            locks.kill().unwrap();
            locks.wait().unwrap();
        }
        let before = logs.each_ref().map(|log| assignments(log));
        let all_were_assigned = |more| (0..2).all(|n| assignments(&logs[n]) >= before[n] + more);
        let joined = Instant::now();
        let member = Member::of(&bed);
        let has = || member.partitions() > 0 && all_were_assigned(1);
        one.until("a member that joined has its share, and so have the others", REBALANCED, has);
        let left = Instant::now();
        drop(member);
        one.until("what it left is assigned", REBALANCED, || all_were_assigned(2));
        other.runs();
        let rebalanced = (left - joined, left.elapsed());

        drop(silence);
        let back = Fair::start();
        bed.payments.send(400);
        bed.until_judged(&mut one);
        let took = back.elapsed();
        println!("in a step: {in_a_step}; joined and left in {rebalanced:?}, judged again after {took:?}");
        assert!(took < JUDGED_AGAIN, "{took:?} after the database went on");
        other.runs();
    }
    one.stop();
    other.stop();
    bed.is_exact();
}

/// Whether the instance says that its checkpoint does not get through.
fn waits(admin: u16) -> bool {
    ask(admin, "GET", "/readyz", "text/plain", b"")
        .is_some_and(|(status, said)| status == 503 && said.contains("a checkpoint does not get through"))
}
