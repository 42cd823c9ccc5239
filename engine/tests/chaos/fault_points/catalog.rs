//! Rules on their way into force: dead, refused by the store or slow at every step, at a start and while records flow.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fault_points::scenario::{Hit, SOON, Scenario};
use weir_testkit::pipeline::api::ask;
use weir_testkit::pipeline::{RULES, another_build, module};
use weir_testkit::stack::Stack;

pub(crate) fn scenario(stack: Arc<Stack>) -> BTreeSet<Hit> {
    let mut scenario = Scenario::new(stack, "catalog");
    dies_with_the_directory(&mut scenario);
    let mut engine = scenario.start("");
    scenario.pipeline.until_ready(&mut engine);
    for rule in RULES {
        assert!(scenario.pipeline.in_force(rule).is_some(), "{rule} is in force after all");
    }
    engine.stop();
    fails_and_is_slow(&mut scenario);
    dies_when_another_instance_publishes(&mut scenario);
    dies_when_a_file_goes(&mut scenario);
    every_revision_is_whole(&scenario);
    scenario.ends_well()
}

/// Five files are new at the first start. The last five deaths leave one rule in force each.
fn dies_with_the_directory(scenario: &mut Scenario) {
    for point in [
        "catalog.started",
        "catalog.loaded",
        "store.catalog.before",
        "store.catalog.current",
        "store.catalog.version",
        "store.catalog.entry",
        "store.catalog.written",
        "store.catalog.answer",
        "catalog.stored",
        "catalog.installed",
        "catalog.directory.published",
    ] {
        scenario.dies_at(point);
    }
    scenario.dies("store.catalog.answer=1*return(error);store.catalog.asked=1*return(crash)");
}

const OF_THE_STORE: [&str; 5] = [
    "store.catalog.before",
    "store.catalog.current",
    "store.catalog.version",
    "store.catalog.entry",
    "store.catalog.written",
];

fn fails_and_is_slow(scenario: &mut Scenario) {
    let fail = |point: &str| format!("{point}=1*return(error)->1*return(120)");
    let slow = |point: &str| format!("{point}=1*return(120)");
    let (started, waits) = (["catalog.started"], ["catalog.loaded", "catalog.stored", "catalog.installed"]);
    let files = ["catalog.directory.published", "catalog.directory.forgotten"];
    let fails = OF_THE_STORE.iter().chain(&["store.catalog.asked"]).map(|point| fail(point));
    let lost = ["store.catalog.answer=3*return(error)->1*return(120)".to_owned()];
    let slow = started.iter().chain(&waits).chain(&files).map(|point| slow(point));
    let points = fails.chain(lost).chain(slow).collect::<Vec<_>>().join(";");
    let mut engine = scenario.start(&points);
    scenario.pipeline.until_ready(&mut engine);
    scenario.until_it_moves(&mut engine);
    let before = (scenario.pipeline.in_force("high_amount"), revision(scenario));
    let wasm = another_build("high_amount");
    for point in OF_THE_STORE {
        let (status, said) = post(scenario.pipeline.admin, &wasm);
        assert_eq!(status, 503, "{point}: {said}");
        assert!(said.contains("fault point"), "{point}: {said}");
        assert_eq!((scenario.pipeline.in_force("high_amount"), revision(scenario)), before, "{point}");
    }
    // COMMIT went through and the answer to it did not; then the store does not say what became of it either.
    let (status, said) = post(scenario.pipeline.admin, &wasm);
    assert!(status == 504 && said.contains("is not known"), "{status}: {said}");
    let sha256 = sha256(&wasm);
    engine.until("what is stored is in force", SOON, || {
        scenario.pipeline.in_force("high_amount") == Some(sha256.clone())
    });
    // The answer is lost twice more, and the store says that it is made: once.
    let before = revision(scenario);
    let back = scenario.pipeline.publish(&module("high_amount"));
    assert_eq!((scenario.pipeline.in_force("high_amount"), revision(scenario)), (Some(back), before + 1));
    scenario.pipeline.roll_back("high_amount");
    assert_eq!((scenario.pipeline.in_force("high_amount"), revision(scenario)), (Some(sha256), before + 2));
    std::fs::write(scenario.pipeline.rules().join("balance_mismatch.wasm"), another_build("balance_mismatch")).unwrap();
    std::fs::remove_file(scenario.pipeline.rules().join("self_transfer.wasm")).unwrap();
    engine.until("the removed file's rule is retired", SOON, || scenario.pipeline.in_force("self_transfer").is_none());
    scenario.until_hit(&mut engine, &points);
    scenario.until_it_moves(&mut engine);
    engine.stop();
}

