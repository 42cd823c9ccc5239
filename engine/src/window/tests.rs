use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::config;
use crate::model::ids::Offset;
use crate::model::record::{Field, FieldId, Kind};
use crate::model::time::TimeFormat;

const NOW: i64 = 1_760_000_000_000;

fn schema() -> Arc<Schema> {
    let field = |name: &str, kind, scale| Field {
        name: name.into(),
        kind,
        required: false,
        path: vec![name.into()],
        scale,
        time: TimeFormat::default(),
        lookup: None,
        sensitive: false,
    };
    Arc::new(Schema {
        fields: vec![
            field("at", Kind::Timestamp, 0),
            field("type", Kind::Text, 0),
            field("fee", Kind::Decimal, 2),
            field("amount", Kind::Decimal, 2),
        ],
    })
}

fn windows(extra: &str) -> Windows {
    windows_by(r#"["type", "fee"]"#, extra)
}

fn windows_by(fields: &str, extra: &str) -> Windows {
    let text = format!(
        "size = \"5s\"\ngroup_by = {fields}\nmeasures = {{ amount = [\"sum\", \"max\"] }}\n\
         out_of_orderness = \"2s\"\nmax_ahead = \"1h\"\nmax_behind = \"100years\"\n{extra}"
    );
    let window: config::Window = toml::from_str(&text).unwrap();
    let spec = WindowSpec::new(&window, FieldId(0), &schema()).unwrap();
    Windows::new(Arc::new(spec), schema())
}

#[derive(Clone, Debug)]
struct Row {
    time: i64,
    kind: Option<String>,
    fee: Option<i64>,
    amount: Option<i64>,
    verdict: RowVerdict,
}

fn at(time: i64) -> Row {
    Row { time, kind: Some("a".into()), fee: None, amount: Some(100), verdict: RowVerdict::Valid }
}

fn add_rows(windows: &mut Windows, partition: Partition, rows: &[Row]) -> Vec<(u32, Fault)> {
    add_rows_at(NOW, windows, partition, rows)
}

fn add_rows_at(now: i64, windows: &mut Windows, partition: Partition, rows: &[Row]) -> Vec<(u32, Fault)> {
    let mut batch = Batch::new(&schema());
    batch.clear(partition);
    for (offset, row) in rows.iter().enumerate() {
        batch.offsets.push(Offset(offset as i64));
        batch.columns[0].push(Some(Value::Timestamp(row.time)));
        batch.columns[1].push(row.kind.as_deref().map(Value::Text));
        batch.columns[2].push(row.fee.map(Value::Decimal));
        batch.columns[3].push(row.amount.map(Value::Decimal));
    }
    let verdicts: Vec<_> = rows.iter().map(|row| row.verdict).collect();
    let mut faults = Vec::new();
    windows.add(&batch, &verdicts, now, &mut faults);
    faults
}

/// Adds rows one after the other to partition 0 and gives each one's code.
fn codes(windows: &mut Windows, times: &[i64]) -> Vec<&'static str> {
    let mut codes = vec!["summed"; times.len()];
    let rows: Vec<_> = times.iter().map(|time| at(*time)).collect();
    for (row, fault) in add_rows(windows, Partition(0), &rows) {
        codes[row as usize] = fault.code;
    }
    codes
}

#[test]
fn windows_are_aligned_to_the_epoch_also_before_it() {
    let mut windows = windows("");
    codes(&mut windows, &[-5_001, -5_000, -1, 0, 4_999, 5_000]);
    let got: Vec<_> = windows.drain().iter().map(|delta| (delta.start, delta.end, delta.records)).collect();
    assert_eq!(got, [(-10_000, -5_000, 1), (-5_000, 0, 2), (0, 5_000, 2), (5_000, 10_000, 1)]);
    assert_eq!(windows.len(), 0);
}

#[test]
fn a_late_row_merges_into_its_window_and_is_counted_until_it_is_too_late() {
    let mut windows = windows("allowed_lateness = \"10s\"");
    // 7,000 brings the watermark to 5,000, where the first window ends; 16,999 leaves it just within the allowance.
    assert_eq!(codes(&mut windows, &[6_999, 4_000, 7_000, 4_000, 16_999, 4_000]), ["summed"; 6]);
    assert_eq!(windows.watermark(Partition(0)), Some(14_999));
    let first = &windows.drain()[0];
    assert_eq!((first.start, first.records, first.late), (0, 3, 2));
    assert_eq!(codes(&mut windows, &[17_000, 4_000, 5_000]), ["summed", "LATE", "summed"]);
}

