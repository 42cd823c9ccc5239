//! A batch between the two halves of its way.

use crate::decode::Decoder;
use crate::enrich::lookup::Plan;
use crate::model::finding::Fault;
use crate::model::ids::{Offset, Partition};
use crate::model::record::{Batch, Schema};

/// A record as it came, borrowed from whoever holds it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where it is in its partition.
    pub offset: Offset,
    /// Key of the message; None: it has none.
    pub key: Option<&'a [u8]>,
    /// Value of the message; None: a tombstone.
    pub value: Option<&'a [u8]>,
}

/// A batch that is decoded and not judged yet.
pub struct DecodedBatch {
    pub(super) buffers: Buffers,
    pub(super) plan: Plan,
}

impl DecodedBatch {
    /// What its lookups ask.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// The room of a batch, used again for the batches to come.
pub(super) struct Buffers {
    /// Records that decoded, as columns.
    pub(super) batch: Batch,
    /// How many records there were.
    pub(super) records: usize,
    /// Index of each row's record among the batch's records, from 0.
    pub(super) rows: Vec<usize>,
    /// Records that did not decode, counted in the same way, and why.
    pub(super) undecoded: Vec<(usize, Fault)>,
}

impl Buffers {
    pub(super) fn new(schema: &Schema) -> Self {
        Self { batch: Batch::new(schema), records: 0, rows: Vec::new(), undecoded: Vec::new() }
    }

    /// Takes in these records, and no others.
    pub(super) fn decode<'r>(
        &mut self,
        decoder: &mut Decoder,
        partition: Partition,
        records: impl Iterator<Item = Record<'r>>,
    ) {
        self.batch.clear(partition);
        self.rows.clear();
        self.undecoded.clear();
        for (index, Record { offset, key, value }) in records.enumerate() {
            match decoder.decode(key, value, offset, &mut self.batch) {
                Ok(()) => self.rows.push(index),
                Err(fault) => self.undecoded.push((index, fault)),
            }
        }
        self.records = self.rows.len() + self.undecoded.len();
    }
}
