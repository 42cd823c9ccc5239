//! `weir produce` on files as they come: for each, how many rows a person counts before the line at which it stopped (or to the
//! end), how many of them are sent and refused, and how it ends. Against a real Kafka, whose topic is counted.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::stack::Stack;

const WAIT: Duration = Duration::from_secs(20);
/// Bytes of a batch that the topic of the dirty files takes.
const LIMIT: usize = 4_000;
/// Given as `--max-record`.
const MAX_ROW: usize = 10_000;

const FIELDS: &str = r#"
key = "name"
[fields]
event_time = { column = "ts", kind = "timestamp" }
amount = { column = "amount", kind = "decimal" }
name = { column = "name", kind = "text" }
"#;
const LOCAL: &str = r#"
delimiter = ";"
decimal = ","
key = "name"
[fields]
event_time = { column = "ts", kind = "timestamp", format = "%d.%m.%Y %H:%M", zone = "Europe/Berlin" }
amount = { column = "amount", kind = "decimal" }
name = { column = "name", kind = "text" }
"#;
const BLANKS: &str = r#"
format = "whitespace"
columns = ["ts", "amount", "name"]
"#;

/// A file and what is right for it with `--skip-bad`.
struct Case {
    what: &'static str,
    /// `-.csv`: by standard input.
    file: &'static str,
    mapping: String,
    bytes: Vec<u8>,
    sent: u64,
    refused: u64,
    /// The line at which it stops for good.
    stop: Option<u64>,
    /// The first line that is refused, which ends it without `--skip-bad`.
    first: Option<u64>,
    /// What is said of it.
    says: &'static str,
}

fn case(what: &'static str, file: &'static str, head: &str, bytes: impl Into<Vec<u8>>) -> Case {
    let mapping = format!("{head}{FIELDS}");
    Case { what, file, mapping, bytes: bytes.into(), sent: 0, refused: 0, stop: None, first: None, says: "" }
}

impl Case {
    fn sends(self, sent: u64) -> Self {
        Self { sent, ..self }
    }

    fn refuses(self, refused: u64, first: u64, says: &'static str) -> Self {
        Self { refused, first: Some(first), says, ..self }
    }

    /// Behind this line nothing is read; what is refused besides has been said before.
    fn stops(self, line: u64, says: &'static str) -> Self {
        Self { stop: Some(line), first: self.first.or(Some(line)), says, ..self }
    }

    fn mapped(self, mapping: &str) -> Self {
        Self { mapping: mapping.to_owned(), ..self }
    }
}

/// A header, then these rows.
fn csv(rows: &str) -> String {
    format!("ts,amount,name\n{rows}")
}

/// So many good rows, the first on line 2.
fn good(count: usize) -> String {
    (0..count).map(|row| format!("179599400000{row},1.00,c{row}\n")).collect()
}

fn json(name: &str) -> String {
    format!("{{\"ts\":1,\"amount\":1.00,\"name\":{name}}}\n")
}

