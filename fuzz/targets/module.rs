#![no_main]

mod child;

libfuzzer_sys::fuzz_target!(init: child::compile(), |data: &[u8]| weir_testkit::fuzz::module(data));
