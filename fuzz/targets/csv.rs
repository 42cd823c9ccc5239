//! Files for `weir produce`. `weir_testkit::fuzz::csv` says what must hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_testkit::fuzz::csv(data));
