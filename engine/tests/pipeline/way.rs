//! One pipeline of a test's own (topics, group, database, rules folder) on the stack that all tests share.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;

use crate::stack::{Stack, root};

pub(crate) const PARTITIONS: i32 = 4;
pub(crate) const ASK: Duration = Duration::from_secs(10);

static SHARED: Mutex<Weak<Stack>> = Mutex::new(Weak::new());
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The stack lives as long as a test has it or waits for its turn, so it starts once and is always ended.
fn shared() -> Arc<Stack> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let stack = Arc::new(Stack::up());
        *shared = Arc::downgrade(&stack);
        stack
    })
}

pub(crate) struct Way {
    pub(crate) name: String,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) stack: Arc<Stack>,
    pub(crate) admin: u16,
    pub(crate) truth: Value,
    _turn: MutexGuard<'static, ()>,
}

/// `weir run`; killed if the test ends before it does.
pub(crate) struct Engine {
    child: Child,
    log: PathBuf,
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Engine {
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is ours");
    }

    /// SIGTERM; it must end well by itself.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                assert!(status.success(), "after SIGTERM: {status}\n{}", self.said());
                return;
            }
            assert!(Instant::now() < end, "SIGTERM did not end it within 60 s\n{}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn runs(&mut self) {
        let ended = self.child.try_wait().expect("it is ours");
        assert!(ended.is_none(), "the engine ended: {ended:?}\n{}", self.said());
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

pub(crate) fn weir() -> Command {
    Command::new(env!("CARGO_BIN_EXE_weir"))
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the command starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

impl Way {
    pub(crate) fn new(name: &str, records: u32, seed: u32, properties: &str) -> Self {
        let stack = shared();
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let admin = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let (csv, truth) = (folder.path().join("r.csv"), folder.path().join("t.json"));
        run(weir().args(["generate", "--records", &records.to_string(), "--seed", &seed.to_string()]).args([
            &"--out".into(),
            &csv,
            &"--truth".into(),
            &truth,
        ]));
        let truth = serde_json::from_slice(&std::fs::read(&truth).expect("the truth")).expect("JSON");
        let way = Self { name: name.to_owned(), folder, stack, admin, truth, _turn: turn };
        way.make_topics();
        way.block_names();
        way.sql("weir", &format!("CREATE DATABASE weir_{name}"));
        way.copy_rules();
        std::fs::write(way.config(), way.configuration(properties)).expect("the folder is writable");
        way
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("weir.toml")
    }

    pub(crate) fn rules(&self) -> PathBuf {
        self.folder.path().join("rules.d")
    }

    pub(crate) fn topic(&self) -> String {
        format!("stream_{}", self.name)
    }

    pub(crate) fn queue(&self) -> String {
        format!("letters_{}", self.name)
    }

    pub(crate) fn kafka(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.stack.brokers()).set("group.id", format!("group-{}", self.name));
        config.set("isolation.level", "read_committed").set("enable.auto.commit", "false").clone()
    }

    fn make_topics(&self) {
        let admin: AdminClient<DefaultClientContext> = self.kafka().create().expect("an admin client");
        let names = [self.topic(), self.queue()];
        let topics = names.each_ref().map(|name| NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1)));
        let made = futures::executor::block_on(admin.create_topics(&topics, &AdminOptions::new()));
        for topic in made.expect("the broker answers") {
            topic.expect("the topic is new");
        }
    }

    fn block_names(&self) {
        let port = self.stack.redis().rsplit(':').next().expect("a port").to_owned();
        for name in self.truth["blocked_names"].as_array().expect("names") {
            let key = format!("customer:{}", name.as_str().expect("text"));
            run(Command::new("redis-cli").args(["-p", &port, "hset", &key, "segment", "blocked"]));
        }
    }

    fn copy_rules(&self) {
        std::fs::create_dir(self.rules()).expect("the folder is writable");
        for rule in ["balance_mismatch", "blocked_segment", "high_amount", "negative_amount", "self_transfer"] {
            let from = root().join(format!("rules.d/{rule}.wasm"));
            std::fs::copy(&from, self.rules().join(format!("{rule}.wasm")))
                .unwrap_or_else(|why| panic!("{}: {why}: run `make rules` first", from.display()));
        }
    }

    fn configuration(&self, properties: &str) -> String {
        let url = self.stack.mysql().strip_suffix("/weir").expect("the database weir");
        format!(
            include_str!("weir.toml.txt"),
            name = self.name,
            brokers = self.stack.brokers(),
            topic = self.topic(),
            queue = self.queue(),
            redis = self.stack.redis(),
            url = url,
            rules = self.rules().display(),
            admin = self.admin,
            properties = properties,
        )
    }

    /// `stop`, `start`, `pause` or `resume` of a service of the stack.
    pub(crate) fn service(&self, action: &str, service: &str) {
        run(Command::new(root().join("stack/service")).args([action, service]).arg(self.stack.folder()));
    }

    fn producing(&self) -> Command {
        let mut command = weir();
        command.arg("produce").arg(self.folder.path().join("r.csv")).args(["--brokers", self.stack.brokers()]);
        command.args(["--topic", &self.topic(), "--mapping"]).arg(root().join("mappings/paysim.toml"));
        command
    }

    pub(crate) fn produce(&self) {
        run(&mut self.producing());
    }

    pub(crate) fn produce_at(&self, rate: u32) -> Child {
        let mut command = self.producing();
        command.args(["--rate", &rate.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("weir starts")
    }

    /// One request to the admin API that must succeed; its answer.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&[u8]>, kind: &str) -> String {
        let input = self.folder.path().join("body");
        let mut command = Command::new("curl");
        command.args(["-sS", "--fail-with-body", "-m", "30", "-X", method]);
        if let Some(body) = body {
            std::fs::write(&input, body).expect("the folder is writable");
            let data = format!("@{}", input.display());
            command.args(["-H", &format!("content-type: {kind}"), "--data-binary", &data]);
        }
        let output = command.arg(format!("http://127.0.0.1:{}{path}", self.admin)).output().expect("curl starts");
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{method} {path}: {answer}{}", String::from_utf8_lossy(&output.stderr));
        answer
    }

    pub(crate) fn is_ready(&self) -> bool {
        let url = format!("http://127.0.0.1:{}/readyz", self.admin);
        let answer = Command::new("curl").args(["-sf", "-m", "5", &url]).output().expect("curl starts");
        answer.status.success()
    }

    pub(crate) fn until_ready(&self, engine: &mut Engine, within: Duration) {
        let end = Instant::now() + within;
        while !self.is_ready() {
            engine.runs();
            assert!(Instant::now() < end, "not ready within {within:?}\n{}", engine.said());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    pub(crate) fn start(&self) -> Engine {
        let log = self.folder.path().join("run.log");
        let file = std::fs::File::options().create(true).append(true).open(&log).expect("a log");
        let both = file.try_clone().expect("a handle");
        let mut command = weir();
        command.arg("run").arg(self.config()).stdin(Stdio::null()).stdout(file).stderr(both);
        Engine { child: command.spawn().expect("weir starts"), log }
    }

    pub(crate) fn until_all_is_committed(&self, engine: &mut Engine, within: Duration) {
        let consumer: BaseConsumer = self.kafka().create().expect("a consumer");
        let end = Instant::now() + within;
        loop {
            engine.runs();
            let mut list = TopicPartitionList::new();
            list.add_partition_range(&self.topic(), 0, PARTITIONS - 1);
            let committed = consumer
                .committed_offsets(list, ASK)
                .map(|list| list.elements().iter().map(|p| (p.partition(), p.offset())).collect::<Vec<_>>());
            let ends: Vec<_> = (0..PARTITIONS)
                .map(|p| (p, Offset::Offset(consumer.fetch_watermarks(&self.topic(), p, ASK).expect("its end").1)))
                .collect();
            if committed.as_ref().is_ok_and(|committed| *committed == ends) {
                return;
            }
            assert!(Instant::now() < end, "committed {committed:?}, ends {ends:?}\n{}", engine.said());
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    pub(crate) fn sql(&self, database: &str, statement: &str) -> String {
        let client = self.stack.folder().join("mysql/client.cnf");
        run(Command::new("mariadb")
            .arg(format!("--defaults-extra-file={}", client.display()))
            .args(["-N", "-B", database, "-e", statement]))
    }
}
