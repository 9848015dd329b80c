//! Everything on the uplink that is not a sample: JSON text messages, each with a `type`.
//!
//! ```text
//! agent                                    relay
//!   hello, lines (more: true) …, lines  →
//!                                       ←  welcome
//!   batches, lines, gone, status        →
//!                                       ←  watches, ack, refused
//! ```
//!
//! Unknown types and unknown fields are ignored, and a field added later has a default, so that relays are upgraded first
//! and accept agents that are two years old. The only thing a relay can ask for is the handle of a line that the agent
//! itself reported.

use serde::{Deserialize, Serialize};

use crate::sample::{Epoch, LineHandle};
use crate::username::Username;

/// How many line reports an agent puts into one `lines` message at most, so that it stays below
/// [`MAX_UPLINK_FRAME`](crate::MAX_UPLINK_FRAME).
pub const LINES_PER_MESSAGE: usize = 200;

/// The longest profile name, comment, fault or version text in a message, in bytes of text form; the agent cuts what
/// is longer.
pub const MAX_TEXT: usize = 256;

/// What an agent says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromAgent {
    /// The first message of an uplink.
    Hello(Hello),
    /// Lines that are new or have changed; right after the hello, all of them.
    Lines(Lines),
    /// Lines that the agent forgot; their handles do not come again in this epoch.
    Gone {
        /// The forgotten lines.
        lines: Vec<LineHandle>,
    },
    /// Watches that the agent does not carry out, within its own limits.
    WatchRefused {
        /// The lines that stay unwatched.
        lines: Vec<LineHandle>,
        /// Why.
        reason: WatchRefusal,
    },
    /// How the agent and its router are: each 10 s, and at once when the router is lost or found.
    Status(Box<Status>),
    /// A type of a later version.
    #[serde(other)]
    Unknown,
}

/// What a relay says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromRelay {
    /// The answer to hello and its lines.
    Welcome(Welcome),
    /// Changes of the watch set.
    Watches(Watches),
    /// Every batch with a lower sequence number has been received or given up: a cursor, at most once a second.
    Ack {
        /// The lowest sequence number still missing.
        next: u64,
    },
    /// Lines that this agent's token may not report: they are neither shown nor watched.
    Refused {
        /// The refused lines.
        lines: Vec<LineHandle>,
    },
    /// A type of a later version.
    #[serde(other)]
    Unknown,
}

/// Who is calling, and what the agent's backlog holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The agent's version, as `linelight-agent --version` prints it.
    pub version: String,
    /// This run of the agent.
    pub epoch: Epoch,
    /// The oldest batch in the backlog; equal to `next` when it is empty.
    pub oldest: u64,
    /// The sequence number that the next live batch gets.
    pub next: u64,
    /// The agent's monotonic uptime now, in milliseconds.
    pub uptime_ms: u64,
    /// Batches that left the backlog since the last welcome and that no relay acknowledged: what a relay that knows
    /// nothing of this epoch cannot know to be lost.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u64,
}

/// Line reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// The agent's monotonic uptime when it knew this, in milliseconds; the ages in the reports count back from it.
    pub uptime_ms: u64,
    /// Whether more messages of the table that follows a hello are to come; the relay answers the last.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
    /// The lines, at most [`LINES_PER_MESSAGE`].
    pub lines: Vec<LineReport>,
}

/// One line as its agent sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineReport {
    /// The line's name on this uplink.
    pub line: LineHandle,
    /// The PPPoE username.
    pub username: Username,
    /// Which end of the session the router is.
    pub role: Role,
    /// How many sessions are up; 0 is offline.
    pub sessions: u16,
    /// Milliseconds since the newest session came up or, without one, since the last went down; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// The PPP profile's name, in text form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The plan's limits, as far as the router knows them.
    #[serde(default, skip_serializing_if = "Plan::is_unknown")]
    pub plan: Plan,
    /// True if other lines have a part in the plan's limits: those of a queue that targets several lines.
    #[serde(default, skip_serializing_if = "is_false")]
    pub plan_shared: bool,
    /// The secret's comment, in text form; only where the agent is told to report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Which end of a PPPoE session the router is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The concentrator: `/interface/pppoe-server`.
    Server,
    /// The subscriber's own router: `/interface/pppoe-client`.
    Client,
}

