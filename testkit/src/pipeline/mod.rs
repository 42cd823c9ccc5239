//! One pipeline of a test's own (topics, group, database, rules folder) on a stack that tests share, or on its own.

pub mod api;
pub mod engine;
pub mod generated;
pub mod refusal;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use engine::Engine;

use crate::oracle;
use crate::stack::port::free_port;
pub use crate::stack::{Stack, root, shared, weir};
use crate::wait;

/// PaySim's columns, five-second windows by `type`, the services of the stack.
pub const PAYSIM: &str = include_str!("paysim.toml");

/// The rules of this repository.
pub const RULES: [&str; 5] = ["balance_mismatch", "blocked_segment", "high_amount", "negative_amount", "self_transfer"];

/// A start, or the session of a member that was killed (10 s) and a start, and some for a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Prints a statement's rows as MariaDB's client does.
const SQLITE: &str = "import sqlite3, sys
for row in sqlite3.connect(sys.argv[1], timeout=60).execute(sys.argv[2]):
    print(*('NULL' if cell is None else cell for cell in row), sep='\\t')";

/// Where tests make databases.
pub struct Database {
    /// `mysql://USER:PASSWORD@HOST:PORT`
    pub url: String,
    /// A file of options with which MariaDB's client gets in.
    pub client: PathBuf,
}

/// One pipeline of a test: topics, group, database, rules folder, configuration and port are its own.
pub struct TestPipeline {
    /// Its name, with a random part.
    pub name: String,
    database: Database,
    /// Configuration, rules and logs.
    pub folder: tempfile::TempDir,
    /// The services.
    pub stack: Arc<Stack>,
    /// Port of the admin API.
    pub admin: u16,
}

