//! The router's configuration and its sessions: a model without I/O, with the time as an argument (the router's own
//! milliseconds). Every change is kept for `listen`.

mod session;

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::clock;
use super::menus::{self, Menu};
use super::sentence::Row;
use super::traffic::{self, Dice, Person, Rate, Rates};

/// Dynamic interfaces get ids from here upward, a new one at every connect.
const FIRST_DYNAMIC_ID: u32 = 0xF0_0000;
/// Rows of `/ppp/active` get ids from here upward.
const FIRST_ACTIVE_ID: u32 = 0x8000_0000;
/// PPP session ids are told as hexadecimal numbers from here upward.
const FIRST_SESSION_ID: u32 = 0x8120_0000;

/// An interface, for a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The id in the API's form, such as `*F00000`.
    pub id: String,
    /// The name's bytes, such as `<pppoe-alice>`.
    pub name: Vec<u8>,
    /// The PPPoE username; empty on an Ethernet port.
    pub username: Vec<u8>,
    /// Whether the link is up.
    pub running: bool,
}

/// A new or changed row; without a row, the id of a removed one.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) menu: Menu,
    pub(crate) id: String,
    pub(crate) row: Option<Row>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Towards the internet: receives the subscribers' downloads.
    Upstream,
    /// Towards the subscribers: sends their downloads.
    Downstream,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Ether(Side),
    /// A session on the PPPoE server (`pppoe-in`).
    Server,
    /// A PPPoE client (`pppoe-out`) over the port of this name.
    Client(&'static str),
}

/// Rates or totals as the interface counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Directed {
    pub(crate) rx: u64,
    pub(crate) tx: u64,
}

impl Directed {
    fn plus(self, other: Self) -> Self {
        Self { rx: self.rx.saturating_add(other.rx), tx: self.tx.saturating_add(other.tx) }
    }
}

impl Kind {
    /// A server's session sends its subscriber's downloads; a client receives them.
    pub(crate) fn direct(&self, rates: Rates) -> Directed {
        match self {
            Self::Server | Self::Ether(Side::Downstream) => Directed { rx: rates.upload, tx: rates.download },
            Self::Client(_) | Self::Ether(Side::Upstream) => Directed { rx: rates.download, tx: rates.upload },
        }
    }
}

/// A running PPP link.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) since: u64,
    pub(crate) address: Ipv4Addr,
    pub(crate) caller_id: String,
    pub(crate) active_id: u32,
    pub(crate) session_id: u32,
    /// The dynamic simple queue's id and limits, where the profile has a rate-limit.
    pub(crate) queue: Option<(u32, Rates)>,
}

#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) id: u32,
    pub(crate) name: Vec<u8>,
    pub(crate) kind: Kind,
    pub(crate) username: Vec<u8>,
    pub(crate) dynamic: bool,
    pub(crate) link: Option<Link>,
    pub(crate) link_downs: u32,
    rate: Option<Rate>,
    meter: Meter,
}

impl Interface {
    pub(crate) fn running(&self) -> bool {
        matches!(self.kind, Kind::Ether(_)) || self.link.is_some()
    }

    fn port(&self) -> Port {
        let (name, username) = (self.name.clone(), self.username.clone());
        Port { id: hex_id(self.id), name, username, running: self.running() }
    }
}

/// An id in the API's form.
pub(crate) fn hex_id(id: u32) -> String {
    format!("*{id:X}")
}

/// Traffic so far, in thousandths of a bit: no rounding between readings.
#[derive(Debug, Clone, Copy, Default)]
struct Meter {
    download: u128,
    upload: u128,
}

impl Meter {
    fn add(&mut self, rates: Rates, milliseconds: u64) {
        self.download += u128::from(rates.download) * u128::from(milliseconds);
        self.upload += u128::from(rates.upload) * u128::from(milliseconds);
    }

    fn plus(self, other: Self) -> Self {
        Self { download: self.download + other.download, upload: self.upload + other.upload }
    }

    fn bytes(self) -> Rates {
        let bytes = |millibits: u128| u64::try_from(millibits / 8000).unwrap_or(u64::MAX);
        Rates { download: bytes(self.download), upload: bytes(self.upload) }
    }
}

#[derive(Debug)]
pub(crate) struct Secret {
    pub(crate) id: u32,
    pub(crate) name: Vec<u8>,
    pub(crate) password: Vec<u8>,
    pub(crate) profile: &'static str,
    pub(crate) comment: Vec<u8>,
}

/// A `/ppp/profile`. Its rate-limit has the router's point of view: rx, the upload, first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Profile {
    pub(crate) id: u32,
    pub(crate) name: &'static str,
    pub(crate) rate_limit: Option<(&'static str, Rates)>,
}

const fn profile(id: u32, name: &'static str, text: &'static str, upload: u64, download: u64) -> Profile {
    Profile { id, name, rate_limit: Some((text, Rates { download, upload })) }
}

