//! The files of `dirty.rs`, made by hand, and what a person would say of each.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// A mapping of three columns: time, amount, name.
pub const FIELDS: &str = r#"
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
pub struct Case {
    /// What is wrong with the file, for messages.
    pub what: &'static str,
    /// `-.csv`: by standard input.
    pub file: &'static str,
    /// The mapping file.
    pub mapping: String,
    /// The file.
    pub bytes: Vec<u8>,
    /// Rows that are sent.
    pub sent: u64,
    /// Rows that are refused.
    pub refused: u64,
    /// The line at which it stops for good.
    pub stop: Option<u64>,
    /// The first line that is refused, which ends it without `--skip-bad`.
    pub first: Option<u64>,
    /// What is said of it.
    pub says: &'static str,
}

/// A file under [`FIELDS`], of which nothing is expected yet.
pub fn case(what: &'static str, file: &'static str, head: &str, bytes: impl Into<Vec<u8>>) -> Case {
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
pub fn csv(rows: &str) -> String {
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

/// The text, compressed.
pub fn gzip(text: &str) -> Vec<u8> {
    packed(text.as_bytes())
}

/// The bytes, compressed.
pub fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// The first half of it: a file that was cut off.
pub fn half(bytes: Vec<u8>) -> Vec<u8> {
    bytes[..bytes.len() / 2].to_vec()
}

/// Rows that gzip can't make much smaller, so that half of the archive holds some.
pub fn uneven(count: u64) -> String {
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

/// All of them.
pub fn all() -> Vec<Case> {
    [quotes(), rows(), texts()].into_iter().flatten().collect()
}
