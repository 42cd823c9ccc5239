//! The JSON objects of the alert topic, member by member as docs/formats.md#alerts lists them.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::model::alert::{AlertField, AlertHit};
use crate::model::ids::{Offset, Partition, Revision};

#[derive(Serialize)]
pub(super) struct AlertView<'a> {
    pub(super) kind: &'static str,
    pub(super) source: SourceView<'a>,
    pub(super) revision: Revision,
    pub(super) hits: &'a [AlertHit<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hits_more: Option<u32>,
    pub(super) fields: Fields<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cut: Option<&'a CutView<'a>>,
}

#[derive(Serialize)]
pub(super) struct SourceView<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: Partition,
    pub(super) offset: Offset,
    pub(super) timestamp: i64,
}

#[derive(Serialize)]
pub(super) struct NotSentView<'a> {
    pub(super) kind: &'static str,
    pub(super) source: RangeView<'a>,
    pub(super) records: u64,
    pub(super) codes: Lengths<'a, u64>,
}

#[derive(Serialize)]
pub(super) struct RangeView<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: Partition,
    pub(super) from: Offset,
    pub(super) to: Offset,
}

/// An object, in the order of `alerts.fields`.
pub(super) struct Fields<'a>(pub(super) &'a [AlertField<'a>]);

/// The whole length in bytes of what was cut or left out.
#[derive(Serialize)]
pub(super) struct CutView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<usize>,
    /// How many hits had no room beside those of `hits_more`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hits: Option<usize>,
    /// Of each text that was cut; of all fields together under `*` if they are left out.
    #[serde(skip_serializing_if = "Lengths::is_empty")]
    pub(super) fields: Lengths<'a>,
}

/// An object of numbers, in the order of the list.
pub(super) struct Lengths<'a, N = usize>(pub(super) Vec<(&'a str, N)>);

impl CutView<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.key.is_none() && self.value.is_none() && self.hits.is_none() && self.fields.is_empty()
    }
}

impl<N> Lengths<'_, N> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Serialize> Serialize for Lengths<'_, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, number)| (name, number)))
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for field in self.0 {
            // The engine wrote it as JSON; anything else is shown as the text that it is.
            match serde_json::from_str::<&RawValue>(field.json) {
                Ok(json) => map.serialize_entry(field.name, json)?,
                Err(_) => map.serialize_entry(field.name, field.json)?,
            }
        }
        map.end()
    }
}
