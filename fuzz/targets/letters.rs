//! Chunks of the outbox. `weir_testkit::fuzz::letters` says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_testkit::fuzz::letters(data));
