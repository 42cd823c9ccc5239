//! What a module answers to `judge`. `weir_testkit::fuzz::answer` says what must hold.
#![no_main]

mod child;

libfuzzer_sys::fuzz_target!(init: child::compile(), |data: &[u8]| weir_testkit::fuzz::answer(data));
