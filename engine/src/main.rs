//! The binary; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    let _armed = weir::fault::arm();
    weir::cli::main()
}
