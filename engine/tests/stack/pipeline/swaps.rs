//! Rules swapped while 10,000 records a second flow: every record is judged once, by the set that the store names.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use weir_testkit::oracle::history::History;
use weir_testkit::oracle::reference_model;
use weir_testkit::pipeline::engine::Engine;
use weir_testkit::pipeline::generated::Generated;
use weir_testkit::pipeline::{TestPipeline, another_build, module};

const SOON: Duration = Duration::from_secs(20);
/// From a set's coming into force until a worker judges by it, in seconds, in the mean and on a busy machine.
const SWAPPED_WITHIN: f64 = 2.0;

#[test]
fn swaps_by_the_api_and_by_the_directory_while_records_flow_lose_nothing_and_judge_nothing_twice() {
    let pipeline = TestPipeline::new("swapped").with_workers(2);
    let generated = Generated::new(&pipeline, 250_000, 5, &[]);
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    let mut producer = generated.produce_at(&pipeline, 10_000);
    let flow = |engine: &mut Engine| {
        let (before, what) = (pipeline.position(), "records are judged by the new set");
        engine.until(what, SOON, || pipeline.position() > before + 4_000 && all_judge_by_it(&pipeline));
    };
    flow(&mut engine);
    let first = pipeline.in_force("high_amount").expect("it came with the directory");

    // Stricter, so that what is flagged tells which revision judged.
    let mut revisions = vec![pipeline.patch("/rules/high_amount", &json!({ "parameters": { "limit": "5000" } }))];
    flow(&mut engine);
    let second = pipeline.publish(&another_build("high_amount"));
    assert_eq!(pipeline.in_force("high_amount"), Some(second.clone()), "after POST /rules");
    flow(&mut engine);
    engine.until("every worker judges by the new set, and says so", SOON, || says_so(&pipeline));
    let swap = |what: &str| pipeline.metric(&format!("weir_rules_swap_seconds_{what}"), "").expect("it was said");
    let took = swap("sum") / swap("count");
    assert!(took < SWAPPED_WITHIN, "a worker judges by a new set after {took} s in the mean");
    revisions.push(pipeline.roll_back("high_amount"));
    assert_eq!(pipeline.in_force("high_amount"), Some(first), "after the rollback");
    flow(&mut engine);
    revisions.push(pipeline.delete("/rules/self_transfer"));
    flow(&mut engine);
    let kept = pipeline.publish(&module("self_transfer"));
    flow(&mut engine);

    // What the letters name is swapped too, each way once.
    pipeline.publish(&another_build("negative_amount"));
    flow(&mut engine);

    let file = |rule: &str| pipeline.rules().join(format!("{rule}.wasm"));
    for rule in ["balance_mismatch", "blocked_segment"] {
        std::fs::write(file(rule), another_build(rule)).expect("the folder is writable");
        let dropped = sha256(&another_build(rule));
        let in_force = || pipeline.in_force(rule).as_deref() == Some(&*dropped);
        engine.within("the directory's module is in force", SOON, in_force);
    }
    flow(&mut engine);
    std::fs::remove_file(file("balance_mismatch")).expect("it is there");
    engine.within("the removed file's rule is retired", SOON, || pipeline.in_force("balance_mismatch").is_none());
    flow(&mut engine);
    // The API brought it back, so its file takes nothing away.
    std::fs::remove_file(file("self_transfer")).expect("it is there");
    assert_eq!(pipeline.publish(&another_build("high_amount")), second);
    flow(&mut engine);
    assert!(!producer.is_done(), "records flowed to the end of the swaps");
    producer.finish();
    pipeline.until_all_is_committed(&mut engine, Duration::from_secs(60));
    assert_eq!(pipeline.in_force("self_transfer"), Some(kept.clone()), "though its file is gone");
    engine.stop();

    let source = pipeline.read(&pipeline.topic());
    let want = generated.dirty(&source);
    let modules = pipeline.letters_are(&source, &want);
    for rule in ["negative_amount", "blocked_segment"] {
        let builds = [sha256(&module(rule)), sha256(&another_build(rule))].map(|sha256| (rule.to_owned(), sha256));
        assert!(builds.iter().all(|build| modules.contains(build)), "both builds of {rule}: {modules:?}");
    }
    let history = History::of(&pipeline);
    let judged: BTreeSet<u64> = history.revisions();
    for revision in revisions.iter().map(|change| change["revision"].as_u64().expect("a number")) {
        assert!(judged.contains(&revision), "revision {revision} judged nothing: {judged:?}");
    }
    assert!(judged.len() >= 10, "revisions that judged: {judged:?}");
    let windows = reference_model::windows(&source, &want, &history);
    pipeline.windows_are("type", &windows);
    let flagged =
        |windows: &weir_testkit::oracle::windows::Windows| windows.values().map(|sums| sums.flagged).sum::<u64>();
    assert!(flagged(&windows) > 10 * flagged(&generated.windows), "the stricter limit flagged many more");

    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    let rule = pipeline.rule("high_amount").expect("it is kept");
    assert_eq!(rule["sha256"], json!(second), "the file's older module does not undo the swap");
    assert_eq!(rule["parameters"]["limit"], "5000", "the limit set through the API is kept");
    assert_eq!(pipeline.in_force("self_transfer"), Some(kept), "the rule set through the API is kept");
    assert_eq!(pipeline.in_force("balance_mismatch"), None, "the retired rule stays away");
    engine.stop();
}

/// Each of the two workers judged by the set in force, and told of both swaps how long it waited, and a batch for it.
fn says_so(pipeline: &TestPipeline) -> bool {
    let told = |what: &str| pipeline.metric(&format!("weir_rules_swap_{what}seconds_count"), "");
    all_judge_by_it(pipeline) && told("") >= Some(4.0) && told("wait_") == told("")
}

fn all_judge_by_it(pipeline: &TestPipeline) -> bool {
    let in_force = pipeline.metric("weir_rules_revision", "");
    let by = |worker: &str| pipeline.metric("weir_judging_revision", worker);
    in_force.is_some() && by("worker=\"0\"") == in_force && by("worker=\"1\"") == in_force
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}