/// What it printed; it must end well.
pub fn run(command: &mut Command) -> String {
    let output = command.output().expect("the command starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

impl TestPipeline {
    /// On the shared stack, with the configuration for PaySim's columns and the five rules in its folder.
    pub fn new(name: &str) -> Self {
        Self::on(shared(), name, PAYSIM, &RULES)
    }

    /// On this stack, with this configuration and these rules of the repository.
    pub fn on(stack: Arc<Stack>, name: &str, config: &str, rules: &[&str]) -> Self {
        let url = stack.mysql().strip_suffix("/weir").expect("the database weir").to_owned();
        let database = Database { url, client: stack.folder().join("mysql/client.cnf") };
        Self::on_database(stack, database, name, config, rules)
    }

    /// The same with its database on another server.
    pub fn on_database(stack: Arc<Stack>, database: Database, name: &str, config: &str, rules: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let admin = free_port();
        // Of the same name in another test, or in another run on the same stack, stays apart.
        let name = format!("{name}_{:06x}", rand::random_range(0..1 << 24));
        let pipeline = Self { name, database, folder, stack, admin };
        pipeline.make_topic(&pipeline.topic(), &[]);
        pipeline.make_topic(&pipeline.queue(), &[("max.message.bytes", "200000")]);
        run(pipeline.client("weir").args(["-e", &format!("CREATE DATABASE weir_{}", pipeline.name)]));
        std::fs::create_dir(pipeline.rules()).expect("the folder is writable");
        for rule in rules {
            std::fs::write(pipeline.rules().join(format!("{rule}.wasm")), module(rule))
                .expect("the folder is writable");
        }
        std::fs::write(pipeline.config(), config).expect("the folder is writable");
        pipeline
    }

    /// Changes the test's copy of the configuration.
    pub fn with(self, from: &str, to: &str) -> Self {
        std::fs::write(self.config(), self.changed(from, to)).expect("the folder is writable");
        self
    }

    /// With so many workers. One: no partition goes from one to the other while the test looks at it, as at the start of two.
    pub fn with_workers(self, workers: usize) -> Self {
        self.with("[window]", &format!("[engine]\nworkers = {workers}\n\n[window]"))
    }

    /// With alerts of `HIGH_AMOUNT` and `SELF_TRANSFER`, and a topic of four partitions for them. `beyond`: `count` or `wait`.
    pub fn with_alerts(self, budget: u32, beyond: &str) -> Self {
        self.make_topic(&self.alerts(), &[("max.message.bytes", "200000")]);
        let codes = oracle::alerts::CODES;
        let table = format!(
            "[alerts]\ntopic = \"{}\"\ncodes = {codes:?}\nfields = [\"name_orig\", \"amount\", \"name_dest\", \"customer.segment\"]\n\
             budget = {budget}\nbeyond = \"{beyond}\"\n\n[record]\n",
            self.alerts()
        );
        self.with("[record]\n", &table)
    }

    /// What becomes of alerts beyond the budget; None: there are no alerts.
    pub fn beyond(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.config()).expect("the configuration");
        let (_, after) = text.split_once("\nbeyond = \"")?;
        after.split_once('"').map(|(beyond, _)| beyond.to_owned())
    }

    /// The configuration with one thing changed, which must be in it.
    pub fn changed(&self, from: &str, to: &str) -> String {
        let text = std::fs::read_to_string(self.config()).expect("the configuration");
        assert!(text.contains(from), "{from:?} stands in the configuration");
        text.replace(from, to)
    }

    /// The test's copy of the configuration.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("weir.toml")
    }

    /// The rules folder.
    pub fn rules(&self) -> PathBuf {
        self.folder.path().join("rules.d")
    }

    /// The source topic.
    pub fn topic(&self) -> String {
        format!("stream_{}", self.name)
    }

    /// The topic of dead letters.
    pub fn queue(&self) -> String {
        format!("letters_{}", self.name)
    }

    /// The topic of alerts, where the pipeline has some.
    pub fn alerts(&self) -> String {
        format!("alerts_{}", self.name)
    }

    /// The consumer group.
    pub fn group(&self) -> String {
        format!("group-{}", self.name)
    }

    /// The database.
    pub fn url(&self) -> String {
        format!("{}/weir_{}", self.database.url, self.name)
    }

    /// `weir run` on a configuration, with the environment that it names.
    pub fn running(&self, config: &Path) -> Command {
        self.command("run", config)
    }

    /// Another command on a configuration, with the same environment.
    pub fn command(&self, verb: &str, config: &Path) -> Command {
        let mut command = weir();
        command.arg(verb).arg(config).envs([
            ("WEIR_NAME", self.name.clone()),
            ("WEIR_BROKERS", self.stack.brokers().to_owned()),
            ("WEIR_TOPIC", self.topic()),
            ("WEIR_GROUP", self.group()),
            ("WEIR_QUEUE", self.queue()),
            ("WEIR_REDIS_URL", self.stack.redis().to_owned()),
            ("WEIR_SINK", self.url()),
            ("WEIR_RULES_DIR", self.rules().display().to_string()),
            ("WEIR_LISTEN", format!("127.0.0.1:{}", self.admin)),
        ]);
        command
    }

    /// Starts `weir run`; the log is `run.log` in the folder.
    pub fn start(&self) -> Engine {
        Engine::start(self.running(&self.config()), self.folder.path().join("run.log"))
    }

    /// An instance of the pipeline beside the others: its own port, which it returns, and log.
    pub fn start_beside(&self, log: &Path) -> (Engine, u16) {
        let admin = free_port();
        let mut command = self.running(&self.config());
        command.env("WEIR_LISTEN", format!("127.0.0.1:{admin}")).env("NO_COLOR", "1");
        (Engine::start(command, log.to_owned()), admin)
    }

    /// Until `/readyz` says 200, which has to be soon: whoever waits for an engine that was started, or for a service that is back,
    /// waits for seconds.
    pub fn until_ready(&self, engine: &mut Engine) {
        engine.within("/readyz says 200", READY_WITHIN, || self.is_ready());
    }

    /// Until `/readyz` says 503 with all of these texts; what it said.
    pub fn until_readyz_says(&self, engine: &mut Engine, parts: &[&str]) -> String {
        let mut last = String::new();
        engine.until(&format!("/readyz says {parts:?}"), Duration::from_secs(60), || {
            let (status, said) = self.readyz();
            last = said;
            status == 503 && parts.iter().all(|part| last.contains(part))
        });
        last
    }

    /// Until the group's committed offsets are the ends of the topic. Ends in failure when they have not moved for long.
    pub fn until_all_is_committed(&self, engine: &mut Engine, _usual: Duration) {
        let consumer: BaseConsumer = self.kafka().create().expect("a consumer");
        wait::until_some("the group's offsets are at the end of the topic", || {
            engine.runs();
            let (committed, ends) = (self.committed(&consumer), self.ends(&consumer));
            if committed.as_ref() == Some(&ends) { Ok(()) } else { Err((committed, ends)) }
        });
        drop(consumer.unassign());
    }

    /// `stop`, `start`, `pause` or `resume` of a service of the stack.
    ///
    /// # Panics
    /// Where other tests use the stack.
    pub fn service(&self, action: &str, service: &str) {
        assert!(!self.stack.is_shared(), "others need {service}: a test that takes it away has a stack of its own");
        run(Command::new(root().join("stack/service")).args([action, service]).arg(self.stack.folder()));
    }

    /// Runs a command of Redis; what it printed.
    pub fn redis(&self, arguments: &[&str]) -> String {
        let port = self.stack.redis().rsplit(':').next().expect("a port").to_owned();
        run(Command::new("redis-cli").args(["-p", &port]).args(arguments))
    }

    /// Puts a customer into the segment that `blocked_segment` rejects, for this pipeline alone: others share the Redis.
    pub fn blocks(&self, customer: &str) {
        self.redis(&["hset", &format!("{}:customer:{customer}", self.name), "segment", "blocked"]);
    }

    /// The client of MariaDB on this database, ready for `-e STATEMENTS`.
    pub fn client(&self, database: &str) -> Command {
        let mut command = Command::new("mariadb");
        let file = self.database.client.display();
        command.arg(format!("--defaults-extra-file={file}")).args(["-N", "-B", database]);
        command
    }

    /// Where the database is if the test's configuration says SQLite.
    pub fn sqlite(&self) -> PathBuf {
        self.folder.path().join("weir.db")
    }

    /// The rows of a statement on the test's database, each as its cells.
    pub fn sql(&self, statement: &str) -> Vec<Vec<String>> {
        let text = if self.sqlite().exists() {
            run(Command::new("python3").args(["-c", SQLITE]).arg(self.sqlite()).arg(statement))
        } else {
            run(self.client(&format!("weir_{}", self.name)).args(["-e", statement]))
        };
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }
}

