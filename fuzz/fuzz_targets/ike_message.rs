//! See the module `ike_message`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| causeway_fuzz::ike_message::check(bytes));
