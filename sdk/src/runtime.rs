//! What the code that `#[rule]` writes calls. Not for authors: it may change with any version.

use std::cell::{Cell, RefCell};

use crate::bindings::exports::weir::rule::guest::{Column, Hit};
use crate::{Decimal, Parameters, Record, Verdict};

pub use crate::bindings::Guest as Explain;
pub use crate::bindings::exports::weir::rule::guest::{Code, Effect, Field, Guest, Kind, Manifest, Parameter};
pub use crate::parameters::setting;

/// What `configure` brought. Kept a thread: a module has one, and native tests run side by side.
pub struct Configured<P> {
    scales: Vec<u8>,
    parameters: P,
}

/// Where a rule keeps it between calls.
pub type State<P> = RefCell<Option<Configured<P>>>;

thread_local! {
    static EXPLAINS_FLAGS: Cell<bool> = const { Cell::new(true) };
}

/// The guest's `explain-flags`.
pub fn explain_flags(wanted: bool) {
    EXPLAINS_FLAGS.set(wanted);
}

#[inline]
pub(crate) fn explains_flags() -> bool {
    EXPLAINS_FLAGS.get()
}

/// The guest's `configure`.
///
/// # Errors
/// Which parameter can't be what was given, and why.
pub fn configure<P: Parameters>(
    state: &State<P>,
    fields: usize,
    scales: Vec<u8>,
    given: &[(String, String)],
) -> Result<(), String> {
    if scales.len() != fields {
        return Err(format!("{} scales for {fields} fields", scales.len()));
    }
    if let Some(scale) = scales.iter().find(|scale| **scale > Decimal::MAX_SCALE) {
        return Err(format!("a scale of {scale}: a decimal has at most {} fraction digits", Decimal::MAX_SCALE));
    }
    crate::parameters::all_known(&P::manifest(), given)?;
    let parameters = P::read(given)?;
    state.replace(Some(Configured { scales, parameters }));
    Ok(())
}

/// The guest's `judge`.
///
/// # Panics
/// If it comes before `configure` or with columns that are not the manifest's: the engine breaks the contract, and a
/// trap is the only way to say so.
pub fn judge<'a, R: Record<'a>, P: Parameters>(
    state: &State<P>,
    rows: u32,
    columns: &'a [Column],
    rule: impl Fn(&R, &P) -> Verdict,
) -> Vec<Hit> {
    let state = state.borrow();
    let configured = state.as_ref().expect("the engine calls configure before judge");
    let columns =
        R::bind(columns, &configured.scales, rows as usize).expect("the engine hands the columns of the manifest");
    let mut hits = Vec::new();
    for row in 0..rows {
        let Some(record) = R::get(&columns, row as usize) else {
            continue;
        };
        if let Some(found) = rule(&record, &configured.parameters).0 {
            hits.push(Hit { row, code: found.code, detail: found.detail });
        }
    }
    hits
}
