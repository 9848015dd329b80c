//! The source of a line's samples: one agent's session, and the watch that was asked for.

use std::sync::Arc;

use shared::control::Role;
use shared::{LineHandle, Response};

use super::report::Report;
use crate::clock::{Now, Steady};
use crate::lines::agent::{Agent, WatchOutcome};
use crate::wire::response::ResponseWay;
use crate::wire::viewer_frame::Notice;

/// The session whose samples viewers see.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) agent: Arc<Agent>,
    pub(super) table: u32,
    pub(super) handle: LineHandle,
    /// True while a session is up. Without a session, nothing that arrives is a sample.
    pub(super) is_up: bool,
    pub(super) asked: Asked,
    /// Why no samples come: after a refusal, until the next sample.
    pub(super) refused: Option<Notice>,
    role: Role,
    /// The way of the last response.
    pub(super) response: Option<ResponseWay>,
}

/// The pause after a refusal, milliseconds. Viewers of another line may have left meanwhile.
const AGAIN_AFTER_MS: i64 = 15_000;

/// The longest addition to that pause, milliseconds: lines that were refused together do not ask together.
const AGAIN_SPREAD_MS: i64 = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    No,
    /// Since when.
    Since(Steady),
    /// Refused, because the agent has as many watches as it may. The time is the next attempt's.
    Refused(Steady),
}

impl Source {
    pub(super) fn new(report: &Report) -> Self {
        Self {
            agent: Arc::clone(&report.agent),
            table: report.table,
            handle: report.handle,
            is_up: report.sessions > 0,
            asked: Asked::No,
            refused: None,
            role: report.role,
            response: None,
        }
    }

    pub(super) fn is(&self, report: &Report) -> bool {
        self.table == report.table && self.names(&report.agent, report.handle)
    }

    /// Takes a response. True if another way is measured than before.
    pub(super) fn take_response(&mut self, response: Response) -> bool {
        let way = ResponseWay::of(response, self.role).or(self.response);
        way != std::mem::replace(&mut self.response, way)
    }

    /// True if it is time to ask for samples.
    pub(super) fn is_due(&self, now: Now) -> bool {
        match self.asked {
            Asked::No => true,
            Asked::Since(_) => false,
            Asked::Refused(again) => now.steady >= again,
        }
    }

    pub(super) fn names(&self, agent: &Arc<Agent>, handle: LineHandle) -> bool {
        self.handle == handle && Arc::ptr_eq(&self.agent, agent)
    }

    pub(super) fn watch(&mut self, now: Now) {
        let outcome = self.agent.watches().watch(self.table, self.handle);
        match outcome {
            WatchOutcome::Asked => self.asked = Asked::Since(now.steady),
            WatchOutcome::Full => self.refused_for_number(now),
            // The agent's new table will report the line.
            WatchOutcome::Stale => self.asked = Asked::No,
        }
    }

    /// Takes the state of the session. The refusal of a session that has ended says nothing of the next one, and neither
    /// does its response.
    pub(super) fn set_up(&mut self, role: Role, is_up: bool) {
        if !is_up && self.is_refused_by_router() {
            self.refused = None;
        }
        if !is_up || role != self.role {
            self.response = None;
        }
        (self.role, self.is_up) = (role, is_up);
    }

    /// True if the router gives no samples of the session.
    pub(super) fn is_refused_by_router(&self) -> bool {
        self.refused == Some(Notice::RouterRefuses)
    }

    /// Allows another question for a new viewer. While the agent is asked, nobody is told of the refusal.
    pub(super) fn forget_refusal(&mut self) {
        self.forget_refusal_for_number();
        if matches!(self.asked, Asked::Refused(_)) {
            self.asked = Asked::No;
        }
    }

    /// Notes the router's refusal. The watch stays.
    pub(super) fn refused_by_router(&mut self) {
        self.refused = Some(Notice::RouterRefuses);
    }

    /// Notes that there are as many watches as may be, and when to ask again.
    pub(super) fn refused_for_number(&mut self, now: Now) {
        // Neighbouring handles far apart: Fibonacci hashing.
        let scattered = i64::from(self.handle.0.wrapping_mul(0x9E37_79B9));
        let spread = scattered.wrapping_add(now.steady.as_millis()).rem_euclid(AGAIN_SPREAD_MS);
        self.asked = Asked::Refused(now.steady.saturating_add(AGAIN_AFTER_MS + spread));
        self.refused = Some(Notice::TooManyWatched);
    }

    /// The router's refusal stays: the agent tells of it once.
    fn forget_refusal_for_number(&mut self) {
        self.refused = self.refused.filter(|_| self.is_refused_by_router());
    }

    /// Ends the interest in samples. True if the agent must be told.
    pub(super) fn release(&mut self) -> bool {
        self.forget_refusal_for_number();
        matches!(std::mem::replace(&mut self.asked, Asked::No), Asked::Since(_))
    }
}
