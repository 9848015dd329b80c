//! One line's rates at one instant, and two identifiers of the uplink.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The highest rate on the uplink, in bits per second: 1 Tbit/s, beyond any PPPoE line, in six bytes of varint.
pub const MAX_RATE: u64 = 1_000_000_000_000;

/// The longest response, in microseconds: three bytes of varint. A probe without an answer after two seconds is lost.
pub const MAX_RESPONSE_US: u32 = (1 << 21) - 1;

/// The shortest response, in microseconds; no network answers sooner, and smaller numbers mean other things.
pub const MIN_RESPONSE_US: u32 = 3;

/// The most packets dropped a second: four bytes of varint.
pub const MAX_DROPS: u32 = (1 << 28) - 1;

/// Names one line on one uplink; given out by the agent, never used twice within an [`Epoch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LineHandle(pub u32);

/// One line's rates at one instant, as the subscriber sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The sample's line.
    pub line: LineHandle,
    /// Bits per second towards the subscriber, 0 to [`MAX_RATE`].
    pub download: u64,
    /// Bits per second from the subscriber, 0 to [`MAX_RATE`].
    pub upload: u64,
}

/// What a sample tells besides the rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Detail {
    /// The line's response since the sample before.
    pub response: Response,
    /// Packets a second that the queue of the line's interface dropped at the router, 0 to [`MAX_DROPS`].
    pub drops: u32,
}

/// The round trip of one small probe over a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Response {
    /// No probe was answered or lost since the sample before.
    #[default]
    NotMeasured,
    /// The probe was not answered within two seconds.
    Lost,
    /// The subscriber's router has not answered any of ten probes. This is not loss.
    Silent,
    /// The round trip in microseconds, [`MIN_RESPONSE_US`] to [`MAX_RESPONSE_US`].
    Micros(u32),
}

/// Identifies one run of an agent. Each start chooses a random epoch, so that the sequence numbers and handles of two
/// runs never mix.
///
/// JSON carries the epoch as a string of 16 hexadecimal digits, because some JSON readers cannot hold 64-bit numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epoch({self})")
    }
}

impl Serialize for Epoch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Epoch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        if text.len() != 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(de::Error::custom("an epoch is 16 hexadecimal digits"));
        }
        u64::from_str_radix(&text, 16).map(Self).map_err(de::Error::custom)
    }
}
