//! The key of a hash, from its template (`customer:{name_orig}`) and a row.

use crate::model::record::{Batch, FieldId, Schema, Value};

/// Literal texts and fields, in turn.
pub(super) struct Template {
    pieces: Vec<Piece>,
}

enum Piece {
    Literal(String),
    Field(FieldId, u8),
}

impl Template {
    /// The error says what to fix.
    pub(super) fn parse(template: &str, schema: &Schema) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(|| format!("key {template:?}: a {{ is not closed"))?;
            let id = schema.find(name).filter(|id| schema.field(*id).is_in_record());
            let id = id.ok_or_else(|| format!("key {template:?}: the record has no field {name:?}"))?;
            pieces.push(Piece::Literal(before.to_owned()));
            pieces.push(Piece::Field(id, schema.field(id).scale));
            rest = after;
        }
        pieces.push(Piece::Literal(rest.to_owned()));
        Ok(Self { pieces })
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = FieldId> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Field(id, _) => Some(*id),
            Piece::Literal(_) => None,
        })
    }

    /// Writes the key of a row; false: the row lacks a field of it.
    pub(super) fn write(&self, batch: &Batch, row: usize, key: &mut String) -> bool {
        key.clear();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => key.push_str(text),
                Piece::Field(id, scale) => match batch.column(*id).get(row) {
                    None => return false,
                    Some(Value::Text(text)) => key.push_str(text),
                    Some(value) => key.push_str(&value.to_text(*scale)),
                },
            }
        }
        true
    }
}
