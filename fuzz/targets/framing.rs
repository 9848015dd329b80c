//! The RouterOS API's bytes, however they are cut, against mikrotik-rs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::framing::holds(data));
