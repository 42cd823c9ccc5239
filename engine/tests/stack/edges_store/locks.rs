//! Somebody else's session holds rows that a checkpoint writes for longer than the engine waits.

use std::process::{Child, Stdio};

use crate::edges_store::fixture::{Fixture, SOON};
use weir_testkit::wait;

/// Longer than `innodb_lock_wait_timeout` of the engine's sessions, which is 5 s.
const HELD: u32 = 12;

impl Fixture {
    /// Holds every row of the table; returns when it has them.
    pub(crate) fn holds(&self, table: &str) -> Child {
        let (name, mark) = (format!("weir_{}", self.name), self.folder.path().join("held"));
        let _ = std::fs::remove_file(&mark);
        let sql = format!(
            "START TRANSACTION; SELECT COUNT(*) FROM {table} FOR UPDATE; \\! touch {}\nDO SLEEP({HELD}); ROLLBACK;",
            mark.display()
        );
        let mut client = self.client(&name);
        let mut session = client.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the client starts");
        std::io::Write::write_all(&mut session.stdin.take().expect("piped"), sql.as_bytes()).expect("it listens");
        wait::until(&format!("the rows of {table} are locked"), || mark.exists());
        session
    }
}

fn assignments(fixture: &Fixture) -> usize {
    fixture.log().matches("assigned").count()
}

fn hits(fixture: &Fixture) -> usize {
    fixture.log().matches("(1205); trying again").count()
}

#[test]
fn a_lock_wait_that_times_out_is_waited_for_and_counts_nothing_twice() {
    let mut fixture = Fixture::new("locked");
    // So that no second one joins meanwhile.
    fixture.change("[admin]", "[engine]\nworkers = 1\n\n[admin]");
    // Nor is it given up where the machine has no time for it.
    fixture.change(r#""session.timeout.ms" = "3000""#, r#""session.timeout.ms" = "30000""#);
    fixture.payments.send(600);
    let mut engine = fixture.start();
    fixture.until_judged(&mut engine);
    let before = assignments(&fixture);
    for table in ["risk_stats", "weir_partition"] {
        let so_far = hits(&fixture);
        let mut session = fixture.holds(table);
        fixture.payments.send(600);
        engine.until(&format!("the engine meets 1205 at {table}"), SOON, || hits(&fixture) > so_far);
        assert!(session.try_wait().unwrap().is_none(), "the lock was held all the time");
        assert!(session.wait().unwrap().success(), "the session that held the lock");
        fixture.until_judged(&mut engine);
    }
    engine.stop();
    assert_eq!(assignments(&fixture), before, "it kept its partitions: {}", fixture.log());
    fixture.is_exact();
}
