//! The binary; everything is in the library.

fn main() {
    if std::env::args().nth(1).as_deref() == Some("compile-module") {
        std::process::exit(weir::rules::compile_child());
    }
}
