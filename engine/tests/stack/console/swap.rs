//! A rule is given another parameter and another version, and put back, with what that does to records.

use serde_json::Value;
use weir_testkit::browser::{Look, Page};
use weir_testkit::pipeline::{TestPipeline, another_build};

use crate::console::module::upload;
use crate::console::people::{ANA, Console, comes_to_say, ends, payment, row, row_says};

const CHANGE: &str = "Show what it changes";

/// A running engine with a record of 3,000 judged, which is below the limit of `high_amount`.
pub(super) fn below_the_limit(name: &str) -> Console {
    let console = Console::start(TestPipeline::new(name).with_workers(1));
    console.judges(&[payment("3000.00", "C1", "M1")]);
    console
}

/// How many hits the rule has had.
fn hits(console: &Console) -> u64 {
    console.rule("high_amount")["hits"].as_u64().expect("a number")
}

/// Sets the limit by the forms of the rule's page, up to the page that says it is done.
pub(super) fn set_the_limit(page: &Page<'_>, limit: &str, why: &str) {
    page.within("region", "Parameters", || {
        page.fill("limit decimal", limit);
        page.follow("button", CHANGE);
    });
    page.sees("heading", "Change high_amount");
    let row = row(page, "parameter limit");
    assert!(row.ends_with(limit), "what it changes is shown before: {row}");
    page.check("plan");
    page.fill("Why (may be left out)", why);
    page.follow("button", "Change high_amount");
    page.sees("heading", "high_amount");
    page.says("Done: revision");
}

/// Goes back to the version before, which takes a reason.
pub(super) fn roll_back(page: &Page<'_>, why: &str) {
    page.follow("button", "Show what a rollback changes");
    page.sees("heading", "Roll high_amount back");
    page.check("plan of the rollback");
    page.fill("Why", why);
    page.follow("button", "Roll high_amount back");
    page.sees("heading", "high_amount");
    page.says("Done: revision");
}

/// The offsets from which a change of the rule is in force, as `/activations` has them.
fn activations(console: &Console, revision: u64) -> Vec<String> {
    let all = console.get("/activations?limit=100");
    let all = all.as_array().expect("a list").iter().filter(|of| of["revision"] == revision);
    all.map(|of| format!("{}@{}", of["partition"], of["first_offset"])).collect()
}

/// All of it: a parameter, a version, and back.
pub(super) fn walk(page: &Page<'_>, console: &Console, has_scripts: bool) {
    page.follow("link", "Rules");
    page.check("rules");
    page.follow("link", "high_amount");
    page.check("rule");
    let before = console.rule("high_amount");
    let old = page.tab("old");
    old.go("/console/rules/high_amount");

    set_the_limit(page, "1000", "the evening's limit");
    let revision = console.revision();
    let places = console.judges(&[payment("3000.00", "C2", "M1"), payment("900.00", "C3", "M1")]);
    assert_eq!(hits(console), 1, "the first is above the new limit, and none before it was");
    let from = format!("{}@{}", places[0].0, places[0].1);
    comes_to_say(page, has_scripts, &from);
    assert_eq!(activations(console, revision), [from], "the page says what the API does");
    row_says(page, "HIGH_AMOUNT", "1");
    page.check("in force");

    old.expect_status(409);
    old.within("region", "Parameters", || {
        old.fill("limit decimal", "2");
        old.follow("button", CHANGE);
    });
    assert_eq!(old.status(), 409, "{}", old.text());
    for told in ["high_amount", "limit", "1000", "ana"] {
        old.says(told);
    }
    old.check("refused");
    assert_eq!(console.revision(), revision, "an old page changes nothing");

    let file = console.pipeline.folder.path().join("another.wasm");
    std::fs::write(&file, another_build("high_amount")).expect("the folder is writable");
    page.follow("link", "Publish a module");
    upload(page, &file, None);
    page.follow("button", &page.names("button").last().expect("the button that does it").clone());
    page.says("Done: revision");
    let other = console.rule("high_amount");
    assert_ne!(other["sha256"], before["sha256"]);
    roll_back(page, "it was the wrong build");
    page.check("rolled back");
    let after = console.rule("high_amount");
    assert_eq!(after["sha256"], before["sha256"]);
    assert_eq!(limit(&after), "1000", "the version comes back with what it was set to");
    page.follow("link", "Audit");
    let audited = row(page, &console.revision().to_string());
    assert!(["ana", "rollback", "it was the wrong build"].iter().all(|told| audited.contains(told)), "{audited}");
    page.check("audit");
}

fn limit(rule: &Value) -> &str {
    rule["parameters"]["limit"].as_str().expect("a limit")
}

#[test]
fn a_rule_is_swapped_and_rolled_back() {
    let console = below_the_limit("swap");
    console.visit("swap", &Look::DESK, ANA, |page| walk(page, &console, true));
    ends(console);
}

/// The same where no script runs.
pub(super) fn is_done_without_scripts() {
    let console = below_the_limit("plain_swap");
    console.visit("plain.swap", &Look::PLAIN, ANA, |page| walk(page, &console, false));
    ends(console);
}
