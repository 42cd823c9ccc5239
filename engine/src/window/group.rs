//! The groups of `group_by`: from the values of a row to a small index, without building a text or a digest a row. Knows
//! no window.

use std::sync::Arc;

use hashbrown::HashMap;
use sha2::{Digest, Sha256};

use crate::model::checkpoint::Group;
use crate::model::record::{Batch, FieldId, Schema, Value};

/// Groups that stay known from one checkpoint to the next; beyond it all are forgotten and made again when they come.
const KEPT: usize = 100_000;

/// Stands for a group until [`Groups::trim`].
pub(super) type GroupIndex = u32;

/// Stands for the group of all that are beyond `window.max_groups`, whatever is forgotten.
pub(super) const OTHERS: GroupIndex = 0;

/// What it has in each column. A record that says the same of itself belongs to it.
const OTHERS_NAME: &str = "__other__";

/// Every group since the last trim, and the group of the others.
pub(super) struct Groups {
    fields: Vec<FieldId>,
    schema: Arc<Schema>,
    /// Index of each group, by its values as they are in the columns: a marker, and for texts a length, before each.
    known: HashMap<Box<[u8]>, GroupIndex>,
    /// The same where one text makes a group: by the text as it is.
    by_text: HashMap<Box<str>, GroupIndex>,
    groups: Vec<Arc<Group>>,
    /// Reused.
    key: Vec<u8>,
}

impl Groups {
    pub(super) fn new(fields: Vec<FieldId>, schema: Arc<Schema>) -> Self {
        let (known, by_text) = (HashMap::new(), HashMap::new());
        let values = vec![Some(OTHERS_NAME.to_owned()); fields.len()];
        let others = Group { id: id(&values), values };
        Self { fields, schema, known, by_text, groups: vec![Arc::new(others)], key: Vec::new() }
    }

    /// Whether there can be more than one.
    pub(super) fn are_many(&self) -> bool {
        !self.fields.is_empty()
    }

    /// The group of a row.
    pub(super) fn of(&mut self, batch: &Batch, row: usize) -> GroupIndex {
        if let [only] = *self.fields
            && let Some(Value::Text(text)) = batch.column(only).get(row)
        {
            if let Some(index) = self.by_text.get(text) {
                return *index;
            }
            let index = self.add(batch, row);
            self.by_text.insert(text.into(), index);
            return index;
        }
        self.key.clear();
        for id in &self.fields {
            push_key(&mut self.key, batch.column(*id).get(row));
        }
        if let Some(index) = self.known.get(self.key.as_slice()) {
            return *index;
        }
        let index = self.add(batch, row);
        self.known.insert(self.key.as_slice().into(), index);
        index
    }

    fn add(&mut self, batch: &Batch, row: usize) -> GroupIndex {
        let group = self.make(batch, row);
        if group.id == self.groups[OTHERS as usize].id {
            return OTHERS;
        }
        self.groups.push(Arc::new(group));
        (self.groups.len() - 1) as GroupIndex
    }

    pub(super) fn get(&self, index: GroupIndex) -> &Arc<Group> {
        &self.groups[index as usize]
    }

    /// Forgets all groups if they are too many. No index may be in use any more.
    pub(super) fn trim(&mut self) {
        if self.groups.len() > KEPT {
            self.known.clear();
            self.by_text.clear();
            self.groups.truncate(OTHERS as usize + 1);
        }
    }

    fn make(&self, batch: &Batch, row: usize) -> Group {
        let text = |id: &FieldId| batch.column(*id).get(row).map(|value| value.to_text(self.schema.field(*id).scale));
        let values: Vec<Option<String>> = self.fields.iter().map(text).collect();
        Group { id: id(&values), values }
    }
}

fn push_key(key: &mut Vec<u8>, value: Option<Value<'_>>) {
    let Some(value) = value else {
        key.push(0);
        return;
    };
    key.push(1);
    match value {
        Value::Boolean(v) => key.push(u8::from(v)),
        Value::Integer(v) | Value::Decimal(v) | Value::Timestamp(v) => key.extend(v.to_le_bytes()),
        Value::Float(v) => key.extend(v.to_bits().to_le_bytes()),
        Value::Text(v) => {
            key.extend((v.len() as u32).to_le_bytes());
            key.extend(v.as_bytes());
        }
    }
}

/// A stable identity: it is a key of `risk_stats`, so its encoding may never change. For each value 0 if it is missing,
/// else 1, its length as four bytes (least first) and its text.
fn id(values: &[Option<String>]) -> [u8; 16] {
    let mut digest = Sha256::new();
    for value in values {
        match value {
            None => digest.update([0]),
            Some(text) => {
                digest.update([1]);
                digest.update((text.len() as u32).to_le_bytes());
                digest.update(text);
            }
        }
    }
    let digest: [u8; 32] = digest.finalize().into();
    let (id, _) = digest.split_first_chunk().expect("32 bytes begin with 16");
    *id
}
