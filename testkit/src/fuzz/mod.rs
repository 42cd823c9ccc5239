//! What must hold for any bytes that come from outside, one function a target: it panics where something does not hold. No
//! libFuzzer in here, for `cargo test` includes this file too (`engine/tests/fuzz/`): on stable, over the same corpus.
#![allow(clippy::unwrap_used, reason = "a panic is how a target speaks")]

mod answer;
mod bench;
mod config;
mod csv;
mod decode;
mod input;
mod letters;
mod manifest;
mod module;

#[path = "../../engine/tests/common/guest.rs"]
mod guest;

pub use answer::answer;
pub use bench::compile_by;
pub use config::config;
pub use csv::csv;
pub use decode::decode;
pub use letters::letters;
pub use manifest::manifest;
pub use module::module;
