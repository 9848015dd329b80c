//! What a relay knows of the others, as a machine without I/O: whose agents report the lines that are wanted here, and
//! what others want from here. Time is an argument; what is to be done comes back as [`Action`]s.
//!
//! Any message may be lost, doubled or late. So everything said is repeated or asked for again, a set replaces the set before,
//! and of two words of one relay the later one counts.

mod asking;
mod candidates;
mod choosing;
mod hearing;
#[cfg(test)]
mod simulation;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use shared::{LineHandle, Username};

use self::candidates::Candidates;
use super::messages::{
    Answer, Claim, ClaimedReport, Envelope, Events, Hello, Message, NAMES_PER_MESSAGE, RelayId, WatchSet,
};
use crate::clock::Steady;

/// The interval of hellos, milliseconds.
pub const HELLO_MS: i64 = 2_000;

/// A relay that is silent for this long is gone, milliseconds: three hellos and their way.
pub const GONE_MS: i64 = 3 * HELLO_MS + 200;

/// News of one relay are gathered for this long, milliseconds.
pub const EVENTS_MS: i64 = 100;

/// Pauses between two questions about a line without an owner, milliseconds; the last one repeats.
const ASK_AGAIN_MS: [i64; 4] = [500, 1_000, 3_000, 10_000];

/// A line with an owner is asked for again after this time, milliseconds: whatever was missed is known then.
const ASK_ANEW_MS: i64 = 60_000;

/// The most other relays. Whoever speaks beyond that number is not heard.
const MAX_PEERS: usize = 64;

/// A watch set is repeated after this time, milliseconds.
const WATCH_AGAIN_MS: i64 = 4_000;

/// Claims of a relay that is gone are remembered for this long, milliseconds.
const REMEMBERED_MS: i64 = 3_600_000;

/// To whom a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// Each relay, by the subject of hellos.
    Hello,
    /// Each relay, by the subject of questions.
    Who,
    /// Each relay, by the subject of events.
    Events,
    /// One relay, by its own subject.
    Relay(RelayId),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A message is to be sent, with the moment of its sending in it.
    Send {
        /// The receivers.
        to: To,
        /// The message.
        envelope: Box<Envelope>,
    },
    /// This relay's own agents are to be looked through; [`Peers::found`] takes the outcome.
    LookUp {
        /// Who asks.
        to: RelayId,
        /// The lines.
        names: Vec<Username>,
        /// True if the asker wants to hear also of lines that nobody reports here.
        is_alone: bool,
    },
    /// A peer wants exactly these lines of one of this relay's claims.
    Seats {
        /// The peer.
        peer: RelayId,
        /// This relay's claim.
        claim: u64,
        /// The lines.
        lines: Vec<LineHandle>,
    },
    /// An agent has this owner from now on, and a new table of lines begins.
    Follow {
        /// The agent.
        agent: Arc<str>,
        /// The owner.
        holder: RelayId,
        /// The claim.
        claim: Box<Claim>,
        /// When the claim was told.
        told: Steady,
    },
    /// The state of the agent that is followed changed.
    Refresh {
        /// The agent.
        agent: Arc<str>,
        /// The claim.
        claim: Box<Claim>,
        /// When the claim was told.
        told: Steady,
    },
    /// Nobody can confirm what the agent's owner said.
    Lost {
        /// The agent.
        agent: Arc<str>,
        /// Since when.
        since: Steady,
        /// True if the owner is not heard; false if the owner itself has lost the agent.
        is_unheard: bool,
    },
    /// The agent reports a line.
    Report {
        /// The agent.
        agent: Arc<str>,
        /// The report.
        report: Box<ClaimedReport>,
        /// When the report was told.
        told: Steady,
    },
    /// The agent reports a line no more, or nobody here wants the line.
    Gone {
        /// The agent.
        agent: Arc<str>,
        /// The line.
        name: Username,
    },
    /// No other relay owns the agent.
    Release {
        /// The agent.
        agent: Arc<str>,
    },
    /// Another relay owns an agent that this relay claims too.
    GiveWay {
        /// The agent.
        agent: Arc<str>,
    },
}

/// An agent's state on this relay, as the relay's own fleet knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAgent {
    /// A random number for the uplink.
    pub claim: u64,
    /// The agent's run.
    pub run: u64,
    /// The agent's uptime at the uplink's hello, milliseconds.
    pub uptime_ms: u64,
    /// When the uplink was lost.
    pub lost: Option<Steady>,
    /// When the router stopped answering.
    pub router_lost: Option<Steady>,
    /// The interval between samples, milliseconds.
    pub interval_ms: u32,
    /// True if the agent's reports count beside those of agents with narrower patterns.
    pub shares_lines: bool,
}

