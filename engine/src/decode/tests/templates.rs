//! The slow way is the oracle of the templates: whatever records come, in whatever order, both make the same of them.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

fn schema() -> Arc<Schema> {
    Arc::new(Schema {
        fields: vec![
            field("event_time", Kind::Timestamp, true, 0),
            field("type", Kind::Text, true, 0),
            field("amount", Kind::Decimal, true, 2),
            field("old_balance", Kind::Decimal, false, 3),
            field("count", Kind::Integer, false, 0),
            field("ratio", Kind::Float, false, 0),
            field("flag", Kind::Boolean, false, 0),
            at("city", Kind::Text, &["place", "city"]),
            at("second", Kind::Integer, &["list", "1"]),
            at("place", Kind::Text, &["where"]),
        ],
    })
}

/// Without templates.
fn slow(schema: Arc<Schema>) -> Fixture {
    let mut fixture = Fixture::new(schema);
    fixture.decoder.json().without_templates();
    fixture
}

const KEYS: [&str; 12] =
    ["step", "event_time", "type", "amount", "old_balance", "count", "ratio", "flag", "place", "list", "where", "more"];

const CLEAN: [&[&str]; 12] = [
    &["1", "250", "-0.5e3"],
    &["1760000000000", "\"2025-10-09T08:53:20.500Z\"", "-1", "1760000000000.0"],
    &[
        "\"PAYMENT\"",
        "\"CASH_OUT\"",
        "\"\"",
        "\"é😀\"",
        "\"PAY\\u004dENT\"",
        "\"a long text of more than eight bytes\"",
    ],
    &["12.34", "-0.5", "0", "\"99.9\"", "90071992547409.93", "1e2", "-1000000000000000"],
    &["0.125", "null", "-7", "12.5000"],
    &["42", "null", "-9223372036854775808", "1.0"],
    &["0.25", "1e-7", "-3", "null"],
    &["true", "false", "null"],
    &["{\"city\":\"Oslo\",\"zip\":1}", "{\"zip\": [1, {}], \"city\":\"Bergen\"}", "null", "{}", "5", "[1]"],
    &["[1,2]", "[]", "7", "[\"]\",3]"],
    &["\"here\"", "null"],
    &["[]", "{\"a\":{\"b\":[{}]}}", "\"\\ud800\"", "0", "{}", "true"],
];

const DIRTY: [&str; 24] = [
    "",
    "01",
    "1.",
    "-",
    "+1",
    "tru",
    "nul",
    "nullx",
    "\"open",
    "\"\\x\"",
    "\"\u{1}\"",
    "[1,",
    "{\"a\"}",
    "1e",
    "1e999",
    "{",
    "]",
    "99999999999999999999",
    "1.23456",
    "\"2025-13-09T10:53:20Z\"",
    "\"12.345\"",
    "\"\\ud800\"",
    "12 34",
    "99999999999999999.99",
];

#[derive(Clone, Debug)]
struct Recipe {
    keys: Vec<usize>,
    values: Vec<Index>,
    dirt: Option<(Index, Index)>,
    spaced: bool,
    /// A place and a byte to put there.
    flip: Option<(Index, u8)>,
    cut: Option<Index>,
}

fn recipe() -> impl Strategy<Value = Recipe> {
    let all: Vec<usize> = (0..KEYS.len()).collect();
    let keys = prop_oneof![
        8 => Just(all.clone()),
        2 => proptest::sample::subsequence(all.clone(), 1..=KEYS.len()),
        1 => Just(all.clone()).prop_shuffle(),
        // A key twice.
        1 => proptest::sample::select(all.clone()).prop_map(move |twice| all.iter().copied().chain([twice]).collect()),
    ];
    let values = proptest::collection::vec(any::<Index>(), KEYS.len() + 1);
    let rarely = |of| proptest::option::weighted(0.15, of);
    let bytes = proptest::sample::select(b"{}[]\",:\\ 0e.-x\n\x00\xff".to_vec());
    (
        keys,
        values,
        proptest::option::weighted(0.15, any::<(Index, Index)>()),
        proptest::bool::weighted(0.2),
        proptest::option::weighted(0.15, (any::<Index>(), bytes)),
        rarely(any::<Index>()),
    )
        .prop_map(|(keys, values, dirt, spaced, flip, cut)| Recipe { keys, values, dirt, spaced, flip, cut })
}

