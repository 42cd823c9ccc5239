//! Rules on their way into force: dead, refused by the store or slow at every step, at a start and while records flow.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::fault_points::life::{Hit, Life, SOON};
use weir_testkit::pipeline::api::ask;
use weir_testkit::pipeline::{RULES, another_build, module};
use weir_testkit::stack::Stack;

pub(crate) fn life(stack: Arc<Stack>) -> BTreeSet<Hit> {
    let mut life = Life::new(stack, "catalog");
    dies_with_the_directory(&mut life);
    let mut engine = life.start("");
    life.way.until_ready(&mut engine);
    for rule in RULES {
        assert!(life.way.in_force(rule).is_some(), "{rule} is in force after all");
    }
    engine.stop();
    fails_and_is_slow(&mut life);
    dies_when_another_instance_publishes(&mut life);
    dies_when_a_file_goes(&mut life);
    every_revision_is_whole(&life);
    life.ends_well()
}

/// Five files are new at the first start. The last five deaths leave one rule in force each.
fn dies_with_the_directory(life: &mut Life) {
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
        life.dies_at(point);
    }
    life.dies("store.catalog.answer=1*return(error);store.catalog.asked=1*return(crash)");
}

const OF_THE_STORE: [&str; 5] = [
    "store.catalog.before",
    "store.catalog.current",
    "store.catalog.version",
    "store.catalog.entry",
    "store.catalog.written",
];

fn fails_and_is_slow(life: &mut Life) {
    let fail = |point: &str| format!("{point}=1*return(error)->1*return(120)");
    let slow = |point: &str| format!("{point}=1*return(120)");
    let (started, waits) = (["catalog.started"], ["catalog.loaded", "catalog.stored", "catalog.installed"]);
    let files = ["catalog.directory.published", "catalog.directory.forgotten"];
    let fails = OF_THE_STORE.iter().chain(&["store.catalog.asked"]).map(|point| fail(point));
    let lost = ["store.catalog.answer=3*return(error)->1*return(120)".to_owned()];
    let slow = started.iter().chain(&waits).chain(&files).map(|point| slow(point));
    let points = fails.chain(lost).chain(slow).collect::<Vec<_>>().join(";");
    let mut engine = life.start(&points);
    life.way.until_ready(&mut engine);
    life.until_it_moves(&mut engine);
    let before = (life.way.in_force("high_amount"), revision(life));
    let wasm = another_build("high_amount");
    for point in OF_THE_STORE {
        let (status, said) = post(life.way.admin, &wasm);
        assert_eq!(status, 503, "{point}: {said}");
        assert!(said.contains("fault point"), "{point}: {said}");
        assert_eq!((life.way.in_force("high_amount"), revision(life)), before, "{point}");
    }
    // COMMIT went through and the answer to it did not; then the store does not say what became of it either.
    let (status, said) = post(life.way.admin, &wasm);
    assert!(status == 504 && said.contains("is not known"), "{status}: {said}");
    let sha256 = sha256(&wasm);
    engine.until("what is stored is in force", SOON, || life.way.in_force("high_amount") == Some(sha256.clone()));
    // The answer is lost twice more, and the store says that it is made: once.
    let before = revision(life);
    let back = life.way.publish(&module("high_amount"));
    assert_eq!((life.way.in_force("high_amount"), revision(life)), (Some(back), before + 1));
    life.way.roll_back("high_amount");
    assert_eq!((life.way.in_force("high_amount"), revision(life)), (Some(sha256), before + 2));
    std::fs::write(life.way.rules().join("balance_mismatch.wasm"), another_build("balance_mismatch")).unwrap();
    std::fs::remove_file(life.way.rules().join("self_transfer.wasm")).unwrap();
    engine.until("the removed file's rule is retired", SOON, || life.way.in_force("self_transfer").is_none());
    life.until_hit(&mut engine, &points);
    life.until_it_moves(&mut engine);
    engine.stop();
}

fn dies_when_another_instance_publishes(life: &mut Life) {
    let (mut other, admin) = life.start_another("catalog.taken=1*return(120)");
    other.until("it answers", SOON, || ask(admin, "GET", "/rules", "text/plain", b"").is_some());
    let (points, before) = ("catalog.taken=1*return(crash)", life.crashes());
    let mut engine = life.start(points);
    life.way.until_ready(&mut engine);
    let (status, said) = post(admin, &another_build("negative_amount"));
    assert_eq!(status, 201, "{said}");
    life.is_dead(engine, points, before);
    // Another way round: what this one publishes the other takes, slowly.
    let mut engine = life.start("");
    life.way.until_ready(&mut engine);
    assert_eq!(life.way.in_force("negative_amount"), Some(sha256(&another_build("negative_amount"))));
    life.way.publish(&module("negative_amount"));
    life.until_hit(&mut other, "catalog.taken=1*return(120)");
    engine.stop();
    other.stop();
}

/// Whatever the file's going left behind, the same file brings its rule again and takes it away.
fn dies_when_a_file_goes(life: &mut Life) {
    let file = life.way.rules().join("blocked_segment.wasm");
    let (points, before) = ("catalog.directory.forgotten=1*return(crash)", life.crashes());
    let mut engine = life.start(points);
    life.way.until_ready(&mut engine);
    std::fs::remove_file(&file).unwrap();
    life.is_dead(engine, points, before);
    let mut engine = life.start("");
    life.way.until_ready(&mut engine);
    std::fs::write(&file, module("blocked_segment")).unwrap();
    let sha256 = sha256(&module("blocked_segment"));
    let is_there = || life.way.in_force("blocked_segment") == Some(sha256.clone());
    let seen = "SELECT COUNT(*) FROM weir_directory WHERE file = 'blocked_segment.wasm'";
    let brought = || life.way.sql(seen)[0][0] == "1" && is_there();
    engine.until("the file that is there again has brought its rule", SOON, brought);
    std::fs::remove_file(&file).unwrap();
    engine.until("the removed file's rule is retired", SOON, || !is_there());
    life.until_it_moves(&mut engine);
    engine.stop();
}

fn every_revision_is_whole(life: &Life) {
    let one = |statement: &str| life.way.sql(statement)[0][0].parse::<u64>().expect("a number");
    let revision = one("SELECT revision FROM weir_rule_current");
    assert_eq!(one("SELECT COUNT(DISTINCT revision) FROM weir_audit"), revision, "a line of audit a revision");
    assert_eq!(one("SELECT MAX(revision) FROM weir_audit"), revision);
    assert_eq!(one("SELECT COUNT(DISTINCT revision) FROM weir_rule_set"), revision, "no revision without its rules");
    let dangling = "SELECT COUNT(*) FROM weir_rule_set s LEFT JOIN weir_rule_version v \
                    ON v.pipeline = s.pipeline AND v.sha256 = s.sha256 WHERE v.sha256 IS NULL";
    assert_eq!(one(dangling), 0, "entries without their module");
}

fn revision(life: &Life) -> u64 {
    life.way.get("/rules")["revision"].as_u64().expect("a number")
}

fn post(admin: u16, wasm: &[u8]) -> (u16, String) {
    ask(admin, "POST", "/rules", "application/wasm", wasm).expect("an answer")
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}
