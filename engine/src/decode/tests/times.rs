//! Times that are not written as RFC 3339 or epoch milliseconds.

use super::*;
use crate::model::time::{TimeFormat, Unit};

/// A field of such times, and what it makes of JSON texts, one record each. Records look alike, so all but the first of a
/// kind go the fast way.
fn times(unit: Option<Unit>, format: Option<&str>, zone: Option<&str>, texts: &[&str]) -> Vec<Result<String, Fault>> {
    let time = TimeFormat::new(unit, format, zone).unwrap();
    let schema = Arc::new(Schema { fields: vec![Field { time, ..field("at", Kind::Timestamp, true, 0) }] });
    let mut fixture = Fixture::new(schema);
    let of = |json: &&str| {
        let row = fixture.row(format!("{{\"at\":{json}}}").as_bytes())?;
        Ok(row[0].map(|value| value.to_text(0)).expect("it is required"))
    };
    texts.iter().map(of).collect()
}

#[test]
fn units_formats_and_zones_hold_on_both_ways() {
    let seconds =
        times(Some(Unit::S), None, None, &["1700000000", "1700000000", "1700000000.5", "\"2023-11-14T22:13:20Z\""]);
    assert_eq!(
        seconds.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
        [
            "2023-11-14T22:13:20.000Z",
            "2023-11-14T22:13:20.000Z",
            "2023-11-14T22:13:20.500Z",
            "2023-11-14T22:13:20.000Z"
        ]
    );
    let plain = Some("%Y-%m-%d %H:%M:%S");
    let local = ["\"2026-01-02 03:04:05\"", "\"2026-07-02 03:04:05\"", "\"2026-07-02 03:04:0\\u0035\""];
    let local = times(None, plain, Some("Europe/Berlin"), &local);
    assert_eq!(
        local.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
        ["2026-01-02T02:04:05.000Z", "2026-07-02T01:04:05.000Z", "2026-07-02T01:04:05.000Z"]
    );
}

#[test]
fn a_time_that_is_written_in_another_way_says_what_the_field_wants_and_what_to_set() {
    let plain = Some("%Y-%m-%d %H:%M:%S");
    let berlin = Some("Europe/Berlin");
    let wants_plain = "is not a time (\"%Y-%m-%d %H:%M:%S\" in Europe/Berlin)";
    let cases = [
        (
            None,
            None,
            None,
            "\"2026-01-02 03:04:05\"",
            "FIELD_KIND",
            "it has no zone: set format = \"%Y-%m-%d %H:%M:%S\" and zone =",
        ),
        (None, None, None, "1700000000000000", "FIELD_RANGE", "set unit = \"us\" of the field at"),
        (
            Some(Unit::S),
            None,
            None,
            "1700000000000",
            "FIELD_RANGE",
            "a time (epoch seconds or RFC 3339) is wanted; 1700000000000 as milliseconds is 2023",
        ),
        (None, plain, berlin, "\"2026-03-29 02:30:00\"", "FIELD_RANGE", "the clocks were put forward past it"),
        (None, plain, berlin, "\"2026-01-02T03:04:05Z\"", "FIELD_KIND", wants_plain),
        (None, plain, berlin, "1700000000000", "FIELD_KIND", wants_plain),
        (None, None, None, "\"noon\"", "FIELD_KIND", "\"noon\" is not a time (epoch milliseconds or RFC 3339)"),
    ];
    for (unit, format, zone, json, code, says) in cases {
        let fault = times(unit, format, zone, &[json]).remove(0).unwrap_err();
        assert!(fault.code == code && fault.message.contains(says), "{json}: {fault:?}, wanted {says:?}");
    }
}
