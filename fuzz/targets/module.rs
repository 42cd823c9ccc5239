//! Uploaded modules. `weir_testkit::fuzz::module` says what must hold.
#![no_main]

mod child;

libfuzzer_sys::fuzz_target!(init: child::compile(), |data: &[u8]| weir_testkit::fuzz::module(data));