/// What a line may carry at most, in bits per second; absent is unknown or unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Towards the subscriber.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<u64>,
    /// From the subscriber.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<u64>,
}

impl Plan {
    /// Whether neither limit is known.
    pub fn is_unknown(&self) -> bool {
        self.download.is_none() && self.upload.is_none()
    }
}

/// Why an agent does not carry out a watch. The relay tells the viewer, and asks again some 20 s later while there
/// is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchRefusal {
    /// As many lines are watched as the agent's own limit allows.
    TooManyWatched,
    /// The handle names no line of this epoch.
    UnknownLine,
    /// A reason of a later version.
    #[serde(other)]
    Other,
}

/// How the agent and its router are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The agent's monotonic uptime now, in milliseconds.
    pub uptime_ms: u64,
    /// Whether the router's API answers.
    pub router_reachable: bool,
    /// Milliseconds since that last changed.
    pub router_age_ms: u64,
    /// What is wrong with the router, with the remedy; the agent's words for an operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// `/system/identity`, in text form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// RouterOS's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routeros: Option<String>,
    /// The board's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub board: Option<String>,
    /// Whether this run of the agent has yet to read its router's sessions and to tell them: lines that an earlier run
    /// reported and this one does not may still come.
    #[serde(skip_serializing_if = "is_false")]
    pub lines_pending: bool,
    /// The router's CPU load, percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_load: Option<u8>,
    /// The interval between samples, milliseconds: 1,000 unless the router is busy.
    pub interval_ms: u32,
    /// One exchange with the router's API, microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_us: Option<u64>,
    /// Sessions on the router.
    pub sessions: u32,
    /// Lines watched.
    pub watched: u32,
    /// `monitor-traffic` streams open.
    pub streams: u32,
    /// Bytes of batches in the backlog.
    pub backlog_bytes: u32,
    /// Age of the oldest of them, milliseconds.
    pub backlog_age_ms: u32,
    /// The oldest batch in the backlog, or the next one's number when it is empty: what is lower and has not come never
    /// comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<u64>,
    /// Age of the oldest batch that no relay has acknowledged, milliseconds; zero without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unacknowledged_ms: Option<u64>,
    /// Since the router's tables of sessions were last read as a whole, milliseconds; absent before the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_age_ms: Option<u64>,
}

/// The relay's answer to a hello and the table of lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// The name under which the relay knows this agent.
    pub agent: String,
    /// The lowest sequence number of this epoch that the relay does not have; absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// The generation of the watch set below.
    pub generation: u64,
    /// All lines to be watched.
    pub watched: Vec<LineHandle>,
    /// Whether the relay takes [averages](crate::frame::Kind::Averages); they are not sent to one that does not say so.
    #[serde(default, skip_serializing_if = "is_false")]
    pub averages: bool,
}

/// A change of the watch set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watches {
    /// One more than before the change; another number means that a change was lost, and the agent reconnects.
    pub generation: u64,
    /// Lines to be watched from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<LineHandle>,
    /// Lines to be watched no longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<LineHandle>,
}

/// Why a text message is not a control message.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Longer than [`MAX_UPLINK_FRAME`](crate::MAX_UPLINK_FRAME).
    #[error("control message of {0} bytes is above the limit")]
    TooLarge(usize),
    /// Not JSON of the expected shape.
    #[error("control message is not understood: {0}")]
    Json(#[from] serde_json::Error),
}

/// Writes a control message.
pub fn encode<T: Serialize>(message: &T) -> String {
    // Serialising plain structs with string keys to a String has no way to fail.
    serde_json::to_string(message).unwrap_or_default()
}

/// Reads a control message.
///
/// # Errors
/// [`ControlError`]; the uplink that sent it is closed with [`Close::ProtocolError`](crate::close::Close::ProtocolError).
pub fn decode<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, ControlError> {
    if text.len() > crate::MAX_UPLINK_FRAME {
        return Err(ControlError::TooLarge(text.len()));
    }
    Ok(serde_json::from_str(text)?)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}
