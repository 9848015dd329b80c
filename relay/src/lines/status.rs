//! A watched line's status as last told: the state, and the customer's names.

use shared::Username;
use shared::control::Plan;
use shared::username::unescape;

use super::circumstances::Circumstances;
use super::report::{Report, Standing};
use crate::clock::{Now, Steady};
use crate::lines::agent::USUAL_INTERVAL_MS;
use crate::subscribers::Subscribers;
use crate::wire::response::ResponseWay;
use crate::wire::viewer_frame::{self, LineState, Notice, PlanLimits, StateFrame};

/// The status of a watched line.
#[derive(Debug)]
pub(super) struct Status {
    shown: Shown,
    names: Names,
    /// Changes when the state does.
    version: u32,
    /// When the line came up, as far as this relay saw; `None` while the line is not up.
    up: Option<Steady>,
}

/// The last state told to viewers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) state: LineState,
    pub(super) since: Option<Steady>,
    pub(super) sessions: u16,
    pub(super) interval: u32,
    pub(super) notice: Option<Notice>,
    /// True while somebody of the provider's staff watches.
    pub(super) support: bool,
    /// The way whose response is measured.
    pub(super) response: Option<ResponseWay>,
    /// The response of the quiet line, microseconds.
    pub(super) quiet: Option<u32>,
}

/// The last names told to viewers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Names {
    pub(super) customer: Option<Box<str>>,
    pub(super) package: Option<Box<str>>,
    pub(super) plan: PlanLimits,
}

/// What a line without a row is searched by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReportedName {
    /// The line.
    pub(crate) username: Username,
    /// The customer, as the router names them.
    pub(crate) customer: Option<Box<str>>,
    /// The router's profile.
    pub(crate) package: Option<Box<str>>,
}

impl Status {
    /// Returns the status of a new line.
    pub(super) fn unknown() -> Self {
        let shown = Shown::new(LineState::Unknown, None, 0, USUAL_INTERVAL_MS);
        Self { shown, names: Names::default(), version: 0, up: None }
    }

    /// Returns the version of the state.
    pub(super) fn version(&self) -> u32 {
        self.version
    }

    /// Returns the state as a frame.
    pub(super) fn frame(&self, now: Now) -> StateFrame {
        self.shown.frame(now)
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// True if viewers were told that staff watch too.
    pub(super) fn tells_of_staff(&self) -> bool {
        self.shown.support
    }

    /// Returns the time between samples as last told, milliseconds.
    pub(super) fn interval(&self) -> u32 {
        self.shown.interval
    }

    /// True if a live sample contradicts the status: the line is not shown as running, or carries a notice.
    pub(super) fn is_outdated_by_sample(&self) -> bool {
        self.shown.state != LineState::Running || self.shown.notice.is_some()
    }

    /// Takes new names. True if they differ.
    pub(super) fn set_names(&mut self, names: Names) -> bool {
        let changed = self.names != names;
        self.names = names;
        changed
    }

    /// Takes the reports' conclusion. Returns the time since when samples can be expected.
    pub(super) fn observe(&mut self, standing: Option<Standing>, now: Now) -> Option<Steady> {
        let is_up = standing.is_some_and(|standing| standing.state == LineState::Running);
        self.up = is_up.then(|| self.up.unwrap_or(now.steady));
        self.up
    }

    /// Takes a new state. True if it differs.
    pub(super) fn set(&mut self, shown: Shown) -> bool {
        let changed = self.shown != shown;
        if changed {
            self.shown = shown;
            self.version = self.version.wrapping_add(1);
        }
        changed
    }
}

impl Shown {
    fn new(state: LineState, since: Option<Steady>, sessions: u16, interval: u32) -> Self {
        Self { state, since, sessions, interval, notice: None, support: false, response: None, quiet: None }
    }

    pub(super) fn frame(&self, now: Now) -> StateFrame {
        StateFrame {
            state: self.state,
            since: self.since.map(|since| now.unix_of(since)),
            sessions: self.sessions,
            interval: self.interval,
            now: now.unix,
            notice: self.notice,
            support: self.support,
            response: self.response,
            quiet: self.quiet,
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
            plan: plan(bought, reported, chosen.is_some_and(Report::shares_plan)),
        }
    }
}

impl Names {
    /// Returns the names with their line.
    pub(super) fn reported(self, username: Username) -> ReportedName {
        ReportedName { username, customer: self.customer, package: self.package }
    }
}

/// Returns the limits that viewers are told: each as bought, or else as the router has it. `is_shared` is the router's word.
fn plan(bought: Plan, reported: Plan, is_shared: bool) -> PlanLimits {
    let routers = bought.download.is_none() && reported.download.is_some()
        || bought.upload.is_none() && reported.upload.is_some();
    PlanLimits {
        down: bought.download.or(reported.download),
        up: bought.upload.or(reported.upload),
        shared: is_shared && routers,
    }
}

/// Returns the state of an unwatched line.
pub(super) fn idle_state(
    standing: Option<Standing>,
    reports: &[Report],
    circumstances: Circumstances<'_>,
) -> StateFrame {
    let chosen = standing.and_then(|standing| reports.get(standing.chosen));
    shown(standing, chosen.map_or(USUAL_INTERVAL_MS, |report| report.agent.interval()), circumstances)
        .frame(circumstances.now)
}

/// Returns the state by the reports alone.
pub(super) fn shown(standing: Option<Standing>, interval: u32, circumstances: Circumstances<'_>) -> Shown {
    let (state, since, sessions) = match standing {
        Some(standing) => (standing.state, standing.since, standing.sessions),
        None if circumstances.starting => (LineState::Starting, None, 0),
        None => (LineState::Unknown, None, 0),
    };
    Shown::new(state, since, sessions, interval)
}

/// Decodes a router's text for people.
fn for_people(text: &str) -> Box<str> {
    viewer_frame::display(&unescape(text)).into()
}
