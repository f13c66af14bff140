//! See the module `ike_endpoint`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| causeway_fuzz::ike_endpoint::check(bytes));
