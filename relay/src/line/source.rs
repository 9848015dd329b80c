//! Whose samples of a line are shown, and whether they were asked for.

use std::sync::Arc;

use shared::LineHandle;

use super::report::Report;
use crate::clock::Now;
use crate::hub::{Agent, WatchOutcome};

/// Whose samples are shown.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) agent: Arc<Agent>,
    pub(super) table: u32,
    pub(super) handle: LineHandle,
    pub(super) asked: Asked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    No,
    /// Since when, on the steady scale.
    Since(i64),
    /// In vain: as many lines are watched as may be.
    Refused,
}

impl Source {
    pub(super) fn new(report: &Report) -> Self {
        Self { agent: Arc::clone(&report.agent), table: report.table, handle: report.handle, asked: Asked::No }
    }

    pub(super) fn is(&self, report: &Report) -> bool {
        self.table == report.table && self.names(&report.agent, report.handle)
    }

    pub(super) fn names(&self, agent: &Arc<Agent>, handle: LineHandle) -> bool {
        self.handle == handle && Arc::ptr_eq(&self.agent, agent)
    }

    pub(super) fn watch(&mut self, now: Now) {
        self.asked = match self.agent.watches().watch(self.table, self.handle) {
            WatchOutcome::Asked => Asked::Since(now.steady),
            WatchOutcome::Full => Asked::Refused,
            // The agent's new table will say what the line is now.
            WatchOutcome::Stale => Asked::No,
        };
    }
}