fn utf16(text: &str, mark: bool) -> Vec<u8> {
    let mark = mark.then_some(0xfeff);
    mark.into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

fn half(bytes: Vec<u8>) -> Vec<u8> {
    bytes[..bytes.len() / 2].to_vec()
}

/// Rows that gzip can't make much smaller, so that half of the archive holds some.
fn uneven(count: u64) -> String {
    (0..count)
        .map(|row| format!("{},{}.00,c{}\n", row * 7_919 % 99_991, row * 104_729 % 9_973, row * row % 8_191))
        .collect()
}

fn quotes() -> Vec<Case> {
    vec![
        case("clean", "x.csv", "", csv(&good(3))).sends(3),
        case("a quote in the last cell that nothing closes", "x.csv", "", csv("1,1,a\n2,1,\"b\n3,1,c\n4,1,d\n"))
            .sends(1)
            .stops(3, "opens cell 3 in line 3 is not closed by the end"),
        case("a quote that the next quote closes too late", "x.csv", "", csv("1,1,a\n2,1,\"b\n3,1,\"c\"\n4,1,d\n"))
            .sends(1)
            .stops(3, "a quote opened in line 3"),
        case("two such", "x.csv", "", csv("1,1,a\n2,1,\"b\n3,1,\"c\n4,1,d\n")).sends(1).stops(3, "line 3"),
        case("a bad line before such", "x.csv", "", csv("1,1,a\nx,1,a\n2,1,\"b\n3,1,c\n"))
            .sends(1)
            .refuses(1, 3, "")
            .stops(4, "in line 4 is not closed"),
        case("more behind a quote than a row may have", "x.csv", "", csv(&format!("1,1,\"a\n{}", good(9).repeat(70))))
            .stops(2, "is not closed within 10000 bytes (--max-record)"),
        case("text behind a closing quote", "x.csv", "", csv("1,1,a\n2,1,\"PAY\"x\n3,1,c\n")).sends(2).refuses(
            1,
            3,
            "behind its closing quote",
        ),
        case("escapes that the mapping does not name", "x.csv", "", csv("1,1,\"say \\\"hi\\\"\"\n2,1,b\n"))
            .sends(1)
            .refuses(1, 2, "behind its closing quote"),
        case("escapes that go on over a line", "x.csv", "", csv("1,1,a\n1,1,\"say \\\"hi\n2,1,b\nthere\\\"\"\n"))
            .sends(1)
            .stops(3, "can't be told"),
        case(
            "escapes that it names",
            "x.csv",
            "escape = '\\'",
            csv("1,1,\"say \\\"hi\\\"\"\n2,1,b\\\\\n3,1,\"C:\\new\"\n"),
        )
        .sends(2)
        .refuses(1, 4, "an escape before `n`"),
        case("a quote in a plain cell", "x.csv", "", csv("1,1,5\" disk\n2,1,b\n")).sends(1).refuses(
            1,
            2,
            "a quote within cell 3",
        ),
        case("quotes that mean nothing", "x.csv", "quote = \"\"", csv("1,1,5\" disk\n2,1,\"b\n")).sends(2),
        case("another quote", "x.csv", "quote = \"'\"", csv("1,1,'a, b'\n2,1,\"b\n")).sends(2),
        case("cells over lines and doubled quotes", "x.csv", "", csv("1,1,\"a\nb\"\n2,1,\"\"\"b\"\"\"\n")).sends(2),
        case("a row over lines with a cell too many", "x.csv", "", csv("1,1,a\n2,1,\"b\n3,1\",c,d\n4,1,d\n"))
            .sends(1)
            .stops(3, "5 cells, expected 3"),
    ]
}

fn rows() -> Vec<Case> {
    vec![
        case("no line's end behind the last row", "x.csv", "", csv("1,1,a\n2,1,b")).sends(2),
        case("carriage returns", "x.csv", "", csv("1,1,a\n2,1,b\n").replace('\n', "\r\n")).sends(2),
        case("carriage returns alone", "x.csv", "", csv("1,1,a\n").replace('\n', "\r")).stops(1, "carriage return"),
        case("empty lines and lines of blanks", "x.csv", "", csv("\n1,1,a\n\n  \n2,1,b\n\n")).sends(2),
        case("ragged", "x.csv", "", csv("1,1\n2,1,b,c\n3,1,c\n")).sends(1).refuses(2, 2, "2 cells, expected 3"),
        case("NUL", "x.csv", "", csv("1,1,a\0b\n2,1,b\n")).sends(1).refuses(1, 2, "NUL"),
        case("nothing", "x.csv", "", "").stops(1, "the input is empty"),
        case("a header alone", "x.csv", "", csv("")),
        case("two columns of one name", "x.csv", "", "ts,amount,amount,name\n1,1,999,a\n")
            .stops(1, "\"amount\" stands twice"),
        case("two columns of a name that nobody asks for", "x.csv", "", "ts,,amount,,name\n1,,1,,a\n").sends(1),
        case("another delimiter", "x.csv", "", "ts;amount;name\n1;1;a\n").stops(1, "delimiter = \";\""),
        case("a row beyond the bound", "x.csv", "", csv(&format!("1,1,a\n2,1,{}\n3,1,c\n", "x".repeat(20_000))))
            .sends(2)
            .refuses(1, 3, "more than 10000 bytes"),
        case("commas, local times, a time that the clocks went past", "x.csv", "", "")
            .mapped(LOCAL)
            .rows("ts;amount;name\n30.11.2026 05:00;1234,56;a\n29.03.2026 02:30;1,00;b\n30.11.2026 05:00;1.234,56;c\n")
            .sends(1)
            .refuses(2, 3, "went past it"),
        case("RFC 3339 among numbers", "x.csv", "", csv("2026-01-02T03:04:05+01:00,1,a\n2026-01-02 03:04:05,1,b\n"))
            .sends(1)
            .refuses(1, 3, "it has no zone"),
    ]
}

impl Case {
    fn rows(self, text: &str) -> Self {
        Self { bytes: text.into(), ..self }
    }
}

fn texts() -> Vec<Case> {
    let words = "1 1 a\n2 1 b\n";
    vec![
        case("a mark before CSV", "x.csv", "", format!("\u{feff}{}", csv(&good(2)))).sends(2),
        case("a mark before JSON", "x.jsonl", "", format!("\u{feff}{}{}", json("\"a\""), json("\"b\""))).sends(2),
        case("a mark before words", "x.txt", BLANKS, format!("\u{feff}{words}")).sends(2),
        case("a mark where files were joined", "x.csv", "", csv("1,1,a\n\u{feff}2,1,b\n"))
            .sends(1)
            .refuses(1, 3, "joined"),
        case("UTF-16 with a mark", "x.csv", "", utf16(&csv("1,1,Grüße\n2,1,b\n"), true)).sends(2),
        case("UTF-16 without", "x.csv", "", utf16(&csv("1,1,a\n"), false)).stops(1, "encoding = \"utf-16le\""),
        case("UTF-16 that is named", "x.csv", "encoding = \"utf-16le\"", utf16(&csv("1,1,a\n"), false)).sends(1),
        case("half of a character", "x.csv", "encoding = \"utf-16le\"", {
            let mut bytes = utf16(&csv("1,1,a\n2,1,b"), true);
            bytes.extend([0x00, 0xd8, b'\n', 0, b'3', 0, b',', 0, b'1', 0, b',', 0, b'c', 0]);
            bytes
        })
        .sends(2)
        .refuses(1, 3, "invalid UTF-16LE"),
        case("Latin-1", "x.csv", "", b"ts,amount,name\n1,1,Gr\xfc\xdfe\n2,1,b\n".to_vec()).sends(1).refuses(
            1,
            2,
            "invalid UTF-8",
        ),
        case(
            "Latin-1 that is named",
            "x.csv",
            "encoding = \"windows-1252\"",
            b"ts,amount,name\n1,1,Gr\xfc\xdfe\n".to_vec(),
        )
        .sends(1),
        case("gzip", "x.csv.gz", "", gzip(&csv(&good(3)))).sends(3),
        case("two gzips, one behind the other", "x.csv.gz", "", [gzip(&csv(&good(2))), gzip(&good(2))].concat())
            .sends(4),
        case("gzip by standard input", "-.csv", "format = \"csv\"", gzip(&csv(&good(3)))).sends(3),
        case("standard input", "-.csv", "format = \"jsonl\"", json("\"a\"") + "\n" + &json("\"b\"")).sends(2),
        case("a zip archive", "x.csv", "", b"PK\x03\x04and more".to_vec()).stops(1, "zip archive"),
        case("a key twice", "x.jsonl", "", json("\"a\"") + "{\"ts\":1,\"amount\":1,\"amount\":999,\"name\":\"c\"}\n")
            .sends(1)
            .refuses(1, 2, "\"amount\" stands twice"),
        case("half of a surrogate", "x.jsonl", "", json("\"\\ud800\"") + &json("\"b\"")).sends(1).refuses(
            1,
            1,
            "is no text",
        ),
        case("an array over lines", "x.json", "", "[\n".to_owned() + &json("\"a\"") + "]\n")
            .sends(1)
            .refuses(2, 1, "jq -c"),
        case("Confluent's wire format", "x.jsonl", "", [b"\0\0\0\x04\xd2", json("\"a\"").as_bytes()].concat()).refuses(
            1,
            1,
            "schema id 1234",
        ),
        case(
            "a record beyond the topic's limit",
            "x.jsonl",
            "",
            json("\"a\"") + &json(&format!("\"{}\"", "x".repeat(4_000))) + &json("\"c\""),
        )
        .sends(2)
        .refuses(1, 2, "max.message.bytes"),
        case(
            "a line beyond the bound",
            "x.jsonl",
            "",
            json("\"a\"") + &json(&format!("\"{}\"", "x".repeat(20_000))) + &json("\"c\""),
        )
        .sends(2)
        .refuses(1, 2, "more than 10000 bytes"),
        case("words with one too few", "x.txt", BLANKS, "1 1\n\n2 1 b\n").sends(1).refuses(1, 1, "2 cells, expected 3"),
    ]
}

struct Bed {
    stack: Stack,
    folder: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        Self { stack: Stack::up(), folder: tempfile::tempdir().unwrap() }
    }

    fn make_topic(&self, topic: &str, limit: usize) {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", self.stack.brokers()).create().unwrap();
        let limit = limit.to_string();
        let topic = NewTopic::new(topic, 1, TopicReplication::Fixed(1)).set("max.message.bytes", &limit);
        for made in block_on(admin.create_topics([&topic], &AdminOptions::new())).unwrap() {
            made.unwrap();
        }
    }

    fn consumer(&self) -> BaseConsumer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.stack.brokers()).set("group.id", "dirty").create().unwrap()
    }

    fn count(&self, topic: &str) -> u64 {
        self.consumer().fetch_watermarks(topic, 0, WAIT).unwrap().1.try_into().unwrap()
    }

    fn values(&self, topic: &str) -> Vec<String> {
        let (consumer, count) = (self.consumer(), self.count(topic));
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

/// The figure that stands before a text.
fn figure(said: &str, before: &str) -> u64 {
    let (head, _) = said.split_once(before).unwrap_or_else(|| panic!("{before:?} stands not in: {said}"));
    let digits = head.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap();
    digits.parse().unwrap_or_else(|_| panic!("no figure before {before:?}: {said}"))
}

fn holds(bed: &Bed, case: &Case) {
    let Case { what, sent, refused, stop, first, says, .. } = case;
    let before = bed.count("dirty");
    let output = bed.run(case, &["--skip-bad"]);
    let (out, said) =
        (String::from_utf8(output.stdout.clone()).unwrap(), String::from_utf8(output.stderr.clone()).unwrap());
    assert_eq!(bed.count("dirty") - before, *sent, "{what}: in the topic; {said}");
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
    let output = bed.run(case, &["--dry-run"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(i32::from(first.is_some())), "{what}: {said}");
    if let Some(line) = first {
        assert!(said.contains(&format!("(stopped at line {line}: ")), "{what}: line {line} in: {said}");
    }
}

#[test]
fn of_any_file_what_is_sent_and_what_is_refused_are_the_rows_before_its_stop() {
    let bed = Bed::new();
    bed.make_topic("dirty", LIMIT);
    let cases: Vec<Case> = [quotes(), rows(), texts()].into_iter().flatten().collect();
    assert!(cases.len() >= 30, "{}", cases.len());
    // All are tried, so that one fault is not hidden by another.
    let fails = |case: &&Case| catch_unwind(AssertUnwindSafe(|| holds(&bed, case))).is_err();
    let failed: Vec<_> = cases.iter().filter(fails).map(|case| case.what).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let values = bed.values("dirty");
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

    half_a_gzip_says_how_far_it_came(&bed);
    a_row_too_large_names_its_line(&bed);
    small_rows_go_to_a_topic_that_takes_less_than_a_batch(&bed);
    a_broker_that_goes_away_leaves_a_figure_and_a_line(&bed);
}

fn half_a_gzip_says_how_far_it_came(bed: &Bed) {
    let before = bed.count("dirty");
    let case = case("half", "x.csv.gz", "", half(gzip(&csv(&uneven(20_000)))));
    let output = bed.run(&case, &["--skip-bad"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("cut off"), "{said}");
    let (sent, line) = (figure(&said, " records before it sent"), figure(&said, ": the gzip input"));
    assert!(sent > 1_000 && line == sent + 2, "a header and {sent} rows stand before line {line}");
    assert_eq!(bed.count("dirty") - before, sent);
}

fn a_row_too_large_names_its_line(bed: &Bed) {
    let before = bed.count("dirty");
    let rows = csv(&format!("1,1,a\n2,1,b\n3,1,{}\n4,1,d\n", "x".repeat(LIMIT)));
    let output = bed.run(&case("large", "x.csv", "", rows), &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("x.csv:4: ") && said.contains("takes 4000"), "{said}");
    assert!(said.contains("(stopped at line 4: 2 records before it sent to dirty, none from it on)"), "{said}");
    assert_eq!(bed.count("dirty") - before, 2);
    // The greatest that fits does: 61 bytes of a batch, 11 of its record's lengths, what JSON adds, and the key once more.
    let names: Vec<String> = (1_850..1_990).map(|length| format!("1,1,{}\n", "y".repeat(length))).collect();
    let output = bed.run(&case("limit", "x.csv", "", csv(&names.concat())), &["--skip-bad"]);
    let (out, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let (sent, refused) = (figure(&out, " records sent"), figure(&out, " bad lines"));
    assert!(output.status.success() && sent > 50 && refused > 5 && sent + refused == 140, "{out}{said}");
    let (_, bytes) = said.split_once("makes a batch of ").unwrap();
    assert!(bytes.starts_with("400"), "the first that is refused is barely too large: {said}");
}

fn small_rows_go_to_a_topic_that_takes_less_than_a_batch(bed: &Bed) {
    bed.make_topic("small", 100_000);
    let input = bed.folder.path().join("many.csv");
    std::fs::write(&input, csv(&uneven(20_000))).unwrap();
    let output = bed.command("small", FIELDS, &input).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(bed.count("small"), 20_000);
}

fn a_broker_that_goes_away_leaves_a_figure_and_a_line(bed: &Bed) {
    bed.make_topic("away", 1_000_000);
    let input = bed.folder.path().join("slow.csv");
    std::fs::write(&input, csv(&uneven(20_000))).unwrap();
    let mut command = bed.command("away", FIELDS, &input);
    command.args(["--rate", "500", "-X", "message.timeout.ms=3000"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let until = std::time::Instant::now() + WAIT;
    while bed.count("away") < 300 {
        assert!(std::time::Instant::now() < until, "nothing arrives");
        std::thread::sleep(Duration::from_millis(50));
    }
    let kafka = bed.stack.pid("kafka").to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &kafka]).status().unwrap().success());
    signal("-STOP");
    let output = child.wait_with_output().unwrap();
    signal("-CONT");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("slow.csv") && said.contains("bring Kafka back"), "{said}");
    let confirmed = figure(&said, " records are confirmed to be in away");
    let (_, line) = said.split_once("the first that is not is that of line ").unwrap();
    // One partition, so they are confirmed in order; the first row stands on line 2.
    assert!(line.starts_with(&format!("{} ", confirmed + 2)), "{said}");
    assert!(confirmed >= 300 && confirmed <= bed.count("away"), "{said}");
}
