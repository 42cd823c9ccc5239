//! Texts of records that would act, if they were anything else than data.

use weir_testkit::broker::Record;
use weir_testkit::browser::{Look, Page};
use weir_testkit::pipeline::TestPipeline;

use crate::console::people::{BEN, Console, ends, payment, position};

const MARKUP: &str = "<script>window.hit=1</script>";
const IMAGE: &str = "\"><img src=x onerror=window.hit=1>";
const ADDRESS: &str = "javascript:window.hit=1";
/// Turns the direction of what follows, and rings.
const ODD: &str = "1\u{202e}gpj.exe\u{7}";

/// Each becomes a letter, as its amount is negative, and has a hit of `self_transfer` with the name in its detail.
fn named(name: &str) -> Record {
    let headers = vec![(name.to_owned(), Some(name.as_bytes().to_vec())), ("bytes".into(), Some(vec![0xff, 0, 0x80]))];
    Record { headers, ..payment("-1.00", name, name) }
}

fn records() -> Vec<Record> {
    let bytes =
        |bytes: &[u8]| Record { value: Some(bytes.to_vec()), key: Some(b"\xc3\x28".to_vec()), ..Record::default() };
    let long = named(&"x".repeat(20_000));
    let mut all: Vec<_> = [MARKUP, IMAGE, ADDRESS, ODD].map(named).to_vec();
    all.extend([long, bytes(b"\xff\xfe<b>\x00\x1b[2J"), bytes(MARKUP.as_bytes())]);
    all
}

/// No script ran that came with a text.
fn nothing_ran(page: &Page<'_>, what: &str) {
    page.check(what);
    assert!(page.value::<bool>("window.hit === undefined && document.querySelector('main img, main script') === null"));
}

#[test]
fn hostile_texts_are_data() {
    let console = Console::start(TestPipeline::new("hostile_texts").with_workers(1));
    let records = records();
    let places = console.judges(&records);
    console.has_read(records.len() as u64);
    console.visit("hostile", &Look::DESK, BEN, |page| {
        page.follow("link", "Dead letters");
        page.sees("link", "AMOUNT_NEGATIVE");
        nothing_ran(page, "letters");
        for (place, record) in places.iter().zip(&records) {
            let letter = console.letter_of(*place);
            let (at, of_record) = (position(&letter), format!("{}@{}", place.0, place.1));
            page.go(&format!("/console/dead-letters/{at}"));
            page.sees("heading", &format!("Dead letter {at}"));
            nothing_ran(page, "letter");
            bytes_are_as_they_were(page, &format!("/console/dead-letters/{at}/value"), record);
            page.go(&format!("/console/records/{of_record}"));
            page.sees("heading", &format!("Record {of_record}"));
            nothing_ran(page, "record");
            bytes_are_as_they_were(page, &format!("/console/records/{of_record}/value"), record);
            page.go(&format!("/console/try?record={of_record}"));
            page.says("It would be");
            nothing_ran(page, "tried");
        }
        for (name, shown) in [(MARKUP, MARKUP), (IMAGE, IMAGE), (ADDRESS, ADDRESS), (ODD, r"1\u{202e}gpj.exe\u{7}")] {
            let is_it = |(_, record): &(_, &Record)| record.key.as_deref() == Some(name.as_bytes());
            let ((partition, offset), _) = places.iter().zip(&records).find(is_it).expect("it was sent");
            page.go(&format!("/console/records/{partition}@{offset}"));
            page.says(shown);
            assert!(!page.text().contains(['\u{202e}', '\u{7}']), "odd characters are written as their escapes");
            page.go("/console/dead-letters?key=");
            page.fill("Key", name);
            page.follow("button", "Find");
            nothing_ran(page, "by key");
        }
        // What is in an address is data, too.
        page.expect_status(422);
        page.expect_status(404);
        page.expect_status(400);
        for path in [
            "/console/rules/%3Cscript%3E",
            "/console/dead-letters?position=%22%3E%3Cimg%20src=x%3E",
            "/console/%3Cb%3E",
        ] {
            page.go(path);
            page.sees("link", "To the first page");
            nothing_ran(page, "address");
        }
    });
    ends(console);
}

fn bytes_are_as_they_were(page: &Page<'_>, path: &str, record: &Record) {
    let script =
        format!("fetch({path:?}).then(answer => answer.arrayBuffer()).then(bytes => [...new Uint8Array(bytes)])");
    let bytes: Vec<u8> = page.value(&script);
    assert_eq!(Some(bytes), record.value, "{path}");
}
