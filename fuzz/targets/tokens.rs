//! Links: any text, and any signed claims.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::tokens::holds(data));
