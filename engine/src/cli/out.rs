//! How the commands print. `println!` panics when its reader has gone (`weir dead-letters list | head -1`) or its disk is full, so no
//! file but this one writes to standard output (`tests/repo/layout.rs`).

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use crate::telemetry;

/// A line of a result. A reader that has gone wants no more of it, which is no failure; a result that can't be written is one.
pub(super) fn line(text: impl Display) {
    match write(&text) {
        Ok(()) => {}
        Err(why) if why.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(why) => {
            telemetry::say(&format!("weir: what was done can't be printed: standard output: {why}"));
            std::process::exit(1)
        }
    }
}

/// A line of progress, which is dropped where it can't be written: what goes on matters more.
pub(super) fn note(text: impl Display) {
    let _ = write(&text);
}

fn write(text: &dyn Display) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
