//! What other parts make of the configuration: the schema of records, the fingerprint of what may not change, how many
//! workers there are.

use super::error::{ConfigError, Problem};
use super::{Config, Engine, LookupField, RecordField};
use crate::model::record::{Field, Schema};
use crate::model::step::Fingerprint;
use crate::model::time::{Refused, TimeFormat};

impl Engine {
    /// How many workers there are.
    pub fn count(&self) -> usize {
        self.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }
}

impl Config {
    /// The record's fields by name, then those of the lookups (`customer.segment`).
    ///
    /// # Errors
    /// [`ConfigError`]: a path or a format of times that can't be used. A configuration that [`Config::parse`] made has none.
    pub fn schema(&self) -> Result<Schema, ConfigError> {
        let mut fields = Vec::new();
        for (name, field) in &self.record.fields {
            let path = path(name, field).map_err(|why| {
                ConfigError::Invalid(vec![Problem { key: format!("record.fields.{name}.path"), why }])
            })?;
            let time = field.time().map_err(|refused| invalid(format!("record.fields.{name}"), refused))?;
            let (name, kind, required, scale) = (name.clone(), field.kind, field.required, field.scale);
            fields.push(Field { name, kind, required, path, scale, time, lookup: None, sensitive: field.sensitive });
        }
        for (lookup, table) in &self.lookup {
            for (name, field) in &table.fields {
                fields.push(Field {
                    name: format!("{lookup}.{name}"),
                    kind: field.kind,
                    required: false,
                    path: Vec::new(),
                    scale: field.scale,
                    time: field.time().map_err(|refused| invalid(format!("lookup.{lookup}.fields.{name}"), refused))?,
                    lookup: Some(lookup.clone()),
                    sensitive: field.sensitive,
                });
            }
        }
        Ok(Schema { fields })
    }

    /// A change of it would mix rows, letters or offsets that don't belong together.
    pub fn fingerprint(&self) -> Fingerprint {
        let scale = |name: &str| match (self.record.fields.get(name), name.split_once('.')) {
            (Some(field), _) => field.scale,
            (None, Some((lookup, field))) => {
                self.lookup.get(lookup).and_then(|table| table.fields.get(field)).map_or(0, |field| field.scale)
            }
            (None, None) => 0,
        };
        Fingerprint {
            topic: self.source.topic.clone(),
            group: self.source.group.clone(),
            letter_topic: self.dead_letters.topic.clone(),
            window_ms: i64::try_from(self.window.size.as_millis()).unwrap_or(i64::MAX),
            group_by: self.window.group_by.clone(),
            scales: self.window.measures.keys().map(|name| (name.clone(), scale(name))).collect(),
            table: self.sink.table.clone(),
            // Kafka's to say.
            cluster: None,
        }
    }
}

impl RecordField {
    pub(super) fn time(&self) -> Result<TimeFormat, Refused> {
        TimeFormat::new(self.unit, self.format.as_deref(), self.zone.as_deref())
    }
}

impl LookupField {
    pub(super) fn time(&self) -> Result<TimeFormat, Refused> {
        TimeFormat::new(self.unit, self.format.as_deref(), self.zone.as_deref())
    }
}

fn invalid(field: String, Refused { key, why }: Refused) -> ConfigError {
    ConfigError::Invalid(vec![Problem { key: format!("{field}.{key}"), why }])
}

/// The unescaped tokens of a field's JSON pointer.
pub(super) fn path(name: &str, field: &RecordField) -> Result<Vec<String>, String> {
    let Some(pointer) = &field.path else {
        return Ok(vec![name.to_owned()]);
    };
    let tokens = pointer
        .strip_prefix('/')
        .ok_or_else(|| "is no JSON pointer into the record: write \"/outer/inner\"".to_owned())?;
    let bad = |token: &str| token.replace("~0", "").replace("~1", "").contains('~');
    if tokens.split('/').any(bad) {
        return Err("is no JSON pointer: write ~ as ~0 and / as ~1 within a key".to_owned());
    }
    Ok(tokens.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect())
}
