//! What a module says of itself. `weir_testkit::fuzz::manifest` says what must hold.
#![no_main]

mod child;

libfuzzer_sys::fuzz_target!(init: child::compile(), |data: &[u8]| weir_testkit::fuzz::manifest(data));