#[test]
fn a_late_row_is_a_dead_letter_where_the_configuration_says_so() {
    let mut windows = windows("late = \"dead_letter\"");
    assert_eq!(codes(&mut windows, &[6_999, 4_000, 7_000, 4_000]), ["summed", "summed", "summed", "LATE"]);
}

#[test]
fn a_time_too_far_ahead_is_a_dead_letter_and_moves_nothing() {
    let mut windows = windows("");
    let hour = 3_600_000;
    assert_eq!(codes(&mut windows, &[NOW, NOW + hour, NOW + hour + 1]), ["summed", "summed", "EVENT_TIME_AHEAD"]);
    assert_eq!(windows.watermark(Partition(0)), Some(NOW - 2_000));
}

#[test]
fn a_fast_clock_makes_nobody_late_who_is_on_time_by_the_engine_s_clock() {
    let mut windows = windows("late = \"dead_letter\"");
    // The second is 59 minutes and 50 seconds fast, and still within `max_ahead`.
    let times = [NOW, NOW + 3_590_000, NOW, NOW - 1_000, NOW - 10_000];
    assert_eq!(codes(&mut windows, &times), ["summed", "summed", "summed", "summed", "LATE"]);
    assert_eq!(windows.watermark(Partition(0)), Some(NOW - 2_000));
    // The clock goes on, and the watermark with the next record.
    add_rows_at(NOW + 7_000, &mut windows, Partition(0), &[at(NOW + 6_000)]);
    assert_eq!(windows.watermark(Partition(0)), Some(NOW + 4_000));
    let late: i64 = windows.drain().iter().map(|delta| delta.late).sum();
    assert_eq!(late, 0);
}

#[test]
fn a_time_too_far_behind_is_a_dead_letter_that_names_the_likely_unit_and_moves_nothing() {
    let mut windows = windows("");
    let years = |years: i64| years * 31_557_600_000;
    Arc::get_mut(&mut windows.spec).unwrap().max_behind = years(10);
    let times = [NOW - years(10), NOW - years(10) - 1, NOW / 1_000];
    assert_eq!(codes(&mut windows, &times), ["summed", "EVENT_TIME_BEHIND", "EVENT_TIME_BEHIND"]);
    assert_eq!(windows.watermark(Partition(0)), Some(NOW - years(10) - 2_000));
    let messages: Vec<_> =
        add_rows(&mut windows, Partition(0), &times.map(at)[1..]).into_iter().map(|(_, fault)| fault.message).collect();
    let behind = "is more than 10years behind the clock, 2025-10-09T08:53:20.000Z";
    assert_eq!(messages[0], format!("event time 2015-10-09T20:53:19.999Z {behind}"));
    let seconds = "1760000000 as seconds is 2025-10-09T08:53:20.000Z: set unit = \"s\" of the field at";
    assert_eq!(messages[1], format!("event time 1970-01-21T08:53:20.000Z {behind}; {seconds}"));
}

#[test]
fn a_stored_watermark_that_is_ahead_of_the_clock_is_set_back_to_it_when_its_partition_is_taken() {
    let mut windows = windows("late = \"dead_letter\"");
    windows.take_watermark(Partition(0), Some(NOW + 3_588_000), NOW);
    windows.take_watermark(Partition(1), Some(NOW - 60_000), NOW);
    windows.take_watermark(Partition(2), None, NOW);
    let watermarks = [0, 1, 2].map(|partition| windows.watermark(Partition(partition)));
    assert_eq!(watermarks, [Some(NOW - 2_000), Some(NOW - 60_000), None]);
    assert_eq!(codes(&mut windows, &[NOW - 1_000]), ["summed"]);
}

#[test]
fn a_row_that_is_a_dead_letter_moves_nothing_and_a_rejected_one_is_not_found_at_fault_again() {
    let mut windows = windows("late = \"dead_letter\"");
    let rejected = |time| Row { verdict: RowVerdict::Rejected, ..at(time) };
    assert_eq!(add_rows(&mut windows, Partition(0), &[rejected(9_000), rejected(0), rejected(i64::MAX)]), []);
    assert_eq!((windows.len(), windows.watermark(Partition(0))), (0, None));
    assert_eq!(codes(&mut windows, &[9_000, 0, NOW + 3_600_001]), ["summed", "LATE", "EVENT_TIME_AHEAD"]);
    assert_eq!(windows.watermark(Partition(0)), Some(7_000));
}