#[derive(Debug)]
struct Own {
    agent: OwnAgent,
    term: u64,
}

/// Another relay.
#[derive(Debug)]
struct Peer {
    heard: Steady,
    /// The number of the last batch of events.
    batch: Option<u64>,
    /// True from a hole in its events until it answers the question about all lines.
    is_behind: bool,
    hello: Option<Hello>,
    /// What the relay wants, by this relay's claim, with the generation.
    seats: BTreeMap<u64, (u64, Vec<LineHandle>)>,
}

/// A line that somebody watches here.
#[derive(Debug)]
struct Wanted {
    /// True if an agent of this relay reports the line.
    is_own: bool,
    /// Questions without an answer since the last owner.
    tries: usize,
    /// When to ask again.
    next: Steady,
    /// The last answer of each relay.
    answered: BTreeMap<RelayId, Answered>,
}

/// One relay's last answer about a line.
#[derive(Debug)]
struct Answered {
    serial: u64,
    /// The agents that report the line there.
    agents: Vec<Arc<str>>,
}

#[derive(Debug)]
struct Watching {
    claim: u64,
    generation: u64,
    lines: Vec<LineHandle>,
    said: Steady,
}

/// What a relay knows of the others.
#[derive(Debug)]
pub struct Peers {
    me: RelayId,
    about: Hello,
    serial: u64,
    is_connected: bool,
    own: BTreeMap<Arc<str>, Own>,
    peers: BTreeMap<RelayId, Peer>,
    wanted: HashMap<Username, Wanted>,
    agents: HashMap<Arc<str>, Candidates>,
    followed: HashMap<u64, Arc<str>>,
    watching: HashMap<Arc<str>, Watching>,
    news: BTreeSet<Username>,
    claims_in_news: BTreeSet<Arc<str>>,
    said_hello: Option<Steady>,
    told_news: Steady,
    ticked: Option<Steady>,
    pruned: Steady,
    actions: Vec<Action>,
}

impl Peers {
    /// Returns the machine of a relay that knows nobody, on a bus that is not connected yet.
    pub fn new(me: RelayId, version: String, address: String) -> Self {
        Self {
            me,
            about: Hello { term: 0, batch: 0, version, address },
            serial: 0,
            is_connected: false,
            own: BTreeMap::new(),
            peers: BTreeMap::new(),
            wanted: HashMap::new(),
            agents: HashMap::new(),
            followed: HashMap::new(),
            watching: HashMap::new(),
            news: BTreeSet::new(),
            claims_in_news: BTreeSet::new(),
            said_hello: None,
            told_news: Steady::MIN,
            ticked: None,
            pruned: Steady::MIN,
            actions: Vec::new(),
        }
    }

    /// Returns what is to be done since the last call.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// Returns this relay's own name on the bus.
    pub fn me(&self) -> &RelayId {
        &self.me
    }

    /// Returns the other relays that are there, each with its hello.
    pub fn others(&self) -> impl Iterator<Item = (&RelayId, Option<&Hello>)> {
        self.peers.iter().map(|(id, peer)| (id, peer.hello.as_ref()))
    }

    /// Returns the address of another relay for viewers, or its name on the bus.
    pub fn address_of(&self, id: &RelayId) -> String {
        let hello = self.peers.get(id).and_then(|peer| peer.hello.as_ref());
        hello.map_or_else(|| id.to_string(), |hello| hello.address.clone())
    }

    /// Returns the agent whose frames bear this number; `None` for a claim that is not followed, whose frames are dropped.
    pub fn followed(&self, claim: u64) -> Option<&Arc<str>> {
        self.followed.get(&claim)
    }

    /// The bus is there, or is lost. A lost bus takes all other relays with it; a bus that is back makes everything be asked anew.
    pub fn set_connected(&mut self, is_connected: bool, now: Steady) {
        if self.is_connected == is_connected {
            return;
        }
        self.is_connected = is_connected;
        self.said_hello = None;
        let peers: Vec<RelayId> = self.peers.keys().cloned().collect();
        for id in peers {
            self.end_peer(&id, now);
        }
        self.ask_all(now);
    }

