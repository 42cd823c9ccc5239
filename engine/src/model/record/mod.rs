//! A record as columns: the schema that the configuration declares, and the batch that decode fills, lookup extends,
//! rules and windows read. Columns are reused from batch to batch: clear them, never make new ones.

mod batch;
mod column;
mod schema;
#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use column::{Column, Texts, Value, Values};
pub use schema::{Field, FieldId, Kind, Schema};
