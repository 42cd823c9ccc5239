//! The fields that the configuration declares, in their order.

use serde::{Deserialize, Serialize};

use crate::model::time::TimeFormat;

/// What a field holds; the same kinds as `rule.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// true or false
    Boolean,
    /// a signed 64-bit integer
    Integer,
    /// a 64-bit IEEE 754 number
    Float,
    /// an unscaled signed 64-bit integer; the field's scale says where the point is
    Decimal,
    /// milliseconds since 1970-01-01T00:00:00Z
    Timestamp,
    /// UTF-8 text
    Text,
}

/// A field that the pipeline knows: one of `[record.fields]`, or one that a lookup adds (`customer.segment`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As rules, `group_by` and measures name it.
    pub name: String,
    /// Kind of value that the field holds.
    pub kind: Kind,
    /// A record without it is a dead letter (FIELD_MISSING).
    pub required: bool,
    /// Where it is in the JSON document, as the unescaped tokens of its JSON pointer; `[name]` unless configured.
    /// Empty for a lookup's field: it is not in the record.
    pub path: Vec<String>,
    /// Fraction digits of a decimal, 0..=10; 0 for other kinds.
    pub scale: u8,
    /// How the times of a timestamp are written.
    pub time: TimeFormat,
    /// The lookup that fills it, if it isn't decoded from the record.
    pub lookup: Option<String>,
    /// Whether its values are shown to those alone who may see values.
    pub sensitive: bool,
}

impl Field {
    /// Whether it is decoded from the record. Others are filled in afterwards.
    pub fn is_in_record(&self) -> bool {
        self.lookup.is_none()
    }
}

/// Index of a field in the schema, and of its column in every batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub usize);

/// All fields of a pipeline, record fields first, in the order of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// The fields; a [`FieldId`] is an index of this.
    pub fields: Vec<Field>,
}

impl Schema {
    /// The field of this name.
    pub fn find(&self, name: &str) -> Option<FieldId> {
        self.fields.iter().position(|field| field.name == name).map(FieldId)
    }

    /// Whether some field's values are not for everybody who may read.
    pub fn has_sensitive(&self) -> bool {
        self.fields.iter().any(|field| field.sensitive)
    }

    /// The field with this id.
    pub fn field(&self, id: FieldId) -> &Field {
        &self.fields[id.0]
    }
}