impl TestPipeline {
    /// Sum of the next offsets of all partitions: how far the store is. 0: no engine of this pipeline got so far.
    pub fn position(&self) -> i64 {
        let here = match self.sqlite().exists() {
            true => "sqlite_master WHERE name = 'weir_partition'",
            false => "information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'weir_partition'",
        };
        let made = self.sql(&format!("SELECT COUNT(*) FROM {here}"));
        if made[0][0] == "0" {
            return 0;
        }
        self.sql("SELECT COALESCE(SUM(next_offset), 0) FROM weir_partition")[0][0].parse().expect("a number")
    }

    /// Sum of the ends of all partitions.
    pub fn end(&self) -> i64 {
        let consumer: BaseConsumer = self.kafka().create().expect("a consumer");
        self.ends(&consumer).iter().sum()
    }
}

/// A rule as `make rules` built it.
pub fn module(rule: &str) -> Vec<u8> {
    let from = root().join(format!("rules.d/{rule}.wasm"));
    std::fs::read(&from).unwrap_or_else(|why| panic!("{}: {why}: run `make rules` first", from.display()))
}

/// Another build of the same rule: an empty custom section changes its sha256 and nothing else.
pub fn another_build(rule: &str) -> Vec<u8> {
    let mut wasm = module(rule);
    wasm.extend([0, 5, 4, b'n', b'o', b't', b'e']);
    wasm
}
