//! Several relays that show each other's lines, over a bus. A line's owner is the relay that has its agent's uplink; every other
//! relay is a viewer of the owner, and an agent to its own lines.

pub mod bus;
mod followed;
mod guests;
pub mod messages;
mod own;
pub mod peers;

use std::sync::Arc;
use std::time::Duration;

use shared::frame::Batch;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tracing::{debug, error};

use self::bus::{Bus, Heard};
use self::followed::Followed;
use self::guests::{Guests, Told};
use self::messages::{Envelope, Message, RelayId};
use self::own::OwnAgents;
use self::peers::{Action, Peers};
use crate::agents::fleet::Fleet;
use crate::clock::drained;
use crate::lines::hub::Hub;
use crate::lines::outlook::{Gathered, Outlook};
use crate::metrics::Metrics;

/// The machine's tick.
const TICK: Duration = Duration::from_millis(100);

/// Every so many ticks the wanted lines are compared with the hub's, and left-over lines are forgotten: each 5 s.
const RECONCILED_EVERY: u32 = 50;

/// A tick of one agent is complete within this time.
const GATHERED: Duration = Duration::from_millis(1);

/// This relay's part in the cluster: one task, which owns everything here.
pub struct Cluster {
    hub: Arc<Hub>,
    fleet: Arc<Fleet>,
    metrics: Arc<Metrics>,
    outlook: Arc<Outlook>,
    bus: Bus,
    peers: Peers,
    own: OwnAgents,
    guests: Guests,
    followed: Followed,
    ticks: u32,
    is_draining: bool,
}

impl Cluster {
    /// Returns the cluster's part of a relay with this fleet. Nothing happens before [`run`](Self::run).
    pub fn new(fleet: Arc<Fleet>, bus: Bus, address: String) -> Self {
        let hub = Arc::clone(&fleet.hub);
        let metrics = Arc::clone(&hub.metrics);
        let peers = Peers::new(bus.me().clone(), env!("CARGO_PKG_VERSION").to_owned(), address);
        Self {
            outlook: hub.look_out(),
            followed: Followed::new(Arc::clone(&hub)),
            hub,
            fleet,
            metrics,
            bus,
            peers,
            own: OwnAgents::default(),
            guests: Guests::default(),
            ticks: 0,
            is_draining: false,
        }
    }

    /// Shares lines with the other relays until everybody has left after `drain` turned true.
    pub async fn run(mut self, mut drain: watch::Receiver<bool>) {
        self.metrics.bus_lost.set(1);
        if let Err(error) = self.bus.connect().await {
            error!(error = format!("{error:#}"), "the bus of relays is not used; check --bus");
        }
        let mut ticks = ticks();
        loop {
            let (outlook, watches, guests) =
                (Arc::clone(&self.outlook), Arc::clone(&self.followed.wake), self.guests.woken());
            tokio::select! {
                heard = self.bus.next() => self.hear(heard),
                _ = ticks.tick() => self.tick(),
                () = outlook.wake.notified() => self.look_around(),
                () = watches.notified() => {}
                () = guests => sleep(GATHERED).await,
                () = drained(&mut drain), if !self.is_draining => self.is_draining = true,
            }
            self.tell_watches();
            self.tell_guests();
            self.act();
            // Until everybody has left, viewers see the lines of other relays too.
            if self.is_draining && self.hub.viewers() == 0 && self.metrics.uplinks.get() == 0 {
                break;
            }
        }
        // What came since, before the agents had left.
        self.tell_guests();
        self.peers.part();
        self.act();
        self.bus.part().await;
    }

    fn hear(&mut self, heard: Heard) {
        let now = self.hub.now().steady;
        match heard {
            Heard::Connected(is_connected) => {
                self.metrics.bus_lost.set(u64::from(!is_connected));
                self.peers.set_connected(is_connected, now);
            }
            Heard::Frame(bytes) => self.hear_frame(&bytes),
            Heard::Envelope(envelope) => self.hear_envelope(*envelope),
        }
    }

    fn hear_frame(&mut self, bytes: &[u8]) {
        let Ok(batch) = Batch::parse(bytes) else { return self.metrics.bus_refused.increment() };
        match self.peers.followed(batch.header.epoch.0).cloned() {
            Some(agent) => self.followed.frame(&agent, &batch),
            None => self.metrics.bus_frames_dropped.increment(),
        }
    }