impl Recipe {
    fn record(&self) -> Vec<u8> {
        let dirt = self.dirt.map(|(at, with)| (at.index(self.keys.len()), *with.get(&DIRTY)));
        let (comma, colon) = if self.spaced { (" , ", ": ") } else { (",", ":") };
        let pairs = self.keys.iter().zip(&self.values).enumerate().map(|(at, (key, value))| {
            // Most values are the usual ones, so that templates are learned and used.
            let clean = CLEAN[*key];
            let usual = value.index(64);
            let value = if usual < 48 { clean[0] } else { clean[usual % clean.len()] };
            let value = dirt.filter(|(dirty, _)| *dirty == at).map_or(value, |(_, with)| with);
            format!("\"{}\"{colon}{value}", KEYS[*key])
        });
        let mut record = format!("{{{}}}", pairs.collect::<Vec<_>>().join(comma)).into_bytes();
        if let Some((at, byte)) = self.flip {
            let at = at.index(record.len());
            record[at] = byte;
        }
        if let Some(at) = self.cut {
            record.truncate(at.index(record.len()));
        }
        record
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn records_in_any_order_become_the_same_rows_and_faults_as_by_the_slow_way(
        recipes in prop_oneof![
            9 => proptest::collection::vec(recipe(), 1..40),
            1 => proptest::collection::vec(recipe(), 60..200),
        ]
    ) {
        let (mut ours, mut oracle) = (Fixture::new(schema()), slow(schema()));
        for recipe in recipes {
            let record = recipe.record();
            let shown = String::from_utf8_lossy(&record).into_owned();
            prop_assert_eq!(ours.row(&record), oracle.row(&record), "{}", shown);
        }
        // As a batch too: a fault leaves no trace.
        prop_assert_eq!(&ours.batch.columns, &oracle.batch.columns);
    }
}

#[test]
fn records_that_look_alike_go_the_fast_way_and_a_few_looks_are_remembered() {
    let mut fixture = Fixture::new(payments());
    let looks = [
        r#"{"type":"T","amount":N,"event_time":1760000000000}"#,
        r#"{"type":"T","amount":N,"more":{"a":[1],"b":null},"event_time":1760000000000}"#,
        r#"{ "event_time": 1760000000000, "amount": N, "type": "T" } "#,
        r#"{"x":"\n","type":"T","amount":N,"event_time":1760000000000}"#,
    ];
    for round in 0..100 {
        for look in looks {
            fixture.row(look.replace('N', &format!("{round}.25")).as_bytes()).unwrap();
        }
    }
    assert_eq!(fixture.decoder.slow_path(), looks.len() as u64);
    assert_eq!(fixture.code(b"{\"type\":\"T\",\"amount\":1,\"event_time\":1760000000000"), "PARSE_JSON");
    assert_eq!(fixture.code(b"{\"type\":\"T\",\"amount\":null,\"event_time\":1760000000000}"), "FIELD_MISSING");
    assert_eq!(fixture.decoder.slow_path(), looks.len() as u64 + 2, "dirt is one each");
}

#[test]
fn a_record_that_needs_the_slow_way_for_a_value_puts_no_other_look_out() {
    let mut fixture = Fixture::new(payments());
    let looks = [
        r#"{"type":"T","amount":1,"event_time":1760000000000}"#,
        r#"{"x":1,"type":"T","amount":1,"event_time":1760000000000}"#,
    ];
    looks.iter().for_each(|look| drop(fixture.row(look.as_bytes()).unwrap()));
    for _ in 0..5 {
        fixture.row(br#"{"type":"T\n","amount":1,"event_time":1760000000000}"#).unwrap();
    }
    let before = fixture.decoder.slow_path();
    looks.iter().for_each(|look| drop(fixture.row(look.as_bytes()).unwrap()));
    assert_eq!(fixture.decoder.slow_path(), before);
}

#[test]
fn where_no_two_records_look_alike_templates_are_left_alone_for_a_while() {
    let mut fixture = Fixture::new(payments());
    for n in 0..3_000 {
        fixture.row(format!(r#"{{"k{n}":1,"type":"T","amount":1,"event_time":1760000000000}}"#).as_bytes()).unwrap();
    }
    for _ in 0..2_000 {
        fixture.row(br#"{"type":"T","amount":1,"event_time":1760000000000}"#).unwrap();
    }
    let slow = fixture.decoder.slow_path();
    assert!((3_001..=4_001).contains(&slow), "{slow}");
}

#[test]
fn an_object_where_a_plain_value_stood_is_looked_into() {
    let schema =
        Arc::new(Schema { fields: vec![at("city", Kind::Text, &["place", "city"]), at("b", Kind::Text, &["l", "0"])] });
    let mut fixture = Fixture::new(schema);
    for plain in ["null", "7", "\"x\""] {
        assert_eq!(fixture.row(format!("{{\"place\":{plain},\"l\":{plain}}}").as_bytes()).unwrap(), [None, None]);
    }
    let row = fixture.row(br#"{"place":{"city":"Oslo"},"l":["x"]}"#).unwrap();
    assert_eq!(row, [Some(Value::Text("Oslo")), Some(Value::Text("x"))]);
}

#[test]
fn two_fields_of_one_place_both_get_its_value() {
    let schema = Arc::new(Schema { fields: vec![at("a", Kind::Text, &["x"]), at("b", Kind::Text, &["x"])] });
    let mut fixture = Fixture::new(schema);
    for _ in 0..3 {
        assert_eq!(fixture.row(br#"{"x":"v"}"#).unwrap(), [Some(Value::Text("v")); 2]);
    }
}
