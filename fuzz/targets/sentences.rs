//! The reading of RouterOS replies.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::sentences::holds(data));
