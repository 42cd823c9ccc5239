//! Commands that speak to a broker: `weir produce`, `weir dead-letters`.

mod dirty;
mod letters;

use std::process::{Command, Output};

/// Runs `weir` to its end.
fn weir(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weir")).args(arguments).output().unwrap()
}
