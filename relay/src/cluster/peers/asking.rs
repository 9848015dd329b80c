//! Which lines are wanted here, and when the others are asked who reports them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use shared::Username;

use super::candidates::Candidates;
use super::{ASK_AGAIN_MS, ASK_ANEW_MS, Action, Peers, To, Wanted};
use crate::clock::Steady;
use crate::cluster::messages::{Message, NAMES_PER_MESSAGE};

impl Peers {
    /// Takes the whole truth of which lines somebody watches here, each with whether an agent of this relay reports it.
    pub fn want_exactly(&mut self, names: impl IntoIterator<Item = (Username, bool)>, now: Steady) {
        let names: HashMap<Username, bool> = names.into_iter().collect();
        let dropped: Vec<Username> = self.wanted.keys().filter(|name| !names.contains_key(*name)).cloned().collect();
        for name in dropped {
            self.drop_name(&name);
        }
        for (name, is_own) in names {
            self.want(name, is_own, now);
        }
    }

    /// Somebody watches a line here.
    pub fn want(&mut self, name: Username, is_own: bool, now: Steady) {
        let wanted = self.wanted.entry(name).or_insert_with(|| Wanted {
            is_own,
            tries: 0,
            next: now,
            answered: BTreeMap::new(),
        });
        if wanted.is_own && !is_own {
            wanted.next = now;
        }
        wanted.is_own = is_own;
    }

    pub(super) fn drop_name(&mut self, name: &Username) {
        self.wanted.remove(name);
        for (agent, candidates) in &mut self.agents {
            let shown = candidates.shown.map(|shown| shown.claim);
            for candidate in candidates.of.values_mut() {
                if candidate.reports.remove(name).is_some() && Some(candidate.claim.claim) == shown {
                    self.actions.push(Action::Gone { agent: Arc::clone(agent), name: name.clone() });
                }
            }
        }
    }

    pub(super) fn ask_all(&mut self, now: Steady) {
        for wanted in self.wanted.values_mut() {
            (wanted.next, wanted.tries) = (now, 0);
        }
    }

    /// Asks soon for every line that candidates of an agent report, unless its owner is there and reports the line.
    pub(super) fn ask_for_lines_of(&mut self, agent: &Arc<str>, now: Steady) {
        let Some(candidates) = self.agents.get(agent) else { return };
        let owner = candidates.shown().filter(|owner| owner.lost().is_none());
        let names = candidates.of.values().flat_map(|candidate| candidate.reports.keys());
        for name in names.filter(|name| owner.is_none_or(|owner| !owner.reports.contains_key(*name))) {
            if let Some(wanted) = self.wanted.get_mut(name) {
                (wanted.next, wanted.tries) = (now, 0);
            }
        }
    }

    pub(super) fn ask_soon(&mut self, name: &Username, now: Steady) {
        if let Some(wanted) = self.wanted.get_mut(name) {
            (wanted.next, wanted.tries) = (now, 0);
        }
    }

    /// Asks all relays for the lines that are due.
    pub fn ask(&mut self, now: Steady) {
        let owned: BTreeSet<Username> = self.names_with_owner();
        let mut due = Vec::new();
        for (name, wanted) in &mut self.wanted {
            if wanted.next > now {
                continue;
            }
            due.push(name.clone());
            let has_owner = wanted.is_own || owned.contains(name);
            let pause = ASK_AGAIN_MS[wanted.tries.min(ASK_AGAIN_MS.len() - 1)];
            wanted.next = now + if has_owner && wanted.tries > 0 { ASK_ANEW_MS } else { pause };
            wanted.tries += 1;
        }
        due.sort_unstable();
        for names in due.chunks(NAMES_PER_MESSAGE) {
            self.send(To::Who, Message::Who { names: names.to_vec(), alone: false });
        }
    }

    /// Returns the lines with a report of an owner that is there. Empty while nothing is due: the set costs its building.
    pub(super) fn names_with_owner(&self) -> BTreeSet<Username> {
        if self.wanted.values().all(|wanted| self.ticked.is_some_and(|now| wanted.next > now)) {
            return BTreeSet::new();
        }
        let live = self.agents.values().filter_map(Candidates::shown).filter(|shown| shown.lost().is_none());
        live.flat_map(|shown| shown.reports.keys().cloned()).collect()
    }
}
