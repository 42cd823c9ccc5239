//! All members with all their texts in a list, texts by `serde_json`, numbers by shifting the digits of a string.

use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use weir::model::record::{Field, Kind};

#[derive(Debug)]
pub(crate) enum Value {
    Boolean(bool),
    /// An integer, an unscaled decimal, a time.
    Whole(i64),
    Float(f64),
    Text(String),
}

/// The values of these fields, or the code.
pub(crate) fn row(fields: &[&Field], record: &[u8], most: usize) -> Result<Vec<Option<Value>>, &'static str> {
    if record.len() > most {
        return Err("OVERSIZE");
    }
    let text = std::str::from_utf8(record).map_err(|_| "PARSE_JSON")?;
    members(text)?;
    let found: Vec<_> = fields.iter().map(|field| find(text, &field.path)).collect::<Result<_, _>>()?;
    let values = fields.iter().zip(&found).map(|(field, json)| value(field, json.as_deref()));
    let values: Vec<_> = values.collect();
    if values.iter().any(|value| matches!(value, Err("PARSE_JSON"))) {
        return Err("PARSE_JSON");
    }
    values.into_iter().collect()
}

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

fn members(text: &str) -> Result<Vec<(String, Box<RawValue>)>, &'static str> {
    serde_json::from_str(text).map(|Members(members)| members).map_err(|_| "PARSE_JSON")
}

/// The JSON at this path; a key on the way that is there twice is no answer.
fn find(object: &str, path: &[String]) -> Result<Option<String>, &'static str> {
    let (token, rest) = path.split_first().expect("a path has a token");
    let values: Vec<Box<RawValue>> = if object.starts_with('[') {
        let items: Vec<Box<RawValue>> = serde_json::from_str(object).map_err(|_| "PARSE_JSON")?;
        items.into_iter().enumerate().filter(|(at, _)| at.to_string() == *token).map(|(_, value)| value).collect()
    } else {
        members(object)?.into_iter().filter(|(key, _)| key == token).map(|(_, value)| value).collect()
    };
    match values.as_slice() {
        [] => Ok(None),
        [only] if rest.is_empty() => Ok(Some(only.get().to_owned())),
        [only] if only.get().starts_with(['{', '[']) => find(only.get(), rest),
        [_] => Ok(None),
        _ => Err("PARSE_JSON"),
    }
}

fn value(field: &Field, json: Option<&str>) -> Result<Option<Value>, &'static str> {
    let json = match json.unwrap_or("null") {
        "null" if field.required => return Err("FIELD_MISSING"),
        "null" => return Ok(None),
        json => json,
    };
    let text = match json.starts_with('"') {
        true => Some(serde_json::from_str::<String>(json).map_err(|_| "PARSE_JSON")?),
        false => None,
    };
    let value = match (field.kind, text) {
        (Kind::Boolean, None) if json == "true" || json == "false" => Value::Boolean(json == "true"),
        (Kind::Text, Some(text)) => Value::Text(text),
        (Kind::Integer, None) => Value::Whole(shifted(json, 0, 19)?),
        (Kind::Float, None) if numeric(json) => Value::Float(serde_json::from_str(json).map_err(|_| "FIELD_RANGE")?),
        (Kind::Decimal, None) => Value::Whole(shifted(json, field.scale.into(), 18)?),
        (Kind::Decimal, Some(text)) => match serde_json::from_str::<&RawValue>(&text) {
            Ok(json) if json.get() == text => Value::Whole(shifted(&text, field.scale.into(), 18)?),
            _ => return Err("FIELD_KIND"),
        },
        (Kind::Timestamp, None) => Value::Whole(in_calendar(shifted(json, 0, 19)?)?),
        (Kind::Timestamp, Some(text)) => Value::Whole(in_calendar(rfc3339(&text)?)?),
        _ => return Err("FIELD_KIND"),
    };
    Ok(Some(value))
}

fn rfc3339(text: &str) -> Result<i64, &'static str> {
    match chrono::DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(time.timestamp_millis()),
        Err(e) if e.to_string().contains("out of range") || e.to_string().contains("no possible") => Err("FIELD_RANGE"),
        Err(_) => Err("FIELD_KIND"),
    }
}

fn in_calendar(time: i64) -> Result<i64, &'static str> {
    (-30_610_224_000_000..253_402_300_800_000).contains(&time).then_some(time).ok_or("FIELD_RANGE")
}

fn numeric(json: &str) -> bool {
    json.starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

/// Writes the number out without an exponent, then cuts it at the point.
fn shifted(json: &str, scale: usize, most: usize) -> Result<i64, &'static str> {
    if !numeric(json) {
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
    // No record has so many digits that this exponent would move the point back among them.
    if exponent.abs() > 5_000 {
        return Err("FIELD_RANGE");
    }
    let mut point = integer.len() as i64 + exponent;
    if point < 0 {
        digits.insert_str(0, &"0".repeat(point.unsigned_abs() as usize));
        point = 0;
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
