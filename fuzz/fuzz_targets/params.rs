//! See the module `params`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| causeway_fuzz::params::check(bytes));
