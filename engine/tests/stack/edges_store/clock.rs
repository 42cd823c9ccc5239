//! The engine's wall clock jumps: event time decides windows, and pauses go by the clock that cannot jump.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::edges_store::fixture::{Fixture, SOON};
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::run;

const HOUR: i64 = 3_600;

impl Fixture {
    fn clock(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// So many seconds ahead of the machine's.
    fn clock_is(&self, ahead: i64) {
        // In one move: the engine may read it at any moment.
        let new = self.folder.path().join("clock.new");
        std::fs::write(&new, ahead.to_string()).expect("the folder is writable");
        std::fs::rename(new, self.clock()).expect("the folder is writable");
    }

    fn start_with_its_own_clock(&self) -> Engine {
        let library = self.folder.path().join("clock.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stack/edges_store/clock.c");
        run(Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", source, "-ldl", "-o"])
            .arg(&library));
        let mut command = self.running(&self.config());
        command.env("LD_PRELOAD", library).env("WEIR_TEST_CLOCK", self.clock());
        Engine::start(command, self.folder.path().join("run.log"))
    }
}

#[test]
fn a_clock_that_jumps_loses_and_doubles_nothing() {
    let mut fixture = Fixture::new("clock");
    fixture.change("group_by = [\"type\"]", "group_by = [\"type\"]\nmax_ahead = \"90m\"\nallowed_lateness = \"3h\"");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    fixture.payments.from = now - 120_000;
    fixture.clock_is(0);
    let mut engine = fixture.start_with_its_own_clock();
    // Forward, and back by what is harmless: it goes on.
    for ahead in [0, HOUR / 2, HOUR / 2 - 3] {
        fixture.clock_is(ahead);
        fixture.payments.send(800);
        fixture.until_judged(&mut engine);
    }
    // More than an hour ahead of the broker, which takes no letter from then.
    fixture.clock_is(1_000 * 24 * HOUR);
    fixture.payments.send(800);
    engine.until("the broker's refusal is in the log", SOON, || fixture.log().contains("Broker: Invalid timestamp"));
    // Not for long: an operator who sees what he did sets it right at once.
    std::thread::sleep(Duration::from_millis(700));
    // Back: it says so and ends, and whoever starts it again starts it where it was.
    for back in [0, -HOUR] {
        fixture.clock_is(back);
        fixture.payments.send(800);
        let status = engine.until_ended("the clock was set back");
        assert_eq!(status.code(), Some(1));
        assert!(engine.said().contains("clock was set back by"), "{}", engine.said());
        engine = fixture.start_with_its_own_clock();
        fixture.until_judged(&mut engine);
    }
    fixture.is_exact();
    engine.stop();

    // Beyond `max_ahead` today's payments are of the future, and letters say so; set right it goes on by itself.
    let (from, windows, dirty) =
        (fixture.payments.ends(), fixture.payments.windows.clone(), fixture.payments.dirty.len());
    fixture.clock_is(-3 * HOUR);
    let mut engine = fixture.start_with_its_own_clock();
    fixture.payments.send(400);
    fixture.until_judged(&mut engine);
    let ahead = 400 - (fixture.payments.dirty.len() - dirty);
    assert_eq!(fixture.metric("weir_dead_letters_total", "EVENT_TIME_AHEAD"), Some(ahead as f64));
    let to = fixture.payments.ends();
    fixture.payments.windows = windows;
    fixture.clock_is(0);
    fixture.payments.send(400);
    fixture.until_judged(&mut engine);
    engine.stop();
    fixture.windows_are("type", &fixture.payments.windows);
    let mut letters = fixture.payments.letters(|_| 1);
    letters.extend(from.iter().flat_map(|(partition, from)| (*from..to[partition]).map(|at| ((*partition, at), 1))));
    fixture.letters_come_to(&fixture.queue(), &letters);
}
