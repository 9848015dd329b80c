//! What a message of another relay changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::Username;

use super::candidates::Candidate;
use super::{ASK_AGAIN_MS, Action, Answered, MAX_PEERS, Peer, Peers, To};
use crate::clock::Steady;
use crate::cluster::messages::{
    Answer, Claim, ClaimedReport, Envelope, Events, Hello, Message, NAMES_PER_MESSAGE, RelayId, WatchSet,
};

impl Peers {
    /// Takes a message of another relay. Its own messages come back on the shared subjects, and are no news.
    pub fn hear(&mut self, envelope: Envelope, now: Steady) {
        let Envelope { from, serial, message, .. } = envelope;
        let is_full = self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&from);
        if from == self.me || !from.is_valid() || !self.is_connected || is_full {
            return;
        }
        if message == Message::Bye {
            return self.end_peer_now(&from, now);
        }
        self.meet(&from, now);
        match message {
            Message::Hello(hello) => self.take_hello(&from, hello),
            Message::Who { names, alone } => self.actions.push(Action::LookUp { to: from, names, is_alone: alone }),
            Message::Events(events) => self.take_events(&from, serial, events, now),
            Message::Lines(answer) => self.take_answer(&from, serial, answer, now),
            Message::Watch(set) => self.take_watch(from, set, now),
            Message::Stale { claim } => self.take_stale(&from, claim, now),
            Message::Snapshot(_) | Message::Bye | Message::Unknown => {}
        }
    }

    fn end_peer_now(&mut self, from: &RelayId, now: Steady) {
        if let Some(peer) = self.peers.get_mut(from) {
            peer.heard = now;
            self.end_peer(from, now);
        }
    }

    /// Notes that a relay is there. Its first hello shows what was missed of it.
    fn meet(&mut self, from: &RelayId, now: Steady) {
        if let Some(peer) = self.peers.get_mut(from) {
            peer.heard = now;
            return;
        }
        let peer = Peer { heard: now, batch: None, is_behind: true, hello: None, seats: BTreeMap::new() };
        self.peers.insert(from.clone(), peer);
    }

    /// Something of a relay was missed: every line is asked for.
    fn ask_one_for_all(&mut self, from: &RelayId) {
        let mut names: Vec<Username> = self.wanted.keys().cloned().collect();
        names.sort_unstable();
        if let Some(peer) = self.peers.get_mut(from) {
            peer.is_behind = !names.is_empty();
        }
        for names in names.chunks(NAMES_PER_MESSAGE) {
            self.ask_one(from, names.to_vec());
        }
    }

    fn ask_one(&mut self, from: &RelayId, names: Vec<Username>) {
        self.send(To::Relay(from.clone()), Message::Who { names, alone: true });
    }

    fn take_hello(&mut self, from: &RelayId, hello: Hello) {
        self.about.term = self.about.term.max(hello.term);
        let Some(peer) = self.peers.get_mut(from) else { return };
        let batch = hello.batch;
        peer.hello = Some(hello);
        let has_hole = peer.is_behind || peer.batch.is_none_or(|before| before < batch);
        peer.batch = peer.batch.max(Some(batch));
        if has_hole {
            self.ask_one_for_all(from);
        }
    }

    fn take_events(&mut self, from: &RelayId, serial: u64, events: Events, now: Steady) {
        let Some(peer) = self.peers.get_mut(from) else { return };
        let has_hole = peer.batch.is_none_or(|before| events.batch > before + 1);
        peer.batch = peer.batch.max(Some(events.batch));
        for claim in events.claims {
            let agent: Arc<str> = claim.agent.as_str().into();
            if self.agents.contains_key(&agent) {
                self.take_claim(from, serial, claim, now);
                self.choose(&agent, now);
            }
        }
        if has_hole {
            return self.ask_one_for_all(from);
        }
        let wanted: Vec<Username> = events.names.into_iter().filter(|name| self.wanted.contains_key(name)).collect();
        for name in &wanted {
            // The answer may be lost: the question is asked again soon, of everybody.
            if let Some(wanted) = self.wanted.get_mut(name) {
                (wanted.next, wanted.tries) = (wanted.next.min(now + ASK_AGAIN_MS[0]), 1);
            }
        }
        if !wanted.is_empty() {
            self.ask_one(from, wanted);
        }
    }

    fn take_claim(&mut self, from: &RelayId, serial: u64, claim: Claim, now: Steady) {
        self.about.term = self.about.term.max(claim.term);
        let agent: Arc<str> = claim.agent.as_str().into();
        let candidates = self.agents.entry(Arc::clone(&agent)).or_default();
        let Some(candidate) = candidates.of.get_mut(from) else {
            candidates.of.insert(from.clone(), Candidate::new(claim, serial, now));
            return;
        };
        for name in candidate.retell(claim, serial, now) {
            self.ask_soon(&name, now);
        }
    }

    fn take_answer(&mut self, from: &RelayId, serial: u64, answer: Answer, now: Steady) {
        let Answer { asked, claims, reports } = answer;
        if let Some(peer) = self.peers.get_mut(from).filter(|_| !asked.is_empty()) {
            peer.is_behind = false;
        }
        let agents: BTreeMap<u64, Arc<str>> =
            claims.iter().map(|claim| (claim.claim, Arc::from(claim.agent.as_str()))).collect();
        for claim in claims {
            self.take_claim(from, serial, claim, now);
        }
        for agent in agents.values() {
            self.choose(agent, now);
        }
        for name in asked {
            let of_name = reports.iter().filter(|report| report.report.username == name);
            let of_name: BTreeMap<Arc<str>, &ClaimedReport> =
                of_name.filter_map(|report| Some((Arc::clone(agents.get(&report.claim)?), report))).collect();
            self.take_reports((from, serial), &name, &of_name, now);
        }
    }

    /// Takes everything that one relay's agents report of one line.
    fn take_reports(
        &mut self,
        (from, serial): (&RelayId, u64),
        name: &Username,
        reports: &BTreeMap<Arc<str>, &ClaimedReport>,
        now: Steady,
    ) {
        let Some(wanted) = self.wanted.get_mut(name) else { return };
        if wanted.answered.get(from).is_some_and(|before| before.serial >= serial) {
            return;
        }
        let answered = Answered { serial, agents: reports.keys().cloned().collect() };
        let before = wanted.answered.insert(from.clone(), answered);
        for agent in before.into_iter().flat_map(|before| before.agents) {
            if !reports.contains_key(&agent) {
                self.take_absence(from, &agent, name);
            }
        }
        for (agent, report) in reports {
            let Some(candidates) = self.agents.get_mut(agent) else { continue };
            let shown = candidates.shown.map(|shown| shown.claim);
            let Some(candidate) = candidates.of.get_mut(from).filter(|of| of.claim.claim == report.claim) else {
                continue;
            };
            candidate.reports.insert(name.clone(), ((*report).clone(), now));
            if shown == Some(report.claim) {
                let (agent, report) = (Arc::clone(agent), Box::new((*report).clone()));
                self.actions.push(Action::Report { agent, report, told: now });
            }
        }
    }

    /// A relay's agent reports a line no more.
    fn take_absence(&mut self, from: &RelayId, agent: &Arc<str>, name: &Username) {
        let Some(candidates) = self.agents.get_mut(agent) else { return };
        let shown = candidates.shown.map(|shown| shown.claim);
        let Some(candidate) = candidates.of.get_mut(from) else { return };
        if candidate.reports.remove(name).is_some() && shown == Some(candidate.claim.claim) {
            self.actions.push(Action::Gone { agent: Arc::clone(agent), name: name.clone() });
        }
    }

    fn take_watch(&mut self, from: RelayId, set: WatchSet, now: Steady) {
        let WatchSet { claim, generation, lines } = set;
        let Some(agent) = self.own.iter().find(|(_, own)| own.agent.claim == claim).map(|(agent, _)| agent) else {
            return self.send(To::Relay(from), Message::Stale { claim });
        };
        // The answer tells the asker how the agent is, should the asker have missed that.
        let claims = self.claim_of(agent, now).into_iter().collect();
        let answer = Answer { asked: Vec::new(), claims, reports: Vec::new() };
        self.send(To::Relay(from.clone()), Message::Lines(answer));
        let Some(peer) = self.peers.get_mut(&from) else { return };
        if peer.seats.get(&claim).is_some_and(|(held, _)| *held >= generation) {
            return;
        }
        peer.seats.insert(claim, (generation, lines.clone()));
        self.actions.push(Action::Seats { peer: from, claim, lines });
    }

    /// The owner does not know a claim any more: nobody owns the agent until its lines are found anew.
    fn take_stale(&mut self, from: &RelayId, claim: u64, now: Steady) {
        let Some(agent) = self.followed.get(&claim).cloned() else { return };
        let candidate = self.agents.get_mut(&agent).and_then(|candidates| candidates.of.get_mut(from));
        if let Some(candidate) = candidate.filter(|candidate| candidate.claim.claim == claim) {
            candidate.unheard = Some(now);
        }
        self.watching.remove(&agent);
        self.choose(&agent, now);
    }
}
