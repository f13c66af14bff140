//! See the module `signature`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| causeway_fuzz::signature::check(bytes));
