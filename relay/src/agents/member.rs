//! One agent of the fleet: its face to the lines, and its ledger.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::findings::AgentFindings;
use super::ledger::Ledger;
use super::registry::Grant;
use crate::clock::{Now, milliseconds};
use crate::lines::agent::Agent;
use crate::lines::hub::Hub;
use crate::lines::line::Line;
use crate::lines::report::Report;

/// One agent by its name, across its uplinks and runs.
pub(crate) struct Member {
    pub(crate) agent: Arc<Agent>,
    /// Held while one message of the agent is handled. Lines are locked under it, never the other way round.
    ledger: Mutex<Ledger>,
}

impl Member {
    pub(crate) fn new(name: &Arc<str>) -> Self {
        Self { agent: Arc::new(Agent::new(Arc::clone(name))), ledger: Mutex::default() }
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock()
    }

    /// Drops the reports of `line` for which `is_forgotten` is true.
    pub(crate) fn forget(&self, hub: &Hub, line: &Arc<Line>, now: Now, is_forgotten: impl Fn(&Report) -> bool) {
        hub.forget_reports(&self.agent, line, now, is_forgotten);
    }

    /// Drops reports of these lines from before the agent's present table.
    pub(crate) fn forget_stale(&self, hub: &Hub, lines: Vec<Arc<Line>>, now: Now) {
        for line in lines {
            self.forget(hub, &line, now, |report| report.is_stale() && !report.remembered);
        }
    }

    /// Drops all reports of lines beyond the agent's patterns.
    fn drop_disallowed(&self, hub: &Hub, ledger: &mut Ledger, grant: &Grant, now: Now) {
        for line in ledger.lines.take_beyond(grant) {
            self.forget(hub, &line, now, |_| true);
        }
    }

    /// Applies a grant with other rights than the present one to all lines reported before: drops those beyond the patterns, and
    /// decides for the others again which report counts.
    pub(crate) fn apply(&self, hub: &Hub, ledger: &mut Ledger, grant: &Arc<Grant>, now: Now) {
        let before = ledger.grant.replace(Arc::clone(grant));
        if before.is_some_and(|before| before.has_rights_of(grant)) {
            return;
        }
        self.agent.set_shares_lines(grant.shares_lines);
        self.drop_disallowed(hub, ledger, grant, now);
        for line in ledger.lines.all() {
            if let Some(narrowness) = grant.claim(line.username()) {
                hub.take_claim(&self.agent, narrowness, line, now);
            }
        }
    }

    /// Turns lines of earlier runs into offline ones, if the router's tables no longer hold them. The relay remembers
    /// them for the retention period, and at most as many as one agent may report.
    pub(crate) fn adopt_missing_lines(&self, hub: &Hub, ledger: &mut Ledger, now: Now) {
        let forgotten = now.steady.saturating_sub(milliseconds(hub.limits.agent_retention));
        while let Some(line) = ledger.lines.pop_remembered(forgotten) {
            self.forget(hub, &line, now, |report| report.remembered);
        }
        let previous = ledger.lines.take_previous();
        if previous.is_empty() {
            return;
        }
        let mut held = ledger.lines.retain_remembered(|line| line.is_remembered(&self.agent));
        for line in previous {
            let is_held = line.is_remembered(&self.agent);
            if held >= hub.limits.lines_per_agent {
                self.forget_stale(hub, vec![line], now);
            } else if line.remember(&self.agent, self.agent.lost_before(), hub.circumstances(now)) && !is_held {
                ledger.lines.remember(line, now.steady);
                held += 1;
            }
        }
    }

    /// Returns the knowledge of the agent.
    pub(crate) fn findings(&self, now: Now) -> AgentFindings {
        let (agent, ledger) = (&self.agent, self.ledger());
        AgentFindings {
            name: agent.name.to_string(),
            connected_since: ledger.uplink.as_ref().map(|_| now.unix_of(ledger.run.connected())),
            lost_since: agent.lost().map(|lost| now.unix_of(lost)),
            address: ledger.run.peer(),
            heartbeat: ledger.uplink.as_ref().map(|_| now.unix_of(ledger.run.heartbeat())),
            version: ledger.run.version().to_owned(),
            lines: ledger.lines.len(),
            held_back: ledger.run.held_back,
            taken: agent.taken(),
            refused_lines: ledger.lines.refused_len(),
            watched: agent.watches().len(),
            batches: ledger.received.batches(),
            batches_lost: ledger.received.lost(),
            samples: ledger.received.samples(),
            status: ledger.run.status().cloned(),
        }
    }
}
