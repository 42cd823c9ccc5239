//! Event times that are not what they should be, from the topic to the table: clocks that are fast, numbers of another unit,
//! local times.

use std::ops::Deref;
use std::time::Duration;

use serde_json::json;

use weir_testkit::broker::Record;
use weir_testkit::pipeline::TestPipeline;

const SOON: Duration = Duration::from_secs(60);
const SECOND: i64 = 1_000;

/// A pipeline that is paid at times.
struct Paid(TestPipeline);

impl Deref for Paid {
    type Target = TestPipeline;

    fn deref(&self) -> &TestPipeline {
        &self.0
    }
}

impl Paid {
    /// A payment to partition 0, in the order of the calls. `event_time` as it is in the record.
    fn pay(&self, event_time: impl serde::Serialize) {
        let value = json!({ "event_time": event_time, "type": "DEBIT", "amount": "1.00" });
        self.send(0, &Record { value: Some(value.to_string().into_bytes()), ..Record::default() });
    }

    /// Records in all windows, and those of them that were late.
    fn counts(&self) -> Vec<String> {
        self.sql("SELECT COALESCE(SUM(records), 0), COALESCE(SUM(late), 0) FROM risk_stats").remove(0)
    }

    /// Code and message of each letter, in the order of its record.
    fn letters(&self) -> Vec<(String, String)> {
        let header = |letter: &Record, name| letter.header(name).expect("a letter has it").to_owned();
        let offset = |letter: &Record| header(letter, "__dlq.errors.offset").parse::<i64>().expect("an offset");
        let mut letters: Vec<Record> = self.read(&self.queue()).into_values().collect();
        letters.sort_by_key(offset);
        letters.iter().map(|letter| (header(letter, "weir.code"), header(letter, "__dlq.errors.message"))).collect()
    }

    /// Event time of partition 0, in epoch milliseconds, as GET /pipeline has it.
    fn watermark(&self) -> Option<i64> {
        let of = self.get("/pipeline");
        let partition = of["partitions"].as_array()?.iter().find(|partition| partition["partition"] == 0)?.clone();
        let text = partition["watermark"].as_str()?;
        Some(chrono::DateTime::parse_from_rfc3339(text).expect("RFC 3339").timestamp_millis())
    }
}

#[test]
fn a_fast_clock_moves_no_watermark_past_the_engine_s_and_ends_no_window_that_is_open() {
    let pipeline = Paid(TestPipeline::new("fast").with_workers(1));
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    let now = chrono::Utc::now().timestamp_millis();
    // On time (and a little more, for a busy machine), 59:50 fast, as fast as is allowed (less ten seconds), on time, a minute old.
    for ahead in [4, 3_590, 290, 4, -60] {
        pipeline.pay(now + ahead * SECOND);
    }
    pipeline.until_all_is_committed(&mut engine, SOON);
    // Only the one that is a minute old came after its window had ended.
    assert_eq!(pipeline.counts(), ["4", "1"]);
    let letters = pipeline.letters();
    assert_eq!(letters.iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(), ["EVENT_TIME_AHEAD"]);
    let open = "SELECT COUNT(*) FROM risk_stats_final WHERE window_end > UTC_TIMESTAMP(3)";
    assert_eq!(pipeline.sql(open), [["0"]], "a window that is open is not final");
    let is_held = |pipeline: &Paid| {
        let at = pipeline.watermark().expect("records moved it");
        assert!(at <= chrono::Utc::now().timestamp_millis() - 2 * SECOND, "{at}, sent at {now}");
        at
    };
    assert!(is_held(&pipeline) >= now - 2 * SECOND);
    engine.until("the metric has the watermark", SOON, || {
        pipeline
            .metric("weir_partition_watermark_timestamp_seconds", "partition=\"0\"")
            .is_some_and(|at| at >= (now - 2 * SECOND) as f64 / 1e3)
    });
    engine.stop();

    // As a version left it that let a fast clock move it; whoever takes the partition sets it back.
    pipeline.sql(&format!("UPDATE weir_partition SET watermark = {} WHERE `partition` = 0", now + 3_588 * SECOND));
    let mut engine = pipeline.start();
    pipeline.until_ready(&mut engine);
    is_held(&pipeline);
    pipeline.pay(chrono::Utc::now().timestamp_millis());
    pipeline.until_all_is_committed(&mut engine, SOON);
    assert_eq!(pipeline.counts(), ["5", "1"]);
    assert_eq!(pipeline.sql(open), [["0"]]);
    engine.stop();
}

#[test]
fn another_unit_and_local_times_are_letters_that_say_what_to_set_and_set_they_are_summed() {
    let now = chrono::Utc::now();
    let seconds = now.timestamp();
    let plain = now.format("%Y-%m-%d %H:%M:%S").to_string();
    let wrong = Paid(TestPipeline::new("units"));
    wrong.pay(seconds);
    wrong.pay(&plain);
    let mut engine = wrong.start();
    wrong.until_all_is_committed(&mut engine, SOON);
    let letters = wrong.letters();
    let said = [
        (
            "EVENT_TIME_BEHIND",
            format!("{seconds} as seconds is {}: set unit = \"s\"", now.format("%Y-%m-%dT%H:%M:%S.000Z")),
        ),
        ("FIELD_KIND", "it has no zone: set format = \"%Y-%m-%d %H:%M:%S\" and zone = ".to_owned()),
    ];
    assert_eq!(letters.len(), 2, "{letters:?}");
    for ((code, message), (wanted, says)) in letters.iter().zip(&said) {
        assert!(code == wanted && message.contains(says), "{code}: {message}, wanted {wanted}: {says}");
    }
    assert_eq!(wrong.counts(), ["0", "0"]);
    engine.stop();

    // The same records, from the beginning, by a pipeline that is told what they are. 14 hours east of UTC.
    let told = "unit = \"s\", format = \"%Y-%m-%d %H:%M:%S\", zone = \"Pacific/Kiritimati\", required";
    let pipeline = Paid(
        TestPipeline::new("units_told")
            .with("kind = \"timestamp\", required", &format!("kind = \"timestamp\", {told}")),
    );
    pipeline.pay(seconds);
    pipeline.pay((now + chrono::Duration::hours(14)).format("%Y-%m-%d %H:%M:%S").to_string());
    let mut engine = pipeline.start();
    pipeline.until_all_is_committed(&mut engine, SOON);
    assert_eq!(pipeline.letters(), []);
    let start = (seconds - seconds.rem_euclid(5)) * SECOND;
    let windows = pipeline.windows("type");
    assert_eq!(windows.iter().map(|((at, _), sums)| (*at, sums.records)).collect::<Vec<_>>(), [(start, 2)]);
    engine.stop();
}
