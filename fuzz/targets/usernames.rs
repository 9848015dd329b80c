//! A username's one text form.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::usernames::holds(data));
