//! A Kafka that asks who its clients are (`stack/secure`): the engine under every mechanism with exactly the rights that
//! docs/operations.md lists, and what is said when a way in is closed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use weir::config::Properties;
use weir::kafka::{Cluster, partitions};
use weir::outbox::{Tail, Wanted, tail};

use weir_testkit::pipeline::engine::Words;
use weir_testkit::stack::root;
use weir_testkit::wait::{self, Fair};

const SOON: Duration = weir_testkit::wait::STILL;

/// A broker of `stack/secure`.
struct Secure {
    folder: tempfile::TempDir,
    env: BTreeMap<String, String>,
}

static SHARED: Mutex<Weak<Secure>> = Mutex::new(Weak::new());

impl Secure {
    fn up() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let secure = Arc::new(Self::start());
            *shared = Arc::downgrade(&secure);
            secure
        })
    }

    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(root().join("stack/secure")).arg(folder.path().join("stack")).output().unwrap();
        assert!(output.status.success(), "stack/secure: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let env = text.lines().filter_map(|line| line.split_once('='));
        let secure = Self { folder, env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect() };
        // As docs/operations.md lists them, for both principals; the reader of letters has but one.
        let both = ["--allow-principal", "User:weir", "--allow-principal", "User:CN=weir"];
        let on = ["--resource-pattern-type", "prefixed"];
        secure.allow(&[&both[..], &["--operation", "Read", "--topic", "stream", "--group", "group"], &on].concat());
        let write = ["--operation", "Write", "--topic", "letters", "--transactional-id", "weir-"];
        secure.allow(&[&both[..], &write, &on].concat());
        secure.allow(&[&both[..], &["--operation", "DescribeConfigs", "--topic", "letters"], &on].concat());
        let alerts = ["--operation", "Write", "--operation", "DescribeConfigs", "--topic", "alerts"];
        secure.allow(&[&both[..], &alerts, &on].concat());
        secure.allow(
            &[&["--allow-principal", "User:nobody", "--operation", "Read", "--topic", "letters"][..], &on].concat(),
        );
        secure
    }

    fn allow(&self, what: &[&str]) {
        self.rights(&[&["--add"][..], what].concat());
    }

    fn rights(&self, what: &[&str]) {
        let mut tool = Command::new(root().join("stack/kafka"));
        tool.args(["AclCommand", "--bootstrap-server", self.at("ADMIN")]).args(what);
        let output = tool.output().unwrap();
        assert!(output.status.success(), "{what:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn at(&self, listener: &str) -> &str {
        &self.env[&format!("WEIR_SECURE_{listener}")]
    }

    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.at("TLS_DIR"))
    }

    fn client(&self) -> ClientConfig {
        ClientConfig::new().set("bootstrap.servers", self.at("ADMIN")).clone()
    }

    fn tls(&self) -> Properties {
        properties(&[("security.protocol", "SSL"), ("ssl.ca.location", &self.file("ca.crt"))])
    }

    fn sasl(&self, mechanism: &str, user: &str, password: &str) -> Properties {
        let ca = self.file("ca.crt");
        properties(&[
            ("security.protocol", "SASL_SSL"),
            ("ssl.ca.location", &ca),
            ("sasl.mechanism", mechanism),
            ("sasl.username", user),
            ("sasl.password", password),
        ])
    }

    /// `stream_NAME` with eight payments, one that is dirty and one that is high, and an empty `letters_NAME` and `alerts_NAME`.
    async fn topics(&self, name: &str) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().unwrap();
        let names = [format!("stream_{name}"), format!("letters_{name}"), format!("alerts_{name}")];
        let topics = names.each_ref().map(|name| NewTopic::new(name, 1, TopicReplication::Fixed(1)));
        for made in admin.create_topics(&topics, &AdminOptions::new()).await.unwrap() {
            made.unwrap();
        }
        let producer: BaseProducer = self.client().create().unwrap();
        for number in 0..10 {
            let amount = [1, -1, 300_000][usize::from(number == 7) + 2 * usize::from(number == 8)];
            let value = format!(r#"{{"event_time":"2026-01-01T00:00:00Z","type":"DEBIT","amount":{amount}}}"#);
            producer
                .send(BaseRecord::<(), _>::to(&names[0]).partition(0).payload(&value))
                .map_err(|(why, _)| why)
                .unwrap();
        }
        producer.flush(SOON).unwrap();
    }

    /// What is in `letters_NAME`, read with all rights.
    fn letters(&self, name: &str) -> Tail {
        let topic = format!("letters_{name}");
        tail(self.at("ADMIN"), &Properties::default(), &wanted(&topic)).unwrap()
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        let _ = Command::new(root().join("stack/down")).arg(self.folder.path().join("stack")).output();
    }
}

