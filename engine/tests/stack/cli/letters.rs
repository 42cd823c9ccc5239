//! `weir dead-letters list` against a real broker: letters far back, a time that runs out, a listener that asks for SASL.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use futures::executor::block_on;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;

use crate::cli::weir;
use weir_testkit::stack::port::free_port;
use weir_testkit::stack::{Stack, root, shared};

const WAIT: Duration = weir_testkit::wait::STILL;
const PARTITIONS: i32 = 2;

/// A topic of the test's own on the shared stack.
fn fresh_topic(stack: &Stack, name: &str) -> String {
    let topic = format!("{name}_{:06x}", rand::random_range(0..1 << 24));
    make_topic(stack.brokers(), &topic);
    topic
}

fn make_topic(brokers: &str, topic: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let topic = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1));
    for made in block_on(admin.create_topics([&topic], &AdminOptions::new())).unwrap() {
        made.unwrap();
    }
}

fn producer(brokers: &str, name: &str) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("transactional.id", name).set("linger.ms", "5");
    let producer: BaseProducer = config.create().unwrap();
    producer.init_transactions(WAIT).unwrap();
    producer
}

/// One transaction with a letter for each number, spread over the partitions by turns.
fn send(producer: &BaseProducer, topic: &str, code: &str, numbers: std::ops::Range<i32>) {
    for number in numbers {
        let offset = number.to_string();
        let own = [("weir.code", code), ("__dlq.errors.topic", "stream"), ("__dlq.errors.offset", &offset)];
        // A record that was a letter once carries a code already: the engine's is behind it.
        let headers = own.iter().fold(
            OwnedHeaders::new().insert(Header { key: "weir.code", value: Some("OLD") }),
            |headers, (key, value)| headers.insert(Header { key, value: Some(*value) }),
        );
        let record: BaseRecord<'_, str, str> =
            BaseRecord::to(topic).partition(number % PARTITIONS).headers(headers).payload("{}");
        producer.send(record).unwrap();
        producer.poll(Duration::ZERO);
    }
}

fn transaction(producer: &BaseProducer, topic: &str, code: &str, numbers: std::ops::Range<i32>) {
    producer.begin_transaction().unwrap();
    send(producer, topic, code, numbers);
    producer.commit_transaction(WAIT).unwrap();
}

fn ls(stack: &Stack, topic: &str, more: &[&str]) -> Output {
    weir(&[&["dead-letters", "list", "--json", "--brokers", stack.brokers(), "--topic", topic], more].concat())
}

/// The numbers of the letters that were listed.
fn numbers(output: &Output) -> Vec<i32> {
    let number = |line: &str| {
        let letter: Value = serde_json::from_str(line).unwrap();
        let headers = letter["headers"].as_array().unwrap().clone();
        let found = headers.iter().rfind(|header| header[0] == "__dlq.errors.offset").unwrap();
        found[1].as_str().unwrap().parse().unwrap()
    };
    std::str::from_utf8(&output.stdout).unwrap().lines().map(number).collect()
}

