//! The scenario of one pipeline: started, dead, started again, while records flow; and the comparison at its end.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::fault_points::flow::{Flow, is_blocked};
use weir_testkit::oracle::all_is_exact;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::{PAYSIM, RULES, TestPipeline};
use weir_testkit::stack::Stack;
use weir_testkit::stack::port::free_port;
use weir_testkit::wait;

/// Each thing that is waited for, on a machine that does a lot besides.
pub(crate) const SOON: Duration = weir_testkit::wait::STILL;
/// After so long a dead member is given up. Whoever lives keeps its partitions, also while the broker answers in two seconds.
pub(crate) const SESSION: Duration = Duration::from_secs(3);
const SIGABRT: i32 = 6;

/// A point, and what it did: `crash`, `error`, `group`, `delay`.
pub(crate) type Hit = (String, String);

pub(crate) struct Scenario {
    pub(crate) pipeline: TestPipeline,
    flow: Flow,
    /// The window of each round and what was to fail in it.
    rounds: Vec<(i64, String)>,
    began: Instant,
}

impl Drop for Scenario {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let name = &self.pipeline.name;
            let rounds: Vec<_> = self.rounds.iter().map(|(window, points)| format!("  {window}: {points}")).collect();
            eprintln!("{name}: the windows of its rounds, and the points that were armed:\n{}", rounds.join("\n"));
        }
    }
}

impl Scenario {
    pub(crate) fn new(stack: Arc<Stack>, name: &str) -> Self {
        // One alert a checkpoint and partition: most have a summary too.
        Self::of(TestPipeline::on(stack, name, PAYSIM, &RULES).with_alerts(1, "count"), SESSION)
    }

    /// `session`: after so long a dead member is given up.
    pub(crate) fn of(pipeline: TestPipeline, session: Duration) -> Self {
        let session = session.as_millis();
        let quick = format!(r#"{{ "session.timeout.ms" = "{session}", "heartbeat.interval.ms" = "200" }}"#);
        // A machine that is busy must not look like a slow rule.
        let pipeline = pipeline
            .with("properties = {}", &format!("properties = {quick}"))
            .with(r#"interval = "1s""#, r#"interval = "200ms""#)
            .with_workers(1);
        let flow = Flow::start(&pipeline);
        Self { pipeline, flow, rounds: Vec::new(), began: Instant::now() }
    }

    /// Starts it with these points armed, as `FAILPOINTS` has them.
    pub(crate) fn start(&mut self, points: &str) -> Engine {
        self.start_at(self.pipeline.admin, points)
    }

    /// One more instance, with a port of its own.
    pub(crate) fn start_another(&mut self, points: &str) -> (Engine, u16) {
        let admin = free_port();
        (self.start_at(admin, points), admin)
    }

    fn start_at(&mut self, admin: u16, points: &str) -> Engine {
        self.rounds.push((self.flow.next_round(), points.to_owned()));
        let mut command = self.pipeline.running(&self.pipeline.config());
        command.env("FAILPOINTS", points).env("NO_COLOR", "1").env("WEIR_LISTEN", format!("127.0.0.1:{admin}"));
        Engine::start(command, self.pipeline.folder.path().join("run.log"))
    }

    /// Starts it, and it dies where it comes to this point first.
    pub(crate) fn dies_at(&mut self, point: &str) {
        self.dies(&format!("{point}=1*return(crash)"));
    }

    /// Starts it, and it dies at the point that is armed with `crash`.
    pub(crate) fn dies(&mut self, points: &str) {
        let before = self.crashes();
        let engine = self.start(points);
        self.is_dead(engine, points, before);
    }

    /// It dies by itself, at a point.
    pub(crate) fn is_dead(&self, mut engine: Engine, points: &str, crashes: usize) {
        let status = engine.until_ended(&format!("it dies of {points}"));
        let (died, by) = (self.crashes() - crashes, status.signal());
        assert!(by == Some(SIGABRT) && died == 1, "it was to die of {points}: {status}\n{}", engine.said());
    }

    pub(crate) fn crashes(&self) -> usize {
        self.told().iter().filter(|(_, told)| told == "crash").count()
    }

    /// What every point did, each time.
    pub(crate) fn told(&self) -> Vec<Hit> {
        let log = std::fs::read_to_string(self.pipeline.folder.path().join("run.log")).unwrap_or_default();
        let hit = |line: &str| {
            let (point, told) = line.strip_prefix("fault: ")?.split_once(' ')?;
            let told = if told.parse::<u64>().is_ok() { "delay" } else { told };
            Some((point.to_owned(), told.to_owned()))
        };
        log.lines().filter_map(hit).collect()
    }

    /// Until these points have done all that they are told to, each `point=N*off->1*return(…)->…`.
    pub(crate) fn until_hit(&self, engine: &mut Engine, points: &str) {
        let all: Vec<Hit> = points.split(';').flat_map(hits_of).collect();
        wait::until_some("all points are hit; these are not", || {
            engine.runs();
            let told = self.told();
            let missing: Vec<_> = all.iter().filter(|hit| !told.contains(hit)).cloned().collect();
            if missing.is_empty() { Ok(()) } else { Err(missing) }
        });
    }

    /// Until it has judged and committed something of its own.
    pub(crate) fn until_it_moves(&self, engine: &mut Engine) {
        let before = self.pipeline.position();
        engine.until("the position moves on", SOON, || self.pipeline.position() > before);
    }

    /// The flow ends, a last start finishes what is left, and everything is compared. Returns what was hit.
    pub(crate) fn ends_well(mut self) -> BTreeSet<Hit> {
        self.flow.stop();
        let mut engine = self.start("");
        self.pipeline.until_all_is_committed(&mut engine, SOON);
        engine.stop();
        let outbox = self.pipeline.sql("SELECT COUNT(*) FROM weir_outbox");
        assert_eq!(outbox[0][0], "0", "rows of the outbox after a clean stop");
        assert_eq!(self.pipeline.position(), self.pipeline.end(), "the store's position");
        let compared = all_is_exact(&self.pipeline, &BTreeSet::new(), is_blocked);
        let (told, starts) = (self.told(), self.rounds.len());
        let crashes = told.iter().filter(|(_, told)| told == "crash").count();
        println!(
            "{}: {:.0?}, {starts} starts, {} faults, {crashes} of them crashes; {} records, {} letters, {} windows, {:?} compared",
            self.pipeline.name,
            self.began.elapsed(),
            told.len(),
            compared.records,
            compared.letters,
            compared.windows,
            compared.alerts
        );
        told.into_iter().collect()
    }
}

/// What `point=2*off->1*return(error)->1*return(150)` does in the end.
fn hits_of(points: &str) -> Vec<Hit> {
    let (point, actions) = points.split_once('=').expect("point=actions");
    let told = actions.split("->").filter_map(|action| action.split_once("return(")?.1.strip_suffix(')'));
    let kind = |told: &str| if told.parse::<u64>().is_ok() { "delay".to_owned() } else { told.to_owned() };
    told.map(|told| (point.to_owned(), kind(told))).collect()
}
