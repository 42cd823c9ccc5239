//! The values of `alerts.fields` of one record, as JSON: those that the batch has as it was judged, lookups among them; the others
//! are decoded of this record alone, so that records without an alert pay nothing for them.

use std::sync::Arc;

use crate::decode::Decoder;
use crate::model::alert::AlertField;
use crate::model::ids::Partition;
use crate::model::letter::Source;
use crate::model::record::{Batch, FieldId, Schema, Value};
use crate::model::text::push_decimal;
use crate::model::time::to_rfc3339;

/// Bytes of a text that are shown; a longer one is cut between characters.
const TEXT: usize = 1_024;

/// Reads fields of records, with buffers that are used again.
pub(super) struct AlertFields {
    schema: Arc<Schema>,
    fields: Vec<FieldId>,
    decoder: Decoder,
    /// What the decoder is set to.
    needed: Vec<FieldId>,
    /// One record, with the fields that its batch lacks.
    row: Batch,
    /// All values, one behind the other.
    json: String,
    /// Where each value ends in `json`, and the length of the whole text if it is cut.
    ends: Vec<(usize, Option<usize>)>,
}

impl AlertFields {
    /// `max_record`: bytes of key and value that a record may have.
    pub(super) fn new(schema: Arc<Schema>, names: &[String], max_record: usize) -> Self {
        Self {
            fields: names.iter().filter_map(|name| schema.find(name)).collect(),
            decoder: Decoder::new(schema.clone(), max_record),
            needed: Vec::new(),
            row: Batch::new(&schema),
            json: String::new(),
            ends: Vec::new(),
            schema,
        }
    }

    /// Those that a lookup has to be asked for, for every record, as no record holds them.
    pub(super) fn of_lookups(&self) -> Vec<FieldId> {
        self.fields.iter().copied().filter(|id| !self.schema.field(*id).is_in_record()).collect()
    }

    /// Reads the fields of a row of a batch, whose record this is.
    pub(super) fn read(&mut self, source: &Source<'_>, row: usize, batch: &Batch) {
        let lacks = |id: &FieldId| batch.column(*id).rows() != batch.rows();
        let lacking: Vec<FieldId> = self.fields.iter().copied().filter(lacks).collect();
        if !lacking.is_empty() {
            self.decode(source, &lacking);
        }
        self.json.clear();
        self.ends.clear();
        for id in &self.fields {
            let value = if lacks(id) { self.row.column(*id).get(0) } else { batch.column(*id).get(row) };
            let cut = push_json(&mut self.json, value, self.schema.field(*id).scale);
            self.ends.push((self.json.len(), cut));
        }
    }

    /// The record has been judged, so nothing that is wrong with a further field rejects it: that one is missing here.
    fn decode(&mut self, source: &Source<'_>, fields: &[FieldId]) {
        self.row.clear(Partition(0));
        if self.needed != fields {
            self.needed = fields.to_vec();
            self.decoder.set_needed(fields);
        }
        if self.decoder.decode(source.key, source.value, source.offset, &mut self.row).is_ok() || fields.len() == 1 {
            return;
        }
        let mut all = Batch::new(&self.schema);
        for id in fields {
            self.decode(source, &[*id]);
            all.columns[id.0].push(self.row.column(*id).get(0));
        }
        self.row = all;
    }

    /// What was read last.
    pub(super) fn list(&self) -> Vec<AlertField<'_>> {
        let mut from = 0;
        let field = |(id, (end, cut)): (&FieldId, &(usize, Option<usize>))| {
            let json = &self.json[from..*end];
            from = *end;
            AlertField { name: &self.schema.field(*id).name, json, cut: *cut }
        };
        self.fields.iter().zip(&self.ends).map(field).collect()
    }
}

