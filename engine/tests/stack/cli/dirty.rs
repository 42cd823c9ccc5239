//! `weir produce` on files as they come: for each, how many rows a person counts before the line at which it stopped (or to the
//! end), how many of them are sent and refused, and how it ends. Against a real Kafka, whose topic is counted.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use weir_testkit::dirty_files::{Case, FIELDS, all, case, csv, gzip, half, uneven};
use weir_testkit::stack::Stack;
use weir_testkit::wait;

const WAIT: Duration = weir_testkit::wait::STILL;
/// Bytes of a batch that the topic of the dirty files takes.
const LIMIT: usize = 4_000;
/// Given as `--max-record`.
const MAX_ROW: usize = 10_000;

struct Fixture {
    stack: Stack,
    folder: tempfile::TempDir,
    consumer: BaseConsumer,
}

impl Fixture {
    fn new() -> Self {
        let (stack, mut config) = (Stack::up(), ClientConfig::new());
        let consumer = config.set("bootstrap.servers", stack.brokers()).set("group.id", "dirty").create().unwrap();
        Self { stack, folder: tempfile::tempdir().unwrap(), consumer }
    }

    fn make_topic(&self, topic: &str, limit: usize) {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", self.stack.brokers()).create().unwrap();
        let limit = limit.to_string();
        let topic = NewTopic::new(topic, 1, TopicReplication::Fixed(1)).set("max.message.bytes", &limit);
        for made in block_on(admin.create_topics([&topic], &AdminOptions::new())).unwrap() {
            made.unwrap();
        }
        // It is made before every broker knows of it.
        wait::until_some("the broker knows of it", || {
            self.consumer.fetch_watermarks(topic.name, 0, WAIT).map(drop).map_err(|why| why.to_string())
        });
    }

    fn count(&self, topic: &str) -> u64 {
        self.consumer.fetch_watermarks(topic, 0, WAIT).unwrap().1.try_into().unwrap()
    }

    fn values(&self, topic: &str) -> Vec<String> {
        let (consumer, count) = (&self.consumer, self.count(topic));
        let mut from = TopicPartitionList::new();
        from.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
        consumer.assign(&from).unwrap();
        let value = |_| {
            let message = consumer.poll(WAIT).expect("it is there").unwrap();
            std::str::from_utf8(message.payload().unwrap()).unwrap().to_owned()
        };
        (0..count).map(value).collect()
    }

    fn command(&self, topic: &str, mapping: &str, input: &Path) -> Command {
        let file = self.folder.path().join("mapping.toml");
        std::fs::write(&file, mapping).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        command
            .args(["produce", "--brokers", self.stack.brokers(), "--topic", topic, "--mapping"])
            .arg(file)
            .arg(input);
        command
    }

    fn run(&self, case: &Case, more: &[&str]) -> Output {
        let input = self.folder.path().join(case.file);
        std::fs::write(&input, &case.bytes).unwrap();
        let by_stdin = case.file.starts_with('-');
        let mut command = self.command("dirty", &case.mapping, if by_stdin { Path::new("-") } else { &input });
        if by_stdin {
            command.stdin(std::fs::File::open(&input).unwrap());
        }
        command.args(["--max-record", &MAX_ROW.to_string()]).args(more).output().unwrap()
    }
}

/// The figure that is before a text.
fn figure(said: &str, before: &str) -> u64 {
    let (head, _) = said.split_once(before).unwrap_or_else(|| panic!("{before:?} stands not in: {said}"));
    let digits = head.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap();
    digits.parse().unwrap_or_else(|_| panic!("no figure before {before:?}: {said}"))
}

