//! The campaign: from a seed, faults upon faults for some minutes, then peace until all is committed, then the oracle.

use std::process::Child;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::campaign_log::CampaignLog;
use crate::disk::Disk;
use crate::faults::Fault;
use crate::fleet::Fleet;
use crate::flow::{Flow, is_blocked};
use crate::report::report;
use crate::services::{How, Service};
use crate::swaps::Publisher;
use crate::tricks::Tricks;
use crate::{alone, locks};
use weir_testkit::oracle::{Compared, all_is_exact};
use weir_testkit::pipeline::{PAYSIM, RULES, TestPipeline};
use weir_testkit::stack::Stack;
use weir_testkit::wait::STILL;

const PARTITIONS: i32 = 6;
const GROWN: i32 = 8;
/// The longest that no partition's offset may move in the end, when everything is there: the group's time-out, an open
/// transaction's and a breath.
const STUCK: Duration = STILL;

#[test]
fn nothing_is_lost_or_counted_twice_whatever_dies() {
    let _alone = alone();
    let days = || chrono::Utc::now().timestamp() as u64 / 86_400;
    let seed = setting("SEED").unwrap_or_else(days);
    let minutes = setting("MINUTES").unwrap_or(2);
    let rate = setting("RATE").unwrap_or(10_000);
    println!("SEED={seed} MINUTES={minutes} RATE={rate}");
    let began = Instant::now();
    let mut campaign = Campaign::new(seed, rate);
    campaign.faults(Duration::from_secs(60 * minutes));
    campaign.peace();
    let (campaign_log, compared) = campaign.judge();
    report(&campaign_log, &compared, (seed, minutes, rate), began.elapsed());
    let alerts = compared.alerts.expect("the pipeline has alerts");
    assert!(alerts.sent > 0, "no alert was compared: {alerts:?}");
    assert!(campaign_log.findings.is_empty(), "{}", campaign_log.findings.join("\n"));
    assert!(campaign_log.count(&["instance killed"]) >= 3 * minutes, "kills: {:?}", campaign_log.counts);
    if minutes >= 5 {
        let unmet = campaign_log.unmet();
        assert!(unmet.is_empty(), "what no engine met proves nothing: {unmet:?}");
        assert!(campaign_log.said("lost=true") > 0, "no partition was lost to a zombie");
        assert!(campaign_log.rule_changes > 0, "no rule was swapped");
        assert!(beyond(seed) == "wait" || alerts.not_sent > 0, "no checkpoint went beyond its budget: {alerts:?}");
    }
    campaign_log.all_is_well();
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|why| panic!("{name}={text}: {why}")))
}

/// `alerts.beyond`: a campaign of an even seed counts the flagged records beyond the budget, one of an odd seed waits.
fn beyond(seed: u64) -> &'static str {
    if seed.is_multiple_of(2) { "count" } else { "wait" }
}

struct Campaign {
    rng: ChaCha8Rng,
    // Before the stack: engines and producer end first.
    fleet: Fleet,
    flow: Option<Flow>,
    publisher: Publisher,
    /// Sessions on the database.
    sessions: Vec<Child>,
    database: Service,
    disk: Disk,
    broker: Service,
    redis: Service,
    tricks: Tricks,
    grown: bool,
    /// Of the fault that has just begun.
    alone: Duration,
    campaign_log: CampaignLog,
    pipeline: TestPipeline,
}

