//! The records of a batch, column by column.

use super::column::Column;
use super::schema::{FieldId, Schema};
use crate::model::ids::{Offset, Partition};

/// Consecutive records of one partition that decoded without a fault, as columns. Rows that did not decode are not in
/// it, so `offsets` may have gaps.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Where they come from.
    pub partition: Partition,
    /// One a row, ascending.
    pub offsets: Vec<Offset>,
    /// Indexed by [`FieldId`]. A column that nothing needs has no rows.
    pub columns: Vec<Column>,
}

impl Batch {
    /// The most rows a batch may have: what bounds a rule's answer to 1 MiB
    /// (docs/rule-runtime.md#what-a-module-answers).
    pub const MAX_ROWS: usize = 2_000;

    /// An empty batch with a column for each field.
    pub fn new(schema: &Schema) -> Self {
        let columns = schema.fields.iter().map(|field| Column::new(field.kind)).collect();
        Self { partition: Partition(0), offsets: Vec::new(), columns }
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.offsets.len()
    }

    /// The column of a field.
    pub fn column(&self, id: FieldId) -> &Column {
        &self.columns[id.0]
    }

    /// Empties it for the next records of a partition and keeps its buffers.
    pub fn clear(&mut self, partition: Partition) {
        self.partition = partition;
        self.offsets.clear();
        self.columns.iter_mut().for_each(Column::clear);
    }
}
