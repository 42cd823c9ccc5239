use super::*;
use crate::model::finding::Stage;
use crate::model::ids::Partition;
use crate::model::record::{Field, Kind, Value};
use crate::model::time::TimeFormat;

pub(super) mod tagged;
mod templates;
mod times;

fn field(name: &str, kind: Kind, required: bool, scale: u8) -> Field {
    Field {
        name: name.into(),
        kind,
        required,
        path: vec![name.into()],
        scale,
        time: TimeFormat::default(),
        lookup: None,
        sensitive: false,
    }
}

fn at(name: &str, kind: Kind, path: &[&str]) -> Field {
    Field { path: path.iter().map(|token| (*token).to_owned()).collect(), ..field(name, kind, false, 0) }
}

fn payments() -> Arc<Schema> {
    Arc::new(Schema {
        fields: vec![
            field("event_time", Kind::Timestamp, true, 0),
            field("type", Kind::Text, true, 0),
            field("amount", Kind::Decimal, true, 2),
        ],
    })
}

impl Decoder {
    fn json(&mut self) -> &mut json::Decoder {
        match &mut self.format {
            Format::Json(json) => json,
            Format::Tagged(_) => panic!("it decodes no JSON"),
        }
    }
}

struct Fixture {
    decoder: Decoder,
    batch: Batch,
}

impl Fixture {
    fn new(schema: Arc<Schema>) -> Self {
        let mut batch = Batch::new(&schema);
        batch.clear(Partition(0));
        Self { decoder: Decoder::new(schema, 1 << 20), batch }
    }

    /// The row that the record became.
    fn row(&mut self, record: &[u8]) -> Result<Vec<Option<Value<'_>>>, Fault> {
        self.decoder.decode(None, Some(record), Offset(self.batch.rows() as i64), &mut self.batch)?;
        let row = self.batch.rows() - 1;
        Ok(self.batch.columns.iter().map(|column| column.get(row)).collect())
    }

    fn code(&mut self, record: &[u8]) -> &'static str {
        self.row(record).map_or_else(|fault| fault.code, |_| "fine")
    }
}

/// One field of this kind, and what it makes of a JSON text.
fn one(kind: Kind, scale: u8, json: &str) -> Result<String, &'static str> {
    let schema = Arc::new(Schema { fields: vec![field("x", kind, false, scale)] });
    let mut fixture = Fixture::new(schema);
    match fixture.row(format!("{{\"x\":{json}}}").as_bytes()) {
        Ok(row) => Ok(row[0].map_or("missing".to_owned(), |value| value.to_text(scale))),
        Err(fault) => Err(fault.code),
    }
}

#[test]
fn a_record_becomes_a_row_of_exact_values() {
    let mut fixture = Fixture::new(payments());
    let record = br#"{"step": 1, "type": "PAY\u004dENT", "amount": "90071992547409.93", "event_time": 1760000000000, "z": [{}]}"#;
    let row = fixture.row(record).unwrap();
    let wanted = [Value::Timestamp(1_760_000_000_000), Value::Text("PAYMENT"), Value::Decimal(9_007_199_254_740_993)];
    assert_eq!(row, wanted.map(Some));
}

