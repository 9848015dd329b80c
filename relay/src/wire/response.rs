//! A line's response in viewers' frames: of one sample, as a column, and which way was measured.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use shared::Response;
use shared::control::Role;

/// The outcome of a probe. In JSON a number of microseconds, or `null` for a lost probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measured {
    /// No answer within two seconds.
    Lost,
    /// The round trip, microseconds.
    Micros(u32),
}

/// The way whose response is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseWay {
    /// From the provider's router to the subscriber's, and back.
    Router,
    /// From the subscriber's router to the relay, and back.
    Provider,
    /// From the provider's router to the subscriber's, which answers no probes.
    Silent,
}

/// The entry of a column for a sample without a response. No response is that short.
pub(super) const NOT_MEASURED: Option<u32> = Some(0);

impl Measured {
    /// Returns the outcome, if a probe had one.
    pub(crate) fn of(response: Response) -> Option<Self> {
        match response {
            Response::NotMeasured | Response::Silent => None,
            Response::Lost => Some(Self::Lost),
            Response::Micros(micros) => Some(Self::Micros(micros)),
        }
    }

    /// Returns the round trip in microseconds; `None` for a lost probe.
    pub(crate) fn micros(self) -> Option<u32> {
        match self {
            Self::Lost => None,
            Self::Micros(micros) => Some(micros),
        }
    }

    /// Returns a column's entry.
    pub(super) fn entry(measured: Option<Self>) -> Option<u32> {
        measured.map_or(NOT_MEASURED, Self::micros)
    }

    /// Reads a column's entry.
    pub(super) fn of_entry(entry: Option<u32>) -> Option<Self> {
        (entry != NOT_MEASURED).then(|| entry.map_or(Self::Lost, Self::Micros))
    }
}

impl Serialize for Measured {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.micros().serialize(serializer)
    }
}

/// Reads a field that is there: `null` is a lost probe.
pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Measured>, D::Error> {
    let micros = Option::<u32>::deserialize(deserializer)?;
    Ok(Some(micros.map_or(Measured::Lost, Measured::Micros)))
}

impl ResponseWay {
    /// Returns the way that a response of such a session measured; `None` if nothing was measured.
    pub(crate) fn of(response: Response, role: Role) -> Option<Self> {
        match (response, role) {
            (Response::NotMeasured, _) => None,
            (Response::Silent, _) => Some(Self::Silent),
            (_, Role::Server) => Some(Self::Router),
            (_, Role::Client) => Some(Self::Provider),
        }
    }

    /// Returns the name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Provider => "provider",
            Self::Silent => "silent",
        }
    }
}
