//! What a list of lines shows of each: state, names, plan, and the newest figures. No watch is begun for it.

use std::sync::Arc;

use super::Line;
use crate::clock::Now;
use crate::lines::agent::Agent;
use crate::lines::circumstances::Circumstances;
use crate::lines::live::Live;
use crate::lines::report;
use crate::lines::status::{self, Names};
use crate::wire::viewer_frame::{self, LineState, PlanLimits, StateFrame};

/// A line at one look.
#[derive(Debug)]
pub(crate) struct Glance {
    pub(crate) state: StateFrame,
    /// The customer's name, by the subscribers or the router.
    pub(crate) customer: Option<Box<str>>,
    /// The package's name.
    pub(crate) package: Option<Box<str>>,
    pub(crate) plan: PlanLimits,
    /// Who says the plan's limits.
    pub(crate) plan_source: Option<PlanSource>,
    /// The agent whose report counts.
    pub(crate) agent: Option<Arc<Agent>>,
    /// The newest rates towards and from the subscriber, bits per second: a sample while the line is watched, else an average.
    pub(crate) rates: Option<(u64, u64)>,
    /// The averages of the last two hours, if asked for.
    pub(crate) averages: Option<viewer_frame::Averages>,
}

/// Who says a plan's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlanSource {
    /// The provider's subscribers.
    Subscribers,
    /// The router: a queue, or the profile.
    Router,
}

impl PlanSource {
    /// Returns the source's name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Subscribers => "subscribers",
            Self::Router => "router",
        }
    }
}

impl Line {
    /// Returns the line at one look, with its averages if wanted.
    pub(crate) fn glance(&self, circumstances: Circumstances<'_>, with_averages: bool) -> Glance {
        let mut inner = self.lock();
        inner.refresh_state(&self.username, circumstances, false);
        let now = circumstances.now;
        let standing = report::standing(&inner.reports, now.steady);
        let chosen = standing.and_then(|standing| inner.reports.get(standing.chosen));
        let live = inner.live.as_deref();
        let averages = inner.averages.as_deref();
        let state =
            live.map_or_else(|| status::idle_state(standing, &inner.reports, circumstances), |live| live.state(now));
        let bought = circumstances.subscribers.get(&self.username).is_some_and(|row| row.plan != Default::default());
        let reported = chosen.is_some_and(|report| report.plan() != Default::default());
        let Names { customer, package, plan } = Names::new(&self.username, chosen, circumstances.subscribers);
        let is_running = state.state == LineState::Running;
        let newest = || live.and_then(Live::current).or_else(|| averages?.newest(now.steady));
        Glance {
            state,
            customer,
            package,
            plan,
            plan_source: match (bought, reported) {
                (true, _) => Some(PlanSource::Subscribers),
                (false, true) => Some(PlanSource::Router),
                (false, false) => None,
            },
            agent: chosen.map(|report| Arc::clone(&report.agent)),
            rates: if is_running { newest() } else { None },
            averages: averages.filter(|_| with_averages).and_then(|averages| averages.all(now)),
        }
    }

    /// Returns the averages of the last two hours.
    pub(crate) fn past(&self, now: Now) -> Option<viewer_frame::Averages> {
        self.lock().averages.as_ref().and_then(|averages| averages.all(now))
    }
}
