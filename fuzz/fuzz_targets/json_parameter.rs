//! See the module `json_parameter`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| causeway_fuzz::json_parameter::check(bytes));