/// Every profile of the router, in the operators' usual forms: both numbers, with bursts, and one for both.
pub(crate) const PROFILES: [Profile; 6] = [
    Profile { id: 0, name: "default", rate_limit: None },
    profile(2, "home-20", "5M/20M", 5_000_000, 20_000_000),
    profile(3, "home-50", "10M/50M 12M/60M 8M/40M 16/16", 10_000_000, 50_000_000),
    profile(4, "rural", "512k/2M", 512_000, 2_000_000),
    profile(5, "office", "100M", 100_000_000, 100_000_000),
    profile(6, "fibre-300", "150M/300M", 150_000_000, 300_000_000),
];

/// The profile of this name; `default` for an unknown name.
pub(crate) fn profile_named(name: &str) -> Profile {
    *PROFILES.iter().find(|profile| profile.name == name).unwrap_or(&PROFILES[0])
}

/// The rates of a person's line without a known plan.
const NO_PLAN: Rates = Rates::new(100_000_000, 40_000_000);

/// The whole configuration.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) identity: Vec<u8>,
    pub(crate) version: String,
    pub(crate) cpu_load: u8,
    /// The router's clock at its start, in Unix seconds.
    pub(crate) clock: u64,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) changes: Vec<Change>,
    /// Static simple queues, with their ids and given properties.
    pub(crate) queues: Vec<(u32, Row)>,
    habits: HashMap<Vec<u8>, Rate>,
    departed: Meter,
    settled: u64,
    seed: u64,
    next_static: u32,
    next_dynamic: u32,
    next_link: u32,
    next_queue: u32,
}

impl World {
    pub(crate) fn new(identity: &str, version: &str, seed: u64) -> Self {
        let mut world = Self {
            identity: identity.as_bytes().to_vec(),
            version: version.to_owned(),
            cpu_load: 7,
            clock: 1_748_779_200,
            interfaces: Vec::new(),
            secrets: Vec::new(),
            changes: Vec::new(),
            queues: Vec::new(),
            habits: HashMap::new(),
            departed: Meter::default(),
            settled: 0,
            seed,
            next_static: 1,
            next_dynamic: FIRST_DYNAMIC_ID,
            next_link: 0,
            next_queue: 1,
        };
        world.add_interface(b"ether1", Kind::Ether(Side::Upstream), b"");
        world.add_interface(b"ether2", Kind::Ether(Side::Downstream), b"");
        world
    }

    /// Adds a permanent interface: an Ethernet port, a static server entry or a client.
    pub(crate) fn add_interface(&mut self, name: &[u8], kind: Kind, username: &[u8]) -> Port {
        let id = self.next_static;
        self.next_static += 1;
        self.push_interface(id, name.to_vec(), kind, username, false)
    }

    fn push_interface(&mut self, id: u32, name: Vec<u8>, kind: Kind, username: &[u8], dynamic: bool) -> Port {
        let interface = Interface {
            id,
            name,
            kind,
            username: username.to_vec(),
            dynamic,
            link: None,
            link_downs: 0,
            rate: None,
            meter: Meter::default(),
        };
        let port = interface.port();
        self.interfaces.push(interface);
        port
    }

    /// Adds a static simple queue before the dynamic ones.
    pub(crate) fn add_queue(&mut self, given: Row) {
        self.next_queue += 1;
        self.queues.push((self.next_queue, given));
    }

    /// Adds a `/ppp/secret`, or changes the one of this name.
    pub(crate) fn set_secret(&mut self, name: &[u8], profile: &'static str, comment: &[u8], password: &[u8]) {
        let secret = match self.secrets.iter().position(|secret| secret.name == name) {
            Some(at) => &mut self.secrets[at],
            None => {
                let id = u32::try_from(self.secrets.len()).unwrap_or(u32::MAX).saturating_add(1);
                let (name, comment) = (name.to_vec(), Vec::new());
                self.secrets.push(Secret { id, name, password: Vec::new(), profile, comment });
                let last = self.secrets.len() - 1;
                &mut self.secrets[last]
            }
        };
        (secret.profile, secret.comment, secret.password) = (profile, comment.to_vec(), password.to_vec());
        let (id, row) = (hex_id(secret.id), menus::secret_row(secret));
        self.changes.push(Change { menu: Menu::PppSecret, id, row: Some(row) });
    }

    /// The profile of a username's secret; `default` for one without a secret, as with RADIUS.
    pub(crate) fn profile_of(&self, username: &[u8]) -> Profile {
        let secret = self.secrets.iter().find(|secret| secret.name == username);
        profile_named(secret.map_or("default", |secret| secret.profile))
    }

    /// Sets the traffic of a username's line, now and in every later session.
    pub(crate) fn set_rate(&mut self, username: &[u8], rate: Rate, now: u64) {
        self.settle(now);
        self.habits.insert(username.to_vec(), rate);
        for interface in self.interfaces.iter_mut().filter(|interface| interface.username == username) {
            interface.rate = None;
        }
    }

    /// Sets the traffic of one interface, until the interface goes or its username's rate is set; false for an unknown one.
    pub(crate) fn set_interface_rate(&mut self, name: &[u8], rate: Rate, now: u64) -> bool {
        self.settle(now);
        let interface = self.interfaces.iter_mut().find(|interface| interface.name == name);
        interface.map(|interface| interface.rate = Some(rate)).is_some()
    }