    /// Lines of this relay's agents have news.
    pub fn news(&mut self, names: impl IntoIterator<Item = Username>) {
        self.news.extend(names);
    }

    /// An agent's state on this relay; `None` once the relay has forgotten the agent.
    pub fn set_own(&mut self, name: &Arc<str>, agent: Option<OwnAgent>, now: Steady) {
        let before = self.own.get(name);
        if before.map(|own| &own.agent) == agent.as_ref() {
            return;
        }
        let ended = before.map(|own| own.agent.claim).filter(|claim| agent.as_ref().is_none_or(|a| a.claim != *claim));
        match agent {
            Some(agent) => {
                let term = self.term_of(name, agent.run);
                self.own.insert(Arc::clone(name), Own { agent, term });
            }
            None => drop(self.own.remove(name)),
        }
        if let Some(claim) = ended {
            self.end_claim(claim);
        }
        self.claims_in_news.insert(Arc::clone(name));
        self.choose(name, now);
    }

    /// Returns the term of an agent's run: a known run's own, and for a new run one beyond all terms known.
    fn term_of(&mut self, name: &Arc<str>, run: u64) -> u64 {
        let own = self.own.get(name).filter(|own| own.agent.run == run).map(|own| own.term);
        let others = self.agents.get(name).into_iter().flat_map(|candidates| candidates.of.values());
        let others = others.filter(|candidate| candidate.claim.run == run).map(|candidate| candidate.claim.term);
        let known = others.chain(own).max();
        known.unwrap_or_else(|| {
            self.about.term += 1;
            self.about.term
        })
    }

    /// Ends what peers want of a claim that is no more.
    fn end_claim(&mut self, claim: u64) {
        for (id, peer) in &mut self.peers {
            if peer.seats.remove(&claim).is_some() {
                self.actions.push(Action::Seats { peer: id.clone(), claim, lines: Vec::new() });
            }
        }
    }

    /// Takes the outcome of a [`Action::LookUp`]: the reports of this relay's own agents.
    pub fn found(
        &mut self,
        to: &RelayId,
        names: Vec<Username>,
        reports: Vec<(Arc<str>, ClaimedReport)>,
        is_alone: bool,
        now: Steady,
    ) {
        let found: BTreeSet<Username> = reports.iter().map(|(_, report)| report.report.username.clone()).collect();
        let asked: Vec<Username> = names.into_iter().filter(|name| is_alone || found.contains(name)).collect();
        for asked in asked.chunks(NAMES_PER_MESSAGE) {
            let of_chunk = reports.iter().filter(|(_, report)| asked.contains(&report.report.username));
            let agents: BTreeSet<&Arc<str>> = of_chunk.clone().map(|(agent, _)| agent).collect();
            let claims = agents.into_iter().filter_map(|agent| self.claim_of(agent, now)).collect();
            let reports = of_chunk.map(|(_, report)| report.clone()).collect();
            let answer = Answer { asked: asked.to_vec(), claims, reports };
            self.send(To::Relay(to.clone()), Message::Lines(answer));
        }
    }

    fn claim_of(&self, agent: &Arc<str>, now: Steady) -> Option<Claim> {
        let Own { agent: own, term } = self.own.get(agent)?;
        let age = |since: Steady| now.since(since).max(0).unsigned_abs();
        Some(Claim {
            claim: own.claim,
            agent: agent.to_string(),
            run: own.run,
            term: *term,
            uptime_ms: own.uptime_ms,
            lost_ms: own.lost.map(age),
            router_lost_ms: own.router_lost.map(age),
            interval_ms: own.interval_ms,
            shares_lines: own.shares_lines,
        })
    }

    /// The lines of a followed agent that are wanted of its owner: the whole set.
    pub fn watch(&mut self, agent: &Arc<str>, mut lines: Vec<LineHandle>, now: Steady) {
        let Some(shown) = self.agents.get(agent).and_then(|candidates| candidates.shown) else { return };
        lines.sort_unstable();
        if self.watching.get(agent).is_some_and(|watching| watching.lines == lines) {
            return;
        }
        // The number of the next message: an agent that is followed anew has no lower generation than before.
        let watching = Watching { claim: shown.claim, generation: self.serial + 1, lines, said: now };
        self.watching.insert(Arc::clone(agent), watching);
        self.say_watch(agent);
    }

