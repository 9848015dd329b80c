//! Sample frames: any bytes read by the relay, any samples written by the agent.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::samples::holds(data));
