//! The decoder against another way to the same answer, that of the fuzz target (`testkit/src/fuzz/decode/oracle.rs`): records of
//! the shape that the engine meets, cut, flipped and made of parts.

use proptest::prelude::*;
use weir::decode::Decoder;
use weir::model::ids::{Offset, Partition};
use weir::model::record::{Batch, Field, Kind, Schema};
use weir::model::time::TimeFormat;

/// The first line of what the fuzz target takes: event time, type and amount, all required.
const SCHEMA: &str = "s!/event_time t!/type d2!/amount";

/// One decoder says of these records, one after the other, what the oracle says.
fn holds<'a>(records: impl IntoIterator<Item = &'a [u8]>) {
    let records: Vec<&[u8]> = records.into_iter().collect();
    weir_testkit::fuzz::decode(&[SCHEMA.as_bytes(), b"\n".as_slice(), &records.join(&weir_testkit::fuzz::RS)].concat());
}

const SEEDS: [&str; 3] = [
    r#"{"step":1,"event_time":1760000000000,"type":"TRANSFER","amount":181.25,"name_orig":"C1","is_fraud":false}"#,
    r#"{ "amount" : "-12.5e1" , "type" : "a\"\u00e9\n" , "x" : [ 1e5 , { "amount" : 1 } ] , "event_time" : "2025-10-09T08:53:20Z" }"#,
    r#"{"type":"é😀","amount":0.10,"event_time":1.76e12,"note":"\ud83d\ude00","none":null}"#,
];

/// The code of the record's fault.
fn code(decoder: &mut Decoder, batch: &mut Batch, record: &[u8]) -> &'static str {
    decoder.decode(None, Some(record), Offset(0), batch).map_or_else(|fault| fault.code, |()| "fine")
}

#[test]
fn a_record_cut_at_any_byte_is_parse_json() {
    let field = |name: &str, kind, scale| Field {
        name: name.into(),
        kind,
        required: true,
        path: vec![name.into()],
        scale,
        time: TimeFormat::default(),
        lookup: None,
        sensitive: false,
    };
    let fields =
        vec![field("event_time", Kind::Timestamp, 0), field("type", Kind::Text, 0), field("amount", Kind::Decimal, 2)];
    let schema = std::sync::Arc::new(Schema { fields });
    let (mut decoder, mut batch) = (Decoder::new(schema.clone(), 1 << 20), Batch::new(&schema));
    batch.clear(Partition(0));
    for seed in SEEDS {
        assert_eq!(code(&mut decoder, &mut batch, seed.as_bytes()), "fine", "{seed}");
        for end in 0..seed.len() {
            let cut = &seed.as_bytes()[..end];
            assert_eq!(code(&mut decoder, &mut batch, cut), "PARSE_JSON", "{cut:?}");
        }
    }
}

#[test]
fn a_record_with_any_bit_flipped_is_what_the_oracle_says_also_after_a_clean_one() {
    for seed in SEEDS.map(str::as_bytes) {
        let flipped: Vec<Vec<u8>> = (0..seed.len() * 8)
            .map(|bit| {
                let mut record = seed.to_vec();
                record[bit / 8] ^= 1 << (bit % 8);
                record
            })
            .collect();
        holds(std::iter::once(seed).chain(flipped.iter().flat_map(|record| [record.as_slice(), seed])));
    }
}

/// Numbers of any shape, good and bad.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?([eE][+-]?[0-9]{1,2})?",
        "-?(0|[1-9][0-9]{0,16})(\\.[0-9]{1,2}0{0,9})?",
        "-?0\\.0{0,9}[0-9]{1,4}[eE]\\+?[0-9]{1,2}",
        "[-+0-9.eE ]{0,8}",
    ]
}

fn json() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => number(),
        2 => number().prop_map(|number| format!("\"{number}\"")),
        2 => any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        1 => "\"[a-z\\\\\"u0-9]{0,8}\"",
        1 => Just("null".to_owned()),
        1 => Just("true".to_owned()),
        1 => Just("[{\"amount\":[]}]".to_owned()),
    ]
}

fn member() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        3 => Just("amount".to_owned()),
        3 => Just("type".to_owned()),
        3 => Just("event_time".to_owned()),
        1 => Just("\\u0061mount".to_owned()),
        2 => "[a-z]{1,6}",
    ];
    (key, json(), "[ \n]{0,1}").prop_map(|(key, value, space)| format!("{space}\"{key}\"{space}:{value}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_records_are_what_the_oracle_says(records in prop::collection::vec(prop::collection::vec(member(), 0..6), 1..4)) {
        let records: Vec<String> = records.iter().map(|members| format!("{{{}}}", members.join(","))).collect();
        holds(records.iter().map(String::as_bytes));
    }

    #[test]
    fn any_decimal_is_what_the_oracle_says(number in number(), quoted: bool, time in -99_999_999_999_999_i64..999_999_999_999_999) {
        let quote = if quoted { "\"" } else { "" };
        holds([format!(r#"{{"event_time":{time},"type":"","amount":{quote}{number}{quote}}}"#).as_bytes()]);
    }
}
