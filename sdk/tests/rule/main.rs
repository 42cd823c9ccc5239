//! A rule over every kind of field, through the calls that the engine makes.

mod fixture;

use weir_sdk::bindings::exports::weir::rule::guest::{Column, Effect, Guest, Kind, Values};
use weir_sdk::testing::Harness;
use weir_sdk::{Decimal, Timestamp};

use fixture::{Everything, Gaps, everything, good};

#[test]
fn every_kind_reaches_the_rule_and_rows_keep_their_numbers() {
    let records = [
        good(),
        Everything { amount: Decimal::new(1499, 3), ..good() },
        Everything { step: 101, kind: "späť", ..good() },
        Everything { score: 0.6, ..good() },
        Everything { known: false, kind: "", ..good() },
        Everything { segment: Some("staff"), fee: Some(Decimal::new(5, 1)), ..good() },
        Everything { segment: Some("retail"), ..good() },
    ];
    let hits = Harness::<everything>::new().judge(&records);
    let wanted = [
        (1, "LOW", "1.499 at 1970-01-01T00:00:00.000Z"),
        (2, "ODD", "späť"),
        (3, "ODD", "PAYMENT"),
        (4, "ODD", ""),
        (5, "ODD", "staff, fee Some(0.5)"),
    ];
    assert_eq!(hits, wanted);
}

#[test]
fn rows_beyond_a_word_of_bits_are_read_by_their_own_bits() {
    let records: Vec<_> = (0..130)
        .map(|row| Everything { known: row % 3 != 0, segment: (row == 127).then_some("vip"), ..good() })
        .collect();
    let rows: Vec<usize> = Harness::<everything>::new().judge(&records).iter().map(|hit| hit.row).collect();
    let wanted: Vec<usize> = (0..130).filter(|row| row % 3 == 0 || *row == 127).collect();
    assert_eq!(rows, wanted);
}

#[test]
fn a_row_that_lacks_a_required_field_is_skipped() {
    let full = || Gaps {
        amount: Some(Decimal::ZERO),
        at: Some(Timestamp::default()),
        kind: Some("A"),
        step: Some(0),
        score: Some(0.0),
        known: Some(true),
        segment: None,
        fee: None,
    };
    let records = [
        full(),
        Gaps { amount: None, ..full() },
        Gaps { at: None, ..full() },
        Gaps { kind: None, ..full() },
        Gaps { step: None, ..full() },
        Gaps { score: None, ..full() },
        Gaps { known: None, ..full() },
        full(),
    ];
    let rows: Vec<usize> = Harness::<everything>::new().judge(&records).iter().map(|hit| hit.row).collect();
    assert_eq!(rows, [0, 7]);
}

#[test]
fn the_manifest_says_what_the_author_wrote() {
    let manifest = Harness::<everything>::new().manifest();
    assert_eq!((manifest.name.as_str(), manifest.version.as_str()), ("everything", env!("CARGO_PKG_VERSION")));
    assert_eq!(manifest.summary, "Finds one thing a record.");
    let fields: Vec<_> = manifest.fields.iter().map(|f| (f.name.as_str(), f.kind, f.required)).collect();
    let wanted = [
        ("amount", Kind::Decimal, true),
        ("at", Kind::Timestamp, true),
        ("type", Kind::Text, true),
        ("step", Kind::Integer, true),
        ("score", Kind::Float, true),
        ("known", Kind::Boolean, true),
        ("customer.segment", Kind::Text, false),
        ("fee", Kind::Decimal, false),
    ];
    assert_eq!(fields, wanted);
    let codes: Vec<_> = manifest.codes.iter().map(|code| (code.name.as_str(), code.effect)).collect();
    assert_eq!(codes, [("LOW", Effect::DeadLetter), ("ODD", Effect::Flag)]);
    let parameters: Vec<_> =
        manifest.parameters.iter().map(|p| (p.name.as_str(), p.kind, p.default.as_str(), p.summary.as_str())).collect();
    let wanted = [
        ("least", Kind::Decimal, "1.5", "least amount"),
        ("step", Kind::Integer, "100", "Latest step."),
        ("score", Kind::Float, "0.5", "greatest score"),
        ("segments", Kind::Boolean, "true", "whether the segment counts"),
        ("listed", Kind::Text, "vip, staff", "segments that are flagged"),
    ];
    assert_eq!(parameters, wanted);
}

#[test]
fn a_wrong_parameter_is_named_with_what_to_write() {
    let cases = [
        ("least", "much", "parameter `least` = \"much\": not a decimal number; write one like -12.50"),
        ("step", "1.5", "parameter `step` = \"1.5\": not an integer of 64 bits; write one like 42"),
        ("score", "NaN", "parameter `score` = \"NaN\": not a finite number; write one like 0.25"),
        ("segments", "yes", "parameter `segments` = \"yes\": write true or false"),
        ("limit", "1", "parameter `limit`: this rule takes least, step, score, segments, listed"),
    ];
    for (name, value, why) in cases {
        assert_eq!(Harness::<everything>::new().set(name, value).configure(), Err(why.to_owned()));
    }
}

#[test]
fn configure_refuses_scales_that_are_not_the_fields() {
    assert_eq!(everything::configure(vec![2], vec![]), Err("1 scales for 8 fields".to_owned()));
    let beyond = everything::configure(vec![19; 8], vec![]);
    assert_eq!(beyond, Err("a scale of 19: a decimal has at most 18 fraction digits".to_owned()));
}

#[test]
#[should_panic(expected = "the engine hands the columns of the manifest")]
fn columns_of_another_kind_are_a_trap_and_no_wrong_verdict() {
    everything::configure(vec![0; 8], vec![]).expect("defaults");
    let columns = (0..8).map(|_| Column { values: Values::Integer(vec![0]), present: vec![] }).collect();
    everything::judge(1, columns);
}
