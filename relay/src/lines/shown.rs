//! What viewers are told of a line besides its samples: its state, and whose it is.

use shared::Username;
use shared::control::Plan;
use shared::username::unescape;

use super::circumstances::Circumstances;
use super::report::{Report, Standing};
use crate::clock::Now;
use crate::subscribers::Subscribers;
use crate::wire::viewer_frame::{self, LineState, Notice, PlanLimits, StateFrame};

/// What viewers were told of the state; times on the steady scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) state: LineState,
    pub(super) since: Option<i64>,
    pub(super) sessions: u16,
    pub(super) interval: u32,
    pub(super) notice: Option<Notice>,
}

/// What viewers were told of whose line it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Names {
    pub(super) customer: Option<Box<str>>,
    pub(super) package: Option<Box<str>>,
    pub(super) plan: PlanLimits,
}

impl Shown {
    pub(super) fn frame(&self, now: Now) -> StateFrame {
        StateFrame {
            state: self.state,
            since: self.since.map(|since| now.unix_of(since)),
            sessions: self.sessions,
            interval: self.interval,
            now: now.unix,
            notice: self.notice,
        }
    }
}

impl Names {
    pub(super) fn new(username: &Username, chosen: Option<&Report>, subscribers: &Subscribers) -> Self {
        let row = subscribers.get(username);
        let row = row.as_deref();
        let reported = chosen.map_or_else(Plan::default, Report::plan);
        let bought = row.map_or_else(Plan::default, |row| row.plan);
        let customer = row.and_then(|row| row.customer.as_deref());
        let package = row.and_then(|row| row.package.as_deref());
        Self {
            customer: customer.map(Box::from).or_else(|| chosen?.comment.as_deref().map(for_people)),
            package: package.map(Box::from).or_else(|| chosen?.profile.as_deref().map(for_people)),
            plan: PlanLimits { down: bought.download.or(reported.download), up: bought.upload.or(reported.upload) },
        }
    }
}

/// The state of a line that has no ring.
pub(super) fn idle_state(
    standing: Option<Standing>,
    reports: &[Report],
    circumstances: Circumstances<'_>,
) -> StateFrame {
    let chosen = standing.and_then(|standing| reports.get(standing.chosen));
    shown(standing, chosen.map_or(1_000, |report| report.agent.interval()), circumstances).frame(circumstances.now)
}

pub(super) fn shown(standing: Option<Standing>, interval: u32, circumstances: Circumstances<'_>) -> Shown {
    let (state, since, sessions) = match standing {
        Some(standing) => (standing.state, standing.since, standing.sessions),
        None if circumstances.starting => (LineState::Starting, None, 0),
        None => (LineState::Unknown, None, 0),
    };
    Shown { state, since, sessions, interval, notice: None }
}

/// A router's text, which came in text form.
fn for_people(text: &str) -> Box<str> {
    viewer_frame::display(&unescape(text)).into()
}
