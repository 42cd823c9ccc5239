//! The group is rebalanced while the database is silent: it keeps its connections, takes new ones and answers nothing.

use std::path::Path;
use std::time::Duration;

use crate::edges_store::fixture::{Fixture, SOON};
use weir_testkit::broker::member::Member;
use weir_testkit::pipeline::api::{flowing, readyz};
use weir_testkit::stack::mariadb::MariaDb;
use weir_testkit::wait::Fair;

/// How long the group may wait for an instance: the heartbeat that tells it, `checkpoint.drain`, which is 2 s here, and
/// much for a busy machine. A statement waits for the database for 30 s.
const REBALANCED: Duration = Duration::from_secs(15);
/// From the database's return until all is judged, which is a matter of moments. Partitions that nobody takes when an abandoned
/// checkpoint ends are taken after 15 s, or never.
const JUDGED_AGAIN: Duration = Duration::from_secs(12);

fn assignments(log: &Path) -> usize {
    std::fs::read_to_string(log).unwrap_or_default().matches(" assigned").count()
}

#[test]
fn a_rebalance_while_the_database_is_silent_waits_for_nobody_and_loses_nothing() {
    let database = MariaDb::start();
    let mut fixture = Fixture::on(&database, "silent");
    fixture.change("interval = \"200ms\"", "interval = \"200ms\"\ndrain = \"2s\"");
    fixture.change("[admin]", "[engine]\nworkers = 1\n\n[admin]");
    let logs = ["run.log", "other.log"].map(|name| fixture.folder.path().join(name));
    let mut one = fixture.start();
    let (mut other, admin) = fixture.start_beside(&logs[1]);
    // With nothing to judge the partitions are being taken when the group moves again. With a checkpoint inside a statement
    // not even that has begun: what was abandoned still has the producer.
    for in_a_checkpoint in [false, true] {
        fixture.payments.send(400);
        let shared = || [fixture.admin, admin].map(flowing) == [Some(2); 2];
        one.until("each has its share, and it flows", SOON, shared);
        fixture.until_judged(&mut one);

        let locks = in_a_checkpoint.then(|| fixture.holds("weir_partition"));
        if in_a_checkpoint {
            fixture.payments.send(4_000);
            one.until("both have a checkpoint that waits", SOON, || {
                [fixture.admin, admin].iter().all(|admin| waits(*admin))
            });
        }
        database.pause();
        if let Some(mut locks) = locks {
            locks.kill().unwrap();
            locks.wait().unwrap();
        }
        let before = logs.each_ref().map(|log| assignments(log));
        let all_were_assigned = |more| (0..2).all(|n| assignments(&logs[n]) >= before[n] + more);
        let member = Member::of(&fixture);
        let has = || member.partitions() > 0 && all_were_assigned(1);
        one.within("a member that joined has its share, and so have the others", REBALANCED, has);
        drop(member);
        one.within("what it left is assigned", REBALANCED, || all_were_assigned(2));
        other.runs();

        database.resume();
        let back = Fair::start();
        fixture.payments.send(400);
        fixture.until_judged(&mut one);
        let took = back.elapsed();
        println!("in a checkpoint: {in_a_checkpoint}; judged again after {took:?}");
        assert!(took < JUDGED_AGAIN, "{took:?} after the database went on");
        other.runs();
    }
    one.stop();
    other.stop();
    fixture.is_exact();
}

/// Whether the instance says that its checkpoint does not get through.
fn waits(admin: u16) -> bool {
    let (status, said) = readyz(admin);
    status == 503 && said.contains("a checkpoint does not get through")
}