#[test]
fn each_kind_takes_what_it_should_and_names_what_it_does_not() {
    use Kind::*;
    let cases: &[(Kind, u8, &str, Result<&str, &str>)] = &[
        (Decimal, 2, "12.5", Ok("12.50")),
        (Decimal, 2, "-0.0", Ok("0.00")),
        (Decimal, 2, "1.2300000000000000000000000", Ok("1.23")),
        (Decimal, 2, "125e-2", Ok("1.25")),
        (Decimal, 2, "1e16", Ok("10000000000000000.00")),
        (Decimal, 2, "0e999999999999999999999", Ok("0.00")),
        (Decimal, 2, "92233720368547758.07", Ok("92233720368547758.07")),
        (Decimal, 2, "-92233720368547758.08", Ok("-92233720368547758.08")),
        (Decimal, 2, "92233720368547758.08", Err("FIELD_RANGE")),
        (Decimal, 2, "12.345", Err("FIELD_RANGE")),
        (Decimal, 2, "12.34000000000000000000001", Err("FIELD_RANGE")),
        (Decimal, 2, "1e-400", Err("FIELD_RANGE")),
        (Decimal, 2, "1e999999999999999999999", Err("FIELD_RANGE")),
        (Decimal, 2, "1e-999999999999999999999", Err("FIELD_RANGE")),
        (Decimal, 0, "999999999999999999", Ok("999999999999999999")),
        (Decimal, 0, "1000000000000000000", Err("FIELD_RANGE")),
        (Decimal, 2, "\"12.5\"", Ok("12.50")),
        (Decimal, 2, "\"\\u00312\"", Ok("12.00")),
        (Decimal, 2, "\"twelve\"", Err("FIELD_KIND")),
        (Decimal, 2, "\" 1\"", Err("FIELD_KIND")),
        (Decimal, 2, "\"+1\"", Err("FIELD_KIND")),
        (Decimal, 2, "\"01\"", Err("FIELD_KIND")),
        (Decimal, 2, "\"1.\"", Err("FIELD_KIND")),
        (Decimal, 2, "\"\"", Err("FIELD_KIND")),
        (Decimal, 2, "\"\\ud800\"", Err("PARSE_JSON")),
        (Decimal, 2, "true", Err("FIELD_KIND")),
        (Decimal, 2, "[1]", Err("FIELD_KIND")),
        (Decimal, 2, "null", Ok("missing")),
        (Integer, 0, "9223372036854775807", Ok("9223372036854775807")),
        (Integer, 0, "-9223372036854775808", Ok("-9223372036854775808")),
        (Integer, 0, "9223372036854775808", Err("FIELD_RANGE")),
        (Integer, 0, "1.0", Ok("1")),
        (Integer, 0, "1.5", Err("FIELD_RANGE")),
        (Integer, 0, "\"1\"", Err("FIELD_KIND")),
        (Float, 0, "1.5e3", Ok("1500")),
        (Float, 0, "1e999", Err("FIELD_RANGE")),
        (Float, 0, "\"1\"", Err("FIELD_KIND")),
        (Boolean, 0, "true", Ok("true")),
        (Boolean, 0, "0", Err("FIELD_KIND")),
        (Text, 0, "\"\"", Ok("")),
        (Text, 0, "\"a\\n\\ud83d\\ude00\"", Ok("a\n😀")),
        (Text, 0, "\"\\ud83d\"", Err("PARSE_JSON")),
        (Text, 0, "12", Err("FIELD_KIND")),
        (Timestamp, 0, "1760000000000.0", Ok("2025-10-09T08:53:20.000Z")),
        (Timestamp, 0, "-1", Ok("1969-12-31T23:59:59.999Z")),
        (Timestamp, 0, "\"2025-10-09T10:53:20.5+02:00\"", Ok("2025-10-09T08:53:20.500Z")),
        (Timestamp, 0, "\"2025-13-09T10:53:20Z\"", Err("FIELD_RANGE")),
        (Timestamp, 0, "\"2025-02-30T10:53:20Z\"", Err("FIELD_RANGE")),
        (Timestamp, 0, "\"yesterday\"", Err("FIELD_KIND")),
        (Timestamp, 0, "\"1760000000000\"", Err("FIELD_KIND")),
        (Timestamp, 0, "9e17", Err("FIELD_RANGE")),
        (Timestamp, 0, "\"0999-12-31T23:59:59Z\"", Err("FIELD_RANGE")),
    ];
    for (kind, scale, json, wanted) in cases {
        let got = one(*kind, *scale, json);
        assert_eq!(got.as_deref().map_err(|code| *code), *wanted, "{json} as {kind:?}");
    }
}

