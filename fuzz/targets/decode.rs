//! Records. `weir_testkit::fuzz::decode` says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_testkit::fuzz::decode(data));
