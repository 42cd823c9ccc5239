//! Writing to a standard error that may have no reader or no room.

use std::io::Write;

/// Standard error, whose reader may go and whose disk may be full: what can't be written is dropped and counted.
pub(super) struct Lossy;

impl Write for Lossy {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        if std::io::stderr().write_all(line).is_err() {
            metrics::counter!("weir_log_lines_dropped_total").increment(1);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A line on standard error that is no log. Where it can't be written it is dropped: nobody may end for want of a reader.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