impl Campaign {
    fn new(seed: u64, rate: u64) -> Self {
        // Partitions move soon after a member is silent; new ones are seen soon.
        let quick = r#"properties = { "session.timeout.ms" = "3000", "heartbeat.interval.ms" = "500", "topic.metadata.refresh.interval.ms" = "5000" }"#;
        // A machine that is busy with other things must not look like a slow rule.
        let pipeline = TestPipeline::on(Arc::new(Stack::up()), "chaos", PAYSIM, &RULES)
            .with("properties = {}", quick)
            .with(r#"interval = "1s""#, r#"interval = "300ms""#)
            .with(r#"cache = { entries = 100_000, ttl = "60s" }"#, r#"cache = { entries = 5_000, ttl = "2s" }"#);
        // Small enough that checkpoints pass it, and large enough that one that waits keeps up with a rule that flags every record.
        let budget = if beyond(seed) == "count" { 5 } else { 500 };
        let pipeline = pipeline.with_alerts(budget, beyond(seed));
        for topic in [pipeline.topic(), pipeline.queue()] {
            pipeline.grow(&topic, PARTITIONS);
        }
        let disk = Disk::under(&pipeline.stack);
        locks::prepare(&pipeline);
        let flow = Some(Flow::start(&pipeline, seed, rate));
        let mut campaign = Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            fleet: Fleet::default(),
            flow,
            publisher: Publisher::default(),
            sessions: Vec::new(),
            database: Service::new("mysql"),
            disk,
            broker: Service::new("kafka"),
            redis: Service::new("redis"),
            tricks: Tricks::default(),
            grown: false,
            alone: Duration::ZERO,
            campaign_log: CampaignLog::new("chaos", seed),
            pipeline,
        };
        campaign.fleet.start_in(Duration::ZERO);
        campaign.fleet.start_in(Duration::ZERO);
        campaign
    }

    fn faults(&mut self, time: Duration) {
        let first = Instant::now() + STILL;
        while self.pipeline.position() == 0 {
            assert!(Instant::now() < first, "no record was judged: {}", self.campaign_log.folder.display());
            self.tick(false);
        }
        let admin = self.fleet.instances[0].admin;
        let said = self.publisher.good(admin);
        self.campaign_log.note(said);
        let (began, grow) = (Instant::now(), time.mul_f64(self.rng.random_range(0.3..0.6)));
        let mut next = began + Duration::from_secs(3);
        while began.elapsed() < time {
            self.tick(false);
            if !self.grown && began.elapsed() > grow && self.broker.is_up() {
                self.grow();
            }
            if Instant::now() >= next {
                // What no engine has met by then is tried until one has, in turn with the others, while records flow.
                let late = began.elapsed() > time / 2 && self.rng.random_bool(0.5) && self.flows();
                let unmet = if late { self.campaign_log.unmet() } else { Vec::new() };
                let fault = unmet.choose(&mut self.rng).copied().unwrap_or_else(|| Fault::draw(&mut self.rng));
                if let Some(alone) = self.begin(fault) {
                    next = Instant::now() + alone + Duration::from_millis(self.rng.random_range(200..2_500));
                }
            }
        }
    }

    /// Whether records may be on their way into the database.
    fn flows(&self) -> bool {
        let services = [&self.database, &self.broker, &self.redis];
        services.iter().all(|service| service.is_up()) && self.fleet.pick(0, true).is_some()
    }

    fn grow(&mut self) {
        self.pipeline.grow(&self.pipeline.topic(), GROWN);
        self.flow.as_ref().expect("it flows").widen(GROWN);
        self.grown = true;
        self.campaign_log.fault("partitions added", format!("{PARTITIONS} -> {GROWN}"));
    }

    /// How long no other fault may begin; None: it can't be now, another is drawn.
    fn begin(&mut self, fault: Fault) -> Option<Duration> {
        let (name, number) = (fault.name(), self.rng.random_range(0..100));
        let said = match fault {
            // Some die at their start, most at work.
            Fault::InstanceKilled => self.fleet.pick(number, number % 4 > 0).map(|at| {
                let again = self.millis(0, 3_000);
                self.fleet.start_in(again);
                format!("{}, another in {again:?}", self.fleet.kill(at))
            }),
            Fault::InstanceFrozen => self.fleet.pick(number, true).map(|at| {
                // Most wake when their partitions have moved.
                let time = self.millis(500, 9_000);
                format!("{} for {time:?}", self.fleet.freeze(at, time))
            }),
            Fault::InstanceAdded => (self.fleet.size() < 3).then(|| {
                self.fleet.start_in(Duration::ZERO);
                String::new()
            }),
            Fault::InstanceRemoved if self.fleet.size() > 2 => {
                self.fleet.pick(number, false).map(|at| self.fleet.end(at))
            }
            Fault::InstanceRemoved => None,
            Fault::DatabaseKilled | Fault::DatabasePaused | Fault::BrokerKilled | Fault::BrokerPaused => {
                self.take_away(fault)
            }
            Fault::RedisStopped | Fault::RedisKilled | Fault::RedisPaused => self.take_away(fault),
            Fault::ConnectionsCut | Fault::LocksHeld | Fault::Deadlock => self.session(fault),
            Fault::DiskFull => self.fill_disk(),
            Fault::RulesChanged | Fault::RuleTraps | Fault::SlowShadow => self.change(fault, number),
            Fault::RulesAway | Fault::SetBack | Fault::Readers => self.trick(fault, number),
        };
        self.campaign_log.fault(name, said?);
        Some(std::mem::take(&mut self.alone))
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.rng.random_range(from..to))
    }

