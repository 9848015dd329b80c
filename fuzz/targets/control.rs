//! Control frames, of the agent and of the relay.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::control::holds(data));
