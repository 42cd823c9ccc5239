//! `weir.toml`. `weir_testkit::fuzz::config` says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_testkit::fuzz::config(data));