    fn say_watch(&mut self, agent: &Arc<str>) {
        let Some(Watching { claim, generation, lines, .. }) = self.watching.get(agent) else { return };
        let set = WatchSet { claim: *claim, generation: *generation, lines: lines.clone() };
        let owner = self.agents.get(agent).and_then(|candidates| {
            candidates.of.iter().find(|(_, candidate)| candidate.claim.claim == set.claim).map(|(holder, _)| holder)
        });
        if let Some(owner) = owner.cloned() {
            self.send(To::Relay(owner), Message::Watch(set));
        }
    }

    /// Does what is due. Called each 100 ms or so.
    pub fn tick(&mut self, now: Steady) {
        let asleep = self.ticked.replace(now).map_or(0, |before| now.since(before));
        if asleep > GONE_MS / 2 {
            self.wake_up(now);
        }
        if !self.is_connected {
            return;
        }
        if self.said_hello.is_none_or(|said| now.since(said) >= HELLO_MS) {
            self.said_hello = Some(now);
            self.send(To::Hello, Message::Hello(self.about.clone()));
        }
        self.end_silent_peers(now);
        self.tell_news(now);
        self.ask(now);
        self.repeat_watches(now);
        self.prune(now);
    }

    /// This relay slept. The others think it gone, and whatever it thinks of them is old.
    fn wake_up(&mut self, now: Steady) {
        for peer in self.peers.values_mut() {
            peer.heard = now;
            peer.batch = None;
        }
        self.said_hello = None;
        self.watching.values_mut().for_each(|watching| watching.said = Steady::MIN);
        self.ask_all(now);
    }

    /// Tells the others that this relay stops.
    pub fn part(&mut self) {
        self.send(To::Hello, Message::Bye);
    }

    fn end_silent_peers(&mut self, now: Steady) {
        let silent = |peer: &Peer| now.since(peer.heard) > GONE_MS;
        let gone: Vec<_> = self.peers.iter().filter(|(_, peer)| silent(peer)).map(|(id, _)| id.clone()).collect();
        for id in gone {
            self.end_peer(&id, now);
        }
    }

    /// A relay is gone: as a viewer, and as the owner of agents.
    fn end_peer(&mut self, id: &RelayId, now: Steady) {
        let Some(peer) = self.peers.remove(id) else { return };
        for claim in peer.seats.into_keys() {
            self.actions.push(Action::Seats { peer: id.clone(), claim, lines: Vec::new() });
        }
        let mut touched = Vec::new();
        for (agent, candidates) in &mut self.agents {
            if let Some(candidate) = candidates.of.get_mut(id) {
                candidate.unheard = Some(peer.heard);
                touched.push(Arc::clone(agent));
            }
        }
        for agent in touched {
            self.ask_for_lines_of(&agent, now);
            self.choose(&agent, now);
        }
    }

    fn tell_news(&mut self, now: Steady) {
        if now.since(self.told_news) < EVENTS_MS || (self.news.is_empty() && self.claims_in_news.is_empty()) {
            return;
        }
        self.told_news = now;
        let agents = std::mem::take(&mut self.claims_in_news);
        let mut claims: Vec<Claim> = agents.iter().filter_map(|agent| self.claim_of(agent, now)).collect();
        let mut names: Vec<Username> = std::mem::take(&mut self.news).into_iter().collect();
        while !names.is_empty() || !claims.is_empty() {
            let rest = names.split_off(names.len().min(NAMES_PER_MESSAGE));
            let claims_left = claims.split_off(claims.len().min(NAMES_PER_MESSAGE));
            self.about.batch += 1;
            let events = Events { batch: self.about.batch, names, claims };
            self.send(To::Events, Message::Events(events));
            (names, claims) = (rest, claims_left);
        }
    }

    fn repeat_watches(&mut self, now: Steady) {
        let mut due = Vec::new();
        for (agent, watching) in &mut self.watching {
            if now.since(watching.said) >= WATCH_AGAIN_MS {
                watching.said = now;
                due.push(Arc::clone(agent));
            }
        }
        for agent in due {
            self.say_watch(&agent);
        }
    }

    /// Sends a message to one relay.
    pub fn say(&mut self, to: RelayId, message: Message) {
        self.send(To::Relay(to), message);
    }

    fn send(&mut self, to: To, message: Message) {
        if !self.is_connected {
            return;
        }
        self.serial += 1;
        let envelope = Envelope { from: self.me.clone(), serial: self.serial, uptime_ms: 0, message };
        self.actions.push(Action::Send { to, envelope: Box::new(envelope) });
    }
}
