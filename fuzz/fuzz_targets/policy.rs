//! See the module `policy`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| causeway_fuzz::policy::check(bytes));
