//! A line as other relays see it, and what this relay takes from them.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use shared::LineHandle;
use shared::control::LineReport;

use super::Line;
use crate::clock::Now;
use crate::lines::agent::Agent;
use crate::lines::live::Live;
use crate::lines::narrowness::Narrowness;
use crate::lines::report::Report;
use crate::wire::viewer_frame::TimedSample;

/// One report of one of this relay's own agents, as another relay takes it.
pub(crate) struct OwnReport {
    pub(crate) agent: Arc<Agent>,
    pub(crate) narrowness: Narrowness,
    pub(crate) said: LineReport,
}

impl Line {
    /// Returns what this relay's own agents report. A report that the relay only remembers is none.
    pub(crate) fn own_reports(&self, now: Now) -> Vec<OwnReport> {
        let inner = self.lock();
        let own = inner.reports.iter().filter(|report| !report.agent.is_elsewhere() && !report.is_stale());
        let said = |report: &Report| OwnReport {
            agent: Arc::clone(&report.agent),
            narrowness: report.narrowness,
            said: self.said(report, now),
        };
        own.map(said).collect()
    }

    /// Returns a report as its agent would say it now.
    fn said(&self, report: &Report, now: Now) -> LineReport {
        LineReport {
            line: report.handle,
            username: self.username.clone(),
            role: report.role,
            sessions: report.sessions,
            age_ms: report.since().map(|since| now.steady.since(since).max(0).unsigned_abs()),
            profile: report.profile.as_deref().map(str::to_owned),
            plan: report.plan(),
            plan_shared: report.shares_plan(),
            comment: report.comment.as_deref().map(str::to_owned),
        }
    }

    /// True if an own agent reports the line and answers.
    pub(crate) fn is_spoken_for(&self, now: Now) -> bool {
        let inner = self.lock();
        let speaks = |report: &Report| !report.agent.is_elsewhere() && report.unreachable_since(now.steady).is_none();
        inner.reports.iter().any(speaks)
    }

    /// True if viewers of this relay watch the line, or did a minute ago.
    pub(crate) fn has_viewers(&self) -> bool {
        let has_viewers = |live: &Live| live.relays() == 0 || live.viewers() > live.relays();
        self.lock().live.as_deref().is_some_and(has_viewers)
    }

    /// Takes samples that the agent's own relay held before this relay watched.
    pub(crate) fn complete(&self, agent: &Arc<Agent>, handle: LineHandle, samples: Vec<TimedSample>) {
        let mut inner = self.lock();
        let Some(live) = inner.live.as_mut().filter(|live| live.follows(agent, handle)) else { return };
        live.complete(samples);
        self.rests_until.store(i64::MIN, Relaxed);
    }
}
