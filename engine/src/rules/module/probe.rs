//! A module against this pipeline: its fields and parameters, then a few batches that no record was needed for. It
//! finds the rule that fails on plain or extreme rows before it is in force; one that fails on rare rows only is the
//! breaker's to find.

use std::collections::BTreeMap;

use super::compile::Failed;
use super::contract;
use super::runtime::{Failure, Instance, Runtime};
use super::validate::{Module, failed, patiently};
use crate::model::catalog::Manifest;
use crate::model::record::{Column, Field, FieldId, Kind, Schema, Value};

/// 2023-11-14T22:13:20Z
const ORDINARY_TIME: i64 = 1_700_000_000_000;
/// The first and the last millisecond that decode lets through.
const FIRST_TIME: i64 = -30_610_224_000_000;
const LAST_TIME: i64 = 253_402_300_799_999;
/// Length of a long text, in bytes: more than a careless buffer holds, less than a careful rule minds.
const LONG: usize = 64 << 10;

/// What a module reads and is set to in this pipeline.
#[derive(Clone, Debug)]
pub(in crate::rules) struct Fitted {
    /// In the manifest's order.
    pub(in crate::rules) fields: Vec<FieldId>,
    pub(in crate::rules) scales: Vec<u8>,
    /// All of them, defaults filled in.
    pub(in crate::rules) parameters: BTreeMap<String, String>,
}

/// Fields and parameters against the pipeline. Err: everything that does not fit, for whoever mends it.
pub(in crate::rules) fn fit(
    schema: &Schema,
    manifest: &Manifest,
    set: &BTreeMap<String, String>,
) -> Result<Fitted, String> {
    let rule = &manifest.name;
    let (mut fields, mut scales, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for field in &manifest.fields {
        let Some(id) = schema.find(&field.name) else {
            faults.push(format!("rule {rule} reads {}, a field that the pipeline does not have", field.name));
            continue;
        };
        let known = schema.field(id);
        if known.kind != field.kind {
            faults.push(format!("field {} is {:?}, rule {rule} reads {:?}", field.name, known.kind, field.kind));
        }
        fields.push(id);
        scales.push(known.scale);
    }
    let defaults = manifest.parameters.iter().map(|p| (p.name.clone(), p.default.clone()));
    let mut parameters: BTreeMap<_, _> = defaults.collect();
    for (name, value) in set {
        match parameters.get_mut(name) {
            Some(known) => known.clone_from(value),
            None => faults.push(no_parameter(manifest, name)),
        }
    }
    if faults.is_empty() { Ok(Fitted { fields, scales, parameters }) } else { Err(faults.join("; ")) }
}

/// Says which there are.
pub(in crate::rules) fn no_parameter(manifest: &Manifest, name: &str) -> String {
    let known: Vec<_> = manifest.parameters.iter().map(|p| p.name.as_str()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    format!("rule {} has no parameter {name:?}; it has {known}", manifest.name)
}

/// An instance that took its parameters. Runs guest code.
pub(in crate::rules) fn configure(runtime: &Runtime, module: &Module, fitted: &Fitted) -> Result<Instance, Failed> {
    let configured = patiently(|| {
        let mut instance = runtime.instance(&module.component)?;
        instance.configure(&fitted.scales, &fitted.parameters).map(|()| instance)
    });
    configured.map_err(|f| {
        let why = format!("rule {} can't be configured: {}: {}", module.manifest.name, f.code, f.message);
        failed(&f, why)
    })
}

/// Judges the synthetic batches. Runs guest code.
pub(in crate::rules) fn probe(
    runtime: &Runtime,
    schema: &Schema,
    module: &Module,
    fitted: &Fitted,
) -> Result<(), Failed> {
    configure(runtime, module, fitted)?;
    let fields: Vec<&Field> = fitted.fields.iter().map(|&id| schema.field(id)).collect();
    for (name, rows) in batches() {
        let columns: Vec<Column> = fields.iter().map(|field| column(field, rows)).collect();
        let judged = patiently(|| {
            let mut instance = runtime.instance(&module.component)?;
            instance.configure(&fitted.scales, &fitted.parameters)?;
            // As a worker asks: without the details of flags, and again with them.
            for details in [false, true] {
                instance.explain(details)?;
                let lowered: Vec<_> = columns.iter().map(contract::column).collect();
                instance.judge(rows.len(), &lowered, module.manifest.codes.len())?;
            }
            Ok(())
        });
        judged.map_err(|failure| {
            let (rule, Failure { code, message }) = (&module.manifest.name, &failure);
            let why = format!("rule {rule} failed with {code} on {name}, one of the batches that a publish tries");
            failed(&failure, format!("{why}: {message}"))
        })?;
    }
    Ok(())
}

/// What a row of a synthetic batch holds.
#[derive(Clone, Copy)]
enum Row {
    Ordinary,
    /// Every field that a record may lack.
    Missing,
    Least,
    Greatest,
    /// Zeros and empty texts.
    Zero,
}

fn batches() -> [(&'static str, &'static [Row]); 7] {
    [
        ("an empty batch", &[]),
        ("an ordinary row", &[Row::Ordinary]),
        ("a row without its optional fields", &[Row::Missing]),
        ("a row of the least values", &[Row::Least]),
        ("a row of the greatest values", &[Row::Greatest]),
        ("a row of zeros and empty texts", &[Row::Zero]),
        ("all these rows together", &[Row::Ordinary, Row::Missing, Row::Least, Row::Greatest, Row::Zero]),
    ]
}

fn column(field: &Field, rows: &[Row]) -> Column {
    let long = "é".repeat(LONG / 2);
    let mut column = Column::new(field.kind);
    for row in rows {
        match row {
            // Decode lets no record pass without it.
            Row::Missing if field.required => column.push(Some(value(field.kind, Row::Ordinary, &long))),
            Row::Missing => column.push(None),
            row => column.push(Some(value(field.kind, *row, &long))),
        }
    }
    column
}

fn value(kind: Kind, row: Row, long: &str) -> Value<'_> {
    match kind {
        Kind::Boolean => Value::Boolean(matches!(row, Row::Ordinary | Row::Greatest)),
        Kind::Integer => Value::Integer(integer(row)),
        Kind::Decimal => Value::Decimal(integer(row)),
        // Never NaN: JSON has none.
        Kind::Float => Value::Float(match row {
            Row::Least => f64::MIN,
            Row::Greatest => f64::MAX,
            Row::Zero => -0.0,
            Row::Ordinary | Row::Missing => 12.5,
        }),
        Kind::Timestamp => Value::Timestamp(match row {
            Row::Least => FIRST_TIME,
            Row::Greatest => LAST_TIME,
            Row::Zero => 0,
            Row::Ordinary | Row::Missing => ORDINARY_TIME,
        }),
        Kind::Text => Value::Text(match row {
            Row::Greatest => long,
            Row::Least => "\0",
            Row::Zero => "",
            Row::Ordinary | Row::Missing => "ordinary",
        }),
    }
}

/// The unscaled value of a decimal may be any of an i64.
fn integer(row: Row) -> i64 {
    match row {
        Row::Least => i64::MIN,
        Row::Greatest => i64::MAX,
        Row::Zero => 0,
        Row::Ordinary | Row::Missing => 1_250,
    }
}
