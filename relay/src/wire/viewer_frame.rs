//! The messages between a viewer and the relay: JSON text, each with a `type`.
//!
//! The golden files in `shared/golden/viewer` are these frames byte for byte, and the page's tests read them too. Times
//! are the relay's, rates are bits per second.

use serde::{Deserialize, Serialize};
use shared::close::Close;

use super::response::{Measured, NOT_MEASURED, ResponseWay, present};
use crate::clock::UnixMillis;

/// Everything the relay says to a viewer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ViewerFrame {
    /// Everything about the line. The viewer drops everything older.
    Snapshot(Box<Snapshot>),
    /// One sample more.
    Sample(TimedSample),
    /// Missed samples, for a viewer that fell behind.
    Samples(History),
    /// The newest averages over many seconds. They replace the viewer's averages of their time.
    Averages(Averages),
    /// The line's state, after a change and after ten seconds without a frame.
    State(StateFrame),
    /// The viewer's own response: from the relay to the open page and back.
    #[serde(rename = "self")]
    ViewerResponse {
        /// Microseconds.
        #[serde(rename = "rtt")]
        micros: u32,
    },
    /// Why the relay closes the stream.
    Error {
        /// The close code.
        code: u16,
        /// The close code's name.
        reason: String,
    },
    /// A type of a later version.
    #[serde(other)]
    Unknown,
}

/// One sample with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TimedSample {
    /// The time of the measurement.
    pub t: UnixMillis,
    /// Towards the subscriber.
    pub down: u64,
    /// From the subscriber.
    pub up: u64,
    /// The line's response; absent without one since the sample before.
    #[serde(default, rename = "rtt", deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub response: Option<Measured>,
    /// Packets a second that the queue of the line's interface dropped at the router.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub drops: u32,
}

/// Samples as columns; the times rise strictly.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct History {
    /// Times.
    pub t: Vec<UnixMillis>,
    /// Downloads.
    pub down: Vec<u64>,
    /// Uploads.
    pub up: Vec<u64>,
    /// Responses in microseconds: `None` is lost, zero is not measured. Empty, and absent in JSON, without any.
    #[serde(default, rename = "rtt", skip_serializing_if = "Vec::is_empty")]
    pub responses: Vec<Option<u32>>,
    /// Drops. Empty, and absent in JSON, without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drops: Vec<u32>,
}

impl History {
    /// The samples, oldest first.
    pub(crate) fn samples(&self) -> impl Iterator<Item = TimedSample> {
        let rates = self.down.iter().zip(&self.up);
        self.t.iter().zip(rates).enumerate().map(|(nth, (&t, (&down, &up)))| TimedSample {
            t,
            down,
            up,
            response: self.responses.get(nth).copied().and_then(Measured::of_entry),
            drops: self.drops.get(nth).copied().unwrap_or(0),
        })
    }
}

/// Appends to a column that stays empty as long as all of its `length` entries are the usual one.
fn append<T: Copy + PartialEq>(column: &mut Vec<T>, length: usize, entry: T, usual: T) {
    if column.is_empty() && entry == usual {
        return;
    }
    column.resize(length, usual);
    column.push(entry);
}

impl FromIterator<TimedSample> for History {
    fn from_iter<I: IntoIterator<Item = TimedSample>>(points: I) -> Self {
        let points = points.into_iter();
        let room = points.size_hint().0;
        let (t, down, up) = (Vec::with_capacity(room), Vec::with_capacity(room), Vec::with_capacity(room));
        let mut history = Self { t, down, up, ..Self::default() };
        for point in points {
            let length = history.t.len();
            append(&mut history.responses, length, Measured::entry(point.response), NOT_MEASURED);
            append(&mut history.drops, length, point.drops, 0);
            history.t.push(point.t);
            history.down.push(point.down);
            history.up.push(point.up);
        }
        history
    }
}

/// Averages over many seconds, one behind the other; `None` is a gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Averages {
    /// How long each is, milliseconds.
    pub interval: u32,
    /// When the first begins.
    pub start: UnixMillis,
    /// Downloads.
    pub down: Vec<Option<u64>>,
    /// Uploads.
    pub up: Vec<Option<u64>>,
}

/// The state of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    /// A session is up, and samples come.
    Running,
    /// A session is up, but samples are late.
    Stalled,
    /// The router has no session.
    Offline,
    /// The line's agent, or its router, does not answer.
    Unreachable,
    /// No agent reported the line.
    Unknown,
    /// The relay started less than a minute ago, and no agent reported the line yet.
    Starting,
}

impl LineState {
    /// Returns the name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stalled => "stalled",
            Self::Offline => "offline",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
            Self::Starting => "starting",
        }
    }
}

/// A notice to the reader beside the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// No samples: the agent has as many watches as it may.
    TooManyWatched,
    /// No samples and no averages yet: the router does not give the line's rates.
    RouterRefuses,
    /// The router gives no live figures for the line: the averages are all there is, one each `interval`.
    Averages,
    /// The line's agent is at another relay, which this one cannot reach.
    OutOfTouch,
}

