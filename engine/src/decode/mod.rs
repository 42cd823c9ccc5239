//! Bytes of a record to a row of the batch's columns. Pure: no clock, no network. Two halves: [`json::locate`] finds where the
//! needed values stand in the JSON text, [`convert`] turns those texts into values. In front of them [`json::template`] knows what
//! the last records looked like, and does both at once for those that look the same; it is never asked what is wrong with
//! a record. A fault leaves no trace in the batch. Surprising: a skipped value has to follow the grammar
//! and no more (a lone surrogate in it passes), while a needed one has to decode.

mod convert;
mod json;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::model::finding::{Fault, Stage};
use crate::model::foreign::foreign;
use crate::model::ids::Offset;
use crate::model::record::{Batch, FieldId, Schema};

use convert::Slot;
use json::locate::Locator;
use json::template::{Layouts, Want};

/// Decodes records of one schema; reuses its buffers, so one a worker.
pub struct Decoder {
    schema: Arc<Schema>,
    max_record: usize,
    /// Needed fields in schema order.
    needed: Vec<FieldId>,
    layouts: Layouts,
    locator: Locator,
    /// One a needed field: what a record that was looked at closely holds, before any of it is written.
    slots: Vec<Slot>,
    /// Texts that had escapes, decoded.
    unescaped: String,
    surprises: u64,
}

impl Decoder {
    /// A decoder that needs every field of the schema that stands in the record.
    pub fn new(schema: Arc<Schema>, max_record: usize) -> Self {
        let all: Vec<FieldId> = (0..schema.fields.len()).map(FieldId).collect();
        let mut decoder = Self {
            schema,
            max_record,
            needed: Vec::new(),
            layouts: Layouts::new(Vec::new()),
            locator: Locator::new(std::iter::empty()),
            slots: Vec::new(),
            unescaped: String::new(),
            surprises: 0,
        };
        decoder.set_needed(&all);
        decoder
    }

    /// From the next record on only these are decoded; fields of lookups among them are left to the lookup. Call it
    /// between batches: columns of one batch have to have the same rows.
    pub fn set_needed(&mut self, needed: &[FieldId]) {
        self.needed = needed.iter().copied().filter(|id| self.schema.field(*id).lookup.is_none()).collect();
        self.needed.sort_unstable();
        self.needed.dedup();
        self.layouts = Layouts::new(self.needed.iter().map(|id| Want::new(&self.schema, *id)).collect());
        self.locator = Locator::new(self.needed.iter().map(|id| self.schema.field(*id).path.as_slice()));
    }

    /// Records so far that did not look like one of those before them, and so cost more.
    pub fn surprises(&self) -> u64 {
        self.surprises
    }

    /// Appends one row to every needed column that stands in the record; on Err the batch is as before.
    pub fn decode(
        &mut self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        offset: Offset,
        batch: &mut Batch,
    ) -> Result<(), Fault> {
        let size = key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len);
        if size > self.max_record {
            let message = format!("the record has {size} bytes, source.max_record allows {}", self.max_record);
            return Err(fault("OVERSIZE", message));
        }
        let value = value.ok_or_else(|| parse_fault("the record has no value (a tombstone)"))?;
        let text = simdutf8::compat::from_utf8(value)
            .map_err(|e| parse_fault(explained(value, format_args!("invalid UTF-8: {e}"))))?;
        if !self.layouts.fill(text, batch.rows(), &mut batch.columns) {
            self.surprises += 1;
            self.locator.locate(text).map_err(|e| parse_fault(explained(value, e)))?;
            self.convert(text)?;
            self.layouts.learn(text);
            self.write(text, batch);
        }
        batch.offsets.push(offset);
        Ok(())
    }

    /// Fills the slots. A value that does not decode at all beats the fault of any field; then the first in the order
    /// of the schema counts.
    fn convert(&mut self, text: &str) -> Result<(), Fault> {
        self.slots.clear();
        self.unescaped.clear();
        let mut first = None;
        for (at, id) in self.needed.iter().enumerate() {
            let field = self.schema.field(*id);
            match convert::convert(field, self.locator.cell(at), text, &mut self.unescaped) {
                Ok(slot) => self.slots.push(slot),
                Err(fault) if fault.code == PARSE_JSON => return Err(fault),
                Err(fault) => first = first.or(Some(fault)),
            }
        }
        first.map_or(Ok(()), Err)
    }

    fn write(&self, text: &str, batch: &mut Batch) {
        for (id, slot) in self.needed.iter().zip(&self.slots) {
            batch.columns[id.0].push(slot.value(text, &self.unescaped));
        }
    }
}

const PARSE_JSON: &str = "PARSE_JSON";

fn fault(code: &'static str, message: String) -> Fault {
    Fault { stage: Stage::Decode, code, message }
}

/// What is wrong with bytes that are no JSON, with what is known of their writer.
fn explained(value: &[u8], what: impl std::fmt::Display) -> String {
    foreign(value).map_or_else(|| what.to_string(), |known| format!("the record {known} ({what})"))
}

fn parse_fault(what: impl std::fmt::Display) -> Fault {
    fault(PARSE_JSON, what.to_string())
}
