//! Bytes of a record to a row of the batch's columns. Pure: no clock, no network. A fault leaves no trace in the batch.
//!
//! Each format has its folder ([`json`]); here is what they share: the decoder that a pipeline has, and [`fault`], what is
//! wrong with a record in words. A format whose records name the schema that they were written with says before a batch which
//! schemas it lacks ([`Decoder::needs`]), so a batch is never half decoded: whoever calls asks for them, all at once, as for
//! what lookups lack (`enrich::pending`), hands them over ([`Decoder::learn`]), and decodes then.

mod fault;
mod json;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::finding::Fault;
use crate::model::ids::{Offset, SchemaId};
use crate::model::record::{Batch, FieldId, Schema};

/// Decodes records of one schema; reuses its buffers, so one for each worker.
pub struct Decoder {
    schema: Arc<Schema>,
    format: Format,
}

/// One decoder for each format. All of them fill a [`Batch`].
enum Format {
    Json(json::Decoder),
    /// Made up by the tests: its records name their schema.
    #[cfg(test)]
    Tagged(tests::tagged::Decoder),
}

impl Decoder {
    /// A decoder of JSON that needs every field of the schema that is in the record. `max_record`: bytes of a record at
    /// most, key and value together.
    pub fn new(schema: Arc<Schema>, max_record: usize) -> Self {
        let format = Format::Json(json::Decoder::new(schema.clone(), max_record));
        Self::of(schema, format)
    }

    fn of(schema: Arc<Schema>, format: Format) -> Self {
        let all: Vec<FieldId> = (0..schema.fields.len()).map(FieldId).collect();
        let mut decoder = Self { schema, format };
        decoder.set_needed(&all);
        decoder
    }

    /// From the next record on only these are decoded; fields of lookups among them are left to the lookup. Call it
    /// between batches: columns of one batch have to have the same rows.
    pub fn set_needed(&mut self, needed: &[FieldId]) {
        let mut needed: Vec<FieldId> =
            needed.iter().copied().filter(|id| self.schema.field(*id).is_in_record()).collect();
        needed.sort_unstable();
        needed.dedup();
        match &mut self.format {
            Format::Json(json) => json.set_needed(needed),
            #[cfg(test)]
            Format::Tagged(tagged) => tagged.set_needed(needed),
        }
    }

    /// Records so far that went the slow way, because they did not look like one of those before them.
    pub fn slow_path(&self) -> u64 {
        match &self.format {
            Format::Json(json) => json.slow_path(),
            #[cfg(test)]
            Format::Tagged(_) => 0,
        }
    }

    /// The schemas that these values were written with and that the decoder does not know: ask for them before the values are
    /// decoded. None for JSON, which looks at no value.
    pub fn needs<'r>(&self, values: impl Iterator<Item = &'r [u8]>) -> BTreeSet<SchemaId> {
        match &self.format {
            Format::Json(_) => {
                let _ = values;
                BTreeSet::new()
            }
            #[cfg(test)]
            Format::Tagged(tagged) => values.filter_map(|value| tagged.needs(value)).collect(),
        }
    }

    /// A schema that was asked for, as its registry writes it; None: there is none with this id, so its records are faulty.
    pub fn learn(&mut self, id: SchemaId, schema: Option<&str>) {
        match &mut self.format {
            // It asked for none.
            Format::Json(_) => {
                let _ = (id, schema);
            }
            #[cfg(test)]
            Format::Tagged(tagged) => tagged.learn(id, schema),
        }
    }

    /// Appends one row to every needed column that is in the record; on Err the batch is as before.
    ///
    /// # Errors
    /// The record's fault.
    #[inline]
    pub fn decode(
        &mut self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        offset: Offset,
        batch: &mut Batch,
    ) -> Result<(), Fault> {
        match &mut self.format {
            Format::Json(json) => json.decode(key, value, offset, batch),
            #[cfg(test)]
            Format::Tagged(tagged) => tagged.decode(value, offset, batch),
        }
    }
}
