//! The settings of a router's start, and its first subscribers.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::login::Login;
use super::sentence::TagPlacement;
use super::state::{Kind, PROFILES, World};
use super::tls::Tls;
use super::traffic::{Person, Rate};

/// Which end of a PPPoE session the router is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// A PPPoE server with a session for each subscriber.
    #[default]
    Concentrator,
    /// A subscriber's own router with a PPPoE client, `pppoe-out1`.
    Customer,
}

/// The policies of the API user's group. Nobody has `write`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policies {
    /// May print, listen and monitor.
    pub read: bool,
    /// May run tests.
    pub test: bool,
    /// Sees passwords.
    pub sensitive: bool,
    /// Whether this router wants `test` for monitor-traffic; no known router does.
    pub monitor_needs_test: bool,
}

impl Default for Policies {
    /// More than an agent should have: a test that finds no password asked for must not owe that to a missing policy.
    fn default() -> Self {
        Self { read: true, test: true, sensitive: true, monitor_needs_test: false }
    }
}

/// How a router starts.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The router's end.
    pub role: Role,
    /// How many subscribers are there at the start: secrets and running sessions of a concentrator. A customer's router
    /// has its own PPPoE client, connected, if this is not 0.
    pub subscribers: usize,
    /// What `/system/identity` shows.
    pub identity: String,
    /// What `/system/resource` shows.
    pub version: String,
    /// The API user.
    pub user: String,
    /// The API user's password.
    pub password: String,
    /// The login's kind.
    pub login: Login,
    /// The place of the tag in replies.
    pub tags: TagPlacement,
    /// Whether a print without rows sends `!empty`, as 7.18 and later do.
    pub empty: bool,
    /// The plain API's address.
    pub api: SocketAddr,
    /// Whether api-ssl is open.
    pub tls: Tls,
    /// Where api-ssl listens.
    pub api_tls: SocketAddr,
    /// How long one of the router's seconds lasts.
    pub second: Duration,
    /// The seed of every person, address and challenge.
    pub seed: u64,
    /// API connections at a time; RouterOS's default is 20.
    pub max_sessions: usize,
    /// The API user's policies.
    pub policies: Policies,
}

impl Default for Setup {
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            role: Role::Concentrator,
            subscribers: 0,
            identity: "concentrator".to_owned(),
            version: "7.23.1 (stable)".to_owned(),
            user: "linelight".to_owned(),
            password: "simulated".to_owned(),
            login: Login::New,
            tags: TagPlacement::BehindReplyWord,
            empty: true,
            api: any_port,
            tls: Tls::Off,
            api_tls: any_port,
            second: Duration::from_secs(1),
            seed: 1,
            max_sessions: 20,
            policies: Policies::default(),
        }
    }
}

impl Setup {
    /// A concentrator with so many subscribers at home.
    pub fn concentrator(subscribers: usize) -> Self {
        Self { subscribers, ..Self::default() }
    }

    /// A subscriber's own router, its client `pppoe-out1` connected as `alice`.
    pub fn customer() -> Self {
        Self { role: Role::Customer, subscribers: 1, identity: "home".to_owned(), ..Self::default() }
    }

    pub(crate) fn world(&self) -> World {
        let mut world = World::new(&self.identity, &self.version, self.seed);
        match self.role {
            Role::Concentrator => (0..self.subscribers).for_each(|number| add_subscriber(&mut world, number)),
            Role::Customer if self.subscribers > 0 => {
                world.add_interface(b"pppoe-out1", Kind::Client("ether1"), b"alice");
                world.set_rate(b"alice", Rate::Person(Person::Video), 0);
                world.client_up(b"alice", 0);
            }
            Role::Customer => {}
        }
        world.changes.clear();
        world
    }
}

/// The first subscribers; the rest are numbered. Among them: the kinds of names of a real site.
const FIRST: [(&[u8], &[u8]); 12] = [
    (b"alice", b"Alice Baker"),
    (b"ali", b"Ali Demir"),
    (b"bob@fibre", b"Bob, 2nd floor"),
    (b"Bob", b"Bob the other"),
    (b"caf\xE9", b"Caf\xE9 Z\xFCrich"),
    ("jos\u{e9}".as_bytes(), b"Jos\xE9 Nu\xF1ez"),
    (b"100%/home office", b""),
    (b"smith,john", b"Smith, John"),
    ("\u{1f980}crab".as_bytes(), b""),
    (b"support-desk", b"Office"),
    (b"alice-1", b"Alice Baker, the second line"),
    (b"zo\xEB", b"\xAB Zo\xEB \xBB"),
];

/// A subscriber with a secret, a plan, a habit and a session; every fifth on a static entry.
fn add_subscriber(world: &mut World, number: usize) {
    let numbered = format!("line-{number:04}");
    let (username, comment) = FIRST.get(number).copied().unwrap_or((numbered.as_bytes(), b""));
    let profile = PROFILES[number % (PROFILES.len() - 1) + 1].name;
    world.set_secret(username, profile, comment, b"not-to-be-asked-for");
    world.set_rate(username, Rate::Person(Person::ALL[number % Person::ALL.len()]), 0);
    if number % 5 == 4 {
        let name = format!("static-{number}");
        world.add_interface(name.as_bytes(), Kind::Server, username);
    }
    world.session_up(username, 0);
}
