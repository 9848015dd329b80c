//! What is read out of a RouterOS reply.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::sentences::holds(data));
