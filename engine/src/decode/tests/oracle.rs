//! The decoder against another way to the same answer: all members with all their texts in a list, texts by
//! `serde_json`, numbers by shifting digits of a string. Slow, plain, and nothing of it shared with the decoder.

use proptest::prelude::*;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::*;

struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// Time, type and amount, or the code.
fn oracle(record: &[u8]) -> Result<(i64, String, i64), &'static str> {
    let text = std::str::from_utf8(record).map_err(|_| "PARSE_JSON")?;
    let Members(members) = serde_json::from_str(text).map_err(|_| "PARSE_JSON")?;
    let find = |name: &str| {
        let mut found = members.iter().filter(|(key, _)| key == name).map(|(_, value)| value.get());
        match (found.next(), found.next()) {
            (_, Some(_)) => Err("PARSE_JSON"),
            (Some(json), None) if json.starts_with('"') => {
                serde_json::from_str::<String>(json).map_err(|_| "PARSE_JSON").map(|text| (json, Some(text)))
            }
            (json, None) => Ok((json.unwrap_or("null"), None)),
        }
    };
    let (time, kind, amount) = (find("event_time")?, find("type")?, find("amount")?);
    let time = match time {
        ("null", _) => return Err("FIELD_MISSING"),
        (_, Some(text)) => match chrono::DateTime::parse_from_rfc3339(&text) {
            Ok(time) => time.timestamp_millis(),
            Err(e) if e.to_string().contains("out of range") || e.to_string().contains("no possible") => {
                return Err("FIELD_RANGE");
            }
            Err(_) => return Err("FIELD_KIND"),
        },
        (json, None) => shifted(json, 0, 19)?,
    };
    if !(-30_610_224_000_000..253_402_300_800_000).contains(&time) {
        return Err("FIELD_RANGE");
    }
    let kind = match kind {
        ("null", _) => return Err("FIELD_MISSING"),
        (_, text) => text.ok_or("FIELD_KIND")?,
    };
    let amount = match amount {
        ("null", _) => return Err("FIELD_MISSING"),
        (json, None) => shifted(json, 2, 18)?,
        (_, Some(text)) => match serde_json::from_str::<&RawValue>(&text) {
            Ok(json) if json.get() == text => shifted(&text, 2, 18)?,
            _ => return Err("FIELD_KIND"),
        },
    };
    Ok((time, kind, amount))
}

/// Writes the number out without an exponent, then cuts it at the point.
fn shifted(json: &str, scale: usize, most: usize) -> Result<i64, &'static str> {
    if !json.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return Err("FIELD_KIND");
    }
    let (number, exponent) = json.split_once(['e', 'E']).unwrap_or((json, "0"));
    let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
    let (sign, integer) = integer.strip_prefix('-').map_or(("", integer), |rest| ("-", rest));
    let mut digits = format!("{integer}{fraction}");
    if digits.bytes().all(|digit| digit == b'0') {
        return Ok(0);
    }
    let exponent: i64 = exponent.parse().map_err(|_| "FIELD_RANGE")?;
    if exponent.abs() > 100_000 {
        return Err("FIELD_RANGE");
    }
    let mut point = integer.len() as i64 + exponent;
    while point < 0 {
        digits.insert(0, '0');
        point += 1;
    }
    let point = point as usize;
    while digits.len() < point + scale {
        digits.push('0');
    }
    let (integer, fraction) = digits.split_at(point);
    let (kept, dropped) = fraction.split_at(scale);
    let integer = integer.trim_start_matches('0');
    if dropped.bytes().any(|digit| digit != b'0') || integer.len() > most {
        return Err("FIELD_RANGE");
    }
    let value: i128 = format!("{sign}0{integer}{kept}").parse().map_err(|_| "FIELD_RANGE")?;
    i64::try_from(value).map_err(|_| "FIELD_RANGE")
}

fn decoded(bench: &mut Bench, record: &[u8]) -> Result<(i64, String, i64), &'static str> {
    match bench.row(record).map_err(|fault| fault.code)?.as_slice() {
        [Some(Value::Timestamp(time)), Some(Value::Text(kind)), Some(Value::Decimal(amount))] => {
            Ok((*time, (*kind).to_owned(), *amount))
        }
        other => panic!("{other:?} in a row of required fields"),
    }
}

const SEEDS: [&str; 3] = [
    r#"{"step":1,"event_time":1760000000000,"type":"TRANSFER","amount":181.25,"name_orig":"C1","is_fraud":false}"#,
    r#"{ "amount" : "-12.5e1" , "type" : "a\"\u00e9\n" , "x" : [ 1e5 , { "amount" : 1 } ] , "event_time" : "2025-10-09T08:53:20Z" }"#,
    r#"{"type":"é😀","amount":0.10,"event_time":1.76e12,"note":"\ud83d\ude00","none":null}"#,
];

#[test]
fn a_record_cut_at_any_byte_is_parse_json() {
    let mut bench = Bench::new(payments());
    for seed in SEEDS {
        assert_eq!(bench.code(seed.as_bytes()), "fine", "{seed}");
        for end in 0..seed.len() {
            assert_eq!(bench.code(&seed.as_bytes()[..end]), "PARSE_JSON", "{:?}", &seed.as_bytes()[..end]);
        }
    }
}

#[test]
fn a_record_with_any_bit_flipped_is_what_the_oracle_says_also_after_a_clean_one() {
    let mut bench = Bench::new(payments());
    for seed in SEEDS {
        for bit in 0..seed.len() * 8 {
            let mut record = seed.as_bytes().to_vec();
            record[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decoded(&mut bench, &record), oracle(&record), "{:?}", String::from_utf8_lossy(&record));
            bench.row(seed.as_bytes()).unwrap();
        }
        bench.batch.clear(Partition(0));
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
        let mut bench = Bench::new(payments());
        for members in records {
            let record = format!("{{{}}}", members.join(","));
            prop_assert_eq!(decoded(&mut bench, record.as_bytes()), oracle(record.as_bytes()), "{}", record);
        }
    }

    #[test]
    fn any_decimal_is_what_the_oracle_says(number in number(), quoted: bool, time in -99_999_999_999_999_i64..999_999_999_999_999) {
        let quote = if quoted { "\"" } else { "" };
        let record = format!(r#"{{"event_time":{time},"type":"","amount":{quote}{number}{quote}}}"#);
        prop_assert_eq!(decoded(&mut Bench::new(payments()), record.as_bytes()), oracle(record.as_bytes()), "{}", record);
    }
}
