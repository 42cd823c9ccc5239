//! The fields of a record that is shown, decoded as the workers do.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::Config;
use crate::decode::Decoder;
use crate::model::ids::Offset;
use crate::model::record::{Batch, Schema};

/// Decodes records that are shown.
pub(super) struct Fields {
    schema: Arc<Schema>,
    decoder: Decoder,
    batch: Batch,
}

impl Fields {
    pub(super) fn new(schema: Arc<Schema>, config: &Config) -> Self {
        let most = usize::try_from(config.source.max_record.as_u64()).unwrap_or(usize::MAX);
        Self { decoder: Decoder::new(schema.clone(), most), batch: Batch::new(&schema), schema }
    }

    /// The text of each field of the record; empty if it can't be decoded, as then nothing says what its fields are. Fields of
    /// lookups are in no record.
    pub(super) fn of(&mut self, value: &[u8]) -> BTreeMap<String, Option<String>> {
        self.batch.clear(self.batch.partition);
        if self.decoder.decode(None, Some(value), Offset(0), &mut self.batch).is_err() {
            return BTreeMap::new();
        }
        let columns = self.schema.fields.iter().zip(&self.batch.columns);
        let in_record = columns.filter(|(field, _)| field.is_in_record());
        in_record
            .map(|(field, column)| (field.name.clone(), column.get(0).map(|value| value.to_text(field.scale))))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_letter_are_those_that_the_workers_saw() {
        let config = Config::parse(include_str!("../../../../../weir.toml"), &|_| None).unwrap();
        let mut fields = Fields::new(Arc::new(config.schema().unwrap()), &config);
        let seen = fields.of(br#"{"event_time": 0, "type": "DEBIT", "amount": "-1.50", "name_orig": "a", "other": 1}"#);
        let text = |name: &str| seen[name].as_deref();
        assert_eq!(
            (text("amount"), text("type"), text("event_time")),
            (Some("-1.50"), Some("DEBIT"), Some("1970-01-01T00:00:00.000Z"))
        );
        assert_eq!(
            (text("name_dest"), seen.contains_key("other"), seen.contains_key("customer.segment")),
            (None, false, false)
        );
        assert!(fields.of(b"{\"amount\": \"x\"}").is_empty() && fields.of(b"no JSON").is_empty());
        assert_eq!(fields.of(br#"{"event_time": 0, "type": "CASH", "amount": 2}"#)["type"].as_deref(), Some("CASH"));
    }
}
