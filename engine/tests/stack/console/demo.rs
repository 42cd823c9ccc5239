//! The demo, as one sees it who has just typed the one command. README's picture, `docs/console.png`, is the upper part of one of the
//! test's, `target/screenshots/demo.02.windows.png`: take it anew when the page looks otherwise.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use weir_testkit::browser::{Look, journey};
use weir_testkit::pipeline::api::ask;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::run;
use weir_testkit::stack::port::free_port;
use weir_testkit::stack::{root, weir};
use weir_testkit::wait;

use crate::console::people::{row, row_says};
use crate::console::swap::roll_back;

/// README shows the picture in this size.
const LOOK: Look = Look { height: 960, ..Look::DESK };

/// What `high_amount` did so far: the version in force, and its hits.
fn high_amount(port: u16) -> (String, u64) {
    let (_, text) = ask(port, "GET", "/rules/high_amount", "application/json", b"").expect("it answers");
    let rule = &serde_json::from_str::<Value>(&text).expect("JSON")["rule"];
    (rule["sha256"].as_str().expect("a digest").to_owned(), rule["hits"].as_u64().expect("a number"))
}

/// Records of each type that the demo generates are in a window unless it is the first, the last or the planted one.
const TYPES: usize = 5;
/// Windows of 5 s that README's picture shows at least. Before them may be a time without records: the demo judges its first ones
/// before it says that it is there.
const SHOWN: usize = 8;

/// When the newest windows begin that have records of every type, without one missing between them; the newest first.
fn full_windows(port: u16) -> Vec<String> {
    let (_, text) = ask(port, "GET", "/windows?limit=1000", "application/json", b"").expect("it answers");
    let rows: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let mut windows: BTreeMap<String, usize> = BTreeMap::new();
    for row in &rows {
        *windows.entry(row["window_start"].as_str().expect("a time").to_owned()).or_default() += 1;
    }
    let newest_first = windows.into_iter().rev().skip_while(|(_, types)| *types < TYPES);
    newest_first.take_while(|(_, types)| *types >= TYPES).map(|(start, _)| start).collect()
}

/// Width and height of a picture, as its file says them.
fn size(png: &Path) -> (u32, u32) {
    let bytes = std::fs::read(png).unwrap_or_else(|why| panic!("{}: {why}", png.display()));
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    (number(16), number(20))
}

#[test]
fn the_demo_is_full_of_life() {
    let strict = root().join("target/demo/high_amount.wasm");
    if !strict.exists() {
        run(Command::new("make").args(["-s", "target/demo/high_amount.wasm"]).current_dir(root()));
    }
    let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
    let mut command = weir();
    command.args(["demo", "--live", "--records", "20000", "--listen", &format!("127.0.0.1:{port}")]);
    command.arg("--rules").arg(root().join("rules.d")).arg("--strict").arg(&strict);
    let mut engine = Engine::start(command, folder.path().join("demo.log"));
    engine.until_it_says("the console: http://");
    journey("demo", &LOOK, &format!("http://127.0.0.1:{port}"), |page| {
        page.go("/");
        page.sees("heading", "Now");
        let flows = |row: String| row.contains("running");
        wait::until("records flow", || flows(row(page, "0")) && high_amount(port).1 > 100);
        page.check("now");
        page.follow("link", "Windows");
        page.sees("heading", "The rows, newest first");
        let charts = |page: &weir_testkit::browser::Page<'_>| -> String {
            page.value("document.querySelector('main svg[role=img]').innerHTML")
        };
        let before = charts(page);
        wait::until("the chart moves", || charts(page) != before);
        page.check("windows");
        page.follow("link", "Alerts");
        page.says("SELF_TRANSFER");
        page.check("alerts");

        page.follow("link", "Rules");
        row_says(page, "high_amount", "live");
        page.check("rules");
        page.follow("link", "high_amount");
        let (version, _) = high_amount(port);
        roll_back(page, "too many hits for a quiet evening");
        wait::until("the other version is in force", || high_amount(port).0 != version);
        let (_, hits) = high_amount(port);
        wait::until("and has hits", || high_amount(port).1 > hits);
        page.says("first offset that it judged so");
        page.check("swapped");
        // By now there is something to see.
        page.follow("link", "Now");
        page.sees("heading", "Now");
        page.check("life");

        let first = wait::until_some("there is something to see", || {
            let full = full_windows(port);
            full.get(SHOWN - 1).cloned().ok_or(full)
        });
        page.go(&format!("/console/windows?from={first}"));
        page.sees("heading", "The rows, newest first");
        page.picture_of_the_window("console");
        let (taken, shown) = (root().join("target/screenshots/console.png"), root().join("docs/console.png"));
        assert_eq!(size(&taken), size(&shown), "README has another size: cp {} {}", taken.display(), shown.display());
    });
    engine.signal("INT");
    assert!(engine.until_ended("an interrupt").success(), "{}", engine.said());
}