    fn take_away(&mut self, fault: Fault) -> Option<String> {
        let how = match fault {
            Fault::DatabaseKilled | Fault::BrokerKilled | Fault::RedisKilled => How::Killed,
            Fault::RedisStopped => How::Stopped,
            _ => How::Paused,
        };
        let time = self.millis(500, 8_000);
        let service = match fault {
            Fault::DatabaseKilled | Fault::DatabasePaused => &mut self.database,
            Fault::BrokerKilled | Fault::BrokerPaused => &mut self.broker,
            _ => &mut self.redis,
        };
        // On a full disk it would not start.
        if !service.is_up() || matches!(fault, Fault::DatabaseKilled) && self.disk.is_full() {
            return None;
        }
        service.take_away(&self.pipeline, how, time);
        Some(format!("for {time:?}"))
    }

    fn session(&mut self, fault: Fault) -> Option<String> {
        if !self.database.is_up() {
            return None;
        }
        let (session, said) = match fault {
            Fault::ConnectionsCut => (locks::cut(&self.pipeline), String::new()),
            Fault::Deadlock => {
                let time = self.millis(400, 2_000);
                (locks::circle(&self.pipeline, time), format!("closed after {time:?}"))
            }
            _ => {
                // Beyond innodb_lock_wait_timeout of a checkpoint's connection, mostly.
                let time = self.millis(3_000, 12_000);
                let table = ["risk_stats", "weir_partition", "weir_outbox"][self.rng.random_range(0..3)];
                // A checkpoint meets them only if it lives so long.
                self.alone = time;
                (locks::hold(&self.pipeline, table, time), format!("{table} for {time:?}"))
            }
        };
        self.sessions.push(session);
        Some(said)
    }

    fn fill_disk(&mut self) -> Option<String> {
        if !self.database.is_up() || self.disk.is_full() {
            return None;
        }
        let time = self.millis(3_000, 9_000);
        self.alone = time;
        locks::give_back(&self.pipeline);
        self.disk.fill(time);
        self.sessions.push(locks::fill(&self.pipeline, time));
        Some(format!("for {time:?}"))
    }

    fn change(&mut self, fault: Fault, number: usize) -> Option<String> {
        if self.publisher.is_busy() {
            return None;
        }
        let admin = self.fleet.instances[self.fleet.pick(number, true)?].admin;
        Some(match fault {
            Fault::RuleTraps => self.publisher.trap(admin),
            Fault::SlowShadow => self.publisher.slow(admin),
            _ => self.publisher.change(admin, &mut self.rng),
        })
    }