fn holds(fixture: &Fixture, case: &Case) {
    let Case { what, sent, refused, stop, first, says, .. } = case;
    let before = fixture.count("dirty");
    let output = fixture.run(case, &["--skip-bad"]);
    let (out, said) =
        (String::from_utf8(output.stdout.clone()).unwrap(), String::from_utf8(output.stderr.clone()).unwrap());
    assert_eq!(fixture.count("dirty") - before, *sent, "{what}: in the topic; {said}");
    assert!(said.contains(says), "{what}: {says:?} stands not in: {said}");
    let told = match stop {
        None => {
            assert_eq!(output.status.code(), Some(0), "{what}: {said}");
            format!("{sent} records sent to dirty, {refused} bad lines skipped\n")
        }
        Some(line) => {
            assert_eq!(output.status.code(), Some(1), "{what}: {said}");
            assert!(said.contains(&format!(":{line}: ")), "{what}: {said}");
            format!(
                "(stopped at line {line}: {sent} records before it sent to dirty, {refused} bad lines skipped, none from it on)"
            )
        }
    };
    assert!((out + &said).contains(&told), "{what}: {told:?} stands not in: {said}");

    // Without the flag the first refused line ends it; a record that only the topic refuses is for the topic to find.
    if says.contains("max.message.bytes") {
        return;
    }
    let output = fixture.run(case, &["--dry-run"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(i32::from(first.is_some())), "{what}: {said}");
    if let Some(line) = first {
        assert!(said.contains(&format!("(stopped at line {line}: ")), "{what}: line {line} in: {said}");
    }
}

#[test]
fn of_any_file_what_is_sent_and_what_is_refused_are_the_rows_before_its_stop() {
    let fixture = Fixture::new();
    fixture.make_topic("dirty", LIMIT);
    let cases = all();
    assert!(cases.len() >= 30, "{}", cases.len());
    // All are tried, so that one fault is not hidden by another.
    let fails = |case: &&Case| catch_unwind(AssertUnwindSafe(|| holds(&fixture, case))).is_err();
    let failed: Vec<_> = cases.iter().filter(fails).map(|case| case.what).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let values = fixture.values("dirty");
    assert!(values.iter().all(|value| !value.contains(['\u{feff}', '\u{fffd}'])), "{values:?}");
    for wanted in [
        r#""name":"Grüße""#,
        r#""name":"say \"hi\"""#,
        r#""name":"a\nb""#,
        r#"{"amount":1234.56,"event_time":1796011200000,"name":"a"}"#,
        r#""event_time":1767319445000"#,
    ] {
        assert!(values.iter().any(|value| value.contains(wanted)), "{wanted} is not in {values:?}");
    }

    half_a_gzip_says_how_far_it_came(&fixture);
    a_row_too_large_names_its_line(&fixture);
    small_rows_go_to_a_topic_that_takes_less_than_a_batch(&fixture);
    a_broker_that_goes_away_leaves_a_figure_and_a_line(&fixture);
}

fn half_a_gzip_says_how_far_it_came(fixture: &Fixture) {
    let before = fixture.count("dirty");
    let case = case("half", "x.csv.gz", "", half(gzip(&csv(&uneven(20_000)))));
    let output = fixture.run(&case, &["--skip-bad"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("cut off"), "{said}");
    let (sent, line) = (figure(&said, " records before it sent"), figure(&said, ": the gzip input"));
    assert!(sent > 1_000 && line == sent + 2, "a header and {sent} rows stand before line {line}");
    assert_eq!(fixture.count("dirty") - before, sent);
}

fn a_row_too_large_names_its_line(fixture: &Fixture) {
    let before = fixture.count("dirty");
    let rows = csv(&format!("1,1,a\n2,1,b\n3,1,{}\n4,1,d\n", "x".repeat(LIMIT)));
    let output = fixture.run(&case("large", "x.csv", "", rows), &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("x.csv:4: ") && said.contains("takes 4000"), "{said}");
    assert!(said.contains("(stopped at line 4: 2 records before it sent to dirty, none from it on)"), "{said}");
    assert_eq!(fixture.count("dirty") - before, 2);
    // The greatest that fits does: 61 bytes of a batch, 11 of its record's lengths, what JSON adds, and the key once more.
    let names: Vec<String> = (1_850..1_990).map(|length| format!("1,1,{}\n", "y".repeat(length))).collect();
    let output = fixture.run(&case("limit", "x.csv", "", csv(&names.concat())), &["--skip-bad"]);
    let (out, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let (sent, refused) = (figure(&out, " records sent"), figure(&out, " bad lines"));
    assert!(output.status.success() && sent > 50 && refused > 5 && sent + refused == 140, "{out}{said}");
    let (_, bytes) = said.split_once("makes a batch of ").unwrap();
    assert!(bytes.starts_with("400"), "the first that is refused is barely too large: {said}");
}

fn small_rows_go_to_a_topic_that_takes_less_than_a_batch(fixture: &Fixture) {
    fixture.make_topic("small", 100_000);
    let input = fixture.folder.path().join("many.csv");
    std::fs::write(&input, csv(&uneven(20_000))).unwrap();
    let output = fixture.command("small", FIELDS, &input).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fixture.count("small"), 20_000);
}

fn a_broker_that_goes_away_leaves_a_figure_and_a_line(fixture: &Fixture) {
    fixture.make_topic("away", 1_000_000);
    let input = fixture.folder.path().join("slow.csv");
    std::fs::write(&input, csv(&uneven(20_000))).unwrap();
    let mut command = fixture.command("away", FIELDS, &input);
    command.args(["--rate", "500", "-X", "message.timeout.ms=3000"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    wait::until_some("records arrive", || {
        let count = fixture.count("away");
        if count < 300 { Err(count) } else { Ok(()) }
    });
    let kafka = fixture.stack.pid("kafka").to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &kafka]).status().unwrap().success());
    signal("-STOP");
    let output = child.wait_with_output().unwrap();
    signal("-CONT");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("slow.csv") && said.contains("bring Kafka back"), "{said}");
    let confirmed = figure(&said, " records are confirmed to be in away");
    let (_, line) = said.split_once("the first that is not is that of line ").unwrap();
    // One partition, so they are confirmed in order; the first row is on line 2.
    assert!(line.starts_with(&format!("{} ", confirmed + 2)), "{said}");
    assert!(confirmed >= 300 && confirmed <= fixture.count("away"), "{said}");
}