fn properties(set: &[(&str, &str)]) -> Properties {
    set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn wanted(topic: &str) -> Wanted<'_> {
    Wanted { topic, limit: 10, code: None, within: Duration::from_secs(10), text: 1_000, bytes: 1 << 20 }
}

/// An engine as a process of its own, ended with the test.
struct Running {
    engine: Child,
    folder: PathBuf,
}

/// Writes `weir.toml`, and the rules that it names, into a folder of that name.
fn configured(folder: &Path, name: &str, brokers: &str, properties: &Properties) -> PathBuf {
    let folder = folder.join(name);
    let rules = folder.join("rules.d");
    std::fs::create_dir_all(&rules).unwrap();
    std::fs::copy(root().join("rules.d/negative_amount.wasm"), rules.join("negative_amount.wasm")).unwrap();
    let properties: Vec<_> = properties.iter().map(|(name, value)| format!("{name:?} = {value:?}")).collect();
    let config = format!(
        r#"
            pipeline.name = "{name}"
            source = {{ brokers = "{brokers}", topic = "stream_{name}", group = "group_{name}", properties = {{ {} }} }}
            dead_letters.topic = "letters_{name}"
            record.fields.event_time = {{ kind = "timestamp", required = true }}
            record.fields.type = {{ kind = "text", required = true }}
            record.fields.amount = {{ kind = "decimal", scale = 2, required = true }}
            window = {{ group_by = ["type"], measures = {{ amount = ["sum"] }} }}
            sink.url = "sqlite://{}"
            rules.dir = "{}"
            checkpoint.interval = "200ms"
            engine.workers = 1
            admin.listen = "127.0.0.1:0"
            "#,
        properties.join(", "),
        folder.join("weir.db").display(),
        rules.display(),
    );
    std::fs::write(folder.join("weir.toml"), config).unwrap();
    folder
}

/// The same with alerts of high amounts.
fn alerting(folder: &Path, name: &str, brokers: &str, properties: &Properties) -> PathBuf {
    let folder = configured(folder, name, brokers, properties);
    std::fs::copy(root().join("rules.d/high_amount.wasm"), folder.join("rules.d/high_amount.wasm")).unwrap();
    let text = std::fs::read_to_string(folder.join("weir.toml")).unwrap();
    let alerts = format!("[alerts]\ntopic = \"alerts_{name}\"\ncodes = [\"HIGH_AMOUNT\"]\n");
    std::fs::write(folder.join("weir.toml"), format!("{text}\n{alerts}")).unwrap();
    folder
}

impl Running {
    fn start(folder: &Path, name: &str, brokers: &str, properties: &Properties) -> Self {
        Self::of(configured(folder, name, brokers, properties))
    }