    /// The present rates of an interface's subscriber; on an Ethernet port the sum of all.
    pub(crate) fn rates(&self, interface: &Interface, now: u64) -> Rates {
        if let (Kind::Ether(_), None) = (&interface.kind, interface.rate) {
            let sessions = self.interfaces.iter().filter(|other| other.link.is_some());
            return sessions.fold(Rates::default(), |sum, session| sum.plus(self.rates(session, now)));
        }
        if !interface.running() {
            return Rates::default();
        }
        match self.rate_of(interface) {
            Rate::Exact(rates) => rates,
            Rate::Person(person) => self.person_rates(interface, person, now / 1000),
            Rate::Clock => traffic::clock_rates(now),
        }
    }

    /// The same rates from the interface's point of view.
    pub(crate) fn directed_rates(&self, interface: &Interface, now: u64) -> Directed {
        interface.kind.direct(self.rates(interface, now))
    }

    /// The sum over these interfaces, as in `aggregate`.
    pub(crate) fn aggregate<'a>(&self, of: impl Iterator<Item = &'a Interface>, now: u64) -> Directed {
        of.fold(Directed::default(), |sum, interface| sum.plus(self.directed_rates(interface, now)))
    }

    /// Bytes since the interface's start, by its own count.
    pub(crate) fn bytes(&self, interface: &Interface) -> Directed {
        let meter = match interface.kind {
            Kind::Ether(_) => self.interfaces.iter().fold(self.departed, |sum, other| sum.plus(other.meter)),
            Kind::Server | Kind::Client(_) => interface.meter,
        };
        interface.kind.direct(meter.bytes())
    }

    fn rate_of(&self, interface: &Interface) -> Rate {
        let habit = || self.habits.get(&interface.username).copied();
        interface.rate.or_else(habit).unwrap_or(Rate::Exact(Rates::default()))
    }

    fn person_rates(&self, interface: &Interface, person: Person, second: u64) -> Rates {
        // The plan as it was at the connect, like the queue: a look at the secrets for each session and second would be
        // quadratic in a concentrator's sessions.
        let queue = interface.link.as_ref().and_then(|link| link.queue);
        let plan = queue.map_or(NO_PLAN, |(_, limits)| limits);
        traffic::person_rates(person, plan, Dice::new(self.seed, &interface.username), second)
    }

    /// Brings all byte counters up to this moment. Every change of a rate or a session begins with this.
    pub(crate) fn settle(&mut self, now: u64) {
        let since = self.settled;
        if now <= since {
            return;
        }
        self.settled = now;
        for at in 0..self.interfaces.len() {
            let interface = &self.interfaces[at];
            if interface.link.is_some() {
                let meter = self.flowed(interface, since, now);
                let interface = &mut self.interfaces[at];
                interface.meter = interface.meter.plus(meter);
            }
        }
    }

    fn flowed(&self, interface: &Interface, since: u64, now: u64) -> Meter {
        let mut meter = Meter::default();
        match self.rate_of(interface) {
            Rate::Exact(rates) => meter.add(rates, now - since),
            // It rises evenly.
            Rate::Clock => meter.add(traffic::clock_rates(since.midpoint(now)), now - since),
            Rate::Person(person) => {
                for second in since / 1000..=(now - 1) / 1000 {
                    let (from, to) = (since.max(second * 1000), now.min(second * 1000 + 1000));
                    meter.add(self.person_rates(interface, person, second), to - from);
                }
            }
        }
        meter
    }

    pub(crate) fn dice(&self, name: &[u8]) -> Dice {
        Dice::new(self.seed, name)
    }

    pub(crate) fn interface(&self, id: u32) -> Option<&Interface> {
        self.interfaces.iter().find(|interface| interface.id == id)
    }

    pub(crate) fn interface_named(&self, name: &[u8]) -> Option<&Interface> {
        self.interfaces.iter().find(|interface| interface.name == name)
    }

    /// The interface in an argument: a `*ID` or an exact name.
    pub(crate) fn resolve(&self, name_or_id: &[u8]) -> Option<&Interface> {
        self.interface_named(name_or_id).or_else(|| {
            let digits = std::str::from_utf8(name_or_id.strip_prefix(b"*")?).ok()?;
            self.interface(u32::from_str_radix(digits, 16).ok()?)
        })
    }

    pub(crate) fn ports(&self) -> Vec<Port> {
        self.interfaces.iter().map(Interface::port).collect()
    }

    /// The time on the router's clock, in Unix seconds.
    pub(crate) fn wall_clock(&self, now: u64) -> u64 {
        self.clock + now / 1000
    }

    /// The date and time of an event at `then`, in one word pair.
    pub(crate) fn written_time(&self, then: u64) -> String {
        let (date, time) = clock::date_and_time(self.wall_clock(then));
        format!("{date} {time}")
    }
}

#[cfg(test)]
mod tests;
