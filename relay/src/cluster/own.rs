//! This relay's own agents, as other relays hear of them.

use std::collections::HashMap;
use std::sync::Arc;

use shared::Username;

use super::messages::ClaimedReport;
use super::peers::OwnAgent;
use crate::agents::fleet::Fleet;
use crate::agents::member::Member;
use crate::lines::hub::Hub;
use crate::lines::line::elsewhere::OwnReport;
use crate::store::random::fill_random;

/// The claims of all own agents.
#[derive(Default)]
pub(super) struct OwnAgents {
    by_name: HashMap<Arc<str>, (u32, OwnAgent)>,
    by_claim: HashMap<u64, Arc<str>>,
}

impl OwnAgents {
    /// Returns the agents whose state is another than at the last call; `None` for a forgotten one.
    pub(super) fn changes(&mut self, fleet: &Fleet) -> Vec<(Arc<str>, Option<OwnAgent>)> {
        let members = fleet.all();
        let mut changes = Vec::new();
        for member in &members {
            let name = &member.agent.name;
            let before = self.by_name.get(name);
            let Some((table, agent)) = own_agent(member, before) else { continue };
            if before.is_some_and(|(_, before)| *before == agent) {
                continue;
            }
            if let Some((_, before)) = self.by_name.insert(Arc::clone(name), (table, agent.clone())) {
                self.by_claim.remove(&before.claim);
            }
            self.by_claim.insert(agent.claim, Arc::clone(name));
            changes.push((Arc::clone(name), Some(agent)));
        }
        if self.by_name.len() > members.len() {
            let is_there = |name: &Arc<str>| members.iter().any(|member| member.agent.name == *name);
            for (name, (_, agent)) in self.by_name.extract_if(|name, _| !is_there(name)) {
                self.by_claim.remove(&agent.claim);
                changes.push((name, None));
            }
        }
        changes
    }

    /// Returns the agent of a claim.
    pub(super) fn agent_of(&self, claim: u64) -> Option<Arc<str>> {
        self.by_claim.get(&claim).cloned()
    }

    /// Returns what own agents report of these lines.
    pub(super) fn look_up(&self, hub: &Hub, names: &[Username]) -> Vec<(Arc<str>, ClaimedReport)> {
        let reports = names.iter().flat_map(|name| hub.own_reports(name));
        let claimed = reports.filter_map(|OwnReport { agent, narrowness, said }| {
            let (table, own) = self.by_name.get(&agent.name).filter(|(table, _)| *table == agent.table())?;
            debug_assert_eq!(*table, agent.table());
            Some((
                Arc::clone(&agent.name),
                ClaimedReport { claim: own.claim, narrowness: narrowness.number(), report: said },
            ))
        });
        claimed.collect()
    }
}

/// Returns an agent's table and state. A new table is a new claim, with a number of its own.
fn own_agent(member: &Member, before: Option<&(u32, OwnAgent)>) -> Option<(u32, OwnAgent)> {
    let (agent, ledger) = (&member.agent, member.ledger());
    let table = agent.table();
    let claim = match before.filter(|(of, _)| *of == table) {
        Some((_, before)) => before.claim,
        None => random_number()?,
    };
    let own = OwnAgent {
        claim,
        run: ledger.run.epoch()?.0,
        uptime_ms: ledger.run.begun_at(),
        lost: agent.lost(),
        router_lost: agent.router_lost(),
        interval_ms: agent.interval(),
        shares_lines: agent.shares_lines(),
    };
    Some((table, own))
}

fn random_number() -> Option<u64> {
    let mut bytes = [0; 8];
    fill_random(&mut bytes).ok()?;
    Some(u64::from_le_bytes(bytes))
}