    fn of(folder: PathBuf) -> Self {
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let mut weir = Command::new(env!("CARGO_BIN_EXE_weir"));
        weir.arg("run").arg(folder.join("weir.toml")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Self { engine: weir.spawn().unwrap(), folder }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// `GET /readyz`, until it is so.
    fn until_readyz(&self, what: &str, so: impl Fn(u16, &str) -> bool) -> String {
        wait::until_some(what, || {
            let log = self.log();
            let admin = log.lines().find_map(|line| line.split("admin=").nth(1)?.split_whitespace().next());
            let answer = admin.and_then(|admin| {
                let config = ureq::Agent::config_builder().http_status_as_error(false);
                let agent: ureq::Agent = config.timeout_global(Some(SOON)).build().into();
                let mut answer = agent.get(&format!("http://{admin}/readyz")).call().ok()?;
                Some((answer.status().as_u16(), answer.body_mut().read_to_string().ok()?))
            });
            let (status, said) = answer.unwrap_or_default();
            if so(status, &said) { Ok(said) } else { Err((status, Words::of(&log))) }
        })
    }

    /// Ends it in order.
    fn stop(mut self) {
        let pid = self.engine.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = self.engine.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.log());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.engine.kill();
        let _ = self.engine.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_judges_under_every_mechanism_with_exactly_the_rights_that_are_documented() {
    let secure = tokio::task::spawn_blocking(Secure::up).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut by_pem = secure.tls();
    by_pem.insert("ssl.certificate.location".into(), secure.file("client.crt"));
    by_pem.insert("ssl.key.location".into(), secure.file("client.key"));
    let mut by_p12 = secure.tls();
    by_p12.insert("ssl.keystore.location".into(), secure.file("client.p12"));
    by_p12.insert("ssl.keystore.password".into(), "passphrase".into());
    let ways = [
        ("tls", "TLS", secure.tls()),
        ("mtls_pem", "MTLS", by_pem),
        ("mtls_p12", "MTLS", by_p12),
        ("plain", "SASL", secure.sasl("PLAIN", "weir", "secret")),
        ("scram256", "SASL", secure.sasl("SCRAM-SHA-256", "weir", "secret")),
        ("scram512", "SASL", secure.sasl("SCRAM-SHA-512", "weir", "secret")),
    ];
    let mut running = Vec::new();
    for (name, listener, properties) in &ways {
        secure.topics(name).await;
        running.push((*name, Running::of(alerting(folder.path(), name, secure.at(listener), properties))));
    }
    for (name, engine) in running {
        let letters = tokio::task::block_in_place(|| {
            wait::until_some(&format!("{name} has a letter"), || {
                let found = secure.letters(name).letters;
                if found.is_empty() { Err(Words::of(&engine.log())) } else { Ok(found) }
            })
        });
        assert_eq!(letters.len(), 1, "{name}");
        assert_eq!(letters[0].header("weir.code"), "AMOUNT_NEGATIVE", "{name}");
        let alerts = format!("alerts_{name}");
        let alerts = tokio::task::block_in_place(|| {
            weir::outbox::tail_alerts(secure.at("ADMIN"), &Properties::default(), &wanted(&alerts)).unwrap().letters
        });
        // In the transaction of the letter.
        let alert = alerts[0].value.as_deref().unwrap_or_default();
        assert!(alerts.len() == 1 && alert.contains("\"offset\":8,"), "{name}: {alerts:?}");
        tokio::task::block_in_place(|| engine.stop());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_taken_away_is_named_with_the_command_that_gives_it_back() {
    let secure = tokio::task::spawn_blocking(Secure::up).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    secure.topics("rights").await;
    let nobody = ["--allow-principal", "User:nobody"];
    secure.allow(
        &[&nobody[..], &["--operation", "Read", "--topic", "stream_rights", "--group", "group_rights"]].concat(),
    );
    let write = ["--operation", "Write", "--topic", "letters_rights", "--transactional-id", "weir-rights-"];
    // A prefix is one of a topic's name, too.
    secure.allow(&[&nobody[..], &write, &["--resource-pattern-type", "prefixed"]].concat());
    let deny = ["--deny-principal", "User:nobody", "--operation", "Write", "--topic", "letters_rights"];
    secure.allow(&deny);
    let properties = secure.sasl("SCRAM-SHA-256", "nobody", "secret");
    let engine = Running::start(folder.path(), "rights", secure.at("SASL"), &properties);
    let named = |status: u16, said: &str| status == 503 && said.contains("does not let User:nobody Write on topic");
    let said = tokio::task::block_in_place(|| engine.until_readyz("the right is named", named));
    assert!(said.contains("kafka-acls.sh --bootstrap-server"), "{said}");
    assert!(said.contains("--operation Write --topic letters_rights"), "{said}");
    secure.rights(&[&["--remove", "--force"][..], &deny].concat());
    tokio::task::block_in_place(|| engine.until_readyz("it goes on by itself", |status, _| status == 200));
    let letters = tokio::task::block_in_place(|| secure.letters("rights")).letters;
    assert_eq!(letters.len(), 1);
    tokio::task::block_in_place(|| engine.stop());
}

/// `weir check --connect`: exit code and lines.
fn checked(folder: &Path) -> (Option<i32>, String) {
    let mut weir = Command::new(env!("CARGO_BIN_EXE_weir"));
    let output = weir.args(["check", "--connect"]).arg(folder.join("weir.toml")).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_before_the_start_names_each_right_that_is_missing_with_the_command_that_gives_it() {
    let secure = tokio::task::spawn_blocking(Secure::up).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    secure.topics("asked").await;
    let rights = |user: &str| {
        let folder = folder.path().join(user);
        let folder = configured(&folder, "asked", secure.at("SASL"), &secure.sasl("SCRAM-SHA-256", user, "secret"));
        tokio::task::block_in_place(|| checked(&folder))
    };
    let (code, said) = rights("weir");
    assert!(code == Some(0) && !said.contains("FAILED") && said.matches("\nok ").count() == 8, "{said}");

    let (code, said) = rights("nobody");
    assert!(
        code == Some(1) && said.contains("FAILED  source.topic: ") && said.contains("does not let this user see"),
        "{said}"
    );
    // It may see the topic by now, and do nothing else.
    secure.allow(&["--allow-principal", "User:nobody", "--operation", "Describe", "--topic", "stream_asked"]);
    let (code, said) = rights("nobody");
    assert_eq!((code, said.matches("FAILED").count()), (Some(1), 3), "{said}");
    for part in [
        "ok      source.topic: stream_asked has 1 partitions",
        "User:nobody --operation Read --topic stream_asked",
        "User:nobody --operation Read --group group_asked",
        "User:nobody --operation Write --transactional-id weir-asked- --resource-pattern-type prefixed",
        "ok      sink.url: the database answers",
    ] {
        assert!(said.contains(part), "{part:?} stands not in\n{said}");
    }
}

#[test]
fn a_way_in_that_is_closed_is_told_with_its_cause_at_once() {
    let secure = Secure::up();
    let mut foreign = secure.tls();
    foreign.insert("ssl.ca.location".into(), secure.file("foreign.crt"));
    let plain = Properties::default();
    let cases: [(&str, Properties, &[&str]); 8] = [
        ("EXPIRED", secure.tls(), &["out of date", "2020", "renew it"]),
        ("OTHER", secure.tls(), &["is for other.example", "--brokers"]),
        ("TLS", foreign, &["signed by \"weir test ca\"", "foreign.crt", "ssl.ca.location", "-X"]),
        ("TLS", plain, &["speaks TLS", "security.protocol is PLAINTEXT", "set it to SSL"]),
        ("ADMIN", secure.tls(), &["does not speak TLS", "security.protocol is SSL"]),
        ("MTLS", secure.tls(), &["wants a client's certificate", "ssl.certificate.location"]),
        (
            "SASL",
            secure.sasl("PLAIN", "weir", "guessed"),
            &["refused the user or the password (PLAIN)", "sasl.password"],
        ),
        (
            "SASL",
            secure.sasl("SCRAM-SHA-512", "weir", "guessed"),
            &["refused the user or the password", "SCRAM-SHA-512"],
        ),
    ];
    for (listener, properties, parts) in cases {
        let cluster = Cluster { brokers: secure.at(listener), properties: &properties, keys: ("--brokers", "-X") };
        let began = Fair::start();
        let said = partitions(cluster, "--topic", "stream_none").unwrap_err().to_string();
        let took = began.elapsed();
        assert!(parts.iter().all(|part| said.contains(part)), "{listener}: not all of {parts:?} in: {said}");
        assert!(took < Duration::from_secs(6), "{listener}: {took:?} for what waiting does not fix: {said}");
        assert!(!said.contains("guessed"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_are_listed_with_the_right_to_read_their_topic_and_no_other() {
    let secure = tokio::task::spawn_blocking(Secure::up).await.unwrap();
    secure.topics("listed").await;
    let producer: BaseProducer = secure.client().create().unwrap();
    producer.send(BaseRecord::<(), _>::to("letters_listed").payload("{}")).map_err(|(why, _)| why).unwrap();
    producer.flush(SOON).unwrap();
    let properties = secure.sasl("SCRAM-SHA-256", "nobody", "secret");
    let read = tokio::task::block_in_place(|| tail(secure.at("SASL"), &properties, &wanted("letters_listed")));
    let read = read.expect("no right to a group is needed");
    assert!(read.complete && read.letters.len() == 1, "{read:?}");
    let refused = tokio::task::block_in_place(|| tail(secure.at("SASL"), &properties, &wanted("stream_listed")));
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("stream_listed") && said.contains("uthorization"), "{said}");
}