    fn trick(&mut self, fault: Fault, number: usize) -> Option<String> {
        let time = self.millis(2_000, 9_000);
        match fault {
            Fault::RulesAway => self.tricks.take_rules(&self.pipeline, time),
            Fault::SetBack if self.database.is_up() && !self.disk.is_full() => {
                self.tricks.set_back(&self.pipeline, time)
            }
            Fault::SetBack => None,
            _ => {
                let admin = self.fleet.instances[self.fleet.pick(number, true)?].admin;
                self.tricks.read(admin, time)
            }
        }
    }

    /// A moment passes.
    fn tick(&mut self, at_once: bool) {
        for service in [&mut self.database, &mut self.broker, &mut self.redis] {
            service.tick(&self.pipeline, at_once, &mut self.campaign_log);
        }
        if self.disk.tick(at_once) {
            self.campaign_log.note("the disk has room again");
            self.sessions.push(locks::empty(&self.pipeline));
        }
        let database = self.database.is_up() && !self.disk.is_full();
        self.tricks.tick(&self.pipeline, (at_once, database), &mut self.campaign_log);
        self.fleet.tick(&self.pipeline, at_once, &mut self.campaign_log);
        if let Some(said) = self.publisher.came() {
            self.campaign_log.note(said);
        }
        let over = |session: &mut Child| session.try_wait().expect("it is ours").is_some();
        for session in self.sessions.extract_if(.., over) {
            let output = session.wait_with_output().expect("it is ours");
            let said = String::from_utf8_lossy(&output.stderr);
            self.campaign_log.note(format!("a session on the database ended: {} {}", output.status, said.trim()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }

    /// Everything is brought back, the flow ends, and what is left is judged and committed.
    fn peace(&mut self) {
        self.campaign_log.note("peace");
        while !(self.database.is_up() && self.broker.is_up() && self.redis.is_up())
            || self.disk.is_full()
            || self.publisher.is_busy()
            || !self.tricks.is_over()
        {
            self.tick(true);
        }
        let sent = self.flow.take().expect("it is stopped once").stop();
        self.campaign_log.note(format!("{sent} records were sent"));
        let consumer: BaseConsumer = self.pipeline.kafka().create().expect("a consumer");
        let (ends, mut moved, mut last) = (self.pipeline.ends(&consumer), Instant::now(), Vec::new());
        loop {
            let at = self.pipeline.committed(&consumer).unwrap_or_default();
            if at == ends {
                break;
            }
            if at != last {
                (moved, last) = (Instant::now(), at);
            }
            assert!(moved.elapsed() < STUCK, "stuck for {STUCK:?}: the group is at {last:?} of {ends:?}");
            for _ in 0..20 {
                self.tick(true);
            }
        }
        drop(consumer.unassign());
        self.campaign_log.note("all is committed");
    }

    /// For whoever looks into a difference.
    fn keep_tables(&self) {
        for table in ["weir_partition", "weir_activation", "weir_audit", "weir_rule_set", "risk_stats"] {
            let mut client = self.pipeline.client(&format!("weir_{}", self.pipeline.name));
            let rows = client.args(["-e", &format!("SELECT * FROM {table}")]).output().expect("the client starts");
            std::fs::write(self.campaign_log.folder.join(format!("{table}.tsv")), rows.stdout)
                .expect("the folder is writable");
        }
    }

    fn judge(mut self) -> (CampaignLog, Compared) {
        while self.fleet.instances.iter().any(|instance| !instance.is_running()) {
            self.tick(true);
        }
        let (refused, bad_ends) = (self.fleet.refused, self.fleet.bad_ends);
        println!("{refused} starts refused while something was away, {bad_ends} ends after SIGTERM with an error");
        std::mem::take(&mut self.fleet).stop();
        self.keep_tables();
        let compared = all_is_exact(&self.pipeline, &self.publisher.traps, is_blocked);
        self.campaign_log.rule_changes = *self.publisher.made.lock().expect("nobody panics with it");
        (self.campaign_log, compared)
    }
}