impl Notice {
    /// Returns the name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooManyWatched => "too_many_watched",
            Self::RouterRefuses => "router_refuses",
            Self::Averages => "averages",
            Self::OutOfTouch => "out_of_touch",
        }
    }
}

/// A plan's limits; `None` is unknown or unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PlanLimits {
    /// Towards the subscriber.
    pub down: Option<u64>,
    /// From the subscriber.
    pub up: Option<u64>,
    /// True if several lines share a limit: what the others carry is missing here.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shared: bool,
}

/// A viewer's full frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The username's text form.
    pub username: String,
    /// The username for people.
    pub display: String,
    /// The customer's name, for viewers with the right to it.
    pub customer: Option<String>,
    /// The package's name, for viewers with the right to it.
    pub package: Option<String>,
    /// The provider's name.
    pub brand: Option<String>,
    /// The plan's limits.
    pub plan: PlanLimits,
    /// The line's state.
    pub state: LineState,
    /// Since when; `None` is not known.
    pub since: Option<UnixMillis>,
    /// Sessions up.
    pub sessions: u16,
    /// Milliseconds between samples.
    pub interval: u32,
    /// When the link ends; `None` is never.
    pub expires: Option<UnixMillis>,
    /// The relay's clock.
    pub now: UnixMillis,
    /// The last five minutes, as far as the line was watched.
    pub history: History,
    /// The averages of the last two hours, watched or not; absent without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub averages: Option<Averages>,
    /// A notice to the reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
    /// True while somebody of the provider's staff watches too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub support: bool,
    /// The way whose response is measured; absent while none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<ResponseWay>,
    /// The response of the quiet line, microseconds: the lowest tenth of the last two hours' responses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<u32>,
}

/// A line's state by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateFrame {
    /// The line's state.
    pub state: LineState,
    /// Since when; `None` is not known.
    pub since: Option<UnixMillis>,
    /// Sessions up.
    pub sessions: u16,
    /// Milliseconds between samples.
    pub interval: u32,
    /// The relay's clock.
    pub now: UnixMillis,
    /// A notice to the reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
    /// True while somebody of the provider's staff watches too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub support: bool,
    /// The way whose response is measured; absent while none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<ResponseWay>,
    /// The response of the quiet line, microseconds: the lowest tenth of the last two hours' responses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<u32>,
}

impl ViewerFrame {
    /// Returns the error before a close.
    pub fn error(close: Close) -> Self {
        Self::Error { code: close.code(), reason: close.name().to_owned() }
    }

    /// The frame's JSON.
    pub fn to_json(&self) -> Vec<u8> {
        // Serialising plain structs with string keys to a Vec has no way to fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Returns the frame's `type`, also its event's name in server-sent events.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Snapshot(_) => "snapshot",
            Self::Sample(_) => SAMPLE,
            Self::Samples(_) => "samples",
            Self::Averages(_) => "averages",
            Self::State(_) => "state",
            Self::ViewerResponse { .. } => "self",
            Self::Error { .. } => "error",
            Self::Unknown => "unknown",
        }
    }
}

/// serde calls it with a reference.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// serde calls it with a reference.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The name of the `type` of a [`ViewerFrame::Sample`].
pub const SAMPLE: &str = "sample";

/// Appends a `sample` frame's JSON, at most 114 bytes: written once a second for every watched line, and so by hand.
pub fn put_sample(out: &mut Vec<u8>, point: &TimedSample) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(br#"{"type":"sample","t":"#);
    out.extend_from_slice(digits.format(point.t.as_millis()).as_bytes());
    out.extend_from_slice(br#","down":"#);
    out.extend_from_slice(digits.format(point.down).as_bytes());
    out.extend_from_slice(br#","up":"#);
    out.extend_from_slice(digits.format(point.up).as_bytes());
    if let Some(response) = point.response {
        out.extend_from_slice(br#","rtt":"#);
        out.extend_from_slice(response.micros().map_or("null", |micros| digits.format(micros)).as_bytes());
    }
    if point.drops > 0 {
        out.extend_from_slice(br#","drops":"#);
        out.extend_from_slice(digits.format(point.drops).as_bytes());
    }
    out.push(b'}');
}

/// Appends a `self` frame's JSON, at most 32 bytes: before each fifth sample of every viewer.
pub fn put_viewer_response(out: &mut Vec<u8>, micros: u32) {
    out.extend_from_slice(br#"{"type":"self","rtt":"#);
    out.extend_from_slice(itoa::Buffer::new().format(micros).as_bytes());
    out.push(b'}');
}

/// A viewer's first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromViewer {
    /// Asks for a line: by a link's token, or by the text form of a username.
    Watch {
        /// A link's token.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        /// A username's text form.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        username: Option<String>,
    },
}

/// Decodes a router's bytes for people: UTF-8, else windows-1252, the code page of most WinBox PCs.
pub fn display(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

#[cfg(test)]
mod tests;
