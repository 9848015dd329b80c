//! The messages between a viewer and the relay: JSON text, each with a `type`.
//!
//! The golden files in `shared/golden/viewer` are these frames byte for byte, and the page's tests read them too. Times
//! are the relay's, rates are bits per second.

use serde::{Deserialize, Serialize};
use shared::close::Close;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedSample {
    /// The time of the measurement.
    pub t: UnixMillis,
    /// Towards the subscriber.
    pub down: u64,
    /// From the subscriber.
    pub up: u64,
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
}

impl FromIterator<TimedSample> for History {
    fn from_iter<I: IntoIterator<Item = TimedSample>>(points: I) -> Self {
        let points = points.into_iter();
        let room = points.size_hint().0;
        let mut history =
            Self { t: Vec::with_capacity(room), down: Vec::with_capacity(room), up: Vec::with_capacity(room) };
        for point in points {
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
}

impl Notice {
    /// Returns the name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooManyWatched => "too_many_watched",
            Self::RouterRefuses => "router_refuses",
            Self::Averages => "averages",
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

/// The name of the `type` of a [`ViewerFrame::Sample`].
pub const SAMPLE: &str = "sample";

/// Appends a `sample` frame's JSON, at most 82 bytes: written once a second for every watched line, and so by hand.
pub fn put_sample(out: &mut Vec<u8>, point: &TimedSample) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(br#"{"type":"sample","t":"#);
    out.extend_from_slice(digits.format(point.t.as_millis()).as_bytes());
    out.extend_from_slice(br#","down":"#);
    out.extend_from_slice(digits.format(point.down).as_bytes());
    out.extend_from_slice(br#","up":"#);
    out.extend_from_slice(digits.format(point.up).as_bytes());
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
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::DeserializeOwned;
    use shared::Username;
    use shared::control::Role;
    use shared::sample::MAX_RATE;

    /// A golden file; every one of the folder is read by some test, see `every_golden_file_is_read`.
    fn golden(name: &str) -> String {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/golden/viewer/");
        std::fs::read_to_string(format!("{path}{name}.json")).unwrap().trim_end().to_owned()
    }

    fn at(milliseconds: i64) -> UnixMillis {
        UnixMillis::from_millis(milliseconds)
    }

    fn points(points: &[(i64, u64, u64)]) -> History {
        points.iter().map(|&(t, down, up)| TimedSample { t: at(t), down, up }).collect()
    }

    fn running() -> Snapshot {
        Snapshot {
            username: "4446@karoo.example".into(),
            display: "4446@karoo.example".into(),
            customer: Some("Protea Motors".into()),
            package: Some("Fibre Direct 50/10".into()),
            brand: Some("Karoo Wireless".into()),
            plan: PlanLimits { down: Some(50_000_000), up: Some(10_000_000), shared: false },
            state: LineState::Running,
            since: Some(at(1_795_359_600_000)),
            sessions: 1,
            interval: 1_000,
            expires: Some(at(1_803_135_600_000)),
            now: at(1_795_363_200_500),
            history: points(&[
                (1_795_363_198_000, 14_780_000, 620_000),
                (1_795_363_199_000, 14_790_000, 0),
                (1_795_363_200_000, 0, 1_000),
            ]),
            averages: None,
            notice: None,
            support: false,
        }
    }

    fn averages(start: UnixMillis, columns: &[(Option<u64>, Option<u64>)]) -> Averages {
        let (down, up) = columns.iter().copied().unzip();
        Averages { interval: 30_000, start, down, up }
    }

    /// A line without viewers so far.
    fn unwatched() -> Snapshot {
        let columns =
            [(Some(14_778_368), Some(619_520)), (None, None), (Some(0), Some(1_000)), (Some(48_013_312), Some(0))];
        let averages = averages(at(1_795_363_070_000), &columns);
        Snapshot { history: History::default(), averages: Some(averages), ..running() }
    }

    /// A line whose router has one queue for several lines.
    fn shared_plan() -> Snapshot {
        Snapshot { plan: PlanLimits { shared: true, ..running().plan }, ..running() }
    }

    fn bare() -> Snapshot {
        let username = Username::from_bytes(b"caf\xE9 50%").unwrap();
        Snapshot {
            username: username.to_text(),
            display: display(username.as_bytes()),
            customer: None,
            package: None,
            brand: None,
            plan: PlanLimits::default(),
            state: LineState::Unknown,
            since: None,
            sessions: 0,
            expires: None,
            history: History::default(),
            ..running()
        }
    }

    fn state(state: LineState, since: Option<UnixMillis>, sessions: u16, interval: u32) -> ViewerFrame {
        let (now, notice, support) = (at(1_795_363_202_500), None, false);
        ViewerFrame::State(StateFrame { state, since, sessions, interval, now, notice, support })
    }

    fn stand_in() -> ViewerFrame {
        ViewerFrame::State(StateFrame {
            state: LineState::Running,
            since: Some(at(1_795_359_600_000)),
            sessions: 1,
            interval: 30_000,
            now: at(1_795_363_202_500),
            notice: Some(Notice::Averages),
            support: false,
        })
    }

    /// A line at which the provider's support looks too.
    fn supported() -> Snapshot {
        Snapshot { support: true, ..running() }
    }

    fn supported_state() -> ViewerFrame {
        match state(LineState::Running, Some(at(1_795_359_600_000)), 1, 1_000) {
            ViewerFrame::State(state) => ViewerFrame::State(StateFrame { support: true, ..state }),
            other => other,
        }
    }

    fn all() -> Vec<(&'static str, ViewerFrame)> {
        vec![
            ("snapshot-running", ViewerFrame::Snapshot(Box::new(running()))),
            ("snapshot-shared", ViewerFrame::Snapshot(Box::new(shared_plan()))),
            ("snapshot-support", ViewerFrame::Snapshot(Box::new(supported()))),
            ("state-support", supported_state()),
            ("snapshot-bare", ViewerFrame::Snapshot(Box::new(bare()))),
            ("snapshot-averages", ViewerFrame::Snapshot(Box::new(unwatched()))),
            ("averages", ViewerFrame::Averages(averages(at(1_795_363_190_000), &[(Some(14_778_368), Some(619_520))]))),
            ("state-averages", stand_in()),
            ("sample", ViewerFrame::Sample(TimedSample { t: at(1_795_363_201_000), down: 14_780_000, up: 620_000 })),
            (
                "samples",
                ViewerFrame::Samples(points(&[(1_795_363_201_000, 14_780_000, 620_000), (1_795_363_202_000, 1, 0)])),
            ),
            ("state-busy", state(LineState::Running, Some(at(1_795_359_600_000)), 2, 5_000)),
            ("state-offline", state(LineState::Offline, Some(at(1_795_363_202_000)), 0, 1_000)),
            ("state-unreachable", state(LineState::Unreachable, None, 0, 1_000)),
            ("error-link-expired", ViewerFrame::error(Close::LinkExpired)),
        ]
    }

    #[test]
    fn the_frames_are_the_golden_ones_byte_for_byte() {
        for (name, frame) in all() {
            let golden = golden(name);
            assert_eq!(String::from_utf8(frame.to_json()).unwrap(), golden, "{name}");
            assert_eq!(serde_json::from_str::<ViewerFrame>(&golden).unwrap(), frame, "{name}");
            assert!(golden.contains(&format!(r#""type":"{}""#, frame.name())), "{name}");
        }
    }

    /// Checks every name that serde knows of an enum. The error about an unknown name lists all of them.
    fn serde_agrees<T: DeserializeOwned>(count: usize, as_str: fn(T) -> &'static str) {
        let error = serde_json::from_str::<T>(r#""?""#).err().unwrap().to_string();
        let names: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
        assert_eq!(names.len(), count, "{error}");
        names.iter().for_each(|name| assert_eq!(as_str(serde_json::from_value((*name).into()).unwrap()), *name));
    }

    #[test]
    fn names_are_those_on_the_wire() {
        serde_agrees(6, LineState::as_str);
        serde_agrees(3, Notice::as_str);
        serde_agrees(2, Role::as_str);
    }

    #[test]
    fn every_golden_file_is_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/golden/viewer");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), all().len());
    }

    #[test]
    fn a_notice_stands_at_the_end() {
        let snapshot = Snapshot { notice: Some(Notice::TooManyWatched), ..bare() };
        let json = String::from_utf8(ViewerFrame::Snapshot(Box::new(snapshot)).to_json()).unwrap();
        assert!(json.ends_with(r#","notice":"too_many_watched"}"#), "{json}");
    }

    #[test]
    fn a_later_type_is_skipped() {
        assert_eq!(serde_json::from_str::<ViewerFrame>(r#"{"type":"later","x":1}"#).unwrap(), ViewerFrame::Unknown);
    }

    #[test]
    fn a_first_frame_is_a_watch() {
        let watch: FromViewer = serde_json::from_str(r#"{"type":"watch","token":"a.b.c","later":1}"#).unwrap();
        assert_eq!(watch, FromViewer::Watch { token: Some("a.b.c".into()), username: None });
        assert_eq!(serde_json::to_string(&watch).unwrap(), r#"{"type":"watch","token":"a.b.c"}"#);
        assert!(serde_json::from_str::<FromViewer>(r#"{"type":"hello"}"#).is_err());
    }

    proptest! {
        #[test]
        fn a_sample_written_by_hand_is_serdes(t in 0i64..1 << 45, down in 0..=MAX_RATE, up in 0..=MAX_RATE) {
            let point = TimedSample { t: at(t), down, up };
            let mut out = Vec::new();
            put_sample(&mut out, &point);
            prop_assert!(out.len() <= 82);
            prop_assert_eq!(out, ViewerFrame::Sample(point).to_json());
        }
    }
}
