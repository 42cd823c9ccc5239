//! Real purchases: CDNOW_master.txt, 69,659 of them in 18 months, as the Python package `lifetimes` carries it. It is
//! fetched and never committed; the sums are the test's own, from the file's text.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use sha2::Digest;

use weir_testkit::broker::Place;
use weir_testkit::oracle::history::History;
use weir_testkit::oracle::windows::{Windows, cents};
use weir_testkit::pipeline::{TestPipeline, run, shared, weir};
use weir_testkit::stack::root;

const PACKAGE: &str = "lifetimes==0.11.3";
const WHEEL: &str = "Lifetimes-0.11.3-py3-none-any.whl";
const WHEEL_SHA256: &str = "261e3dc89977c2b60767ca6728aaa29d429de0c814635070a749c36555895da8";
const FILE: &str = "lifetimes/datasets/CDNOW_master.txt";
const FILE_SHA256: &str = "eff6889ed364c5199d6eacbbeb7a6d559971df4406ac876f322c373f00a072ef";
const PURCHASES: usize = 69_659;

#[test]
fn the_cdnow_purchases_equal_sums_over_the_file_to_the_cent() {
    let pipeline = TestPipeline::on(shared(), "cdnow", include_str!("cdnow.toml"), &["high_amount", "negative_amount"]);
    let file = fetched();
    // Its first line names the columns, which the mapping does not expect: one bad line, and no other.
    let said = run(weir()
        .arg("produce")
        .arg(&file)
        .args(["--skip-bad", "--brokers", pipeline.stack.brokers(), "--topic", &pipeline.topic(), "--mapping"])
        .arg(root().join("mappings/cdnow.toml")));
    assert_eq!(said, format!("{PURCHASES} records sent to {}, 1 bad lines skipped\n", pipeline.topic()));
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, Duration::from_secs(90));
    engine.stop();

    let text = std::fs::read_to_string(&file).expect("text");
    let (windows, free) = sums(&text);
    assert!(windows.len() > 3_000 && free > 50, "{} windows, {free} purchases of nothing", windows.len());
    pipeline.windows_are("quantity", &windows);
    let sold = |windows: &Windows| windows.values().map(|sums| sums.records).sum::<u64>();
    assert_eq!(sold(&windows), (PURCHASES - free) as u64);

    let source = pipeline.read(&pipeline.topic());
    let nothing = |value: &[u8]| serde_json::from_slice::<serde_json::Value>(value).expect("JSON")["amount"] == 0.0;
    let want: BTreeMap<Place, String> = source
        .iter()
        .filter(|(_, record)| record.value.as_deref().is_some_and(nothing))
        .map(|(place, _)| (*place, "AMOUNT_NEGATIVE".to_owned()))
        .collect();
    assert_eq!((source.len(), want.len()), (PURCHASES, free));
    pipeline.letters_are(&source, &want);
    assert_eq!(History::of(&pipeline).revisions().len(), 1, "one rule set judged them all");
}

/// By day and quantity, with purchases above 200 dollars flagged; and how many cost nothing.
fn sums(text: &str) -> (Windows, usize) {
    let (mut windows, mut free) = (Windows::new(), 0);
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let [_, date, quantity, dollars] = cells[..] else { panic!("four columns: {line:?}") };
        let amount = cents(dollars);
        if amount < 1 {
            free += 1;
            continue;
        }
        let key = (day(date) * 86_400_000, quantity.parse::<u32>().expect("a count").to_string());
        windows.entry(key).or_default().add(amount, amount > 20_000);
    }
    (windows, free)
}

/// Days since 1970 of YYYYMMDD, by counting.
fn day(date: &str) -> i64 {
    let part = |from: usize, to: usize| date[from..to].parse::<i64>().expect("digits");
    let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let years: i64 = (1970..year).map(|year| 365 + i64::from(leap(year))).sum();
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    years + lengths.iter().take(month as usize - 1).sum::<i64>() + day - 1
}

/// Where the file lies; fetched once into target/, checked every time.
fn fetched() -> PathBuf {
    let folder = root().join("target/cdnow");
    let (wheel, file) = (folder.join(WHEEL), folder.join(FILE));
    if !wheel.exists() {
        let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest"];
        run(Command::new("python3").args(pip).arg(&folder).arg(PACKAGE));
    }
    assert_eq!(sha256(&wheel), WHEEL_SHA256, "{}: not the package that this test knows", wheel.display());
    if !file.exists() || sha256(&file) != FILE_SHA256 {
        run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&folder));
    }
    assert_eq!(sha256(&file), FILE_SHA256, "{}", file.display());
    file
}

fn sha256(file: &std::path::Path) -> String {
    hex::encode(sha2::Sha256::digest(std::fs::read(file).expect("it was fetched")))
}
