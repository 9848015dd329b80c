//! Control frames: the agent's reader and the relay's read a message, write the message, and read the same again.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::control::{FromAgent, FromRelay, decode, encode};

/// The bytes are one text message.
pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    is_read_again::<FromAgent>(text);
    is_read_again::<FromRelay>(text);
}

fn is_read_again<T: DeserializeOwned + Serialize + PartialEq + Debug>(text: &str) {
    let Ok(message) = decode::<T>(text) else { return };
    let again = encode(&message);
    assert_eq!(decode::<T>(&again).expect(&again), message);
}
