//! All messages of the uplink except samples: JSON text messages, each with a `type`.
//!
//! ```text
//! agent                                    relay
//!   hello, lines (more: true) …, lines  →
//!                                       ←  welcome
//!   batches, lines, gone, status        →
//!                                       ←  watches, ack, refused
//! ```
//!
//! Both sides ignore unknown types and unknown fields, and a later field has a default. So operators upgrade the relay
//! first, and the relay accepts agents of two years ago. A relay can ask only for the handle of a line from the agent's
//! own reports.

use serde::{Deserialize, Serialize};

use crate::sample::{Epoch, LineHandle};
use crate::username::Username;

/// The maximum number of line reports in one `lines` message. The message then stays below
/// [`MAX_UPLINK_FRAME`](crate::MAX_UPLINK_FRAME).
pub const LINES_PER_MESSAGE: usize = 200;

/// The maximum length of a profile name, comment, fault or version text in a message, in bytes of text form. The agent
/// cuts longer texts.
pub const MAX_TEXT: usize = 256;

/// A message from an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromAgent {
    /// The first message of an uplink.
    Hello(Hello),
    /// New and changed lines; right after the hello, all lines.
    Lines(Lines),
    /// Lines that the agent forgot. Their handles do not come again in this epoch.
    Gone {
        /// The forgotten lines.
        lines: Vec<LineHandle>,
    },
    /// Watches that the agent does not carry out.
    WatchRefused {
        /// The lines without samples.
        lines: Vec<LineHandle>,
        /// Why.
        reason: WatchRefusal,
    },
    /// The state of the agent and its router: every 10 s, and at once when the agent loses or regains the router.
    Status(Box<Status>),
    /// A type of a later version.
    #[serde(other)]
    Unknown,
}

/// A message from a relay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromRelay {
    /// The answer to the hello and its lines.
    Welcome(Welcome),
    /// Changes of the watch set.
    Watches(Watches),
    /// Every batch with a lower sequence number has been received or given up: a cursor, at most once a second.
    Ack {
        /// The lowest sequence number still missing.
        next: u64,
    },
    /// Lines that this agent's token may not report. The relay neither shows nor watches them.
    Refused {
        /// The refused lines.
        lines: Vec<LineHandle>,
    },
    /// A type of a later version.
    #[serde(other)]
    Unknown,
}

/// The agent's first message: its identity, and the contents of its backlog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The agent's version, in the format of `linelight-agent --version`.
    pub version: String,
    /// This run of the agent.
    pub epoch: Epoch,
    /// The sequence number of the oldest batch in the backlog; equal to `next` for an empty backlog.
    pub oldest: u64,
    /// The sequence number of the next live batch.
    pub next: u64,
    /// The agent's monotonic uptime now, in milliseconds.
    pub uptime_ms: u64,
    /// The number of batches that left the backlog unacknowledged since the last welcome. A relay that knows nothing of
    /// this epoch needs the number to count lost batches.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u64,
}

/// Line reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// The agent's monotonic uptime at the time of these reports, in milliseconds. The ages in the reports count back
    /// from this time.
    pub uptime_ms: u64,
    /// True if more messages of the table after a hello follow. The relay answers the last message.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
    /// The lines, at most [`LINES_PER_MESSAGE`].
    pub lines: Vec<LineReport>,
}

/// The state of one line, as its agent reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineReport {
    /// The line's name on this uplink.
    pub line: LineHandle,
    /// The PPPoE username.
    pub username: Username,
    /// The router's end of the session.
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
    /// True if the plan's limits come from a queue with several lines as targets.
    #[serde(default, skip_serializing_if = "is_false")]
    pub plan_shared: bool,
    /// The secret's comment, in text form; only if the agent is configured to report comments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// The router's end of a PPPoE session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The concentrator: `/interface/pppoe-server`.
    Server,
    /// The subscriber's own router: `/interface/pppoe-client`.
    Client,
}

impl Role {
    /// Returns the name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// The maximum rates of a line, in bits per second; absent is unknown or unlimited.
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

/// Why an agent does not carry out a watch. The relay tells the viewers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchRefusal {
    /// As many lines are watched as the agent's own limit allows. The watch ends. The relay asks again some 20 s later
    /// while there is a viewer.
    TooManyWatched,
    /// The handle names no line of this epoch. The watch ends.
    UnknownLine,
    /// The router takes the line's interface in `monitor-traffic` neither by `.id` nor by name. The watch stays, and
    /// samples may come later: the interface may be renamed. The agent tells this once for each watch.
    RouterRefuses,
    /// A reason of a later version.
    #[serde(other)]
    Other,
}

/// The state of the agent and its router.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The agent's monotonic uptime now, in milliseconds.
    pub uptime_ms: u64,
    /// Whether the router's API answers.
    pub router_reachable: bool,
    /// Milliseconds since `router_reachable` last changed.
    pub router_age_ms: u64,
    /// The router's fault and its remedy, in the agent's words for an operator.
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
    /// True if this run of the agent has not yet read and reported its router's sessions. Lines from an earlier run's
    /// reports may still come.
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
    /// The sequence number of the oldest batch in the backlog; for an empty backlog, the number of the next batch.
    /// Missing batches with a lower number never come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<u64>,
    /// The age of the oldest unacknowledged batch, in milliseconds; zero without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unacknowledged_ms: Option<u64>,
    /// Since the router's tables of sessions were last read as a whole, milliseconds; absent before the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_age_ms: Option<u64>,
    /// Why the agent probes no lines, and the remedy, in the agent's words for an operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_fault: Option<String>,
}

/// The relay's answer to a hello and the table of lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// The agent's name on the relay.
    pub agent: String,
    /// The lowest sequence number of this epoch that the relay lacks; absent if the relay has no batch of the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// The generation of the watch set below.
    pub generation: u64,
    /// All lines to be watched.
    pub watched: Vec<LineHandle>,
    /// True if the relay accepts [averages](crate::frame::Kind::Averages). An agent sends averages to no other relay.
    #[serde(default, skip_serializing_if = "is_false")]
    pub averages: bool,
    /// True if the relay accepts [details](crate::frame::Kind::Detailed). An agent sends details to no other relay, and
    /// probes no line for one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub details: bool,
}

/// A change of the watch set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watches {
    /// The previous generation plus one. Any other number means a lost change, and the agent reconnects.
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
/// [`ControlError`]; the reader then closes the uplink with [`Close::ProtocolError`](crate::close::Close::ProtocolError).
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
