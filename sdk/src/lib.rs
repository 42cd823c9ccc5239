//! Write a Weir rule: typed records in, verdicts out, one small WebAssembly module.
//!
//! A rule is a function over one record. Which fields it reads, which settings it takes and which codes it gives are
//! in types and attributes, and the engine checks them against the pipeline before it lets the rule judge anything.
//!
//! ```
//! use weir_sdk::{Decimal, PASS, Parameters, Record, Text, Verdict, dead_letter, rule};
//!
//! #[derive(Record)] // which fields, of which kinds, and which may be missing (Option)
//! struct Payment<'a> {
//!     amount: Decimal,
//!     #[field("type")]
//!     kind: Text<'a>,
//! }
//!
//! #[derive(Parameters)] // typed settings, changed without a rebuild
//! struct Limits {
//!     #[parameter(default = "0", summary = "least amount that is valid")]
//!     least: Decimal,
//! }
//!
//! /// Amounts below the least are dirty data.
//! #[rule(code(AMOUNT_NEGATIVE, dead_letter, "the amount is below the least"))]
//! fn negative_amount(tx: &Payment, limits: &Limits) -> Verdict {
//!     if tx.amount < limits.least {
//!         return dead_letter(AMOUNT_NEGATIVE, || format!("{} of {} < {}", tx.kind, tx.amount, limits.least));
//!     }
//!     PASS
//! }
//!
//! // Its test drives the path that the engine takes, without WebAssembly:
//! use weir_sdk::testing::Harness;
//! let payments = [
//!     Payment { amount: Decimal::new(1250, 2), kind: "PAYMENT" },
//!     Payment { amount: Decimal::new(-1, 2), kind: "TRANSFER" },
//! ];
//! let hits = Harness::<negative_amount>::new().judge(&payments);
//! assert_eq!(hits, [(1, "AMOUNT_NEGATIVE", "TRANSFER of -0.01 < 0")]);
//!
//! let hits = Harness::<negative_amount>::new().set("least", "20").judge(&payments);
//! assert_eq!(hits.len(), 2);
//! ```
//!
//! # A rule's crate
//! `weir rules new` makes one. The SDK is not published: it is named by its folder in a checkout of Weir.
//! ```toml
//! [lib]
//! crate-type = ["cdylib", "rlib"]
//! [dependencies]
//! weir-sdk = { path = "../weir/sdk" }
//! ```
//! `cargo test` runs its tests; `cargo build --release --target wasm32-unknown-unknown` makes the module. The manifest's
//! name is the function's, its version the crate's, its summary the first line of the doc comment. A crate has one rule,
//! since a module has one.
//!
//! # What a rule may count on
//! - It sees every record once, imports nothing (no clock, no network, no files, no randomness) and keeps no state:
//!   the same batch always gives the same hits.
//! - A record that lacks a field that is no `Option` is skipped. If the rule can dead-letter, the engine makes such a
//!   record a dead letter, FIELD_MISSING: a check that cannot be made has not been passed.
//! - A code has one effect, fixed where it is declared: `dead_letter(…)` of a `flag` code does not compile.
//! - A detail is at most [`MAX_DETAIL`] bytes; the rest is cut between characters. That of a flag is built only where it
//!   is kept: in a dead letter, a shadow rule's samples, an evaluation, a test.
//! - A panic ends the module's instance, and the record that caused it becomes a dead letter, RULE_TRAP.
#![warn(clippy::missing_panics_doc)]

extern crate self as weir_sdk;

/// What wit-bindgen makes of `wit/`, kept because wit-bindgen takes longer to build than all else that a rule needs.
#[allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, clippy::unwrap_used)] // generated
#[doc(hidden)]
pub mod bindings {
    include!("bindings.in");
}
mod decimal;
mod field;
mod parameters;
#[doc(hidden)]
pub mod runtime;
pub mod testing;
mod timestamp;
mod verdict;

pub use decimal::{Decimal, ParseDecimalError};
pub use field::{Column, Field, Kind, Present, Record, Value};
pub use parameters::{Parameters, Setting};
pub use timestamp::Timestamp;
pub use verdict::{
    DeadLetter, DeadLetterCode, Flag, FlagCode, HitCode, MAX_DETAIL, PASS, Verdict, dead_letter, dead_letter_if, flag,
    flag_if,
};
pub use weir_sdk_macros::{Parameters, Record, rule};

/// Text of a record, borrowed from the batch: a struct that has one says `struct Payment<'a> { name: Text<'a> }`.
pub type Text<'a> = &'a str;
