//! What operators are told of one line: its state, its reports, and what is held of its figures.

use std::sync::Arc;

use shared::{LineHandle, Username};

use super::Line;
use crate::clock::{Now, Steady, UnixMillis};
use crate::lines::agent::Agent;
use crate::lines::circumstances::Circumstances;
use crate::lines::live::Live;
use crate::lines::report::{self, Report};
use crate::lines::status::{self, Names};
use crate::wire::response::Measured;
use crate::wire::viewer_frame::{self, History, LineState, PlanLimits, StateFrame, TimedSample};

/// The knowledge of one line, for operators.
pub(crate) struct Findings {
    pub(crate) state: StateFrame,
    /// Viewers beside staff.
    pub(crate) viewers: usize,
    /// Viewers of the provider's staff.
    pub(crate) staff: usize,
    pub(crate) reports: Vec<ReportFindings>,
    /// The arrival of the last sample.
    pub(crate) last_arrival: Option<Steady>,
    pub(crate) newest: Option<TimedSample>,
    pub(crate) samples: usize,
    /// The last five minutes, as far as the line was watched.
    pub(crate) history: History,
    /// The newest response among the samples.
    pub(crate) response: Option<Measured>,
    pub(crate) averages: Option<viewer_frame::Averages>,
    pub(crate) customer: Option<Box<str>>,
    pub(crate) package: Option<Box<str>>,
    pub(crate) plan: PlanLimits,
}

/// The knowledge of one report, for operators.
pub(crate) struct ReportFindings {
    pub(crate) agent: Arc<Agent>,
    pub(crate) handle: LineHandle,
    pub(crate) role: shared::control::Role,
    pub(crate) sessions: u16,
    pub(crate) since: Option<UnixMillis>,
    pub(crate) unreachable_since: Option<UnixMillis>,
    pub(crate) counts: bool,
    /// The agent with a narrower pattern that keeps the report from counting.
    pub(crate) held_back_by: Option<Arc<str>>,
    /// True if the report took the line from another agent that still spoke for it.
    pub(crate) took_over: bool,
    pub(crate) watched: bool,
}

impl Line {
    /// Returns everything that operators are told.
    pub(crate) fn findings(&self, circumstances: Circumstances<'_>) -> Findings {
        let mut inner = self.lock();
        inner.refresh_state(&self.username, circumstances, false);
        let now = circumstances.now;
        let live = inner.live.as_deref();
        let standing = report::standing(&inner.reports, now.steady);
        let chosen = standing.and_then(|standing| inner.reports.get(standing.chosen));
        let Names { customer, package, plan } = Names::new(&self.username, chosen, circumstances.subscribers);
        Findings {
            state: live
                .map_or_else(|| status::idle_state(standing, &inner.reports, circumstances), |live| live.state(now)),
            viewers: live.map_or(0, |live| live.viewers() - live.staff() - live.relays()),
            staff: live.map_or(0, Live::staff),
            reports: (0..inner.reports.len()).filter_map(|at| findings(at, &inner.reports, standing, now)).collect(),
            last_arrival: live.and_then(|live| live.feed().last_arrival()),
            newest: live.and_then(|live| live.feed().newest()),
            samples: live.map_or(0, |live| live.feed().len()),
            history: live.map(|live| live.feed().history(now.unix)).unwrap_or_default(),
            response: live.and_then(|live| live.feed().newest_response()),
            averages: inner.averages.as_ref().and_then(|averages| averages.all(now)),
            customer,
            package,
            plan,
        }
    }
}

impl Findings {
    /// Returns the findings of an unknown line.
    pub(crate) fn none(username: &Username, circumstances: Circumstances<'_>) -> Self {
        let state = status::idle_state(None, &[], circumstances);
        let Names { customer, package, plan } = Names::new(username, None, circumstances.subscribers);
        Self {
            state,
            viewers: 0,
            staff: 0,
            reports: Vec::new(),
            last_arrival: None,
            newest: None,
            samples: 0,
            history: History::default(),
            response: None,
            averages: None,
            customer,
            package,
            plan,
        }
    }
}

fn findings(at: usize, reports: &[Report], standing: Option<report::Standing>, now: Now) -> Option<ReportFindings> {
    let report = reports.get(at)?;
    Some(ReportFindings {
        agent: Arc::clone(&report.agent),
        handle: report.handle,
        role: report.role,
        sessions: report.sessions,
        since: report.since().map(|since| now.unix_of(since)),
        unreachable_since: report.unreachable_since(now.steady).map(|since| now.unix_of(since)),
        counts: standing.is_some_and(|standing| standing.chosen == at && standing.state == LineState::Running),
        held_back_by: report::held_back_by(report, reports).map(|agent| Arc::clone(&agent.name)),
        took_over: report.took_over,
        watched: !report.is_stale() && report.agent.watches().contains(report.handle),
    })
}
