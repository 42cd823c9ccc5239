//! More groups in a window than it may have: nothing is lost, the table stays small, and everyone is told.

use std::time::Duration;

use serde_json::json;

use weir_testkit::broker::Record;
use weir_testkit::pipeline::TestPipeline;

const SOON: Duration = Duration::from_secs(60);

#[test]
fn groups_beyond_the_bound_are_summed_in_one_and_everyone_is_told() {
    // Each of two workers joins the group by itself: of two, the second takes partition 0 from the first at some moment.
    let pipeline = TestPipeline::new("groups").with_workers(1).with(
        "group_by = [\"type\"]",
        "group_by = [\"name_orig\"]
max_groups = 3",
    );
    let start = chrono::Utc::now().timestamp_millis() / 5_000 * 5_000 - 60_000;
    let pay = |window: i64, customer: usize| {
        let time = start + 5_000 * window;
        let value =
            json!({ "event_time": time, "type": "DEBIT", "amount": "1.00", "name_orig": format!("C{customer}") });
        pipeline.send(0, &Record { value: Some(value.to_string().into_bytes()), ..Record::default() });
    };
    (0..8).chain(0..8).for_each(|customer| pay(0, customer));
    (0..3).for_each(|customer| pay(1, customer));
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, SOON);
    let rows = |columns: &str| pipeline.sql(&format!("SELECT {columns} FROM risk_stats"));
    assert_eq!(rows("COUNT(*), SUM(records), SUM(amount_sum)"), [["7", "19", "19.00"]]);
    let of_others =
        pipeline.sql("SELECT records, amount_sum, amount_max FROM risk_stats WHERE name_orig = '__other__'");
    assert_eq!(of_others, [["10", "10.00", "1.00"]]);
    assert_eq!(pipeline.metric("weir_window_overflow_records_total", ""), Some(10.0));
    assert_eq!(pipeline.metric("weir_window_groups", ""), Some(3.0));
    let told = told(&pipeline);
    assert!(told.contains("window.max_groups = 3 groups by name_orig") && told.contains("__other__"), "{told}");
    // A group that has a row keeps it, and one that has none comes to the others, also later.
    pay(0, 0);
    pay(0, 7);
    pipeline.until_all_is_committed(&mut engine, SOON);
    assert_eq!(rows("COUNT(*), SUM(records)"), [["7", "21"]]);
    assert_eq!(pipeline.metric("weir_window_overflow_records_total", ""), Some(11.0));
    // A partition that moves to another instance takes nothing back of what was said.
    let (mut second, admin) = pipeline.start_beside(&pipeline.folder.path().join("second.log"));
    second.until("it has partitions", SOON, || weir_testkit::pipeline::api::flowing(admin) > Some(0));
    self::told(&pipeline);
    second.stop();
    engine.stop();
}

/// The condition's message.
fn told(pipeline: &TestPipeline) -> String {
    let conditions = pipeline.get("/pipeline")["conditions"].clone();
    let told = conditions.as_array().unwrap().iter().find(|condition| condition["code"] == "window.too_many_groups");
    told.unwrap_or_else(|| panic!("{conditions}"))["message"].as_str().unwrap().to_owned()
}
