//! Who owns an agent, and what a new owner changes.

use std::sync::Arc;

use super::candidates::{Candidates, Shown};
use super::{ASK_ANEW_MS, Action, Peers, REMEMBERED_MS};
use crate::clock::Steady;
use crate::cluster::messages::RelayId;

impl Peers {
    /// Forgets claims that no wanted line needs, and those of relays long gone.
    pub(super) fn prune(&mut self, now: Steady) {
        if now.since(self.pruned) < ASK_ANEW_MS {
            return;
        }
        self.pruned = now;
        let mut touched = Vec::new();
        for (agent, candidates) in &mut self.agents {
            let before = candidates.of.len();
            let is_old = |since: Steady| now.since(since) >= REMEMBERED_MS;
            candidates
                .of
                .retain(|_, candidate| !candidate.reports.is_empty() && !candidate.unheard.is_some_and(is_old));
            if candidates.of.len() != before {
                touched.push(Arc::clone(agent));
            }
        }
        for agent in touched {
            self.choose(&agent, now);
        }
        let (peers, agents) = (&self.peers, &self.agents);
        let knows =
            |agent: &Arc<str>, holder: &RelayId| agents.get(agent).is_some_and(|all| all.of.contains_key(holder));
        for wanted in self.wanted.values_mut() {
            wanted.answered.retain(|holder, answered| {
                peers.contains_key(holder) || answered.agents.iter().any(|agent| knows(agent, holder))
            });
        }
    }

    /// Decides again who owns an agent, and says what that changes.
    pub(super) fn choose(&mut self, agent: &Arc<str>, now: Steady) {
        let own = self.claim_of(agent, now);
        let Some(candidates) = self.agents.get_mut(agent) else { return };
        let owner = candidates.owner(&self.me, own.as_ref()).cloned();
        let chosen = owner.as_ref().and_then(|holder| candidates.of.get(holder));
        let shown = chosen.map(|chosen| Shown { claim: chosen.claim.claim, lost: chosen.lost() });
        let before = std::mem::replace(&mut candidates.shown, shown);
        let is_empty = candidates.of.is_empty();
        let (Some(shown), Some(holder)) = (shown, owner) else {
            return self.release(agent, before, is_empty);
        };
        let is_back = before.is_some_and(|before| before.lost.is_some()) && shown.lost.is_none();
        if before.map(|before| before.claim) != Some(shown.claim) || is_back {
            before.map(|before| self.followed.remove(&before.claim));
            self.ask_for_lines_of(agent, now);
            self.follow(agent, holder, shown.claim, own.is_some());
        } else if shown.lost.is_none() {
            self.refresh(agent);
        }
        if let Some(since) = shown.lost.filter(|_| before != Some(shown)) {
            self.ask_for_lines_of(agent, now);
            let chosen = self.agents.get(agent).and_then(Candidates::shown);
            let is_unheard = chosen.is_some_and(|chosen| chosen.unheard.is_some());
            self.actions.push(Action::Lost { agent: Arc::clone(agent), since, is_unheard });
        }
    }

    /// Nobody else owns the agent.
    pub(super) fn release(&mut self, agent: &Arc<str>, before: Option<Shown>, is_unknown: bool) {
        if let Some(before) = before {
            self.followed.remove(&before.claim);
            self.watching.remove(agent);
            self.actions.push(Action::Release { agent: Arc::clone(agent) });
        }
        if is_unknown {
            self.agents.remove(agent);
        }
    }

    pub(super) fn follow(&mut self, agent: &Arc<str>, holder: RelayId, claim: u64, is_own_too: bool) {
        self.followed.insert(claim, Arc::clone(agent));
        self.watching.remove(agent);
        let Some(chosen) = self.agents.get(agent).and_then(Candidates::shown) else { return };
        let (claim, told) = (Box::new(chosen.claim.clone()), chosen.told);
        self.actions.push(Action::Follow { agent: Arc::clone(agent), holder, claim, told });
        self.actions.extend(chosen.reports.values().map(|(report, told)| Action::Report {
            agent: Arc::clone(agent),
            report: Box::new(report.clone()),
            told: *told,
        }));
        if is_own_too {
            self.actions.push(Action::GiveWay { agent: Arc::clone(agent) });
        }
    }

    pub(super) fn refresh(&mut self, agent: &Arc<str>) {
        let Some(chosen) = self.agents.get(agent).and_then(Candidates::shown) else { return };
        let (claim, told) = (Box::new(chosen.claim.clone()), chosen.told);
        self.actions.push(Action::Refresh { agent: Arc::clone(agent), claim, told });
    }
}
