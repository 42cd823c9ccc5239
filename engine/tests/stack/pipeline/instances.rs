//! Two instances know of each other, whichever is asked: what both do, who has which partition, and that one is gone.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use weir_testkit::broker::PARTITIONS;
use weir_testkit::pipeline::TestPipeline;
use weir_testkit::pipeline::api::ask;
use weir_testkit::pipeline::generated::Generated;

const RECORDS: u32 = 20_000;

fn get(admin: u16, path: &str) -> Option<Value> {
    let (status, text) = ask(admin, "GET", path, "application/json", b"")?;
    (status == 200).then(|| serde_json::from_str(&text).expect("JSON"))
}

/// How many partitions each instance has, by its id; `null`: nobody.
fn owners(view: &Value) -> BTreeMap<String, usize> {
    let mut owners = BTreeMap::new();
    for partition in view["partitions"].as_array().expect("a list") {
        *owners.entry(partition["instance"].as_str().unwrap_or("null").to_owned()).or_default() += 1;
    }
    owners
}

fn heard(view: &Value) -> usize {
    let instances = view["instances"].as_array().expect("a list");
    instances.iter().filter(|of| of["is_heard"] == true).count()
}

#[test]
fn two_instances_know_of_each_other_and_of_one_that_is_killed() {
    // A dead member is given up soon, before its row is old.
    let quick = r#"properties = { "session.timeout.ms" = "3000", "heartbeat.interval.ms" = "200" }"#;
    let pipeline = TestPipeline::new("instances").with("properties = {}", quick).with_workers(1);
    let generated = Generated::new(&pipeline, RECORDS, 3, &[]);
    let logs = [0, 1].map(|n| pipeline.folder.path().join(format!("{n}.log")));
    let (mut first, one) = pipeline.start_beside(&logs[0]);
    let (second, other) = pipeline.start_beside(&logs[1]);
    let both = |admin: u16| get(admin, "/instances").filter(|view| heard(view) == 2 && view["alone"].is_null());
    let share =
        |admin: u16| both(admin).is_some_and(|view| owners(&view).len() == 2 && !owners(&view).contains_key("null"));
    first.until("both say who has which partition", Duration::from_secs(30), || share(one) && share(other));
    let views = [one, other].map(|admin| both(admin).expect("it said so"));
    let ids = [0, 1].map(|n| views[n]["instances"][0]["id"].as_str().expect("an id").to_owned());
    assert_ne!(ids[0], ids[1]);
    assert_eq!(owners(&views[0]), owners(&views[1]), "whichever is asked");
    assert_eq!(owners(&views[0]).values().sum::<usize>(), PARTITIONS as usize);

    generated.produce(&pipeline);
    pipeline.until_all_is_committed(&mut first, Duration::from_secs(60));
    let judged = |view: &Value| {
        let instances = view["instances"].as_array().expect("a list").iter();
        instances.filter_map(|of| of["report"]["records"].as_u64()).sum::<u64>()
    };
    // N is of the database; K is what the other instance wrote into its row, which may be 2 s old.
    let committed = |view: &Value| {
        view["partitions"].as_array().expect("a list").iter().all(|of| of["position"] == of["committed"])
    };
    let caught_up = |admin: u16| {
        both(admin).is_some_and(|view| {
            let is_at_the_end = view["lag"]["records"] == 0 && view["lag"]["oldest_ms"] == 0;
            judged(&view) >= u64::from(RECORDS) && is_at_the_end && committed(&view)
        })
    };
    first.until("both say what both judged", Duration::from_secs(20), || caught_up(one) && caught_up(other));
    let view = both(one).expect("it said so");
    for partition in view["partitions"].as_array().expect("a list") {
        assert_eq!(partition["state"], "running", "{partition}");
    }
    let hits = view["instances"][0]["report"]["rules"].as_array().expect("a list").iter();
    assert!(hits.filter_map(|rule| rule["hits"].as_object()).any(|hits| !hits.is_empty()), "{view}");
    let history = get(one, "/history").expect("it answers");
    let last = history["checkpoints"].as_array().and_then(|all| all.last()).expect("there was one");
    let phases = ["database_us", "kafka_us"].map(|phase| last[phase].as_u64().expect("a number"));
    assert!(phases.iter().all(|took| *took > 0) && last["took_us"].as_u64() >= Some(phases.iter().sum()), "{last}");

    second.kill();
    let gone = || {
        let Some(view) = get(one, "/instances") else { return false };
        let owners = owners(&view);
        heard(&view) == 1 && owners.len() == 1 && owners.get(&ids[0]) == Some(&(PARTITIONS as usize))
    };
    first.until("the other is not heard of, and its partitions are here", Duration::from_secs(30), gone);
    let history = get(one, "/history").expect("it answers");
    let texts: Vec<_> =
        history["changes"].as_array().expect("a list").iter().map(|of| of["text"].to_string()).collect();
    assert!(texts.iter().any(|text| text.contains("is not heard of any more")), "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("from now on")), "{texts:?}");

    let rows = || pipeline.sql("SELECT instance FROM weir_instance");
    assert_eq!(rows().len(), 2, "a row of one that was killed stays for a day");
    first.stop();
    assert_eq!(rows(), [[ids[1].as_str()]], "one that ends in order takes its row along");
}