fn dies_when_another_instance_publishes(scenario: &mut Scenario) {
    let (mut other, admin) = scenario.start_another("catalog.taken=1*return(120)");
    other.until("it answers", SOON, || ask(admin, "GET", "/rules", "text/plain", b"").is_some());
    let (points, before) = ("catalog.taken=1*return(crash)", scenario.crashes());
    let mut engine = scenario.start(points);
    scenario.pipeline.until_ready(&mut engine);
    let (status, said) = post(admin, &another_build("negative_amount"));
    assert_eq!(status, 201, "{said}");
    scenario.is_dead(engine, points, before);
    // Another way round: what this one publishes the other takes, slowly.
    let mut engine = scenario.start("");
    scenario.pipeline.until_ready(&mut engine);
    assert_eq!(scenario.pipeline.in_force("negative_amount"), Some(sha256(&another_build("negative_amount"))));
    scenario.pipeline.publish(&module("negative_amount"));
    scenario.until_hit(&mut other, "catalog.taken=1*return(120)");
    engine.stop();
    other.stop();
}

/// Whatever the file's going left behind, the same file brings its rule again and takes it away.
fn dies_when_a_file_goes(scenario: &mut Scenario) {
    let file = scenario.pipeline.rules().join("blocked_segment.wasm");
    let (points, before) = ("catalog.directory.forgotten=1*return(crash)", scenario.crashes());
    let mut engine = scenario.start(points);
    scenario.pipeline.until_ready(&mut engine);
    std::fs::remove_file(&file).unwrap();
    scenario.is_dead(engine, points, before);
    let mut engine = scenario.start("");
    scenario.pipeline.until_ready(&mut engine);
    std::fs::write(&file, module("blocked_segment")).unwrap();
    let sha256 = sha256(&module("blocked_segment"));
    let is_there = || scenario.pipeline.in_force("blocked_segment") == Some(sha256.clone());
    let seen = "SELECT COUNT(*) FROM weir_directory WHERE file = 'blocked_segment.wasm'";
    let brought = || scenario.pipeline.sql(seen)[0][0] == "1" && is_there();
    engine.until("the file that is there again has brought its rule", SOON, brought);
    std::fs::remove_file(&file).unwrap();
    engine.until("the removed file's rule is retired", SOON, || !is_there());
    scenario.until_it_moves(&mut engine);
    engine.stop();
}

fn every_revision_is_whole(scenario: &Scenario) {
    let one = |statement: &str| scenario.pipeline.sql(statement)[0][0].parse::<u64>().expect("a number");
    let revision = one("SELECT revision FROM weir_rule_current");
    assert_eq!(one("SELECT COUNT(DISTINCT revision) FROM weir_audit"), revision, "a line of audit a revision");
    assert_eq!(one("SELECT MAX(revision) FROM weir_audit"), revision);
    assert_eq!(one("SELECT COUNT(DISTINCT revision) FROM weir_rule_set"), revision, "no revision without its rules");
    let dangling = "SELECT COUNT(*) FROM weir_rule_set s LEFT JOIN weir_rule_version v \
                    ON v.pipeline = s.pipeline AND v.sha256 = s.sha256 WHERE v.sha256 IS NULL";
    assert_eq!(one(dangling), 0, "entries without their module");
}

fn revision(scenario: &Scenario) -> u64 {
    scenario.pipeline.get("/rules")["revision"].as_u64().expect("a number")
}

fn post(admin: u16, wasm: &[u8]) -> (u16, String) {
    ask(admin, "POST", "/rules", "application/wasm", wasm).expect("an answer")
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}
