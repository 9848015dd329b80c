//! Links: any text, and any claims that our own key signed.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::tokens::holds(data));