fn whole(output: &Output) -> Vec<i32> {
    assert!(output.status.success(), "{output:?}");
    let mut numbers = numbers(output);
    numbers.sort_unstable();
    numbers
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn letters_are_found_however_far_back_and_a_part_of_them_is_called_a_part() {
    let stack = shared();
    let far = &fresh_topic(&stack, "far");
    let producer = producer(stack.brokers(), far);
    transaction(&producer, far, "RARE", 0..6);
    for part in 0..20 {
        transaction(&producer, far, "COMMON", 6 + part * 3_000..6 + (part + 1) * 3_000);
    }
    // Newer by the clock than what is in the other partition.
    for number in 60_006..60_010 {
        std::thread::sleep(Duration::from_millis(5));
        transaction(&producer, far, "COMMON", number..number + 1);
    }
    let newest = [60_006, 60_007, 60_008, 60_009];

    assert_eq!(whole(&ls(&stack, far, &["--limit", "4"])), newest);
    let many = whole(&ls(&stack, far, &["--limit", "3000", "--code", "COMMON"]));
    assert!(many.len() == 3_000 && many.iter().all(|number| *number > 56_000) && many.ends_with(&newest), "{many:?}");
    assert_eq!(whole(&ls(&stack, far, &["--limit", "50", "--code", "RARE"])), (0..6).collect::<Vec<_>>());
    let two = whole(&ls(&stack, far, &["--limit", "2", "--code", "RARE"]));
    assert!(two.len() == 2 && two.iter().all(|number| *number < 6), "{two:?}");
    assert!(whole(&ls(&stack, far, &["--code", "OLD"])).is_empty(), "the source's own header is no code");
    assert!(whole(&ls(&stack, far, &["--limit", "0"])).is_empty());

    // What is aborted or not committed yet is no letter, and its end is no reason to wait.
    producer.begin_transaction().unwrap();
    send(&producer, far, "COMMON", 70_000..70_010);
    producer.flush(WAIT).unwrap();
    assert_eq!(whole(&ls(&stack, far, &["--limit", "4"])), newest);
    producer.abort_transaction(WAIT).unwrap();
    assert_eq!(whole(&ls(&stack, far, &["--limit", "4"])), newest);

    let part = ls(&stack, far, &["--limit", "50", "--code", "RARE", "--within", "1ms"]);
    assert_eq!(part.status.code(), Some(1), "{part:?}");
    assert!(said(&part).starts_with("weir: these are only a part: 1ms were over after "), "{}", said(&part));

    let none = ls(&stack, "nowhere", &[]);
    assert_eq!(none.status.code(), Some(1));
    assert!(said(&none).contains("topic \"nowhere\": "), "{}", said(&none));
}

#[test]
fn what_stands_in_a_record_moves_no_cursor() {
    let stack = shared();
    let topic = &fresh_topic(&stack, "rude");
    let producer = producer(stack.brokers(), topic);
    producer.begin_transaction().unwrap();
    let rude = "\u{1b}[2J\u{9b}31m\r\u{202e}gone";
    let headers = OwnedHeaders::new().insert(Header { key: "weir.code", value: Some(rude) });
    let headers = headers.insert(Header { key: "__dlq.errors.message", value: Some(rude) });
    producer.send(BaseRecord::to(topic).key(rude).payload(rude).headers(headers)).map_err(|(why, _)| why).unwrap();
    producer.commit_transaction(WAIT).unwrap();

    let table = weir(&["dead-letters", "list", "--brokers", stack.brokers(), "--topic", topic]);
    let json = ls(&stack, topic, &[]);
    for output in [&table, &json] {
        assert!(output.status.success(), "{output:?}");
        let text = std::str::from_utf8(&output.stdout).unwrap();
        assert!(
            text.contains("gone") && !text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'),
            "{text:?}"
        );
    }
    let letter: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((letter["key"].as_str(), letter["value"].as_str()), (Some(rude), Some(rude)), "as it was");
}

/// Adds a listener that asks for a name and a password to the stack's broker.
fn with_sasl(stack: &Stack) -> u16 {
    let port = free_port();
    let file = stack.folder().join("kafka/server.properties");
    let mut text = String::new();
    for line in std::fs::read_to_string(&file).unwrap().lines() {
        text += line;
        if line.starts_with("listeners=") || line.starts_with("advertised.listeners=") {
            text += &format!(",SASL_PLAINTEXT://127.0.0.1:{port}");
        }
        if line.starts_with("listener.security.protocol.map=") {
            text += ",SASL_PLAINTEXT:SASL_PLAINTEXT";
        }
        text += "\n";
    }
    text += "inter.broker.listener.name=PLAINTEXT\nsasl.enabled.mechanisms=PLAIN\n\
             listener.name.sasl_plaintext.plain.sasl.jaas.config=\
             org.apache.kafka.common.security.plain.PlainLoginModule required user_reader=\"pass\";\n";
    std::fs::write(&file, text).unwrap();
    for action in ["stop", "start"] {
        let done = Command::new(root().join("stack/service")).args([action, "kafka"]).arg(stack.folder()).output();
        let done = done.unwrap();
        assert!(done.status.success(), "{}", said(&done));
    }
    port
}

fn configuration(folder: &Path, brokers: &str, topic: &str, password: &str) -> String {
    let sasl = format!(
        "properties = {{ \"security.protocol\" = \"SASL_PLAINTEXT\", \"sasl.mechanism\" = \"PLAIN\", \"sasl.username\" = \
         \"reader\", \"sasl.password\" = \"{password}\" }}"
    );
    let text = include_str!("../../../../weir.toml")
        .replace("brokers = \"127.0.0.1:9092\"", &format!("brokers = \"{brokers}\"\n{sasl}"))
        .replace("topic = \"dead_letter_queue\"", &format!("topic = \"{topic}\""));
    let file = folder.join(format!("{password}.toml"));
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_broker_that_asks_for_sasl_is_read_with_the_configurations_properties_or_those_of_the_command_line() {
    // Its own, for its broker is changed.
    let stack = Stack::up();
    let brokers = format!("127.0.0.1:{}", with_sasl(&stack));
    make_topic(stack.brokers(), "secured");
    transaction(&producer(stack.brokers(), "secured"), "secured", "RARE", 0..3);
    let folder = tempfile::tempdir().unwrap();
    let ls = |arguments: &[&str]| weir(&[&["dead-letters", "list", "--json"], arguments].concat());

    let config = configuration(folder.path(), &brokers, "secured", "pass");
    assert_eq!(whole(&ls(&["--config", &config])), [0, 1, 2]);

    let wrong = configuration(folder.path(), &brokers, "secured", "guess");
    let refused = ls(&["--config", &wrong, "--within", "3s"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(said(&refused).contains("refused the user or the password (PLAIN)"), "{}", said(&refused));
    assert!(!said(&refused).contains("guess"), "{}", said(&refused));
    assert_eq!(whole(&ls(&["--config", &wrong, "-X", "sasl.password=pass"])), [0, 1, 2]);

    let sasl = ["-X", "security.protocol=SASL_PLAINTEXT", "-X", "sasl.mechanism=PLAIN"];
    let login = ["-X", "sasl.username=reader", "-X", "sasl.password=pass"];
    let place = ["--brokers", &brokers, "--topic", "secured"];
    assert_eq!(whole(&ls(&[&place[..], &sasl, &login].concat())), [0, 1, 2]);

    let csv = folder.path().join("one.csv");
    std::fs::write(&csv, "Time,Amount,Class\n0,1.00,0\n").unwrap();
    let mapping = root().join("mappings/creditcard.toml");
    let files = ["--mapping", mapping.to_str().unwrap(), csv.to_str().unwrap()];
    let sent = weir(&[&["produce"], &place[..], &sasl, &login, &files].concat());
    assert!(sent.status.success(), "{sent:?}");
}

#[test]
fn a_property_that_is_none_and_a_broker_that_is_not_there_are_one_clear_line() {
    let ls =
        |more: &[&str]| weir(&[&["dead-letters", "list", "--brokers", "127.0.0.1:1", "--within", "1s"], more].concat());
    let unknown = ls(&["-X", "sasl.mechanismus=PLAIN"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(said(&unknown).contains("sasl.mechanismus"), "{}", said(&unknown));
    assert_eq!(ls(&["-X", "nothing"]).status.code(), Some(2));
    for mechanism in [&[][..], &["-X", "sasl.mechanism=GSSAPI"]] {
        let lacking = ls(&[&["-X", "security.protocol=SASL_PLAINTEXT"], mechanism].concat());
        assert_eq!(lacking.status.code(), Some(1));
        let said = said(&lacking);
        assert!(said.starts_with("weir: Kafka client: ") && said.contains("write PLAIN, SCRAM-SHA-256"), "{said}");
    }
    let away = ls(&[]);
    assert_eq!(away.status.code(), Some(1));
    assert!(said(&away).starts_with("weir: no answer from Kafka at 127.0.0.1:1: "), "{}", said(&away));
    assert_eq!(weir(&["dead-letters", "list"]).status.code(), Some(2), "neither --brokers nor --config");
}

/// One transaction with an alert for each number.
fn alert(producer: &BaseProducer, topic: &str, numbers: std::ops::Range<i32>) {
    producer.begin_transaction().unwrap();
    for number in numbers {
        let value = format!(
            r#"{{"kind":"alert","source":{{"topic":"stream","partition":0,"offset":{number},"timestamp":1}},"revision":1,"hits":[{{"rule":"high","version":"1","sha256":"00","code":"HIGH"}}],"fields":{{}}}}"#
        );
        let record: BaseRecord<'_, str, str> = BaseRecord::to(topic).partition(number % PARTITIONS).payload(&value);
        producer.send(record).unwrap();
    }
    producer.commit_transaction(WAIT).unwrap();
}

fn tail(stack: &Stack, topic: &str, more: &[&str]) -> Output {
    weir(&[&["alerts", "tail", "--brokers", stack.brokers(), "--topic", topic], more].concat())
}

#[test]
fn alerts_of_a_time_that_was_over_are_called_a_part() {
    let stack = shared();
    let topic = &fresh_topic(&stack, "alerts");
    alert(&producer(stack.brokers(), topic), topic, 0..9);
    let all = tail(&stack, topic, &[]);
    let lines = String::from_utf8_lossy(&all.stdout).into_owned();
    assert!(all.status.success() && lines.lines().count() == 9 && lines.contains("stream-0@8  HIGH high"), "{all:?}");
    let part = tail(&stack, topic, &["--within", "0s"]);
    assert_eq!(part.status.code(), Some(1));
    assert!(said(&part).contains("these are only a part") && said(&part).contains("give --within more"), "{part:?}");
}

#[test]
fn a_tail_that_follows_shows_each_alert_as_soon_as_it_is_committed_and_once() {
    let stack = shared();
    let topic = &fresh_topic(&stack, "followed");
    let sends = producer(stack.brokers(), topic);
    alert(&sends, topic, 0..5);
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args([
        "alerts",
        "tail",
        "--json",
        "--follow",
        "--limit",
        "2",
        "--brokers",
        stack.brokers(),
        "--topic",
        topic,
    ]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let mut offsets = lines.map(|line| {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        line["alert"]["source"]["offset"].as_i64().unwrap()
    });
    let first: Vec<_> = offsets.by_ref().take(2).collect();
    for part in [5..7, 7..8, 8..11] {
        alert(&sends, topic, part.clone());
        let mut shown: Vec<_> = offsets.by_ref().take(part.len()).collect();
        shown.sort_unstable();
        assert_eq!(shown, part.map(i64::from).collect::<Vec<_>>(), "behind {first:?}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
