//! A viewer's WebSocket bytes against tungstenite.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::websocket::holds(data));