/// Appends a value, and returns the length of its text if that is cut.
fn push_json(json: &mut String, value: Option<Value<'_>>, scale: u8) -> Option<usize> {
    match value {
        None => json.push_str("null"),
        Some(Value::Boolean(v)) => json.push_str(if v { "true" } else { "false" }),
        Some(Value::Integer(v)) => json.push_str(itoa::Buffer::new().format(v)),
        Some(Value::Float(v)) => push(json, &v),
        Some(Value::Decimal(v)) => {
            json.push('"');
            push_decimal(json, v.into(), scale);
            json.push('"');
        }
        Some(Value::Timestamp(v)) => push(json, &to_rfc3339(v)),
        Some(Value::Text(v)) => {
            let kept = &v[..v.floor_char_boundary(TEXT)];
            push(json, &kept);
            return Some(v.len()).filter(|length| *length > kept.len());
        }
    }
    None
}

fn push(json: &mut String, value: &impl serde::Serialize) {
    json.push_str(&serde_json::to_string(value).expect("numbers and texts are JSON"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::model::ids::Offset;

    const CONFIG: &str = include_str!("../../../../weir.toml");
    const NAMES: [&str; 5] = ["amount", "name_dest", "event_time", "customer.segment", "type"];

    /// A batch of one record that has these fields and a segment, and what is read of it.
    fn read(value: &str, judged: &[&str], names: &[&str]) -> Vec<(String, Option<usize>)> {
        let schema = Arc::new(Config::parse(CONFIG, &|_| None).unwrap().schema().unwrap());
        let mut batch = Batch::new(&schema);
        let source = Source { offset: Offset(7), timestamp: 1, key: None, value: Some(value.as_bytes()), headers: &[] };
        let mut decoder = Decoder::new(schema.clone(), 1 << 20);
        decoder.set_needed(&judged.iter().map(|name| schema.find(name).unwrap()).collect::<Vec<_>>());
        decoder.decode(None, source.value, source.offset, &mut batch).unwrap();
        batch.columns[schema.find("customer.segment").unwrap().0].push(Some(Value::Text("gold \"1\"")));
        let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        let mut fields = AlertFields::new(schema, &names, 1 << 20);
        fields.read(&source, 0, &batch);
        let list = fields.list();
        assert_eq!(list.iter().map(|field| field.name).collect::<Vec<_>>(), names);
        list.iter().map(|field| (field.json.to_owned(), field.cut)).collect()
    }

    const WHOLE: &str = r#"{"event_time":1700000000000,"type":"PAYMENT","amount":-0.5,"name_dest":"M\n1"}"#;

    #[test]
    fn values_are_json_with_exact_texts_whether_the_batch_has_them_or_not() {
        let wanted = [r#""-0.50""#, r#""M\n1""#, r#""2023-11-14T22:13:20.000Z""#, r#""gold \"1\"""#, r#""PAYMENT""#];
        let wanted: Vec<_> = wanted.iter().map(|json| (json.to_string(), None)).collect();
        assert_eq!(read(WHOLE, &["event_time", "type"], &NAMES), wanted);
        assert_eq!(read(WHOLE, &["event_time", "type", "amount", "name_dest"], &NAMES), wanted);
    }

    #[test]
    fn a_field_that_is_missing_or_faulty_is_null_and_takes_no_other_with_it() {
        let faulty = WHOLE.replace("-0.5", "\"many\"");
        let json = |value: &str| read(value, &["event_time", "type"], &NAMES[..3]).into_iter().map(|(json, _)| json);
        let all: Vec<_> = json(&faulty).collect();
        assert_eq!(all, ["null", r#""M\n1""#, r#""2023-11-14T22:13:20.000Z""#]);
        let without = WHOLE.replace(r#","name_dest":"M\n1""#, "");
        assert_eq!(json(&without).nth(1).as_deref(), Some("null"));
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_its_length_kept() {
        let long = format!("x{}", "ü".repeat(1_000));
        let read = read(&WHOLE.replace("M\\n1", &long), &["event_time"], &["name_dest"]);
        assert_eq!((read[0].0.len(), read[0].1), (1_023 + 2, Some(2_001)));
    }
}