#[test]
fn what_is_no_object_of_good_json_is_parse_json() {
    let good = r#"{"event_time":1,"type":"a","amount":1}"#;
    let deep =
        format!(r#"{{"event_time":1,"type":"a","amount":1,"x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let cases: &[(&str, &str)] = &[
        (good, "fine"),
        (&format!(" \n{good}\t"), "fine"),
        (&deep, "fine"),
        (r#"{"event_time":1,"type":"a","amount":1,"x":1e999999,"y":"\ud800"}"#, "fine"),
        (r#"{"event_time":1,"\u0074ype":"a","amount":1}"#, "fine"),
        (r#"{"event_time":1,"type":"a","amount":1,"x":1,"x":2}"#, "fine"),
        (r#"{"event_time":1,"type":"a","amount":1,"\ud800":2}"#, "PARSE_JSON"),
        (r#"{"event_time":1,"type":"a","amount":1,"amount":1}"#, "PARSE_JSON"),
        (r#"{"event_time":1,"type":"a","amount":null,"\u0061mount":1}"#, "PARSE_JSON"),
        (&format!("{good}x"), "PARSE_JSON"),
        (&format!("\u{feff}{good}"), "PARSE_JSON"),
        ("[1]", "PARSE_JSON"),
        ("null", "PARSE_JSON"),
        ("", "PARSE_JSON"),
        (r#"{"event_time":1,"type":"a","amount":1,}"#, "PARSE_JSON"),
        (r#"{"event_time":01,"type":"a","amount":1}"#, "PARSE_JSON"),
        ("{}", "FIELD_MISSING"),
        (r#"{"event_time":1,"type":null,"amount":1}"#, "FIELD_MISSING"),
    ];
    let mut fixture = Fixture::new(payments());
    for (record, wanted) in cases {
        assert_eq!(fixture.code(record.as_bytes()), *wanted, "{}", &record[..record.len().min(99)]);
    }
    assert_eq!(fixture.code(b"{\"event_time\":1,\"type\":\"a\",\"amount\":1,\"x\":\"\xff\"}"), "PARSE_JSON");
    assert_eq!(fixture.decoder.decode(None, None, Offset(0), &mut fixture.batch).unwrap_err().code, "PARSE_JSON");
}

#[test]
fn what_wrote_a_record_that_is_no_json_is_named() {
    let mut fixture = Fixture::new(payments());
    let cases: [(&[u8], &str); 4] = [
        (b"\xef\xbb\xbf{\"event_time\":1,\"type\":\"a\",\"amount\":1}", "byte order mark"),
        (b"\xff\xfe{\0}\0", "UTF-16"),
        (b"\0\0\0\x04\xd2{}", "schema id 1234"),
        (b"\x1f\x8b\x08\0", "gzip"),
    ];
    for (record, wanted) in cases {
        let fault = fixture.row(record).unwrap_err();
        assert!(fault.code == "PARSE_JSON" && fault.message.contains(wanted), "{fault:?}");
    }
}

#[test]
fn a_record_beyond_the_limit_is_oversize_key_included() {
    let mut fixture = Fixture::new(payments());
    fixture.decoder = Decoder::new(payments(), 50);
    let record = br#"{"event_time":1,"type":"a","amount":1}"#;
    assert_eq!(fixture.decoder.decode(Some(&[0; 12]), Some(record), Offset(0), &mut fixture.batch), Ok(()));
    let fault = fixture.decoder.decode(Some(&[0; 13]), Some(record), Offset(1), &mut fixture.batch).unwrap_err();
    assert_eq!((fault.code, fault.stage), ("OVERSIZE", Stage::Decode));
}

#[test]
fn a_value_that_does_not_decode_beats_a_fault_of_a_field_and_then_the_first_in_the_schema_counts() {
    let mut fixture = Fixture::new(payments());
    assert_eq!(fixture.code(br#"{"event_time":"x","type":"\ud800","amount":1}"#), "PARSE_JSON");
    let fault = fixture.row(br#"{"amount":"x","event_time":1}"#).unwrap_err();
    assert_eq!(fault.message, "type: is absent, a text is required");
}

#[test]
fn a_message_names_the_field_what_was_there_and_what_is_wanted() {
    let mut fixture = Fixture::new(payments());
    let long = "é".repeat(100);
    let record = format!(r#"{{"event_time":1,"type":"a","amount":"{long}"}}"#);
    let fault = fixture.row(record.as_bytes()).unwrap_err();
    let shown = format!(
        "amount: \"{}… is not a decimal (at most 2 fraction digits, up to 92233720368547758.07)",
        "é".repeat(63)
    );
    assert_eq!(fault.message, shown);
    // 18 digits, and too large all the same: the message must not count digits.
    let fault = fixture.row(br#"{"event_time":1,"type":"a","amount":999999999999999999}"#).unwrap_err();
    let shown = "amount: 999999999999999999 is too large; a decimal (at most 2 fraction digits, up to 92233720368547758.07) is wanted";
    assert_eq!(fault.message, shown);
    fixture.row(br#"{"event_time":1,"type":"a","amount":92233720368547758.07}"#).unwrap();
    assert_eq!(fixture.code(br#"{"event_time":1,"type":"a","amount":92233720368547758.08}"#), "FIELD_RANGE");
}

#[test]
fn a_fault_leaves_no_trace_in_the_batch() {
    let mut fixture = Fixture::new(payments());
    fixture.row(br#"{"event_time":1,"type":"a","amount":1}"#).unwrap();
    let before = fixture.batch.columns.clone();
    assert_eq!(fixture.code(br#"{"event_time":2,"type":"bc","amount":"x"}"#), "FIELD_KIND");
    assert_eq!((fixture.batch.columns.clone(), fixture.batch.rows()), (before, 1));
}

#[test]
fn a_path_leads_into_objects_and_arrays() {
    let schema = Schema {
        fields: vec![
            at("city", Kind::Text, &["who", "address", "city"]),
            at("second", Kind::Integer, &["items", "1"]),
            at("odd", Kind::Boolean, &["a/b~c"]),
        ],
    };
    let mut fixture = Fixture::new(Arc::new(schema));
    let full = br#"{"items":[7,8,9],"who":{"x":{},"address":{"city":"Bonn"}},"a/b~c":true}"#;
    let wanted = [Value::Text("Bonn"), Value::Integer(8), Value::Boolean(true)];
    assert_eq!(fixture.row(full).unwrap(), wanted.map(Some));
    assert_eq!(fixture.row(br#"{"items":{"0":7},"who":"me"}"#).unwrap(), [None, None, None]);
    assert_eq!(fixture.code(br#"{"who":{"address":1,"address":2}}"#), "PARSE_JSON");
    assert_eq!(fixture.code(br#"{"who":{},"who":{}}"#), "PARSE_JSON");
}

#[test]
fn only_needed_fields_are_decoded() {
    let mut fixture = Fixture::new(payments());
    fixture.decoder.set_needed(&[FieldId(2)]);
    fixture.decoder.decode(None, Some(br#"{"type":1,"type":2,"amount":3}"#), Offset(0), &mut fixture.batch).unwrap();
    let rows: Vec<_> = fixture.batch.columns.iter().map(|column| column.rows()).collect();
    assert_eq!(rows, [0, 0, 1]);
}