    fn hear_envelope(&mut self, envelope: Envelope) {
        self.followed.heard(&envelope.from, envelope.uptime_ms);
        if let Message::Snapshot(past) = &envelope.message {
            match self.peers.followed(past.claim).cloned() {
                Some(agent) => self.followed.past(&agent, past, envelope.uptime_ms),
                None => self.metrics.bus_frames_dropped.increment(),
            }
        }
        self.peers.hear(envelope, self.hub.now().steady);
    }

    fn tick(&mut self) {
        let now = self.hub.now().steady;
        self.ticks = self.ticks.wrapping_add(1);
        for (name, agent) in self.own.changes(&self.fleet) {
            self.peers.set_own(&name, agent, now);
        }
        self.look_around();
        if self.ticks.is_multiple_of(RECONCILED_EVERY) {
            self.peers.want_exactly(self.hub.watched(), now);
            self.followed.forget_left_over();
            self.followed.keep_clocks_of(|id| self.peers.others().any(|(other, _)| other == id));
        }
        self.peers.tick(now);
        self.metrics.peers.set(self.peers.others().count() as u64);
        self.metrics.peer_watches.set(self.guests.len() as u64);
        self.metrics.lines_of_peers.set(self.followed.lines() as u64);
    }

    /// Takes what the hub has gathered for other relays.
    fn look_around(&mut self) {
        let now = self.hub.now();
        let Gathered { watched, changed } = self.outlook.take();
        for name in watched {
            let is_own = self.hub.is_spoken_for(&name);
            self.peers.want(name, is_own, now.steady);
        }
        self.peers.news(changed);
        self.peers.ask(now.steady);
    }

    fn tell_watches(&mut self) {
        let now = self.hub.now().steady;
        for (agent, lines) in self.followed.changed_watches() {
            self.peers.watch(&agent, lines, now);
        }
    }

    fn tell_guests(&mut self) {
        for told in self.guests.take(self.hub.now()) {
            match told {
                Told::Frame(to, bytes) => self.bus.send_frame(&to, bytes),
                Told::Message(to, message) => self.peers.say(to, message),
            }
        }
    }

    /// Does what the machine asks for, until it asks for nothing.
    fn act(&mut self) {
        loop {
            let actions = self.peers.take_actions();
            if actions.is_empty() {
                return;
            }
            actions.into_iter().for_each(|action| self.act_once(action));
        }
    }

    fn act_once(&mut self, action: Action) {
        match action {
            Action::Send { to, mut envelope } => {
                let now = self.hub.now();
                envelope.uptime_ms = guests::uptime(now.unix, now);
                self.bus.send(&to, &envelope);
            }
            Action::LookUp { to, names, is_alone } => {
                let reports = self.own.look_up(&self.hub, &names);
                self.peers.found(&to, names, reports, is_alone, self.hub.now().steady);
            }
            Action::Seats { peer, claim, lines } => self.seat(&peer, claim, &lines),
            Action::Follow { agent, holder, claim, told } => {
                debug!(agent = &*agent, %holder, "the agent is followed at another relay");
                let address = self.peers.address_of(&holder);
                self.followed.follow(&agent, (holder, &address), &claim, told);
            }
            Action::Refresh { agent, claim, told } => self.followed.refresh(&agent, &claim, told),
            Action::Lost { agent, since, is_unheard } => self.followed.lost(&agent, since, is_unheard),
            Action::Report { agent, report, told } => self.followed.report(&agent, &report, told),
            Action::Gone { agent, name } => self.followed.gone(&agent, &name),
            Action::Release { agent } => self.followed.release(&agent),
            Action::GiveWay { agent } => self.fleet.give_way(&agent),
        }
    }

    fn seat(&mut self, peer: &RelayId, claim: u64, lines: &[shared::LineHandle]) {
        let member = self.own.agent_of(claim).and_then(|agent| self.fleet.member(&agent));
        let hub = &self.hub;
        self.guests.seat(peer, claim, lines, |handle| {
            let line = member.as_ref()?.ledger().lines.get(handle).cloned()?;
            hub.join_from_relay(&line)
        });
        debug!(%peer, lines = lines.len(), "another relay watches lines of this one");
    }
}

fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
