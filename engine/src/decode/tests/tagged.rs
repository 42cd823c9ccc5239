//! A format as those with a schema registry are: a record begins with the id of the schema that it was written with, one byte,
//! and the schema says which field is where. Made up, to hold what [`Decoder::needs`] and [`Decoder::learn`] promise: it
//! shares the faults with JSON and nothing else.

use std::collections::BTreeMap;

use super::*;
use crate::decode::fault::{Wrong, fault, missing};

/// A schema is the names of the fields in their order, with commas between; a value, the texts with commas between.
pub(in crate::decode) struct Decoder {
    schema: Arc<Schema>,
    needed: Vec<FieldId>,
    /// None: the registry has none with this id.
    known: BTreeMap<SchemaId, Option<Vec<String>>>,
}

impl Decoder {
    pub(in crate::decode) fn set_needed(&mut self, needed: Vec<FieldId>) {
        self.needed = needed;
    }

    pub(in crate::decode) fn needs(&self, value: &[u8]) -> Option<SchemaId> {
        let id = SchemaId(u32::from(*value.first()?));
        (!self.known.contains_key(&id)).then_some(id)
    }

    pub(in crate::decode) fn learn(&mut self, id: SchemaId, schema: Option<&str>) {
        self.known.insert(id, schema.map(|names| names.split(',').map(str::to_owned).collect()));
    }

    pub(in crate::decode) fn decode(
        &mut self,
        value: Option<&[u8]>,
        offset: Offset,
        batch: &mut Batch,
    ) -> Result<(), Fault> {
        let (id, text) = value.and_then(<[u8]>::split_first).ok_or_else(|| fault("PARSE", "nothing".into()))?;
        let Some(Some(names)) = self.known.get(&SchemaId(u32::from(*id))) else {
            return Err(fault("SCHEMA", format!("there is no schema {id}")));
        };
        let texts: Vec<&str> = std::str::from_utf8(text).expect("the test writes UTF-8").split(',').collect();
        let mut values = Vec::new();
        for id in &self.needed {
            let field = self.schema.field(*id);
            let at = names.iter().position(|name| *name == field.name);
            let Some(text) = at.and_then(|at| texts.get(at)) else {
                missing(field, "absent")?;
                values.push(None);
                continue;
            };
            let number = crate::model::number::integer(text).map_err(|e| Wrong::from(e).fault(field, text))?;
            values.push(Some(Value::Integer(number)));
        }
        self.needed.iter().zip(values).for_each(|(id, value)| batch.columns[id.0].push(value));
        batch.offsets.push(offset);
        Ok(())
    }
}

fn tagged() -> (super::Decoder, Batch) {
    let fields = vec![field("a", Kind::Integer, true, 0), field("b", Kind::Integer, false, 0)];
    let schema = Arc::new(Schema { fields });
    let mut batch = Batch::new(&schema);
    batch.clear(Partition(0));
    let format = Decoder { schema: schema.clone(), needed: Vec::new(), known: BTreeMap::new() };
    (super::Decoder::of(schema, Format::Tagged(format)), batch)
}

#[test]
fn a_decoder_says_before_a_batch_which_schemas_it_lacks_each_once_and_decodes_when_it_has_them() {
    let (mut decoder, mut batch) = tagged();
    let records: [&[u8]; 4] = [b"\x011", b"\x022,3", b"\x014", b"\x035"];
    let lacks = decoder.needs(records.into_iter());
    assert_eq!(lacks, BTreeSet::from([1, 2, 3].map(SchemaId)));
    decoder.learn(SchemaId(1), Some("a"));
    decoder.learn(SchemaId(2), Some("b,a"));
    assert_eq!(decoder.needs(records.into_iter()), BTreeSet::from([SchemaId(3)]), "what came is not asked for again");
    decoder.learn(SchemaId(3), None);
    assert!(decoder.needs(records.into_iter()).is_empty());
    let mut codes = Vec::new();
    for (offset, record) in (0..).zip(records) {
        codes.push(decoder.decode(None, Some(record), Offset(offset), &mut batch).map_err(|fault| fault.code));
    }
    assert_eq!(codes, [Ok(()), Ok(()), Ok(()), Err("SCHEMA")]);
    let column = |at: usize| (0..3).map(|row| batch.columns[at].get(row)).collect::<Vec<_>>();
    assert_eq!(column(0), [1, 3, 4].map(|a| Some(Value::Integer(a))));
    assert_eq!(column(1), [None, Some(Value::Integer(2)), None]);
}

#[test]
fn another_format_says_what_is_wrong_with_a_field_in_the_words_of_json() {
    let (mut decoder, mut batch) = tagged();
    decoder.learn(SchemaId(1), Some("a"));
    let mut json = Fixture::new(Arc::new(Schema { fields: vec![field("a", Kind::Integer, true, 0)] }));
    for value in ["0.5", "99999999999999999999"] {
        let record = format!("\u{1}{value}");
        let fault = decoder.decode(None, Some(record.as_bytes()), Offset(0), &mut batch).unwrap_err();
        assert_eq!(fault, json.row(format!("{{\"a\":{value}}}").as_bytes()).unwrap_err());
    }
    assert_eq!(batch.rows(), 0);
}

#[test]
fn json_needs_no_schema() {
    let fixture = Fixture::new(payments());
    assert!(fixture.decoder.needs([&b"\0\0\0\0\x07{}"[..]].into_iter()).is_empty());
}
