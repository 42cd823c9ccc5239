//! Ten thousand letters.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use weir_testkit::browser::{Look, Page};
use weir_testkit::pipeline::TestPipeline;
use weir_testkit::wait;

use crate::console::people::{BEN, Console, MOST_BYTES, downloads, ends, payment, row_says};

const LETTERS: usize = 10_000;

fn is_light(page: &Page<'_>) {
    let weight = page.weight();
    assert!(weight <= MOST_BYTES, "{} weighs {weight} bytes", page.address());
}

/// Where the records of a download's letters are.
fn places(download: &str) -> (BTreeSet<(i64, i64)>, bool) {
    let lines: Vec<Value> = download.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let place = |line: &Value| Some((line["source_partition"].as_i64()?, line["source_offset"].as_i64()?));
    let is_cut = lines.iter().any(|line| line["complete"] == false);
    (lines.iter().filter_map(place).collect(), is_cut)
}

#[test]
fn ten_thousand_letters_are_listed() {
    let console = Console::start(TestPipeline::new("thousands").with_workers(1));
    // All that comes is below the least that is valid from now on.
    console.set("negative_amount", &json!({ "least": "1000000" }));
    let records: Vec<_> = (0..LETTERS).map(|i| ((i % 4) as i32, payment("4.20", &format!("C{i}"), "M1"))).collect();
    console.pipeline.send_all(&records);
    console.is_at_the_end();
    console.judges(&[payment("\"many\"", "C1", "M1")]);
    console.has_read(LETTERS as u64 + 1);
    console.visit("thousands", &Look::DESK, BEN, |page| {
        page.follow("link", "Dead letters");
        row_says(page, "AMOUNT_NEGATIVE", "10,000");
        page.check("groups");
        is_light(page);
        page.follow("link", "AMOUNT_NEGATIVE");
        page.sees("heading", "Found, newest first");
        let filtered = page.address();
        assert!(filtered.contains("code=AMOUNT_NEGATIVE") && filtered.contains("rule=negative_amount"), "{filtered}");
        assert!(
            page.text().contains("The newest 100, as many as were asked for"),
            "what was cut is said: {}",
            page.text()
        );
        page.check("filtered");
        is_light(page);

        let (downloaded, is_cut) = places(&downloads(page, &filtered.replace("dead-letters?", "dead-letters.ndjson?")));
        assert_eq!((downloaded.len(), is_cut), (1_000, false), "as many as it says at most, none of them twice");
        let is_of_them = |(partition, offset): &(i64, i64)| (0..4).contains(partition) && (0..2_500).contains(offset);
        assert!(downloaded.iter().all(is_of_them), "{downloaded:?}");
        page.says("1,000 letters at most");

        page.fill("Key", "C77");
        page.follow("button", "Find");
        page.says("1@19");
        page.check("by key");
        is_light(page);
        let document: String = page.address();
        page.value::<Value>("history.back()");
        wait::until(&format!("the page before {document}"), || page.address() == filtered);
        page.sees("heading", "Found, newest first");
        page.check("back");
    });
    ends(console);
}
