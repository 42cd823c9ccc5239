//! `rule.wit` as Rust types, its manifest in the words of `model`, and what an answer must keep to: it is not trusted.

wasmtime::component::bindgen!({
    world: "rule",
    path: "../sdk/wit",
    ownership: Borrowing { duplicate_if_necessary: true },
});

pub(in crate::rules) use exports::weir::rule::guest;

use crate::model::catalog::{Manifest, ManifestCode, ManifestField, ManifestParameter};
use crate::model::finding::Effect;
use crate::model::record::{Column, Kind, Values};

/// Rows and codes that are not there, or more hits than rows and codes allow, are lies; the answer says which.
pub(in crate::rules) fn check(hits: &[guest::Hit], rows: usize, codes: usize) -> Result<(), String> {
    if hits.len() > rows * codes {
        return Err(format!("{} hits for {rows} rows and {codes} codes", hits.len()));
    }
    for hit in hits {
        if hit.row as usize >= rows {
            return Err(format!("a hit on row {} of {rows}", hit.row));
        }
        if hit.code as usize >= codes {
            return Err(format!("a hit with code {} of {codes}", hit.code));
        }
    }
    Ok(())
}

fn kind(kind: guest::Kind) -> Kind {
    match kind {
        guest::Kind::Boolean => Kind::Boolean,
        guest::Kind::Integer => Kind::Integer,
        guest::Kind::Float => Kind::Float,
        guest::Kind::Decimal => Kind::Decimal,
        guest::Kind::Timestamp => Kind::Timestamp,
        guest::Kind::Text => Kind::Text,
    }
}

/// What the module said of itself.
pub(in crate::rules) fn manifest(m: guest::Manifest) -> Manifest {
    let field = |f: guest::Field| ManifestField { name: f.name, kind: kind(f.kind), required: f.required };
    let code = |c: guest::Code| ManifestCode {
        name: c.name,
        summary: c.summary,
        effect: match c.effect {
            guest::Effect::DeadLetter => Effect::DeadLetter,
            guest::Effect::Flag => Effect::Flag,
        },
    };
    let parameter = |p: guest::Parameter| ManifestParameter {
        name: p.name,
        kind: kind(p.kind),
        summary: p.summary,
        default: p.default,
    };
    Manifest {
        name: m.name,
        version: m.version,
        summary: m.summary,
        fields: m.fields.into_iter().map(field).collect(),
        codes: m.codes.into_iter().map(code).collect(),
        parameters: m.parameters.into_iter().map(parameter).collect(),
    }
}

/// A column as the guest takes it; nothing is cloned.
pub(in crate::rules) fn column(column: &Column) -> guest::Column<'_> {
    let values = match &column.values {
        Values::Boolean(v) => guest::Values::Boolean(v),
        Values::Integer(v) => guest::Values::Integer(v),
        Values::Float(v) => guest::Values::Float(v),
        Values::Decimal(v) => guest::Values::Decimal(v),
        Values::Timestamp(v) => guest::Values::Timestamp(v),
        Values::Text(t) => guest::Values::Text(guest::Texts { bytes: &t.bytes, ends: &t.ends }),
    };
    guest::Column { values, present: column.present() }
}
