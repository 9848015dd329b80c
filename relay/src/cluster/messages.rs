//! The messages between relays, version 1, as JSON. Samples travel as the uplink's own frames, which
//! [`shared::frame`] holds.
//!
//! ```text
//! all relays   hello, events, who, bye
//! one relay    who, lines, watch, stale, snapshot
//! ```
//!
//! Unknown types and fields are ignored, and a later field has a default: relays of two versions work side by side.

use std::fmt;

use serde::{Deserialize, Serialize};
use shared::control::LineReport;
use shared::{LineHandle, Username};

use crate::wire::viewer_frame::{Averages, History};

/// The most usernames or line reports of one message. The message then stays below
/// [`MAX_MESSAGE`].
pub const NAMES_PER_MESSAGE: usize = 200;

/// The largest message between relays, in bytes; the server's own limit is 1 MiB unless configured otherwise.
pub const MAX_MESSAGE: usize = 512 * 1024;

/// One run of a relay: sixteen hexadecimal digits, drawn at its start.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RelayId(Box<str>);

impl RelayId {
    /// Returns the name of a run with this random number.
    pub fn of(number: u64) -> Self {
        Self(format!("{number:016x}").into())
    }

    /// True for sixteen hexadecimal digits. Anything else is no part of a subject.
    pub fn is_valid(&self) -> bool {
        self.0.len() == 16 && self.0.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    }
}

impl fmt::Display for RelayId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

/// A message with its sender.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// The sender.
    pub from: RelayId,
    /// Counts the sender's messages, from 1. An older message never overrules a newer one.
    pub serial: u64,
    /// The moment of the sending on the scale of the sender's frames, milliseconds. Hellos and answers set the clocks of the receivers;
    /// frames do not, because a sample may be late.
    #[serde(default)]
    pub uptime_ms: u64,
    /// The message.
    #[serde(flatten)]
    pub message: Message,
}

/// What one relay tells others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// Each two seconds.
    Hello(Hello),
    /// The sender stops.
    Bye,
    /// A question: who reports these lines?
    Who {
        /// The usernames, at most [`NAMES_PER_MESSAGE`].
        names: Vec<Username>,
        /// True for a question to one relay, which then names also the lines that nobody reports there.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        alone: bool,
    },
    /// What changed on the sender, at most each 100 ms.
    Events(Events),
    /// The answer to a question.
    Lines(Answer),
    /// All lines of one claim that the sender wants samples of.
    Watch(WatchSet),
    /// No such claim is in force any more. The asker asks again who reports the lines.
    Stale {
        /// The claim.
        claim: u64,
    },
    /// The past of a line that is watched from now on.
    Snapshot(Box<Past>),
    /// A type of a later version.
    #[serde(other)]
    Unknown,
}

/// A relay is alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The highest term that the sender knows.
    pub term: u64,
    /// The number of its last batch of events.
    pub batch: u64,
    /// The relay's version.
    pub version: String,
    /// The relay's address for viewers, for operators to know it by.
    pub address: String,
}

/// Lines and agents with news, of one tenth of a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Events {
    /// Counts batches, from 1. A hole makes a receiver ask anew.
    pub batch: u64,
    /// Lines that an agent of the sender began or ceased to report, or reports otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Username>,
    /// Agents that came to the sender, left it, or changed their state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
}

/// A relay's word that an agent reports to it. One for each uplink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// A random number that stands in every frame of the claim.
    pub claim: u64,
    /// The agent's name.
    pub agent: String,
    /// The agent's run.
    pub run: u64,
    /// The place of the run among all runs that the relay knew of.
    pub term: u64,
    /// The agent's uptime at its hello, milliseconds: of two uplinks of one run, the later one has more.
    pub uptime_ms: u64,
    /// Milliseconds since the uplink was lost; absent while it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_ms: Option<u64>,
    /// Milliseconds since the router stopped answering; absent while it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router_lost_ms: Option<u64>,
    /// The interval between samples, milliseconds.
    pub interval_ms: u32,
    /// True if the agent's reports count beside those of agents with narrower patterns.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shares_lines: bool,
}

/// What a relay knows of some lines from its own agents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The lines that were asked for. One that no report below names is reported by no agent of the sender.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Username>,
    /// The agents of the reports below.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// The reports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<ClaimedReport>,
}

/// One agent's report of a line, as its relay holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedReport {
    /// The agent's claim.
    pub claim: u64,
    /// How narrow the agent's pattern for the line is: bytes in common, 0 for every username.
    #[serde(default)]
    pub narrowness: u16,
    /// The report; its age counts back from the sending.
    #[serde(flatten)]
    pub report: LineReport,
}

/// Everything that a relay wants of one claim. A set replaces the one before; an older generation is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchSet {
    /// The claim.
    pub claim: u64,
    /// Counts changes, from 1.
    pub generation: u64,
    /// The lines, by rising handle.
    pub lines: Vec<LineHandle>,
}

/// The samples and averages of a line that its owner holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// The claim.
    pub claim: u64,
    /// The line.
    pub line: LineHandle,
    /// The owner's wall clock at the sending. Times below count back from it: no two relays need agree on the time.
    pub now: crate::clock::UnixMillis,
    /// The samples of the last minutes.
    pub history: History,
    /// The averages of the last two hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub averages: Option<Averages>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 1, one message a line. A line is added and never changed: relays of two versions work side by side.
    const GOLDEN: &str = include_str!("messages/golden.jsonl");

    #[test]
    fn every_message_of_version_1_is_read_and_written_as_it_was() {
        for line in GOLDEN.lines() {
            let envelope: Envelope = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&envelope).unwrap(), line);
        }
        assert_eq!(GOLDEN.lines().count(), 8);
    }

    #[test]
    fn what_a_later_version_adds_is_ignored() {
        let later = r#"{"from":"00000000000000a1","serial":3,"type":"song","verse":1}"#;
        assert_eq!(serde_json::from_str::<Envelope>(later).unwrap().message, Message::Unknown);
        let more = r#"{"from":"00000000000000a1","serial":3,"mood":"good","type":"stale","claim":7,"why":"new"}"#;
        assert_eq!(serde_json::from_str::<Envelope>(more).unwrap().message, Message::Stale { claim: 7 });
    }

    #[test]
    fn only_sixteen_hexadecimal_digits_are_part_of_a_subject() {
        assert!(RelayId::of(u64::MAX).is_valid());
        for text in ["", ">", "*", "00000000000000A1", "00000000000000.1", "000000000000000a1"] {
            assert!(!RelayId(text.into()).is_valid(), "{text}");
        }
    }

    #[test]
    fn a_full_message_stays_below_the_largest_one() {
        let long = "x".repeat(shared::username::MAX_USERNAME);
        let text = "y".repeat(shared::control::MAX_TEXT);
        let report = ClaimedReport {
            claim: u64::MAX,
            narrowness: 256,
            report: LineReport {
                line: LineHandle(u32::MAX),
                username: Username::from_text(&long).unwrap(),
                role: shared::control::Role::Server,
                sessions: u16::MAX,
                age_ms: Some(u64::MAX),
                profile: Some(text.clone()),
                plan: shared::control::Plan { download: Some(u64::MAX), upload: Some(u64::MAX) },
                plan_shared: true,
                comment: Some(text),
            },
        };
        let asked = vec![report.report.username.clone(); NAMES_PER_MESSAGE];
        let answer = Answer { asked, claims: Vec::new(), reports: vec![report; NAMES_PER_MESSAGE] };
        assert!(serde_json::to_vec(&answer).unwrap().len() < MAX_MESSAGE);
    }
}