#[test]
fn partitions_have_their_own_watermarks_and_share_their_windows() {
    let mut windows = windows("late = \"dead_letter\"");
    add_rows(&mut windows, Partition(0), &[at(100_000)]);
    assert_eq!(add_rows(&mut windows, Partition(1), &[at(1), at(100_000)]), []);
    assert_eq!(windows.len(), 2);
    windows.take_watermark(Partition(1), None, NOW);
    assert_eq!(windows.watermark(Partition(1)), None);
    windows.clear();
    assert_eq!((windows.len(), windows.watermark(Partition(0))), (0, None));
}

#[test]
fn groups_that_differ_in_case_space_or_missing_against_empty_never_merge() {
    let mut windows = windows("");
    let kinds = [Some("a"), Some("A"), Some("a "), Some(""), None];
    let rows: Vec<_> = kinds.iter().map(|kind| Row { kind: kind.map(str::to_owned), ..at(0) }).collect();
    add_rows(&mut windows, Partition(0), &rows);
    let ids: BTreeSet<_> = windows.drain().iter().map(|delta| delta.group.id).collect();
    assert_eq!(ids.len(), kinds.len());
}

#[test]
fn groups_beyond_the_bound_of_a_window_are_summed_in_one_and_counted() {
    let mut windows = windows_by(r#"["type"]"#, "max_groups = 2\nallowed_lateness = \"10s\"");
    let of = |time, kind: &str| Row { kind: Some(kind.into()), ..at(time) };
    let sums = |windows: &mut Windows| -> Vec<(i64, String, i64)> {
        let named = |delta: WindowDelta| (delta.start, delta.group.values[0].clone().unwrap(), delta.records);
        let mut sums: Vec<_> = windows.drain().into_iter().map(named).collect();
        sums.sort();
        sums
    };
    let of = |time, kinds: &str| kinds.chars().map(|kind| of(time, &kind.to_string())).collect::<Vec<_>>();
    add_rows(&mut windows, Partition(0), &of(0, "abcdcab"));
    add_rows(&mut windows, Partition(0), &of(5_000, "dc"));
    assert_eq!(windows.len(), 7, "of the checkpoint's bound also those count that have no row");
    let others = || "__other__".to_owned();
    let wanted =
        [(0, others(), 3), (0, "a".into(), 2), (0, "b".into(), 2), (5_000, "c".into(), 1), (5_000, "d".into(), 1)];
    assert_eq!(sums(&mut windows), wanted);
    assert_eq!(windows.take_overflow(), Some(Overflow { records: 3, window: 0 }));
    assert_eq!((windows.take_overflow(), windows.groups()), (None, 2));
    // The next checkpoint knows which groups have a row; a record that calls itself __other__ belongs to the others.
    let called = Row { kind: Some(others()), ..at(0) };
    add_rows(&mut windows, Partition(0), &[of(0, "cb"), vec![called]].concat());
    assert_eq!(sums(&mut windows), [(0, others(), 2), (0, "b".into(), 1)]);
    // A window is forgotten when nothing is summed in it any more.
    add_rows(&mut windows, Partition(0), &of(17_000, "a"));
    windows.drain();
    assert_eq!(windows.members.windows(), [5_000, 15_000]);
}

#[test]
fn without_group_by_there_are_no_others() {
    let mut windows = windows_by("[]", "max_groups = 1");
    add_rows(&mut windows, Partition(0), &[at(0), at(0), at(5_000)]);
    assert_eq!(
        windows.drain().iter().map(|delta| (delta.start, delta.records)).collect::<Vec<_>>(),
        [(0, 2), (5_000, 1)]
    );
    assert_eq!(windows.take_overflow(), None);
}

#[test]
fn the_identity_of_a_group_is_the_one_that_is_in_databases_already() {
    let mut windows = windows("");
    add_rows(&mut windows, Partition(0), &[Row { kind: Some("PAYMENT".into()), fee: Some(-5), ..at(0) }]);
    let group = windows.drain()[0].group.clone();
    assert_eq!(group.values, [Some("PAYMENT".to_owned()), Some("-0.05".to_owned())]);
    assert_eq!(hex::encode(group.id), ID_OF_PAYMENT);
}

const ID_OF_PAYMENT: &str = "2def2c8dab54bc609880878af1e2b92e";

#[test]
fn a_measure_that_does_not_sum_exactly_is_refused() {
    let window: config::Window = toml::from_str("measures = { type = [\"sum\"] }").unwrap();
    let error = WindowSpec::new(&window, FieldId(0), &schema()).unwrap_err();
    assert!(error.contains("\"type\" is a text"), "{error}");
}

type Key = (i64, Option<String>, Option<i64>);
type Sums = (i64, i64, i64, Option<i128>, Option<i64>, Option<i64>);

/// All rows of all partitions, summed by looking at each on its own.
fn naive(batches: &[(i32, i64, Vec<Row>)]) -> (BTreeMap<Key, Sums>, usize) {
    let (mut sums, mut faults) = (BTreeMap::<Key, Sums>::new(), 0);
    let mut seen: Vec<(i32, i64)> = Vec::new();
    for (partition, now, rows) in batches {
        for row in rows {
            let greatest = seen.iter().filter(|(p, _)| p == partition).map(|(_, time)| *time).max();
            let watermark = greatest.map(|time| time - 2_000);
            let start = (row.time as f64 / 5_000.0).floor() as i64 * 5_000;
            if row.verdict == RowVerdict::Rejected {
                continue;
            }
            if watermark.is_some_and(|at| start + 5_000 + 10_000 <= at) {
                faults += 1;
                continue;
            }
            seen.push((*partition, row.time.min(*now)));
            let late = watermark.is_some_and(|at| start + 5_000 <= at);
            let sum = sums.entry((start, row.kind.clone(), row.fee)).or_default();
            sum.0 += 1;
            sum.1 += i64::from(row.verdict == RowVerdict::Flagged);
            sum.2 += i64::from(late);
            if let Some(amount) = row.amount {
                sum.3 = Some(sum.3.unwrap_or(0) + i128::from(amount));
                sum.4 = Some(sum.4.map_or(amount, |least| least.min(amount)));
                sum.5 = Some(sum.5.map_or(amount, |most| most.max(amount)));
            }
        }
    }
    (sums, faults)
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let verdict = prop_oneof![Just(RowVerdict::Valid), Just(RowVerdict::Flagged), Just(RowVerdict::Rejected)];
    let few = prop::sample::select(vec!["", "a", "b"]).prop_map(str::to_owned);
    let many = (0..200_u32).prop_map(|n| n.to_string());
    let kind = prop::option::of(prop_oneof![2 => few, 1 => many]);
    let row = (-40_000_i64..40_000, kind, prop::option::of(-1_i64..2), prop::option::of(any::<i64>()), verdict)
        .prop_map(|(time, kind, fee, amount, verdict)| Row { time, kind, fee, amount, verdict });
    prop::collection::vec(row, 0..120)
}

proptest! {
    #[test]
    fn deltas_over_any_batches_and_drains_are_the_naive_sums(
        batches in prop::collection::vec((0..3_i32, -60_000_i64..60_000, rows()), 0..8),
        drains in prop::collection::vec(any::<bool>(), 8),
        by_type: bool,
    ) {
        let mut batches = batches;
        let fields = if by_type {
            batches.iter_mut().flat_map(|(_, _, rows)| rows).for_each(|row| row.fee = None);
            r#"["type"]"#
        } else {
            r#"["type", "fee"]"#
        };
        let mut windows = windows_by(fields, "allowed_lateness = \"10s\"");
        let (mut got, mut faults) = (BTreeMap::<Key, Sums>::new(), 0);
        for (at, (partition, now, rows)) in batches.iter().enumerate() {
            faults += add_rows_at(*now, &mut windows, Partition(*partition), rows).len();
            if !drains[at] && at + 1 < batches.len() {
                continue;
            }
            let deltas = windows.drain();
            prop_assert!(deltas.windows(2).all(|pair| (pair[0].start, pair[0].group.id) < (pair[1].start, pair[1].group.id)));
            for delta in deltas {
                let kind = &delta.group.values[0];
                let fee = delta.group.values.get(1).cloned().flatten();
                let fee = fee.as_ref().map(|fee| fee.replace('.', "").parse().unwrap());
                let [amount] = delta.measures.as_slice() else { panic!("one field is measured") };
                let sum = got.entry((delta.start, kind.clone(), fee)).or_default();
                sum.0 += delta.records;
                sum.1 += delta.flagged;
                sum.2 += delta.late;
                sum.3 = [sum.3, amount.sum].into_iter().flatten().reduce(|a, b| a + b);
                sum.4 = [sum.4, amount.min].into_iter().flatten().min();
                sum.5 = [sum.5, amount.max].into_iter().flatten().max();
            }
        }
        prop_assert_eq!((got, faults), naive(&batches));
    }
}
