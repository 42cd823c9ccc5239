//! JSON. Two halves: [`locate`] finds where the needed values are in the text, [`convert`] turns those texts into values. In
//! front of them [`template`] knows what the last records looked like, and does both at once for those that look the same; it
//! is never asked what is wrong with a record. Surprising: a skipped value has to follow the grammar and no more (a lone
//! surrogate in it passes), while a needed one has to decode.

mod convert;
mod locate;
mod scan;
mod template;

use std::sync::Arc;

use crate::decode::fault::{fault, within};
use crate::model::finding::Fault;
use crate::model::foreign::foreign;
use crate::model::ids::Offset;
use crate::model::record::{Batch, FieldId, Schema};

use convert::{Slot, convert};
use locate::Locator;
use template::{Templates, Want};

const PARSE_JSON: &str = "PARSE_JSON";

/// Decodes JSON records of one schema; reuses its buffers.
pub(super) struct Decoder {
    schema: Arc<Schema>,
    max_record: usize,
    /// Needed fields in schema order.
    needed: Vec<FieldId>,
    templates: Templates,
    locator: Locator,
    /// One for each needed field: what a record that was looked at closely holds, before any of it is written.
    slots: Vec<Slot>,
    /// Texts that had escapes, decoded.
    unescaped: String,
    slow_path: u64,
}

impl Decoder {
    /// A decoder that needs no field yet.
    pub(super) fn new(schema: Arc<Schema>, max_record: usize) -> Self {
        Self {
            schema,
            max_record,
            needed: Vec::new(),
            templates: Templates::new(Vec::new()),
            locator: Locator::new(std::iter::empty()),
            slots: Vec::new(),
            unescaped: String::new(),
            slow_path: 0,
        }
    }

    /// See [`super::Decoder::set_needed`]. Ascending, each once.
    pub(super) fn set_needed(&mut self, needed: Vec<FieldId>) {
        self.needed = needed;
        self.templates = Templates::new(self.needed.iter().map(|id| Want::new(&self.schema, *id)).collect());
        self.locator = Locator::new(self.needed.iter().map(|id| self.schema.field(*id).path.as_slice()));
    }

    /// Records so far that fitted no template.
    pub(super) fn slow_path(&self) -> u64 {
        self.slow_path
    }

    /// From now on no record goes the fast way.
    #[cfg(test)]
    pub(super) fn without_templates(&mut self) {
        self.templates = Templates::none();
    }

    /// See [`super::Decoder::decode`].
    pub(super) fn decode(
        &mut self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        offset: Offset,
        batch: &mut Batch,
    ) -> Result<(), Fault> {
        within(self.max_record, key, value)?;
        let value = value.ok_or_else(|| parse_fault("the record has no value (a tombstone)"))?;
        let text = simdutf8::compat::from_utf8(value)
            .map_err(|e| parse_fault(explained(value, format_args!("invalid UTF-8: {e}"))))?;
        if !self.templates.fill(text, batch.rows(), &mut batch.columns) {
            self.slow_path += 1;
            self.locator.locate(text).map_err(|e| parse_fault(explained(value, e)))?;
            self.convert(text)?;
            self.templates.learn(text);
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
            match convert(field, self.locator.cell(at), text, &mut self.unescaped) {
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

/// What is wrong with bytes that are no JSON, with what is known of their writer.
fn explained(value: &[u8], what: impl std::fmt::Display) -> String {
    foreign(value).map_or_else(|| what.to_string(), |known| format!("the record {known} ({what})"))
}

fn parse_fault(what: impl std::fmt::Display) -> Fault {
    fault(PARSE_JSON, what.to_string())
}
