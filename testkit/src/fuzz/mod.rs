//! What must hold for any bytes that come from outside, one function a target: it panics where something does not hold. No
//! libFuzzer in here, for `cargo test` runs them too (`engine/tests/fast/fuzz/`): on stable, over the same corpus. What begins
//! them under libFuzzer is in fuzz/.

mod alerts;
mod answer;
mod config;
mod csv;
mod decode;
mod fixture;
mod input;
mod letters;
mod manifest;
mod module;

pub use answer::answer;
pub use config::config;
pub use csv::csv;
pub use decode::decode;
pub use fixture::compile_by;
pub use input::RS;
pub use letters::letters;
pub use manifest::manifest;
pub use module::module;
