//! The menus with a print command: their paths, and their rows with every property in RouterOS's order.

use super::clock::{self, uptime};
use super::sentence::Row;
use super::state::{Interface, Kind, Link, PROFILES, Profile, Secret, World, hex_id};
use super::traffic::Rates;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Menu {
    Identity,
    Resource,
    Clock,
    Interface,
    PppoeServer,
    PppoeServerServer,
    PppoeClient,
    PppActive,
    PppSecret,
    PppProfile,
    QueueSimple,
}

impl Menu {
    const ALL: [(&'static str, Self); 11] = [
        ("/system/identity", Self::Identity),
        ("/system/resource", Self::Resource),
        ("/system/clock", Self::Clock),
        ("/interface", Self::Interface),
        ("/interface/pppoe-server", Self::PppoeServer),
        ("/interface/pppoe-server/server", Self::PppoeServerServer),
        ("/interface/pppoe-client", Self::PppoeClient),
        ("/ppp/active", Self::PppActive),
        ("/ppp/secret", Self::PppSecret),
        ("/ppp/profile", Self::PppProfile),
        ("/queue/simple", Self::QueueSimple),
    ];

    /// The menu of this path, such as `/ppp/active`.
    pub(crate) fn at(path: &[u8]) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| known.as_bytes() == path).map(|(_, menu)| *menu)
    }

    /// True for a menu of one item without an id; such an item cannot come or go.
    pub(crate) fn is_single(self) -> bool {
        matches!(self, Self::Identity | Self::Resource | Self::Clock)
    }

    /// All rows at this moment.
    pub(crate) fn rows(self, world: &World, now: u64) -> Vec<Row> {
        let interfaces = || world.interfaces.iter();
        match self {
            Self::Identity => vec![vec![("name", world.identity.clone())]],
            Self::Resource => vec![resource_row(world, now)],
            Self::Clock => vec![clock_row(world, now)],
            Self::Interface => interfaces().map(|interface| interface_row(world, interface)).collect(),
            Self::PppoeServer => {
                let sessions = interfaces().filter(|interface| interface.kind == Kind::Server);
                sessions.map(|interface| server_session_row(interface, now)).collect()
            }
            Self::PppoeServerServer => vec![listener_row()],
            Self::PppoeClient => {
                interfaces().filter(|interface| matches!(interface.kind, Kind::Client(_))).map(client_row).collect()
            }
            Self::PppActive => linked(world).map(|(interface, link)| active_row(interface, link, now)).collect(),
            Self::PppSecret => world.secrets.iter().map(secret_row).collect(),
            Self::PppProfile => PROFILES.iter().map(profile_row).collect(),
            Self::QueueSimple => queue_rows(world, now),
        }
    }
}

/// Running server sessions.
fn linked(world: &World) -> impl Iterator<Item = (&Interface, &Link)> {
    let servers = world.interfaces.iter().filter(|interface| interface.kind == Kind::Server);
    servers.filter_map(|interface| Some((interface, interface.link.as_ref()?)))
}

/// The settable properties of a static queue.
pub const QUEUE_PROPERTIES: [&str; 7] = ["name", "target", "parent", "max-limit", "time", "invalid", "disabled"];

/// A static queue; properties not given have RouterOS's defaults.
fn static_queue_row(id: u32, given: &[(&'static str, Vec<u8>)]) -> Row {
    let mut row = vec![
        (".id", hex_id(id).into_bytes()),
        ("name", Vec::new()),
        ("target", Vec::new()),
        ("parent", text("none")),
        ("priority", text("8/8")),
        ("queue", text("default-small/default-small")),
        ("limit-at", text("0/0")),
        ("max-limit", text("0/0")),
        ("burst-limit", text("0/0")),
        ("invalid", flag(false)),
        ("dynamic", flag(false)),
        ("disabled", flag(false)),
    ];
    for (name, value) in given {
        match row.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => old.clone_from(value),
            None => row.push((name, value.clone())),
        }
    }
    row
}

fn queue_rows(world: &World, now: u64) -> Vec<Row> {
    let row = |(interface, link): (&Interface, &Link)| {
        let (queue, limits) = link.queue?;
        Some(queue_row(interface, queue, limits, world.rates(interface, now)))
    };
    let fixed = world.queues.iter().map(|(id, given)| static_queue_row(*id, given));
    fixed.chain(linked(world).filter_map(row)).collect()
}

fn flag(value: bool) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn number(value: impl ToString) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn text(value: &str) -> Vec<u8> {
    value.as_bytes().to_vec()
}

fn resource_row(world: &World, now: u64) -> Row {
    vec![
        ("uptime", uptime(now / 1000).into_bytes()),
        ("version", text(&world.version)),
        ("build-time", text("2025-05-20 12:00:00")),
        ("free-memory", number(803_213_312)),
        ("total-memory", number(1_073_741_824)),
        ("cpu", text("ARM64")),
        ("cpu-count", number(4)),
        ("cpu-frequency", number(1400)),
        ("cpu-load", number(world.cpu_load)),
        ("free-hdd-space", number(82_665_472)),
        ("total-hdd-space", number(134_479_872)),
        ("architecture-name", text("arm64")),
        ("board-name", text("RB5009UG+S+")),
        ("platform", text("MikroTik")),
    ]
}

fn clock_row(world: &World, now: u64) -> Row {
    let (date, time) = clock::date_and_time(world.wall_clock(now));
    vec![("time", time.into_bytes()), ("date", date.into_bytes()), ("time-zone-name", text("UTC"))]
}

pub(crate) fn interface_row(world: &World, interface: &Interface) -> Row {
    let (kind, mtu) = match interface.kind {
        Kind::Ether(_) => ("ether", 1500),
        Kind::Server => ("pppoe-in", 1480),
        Kind::Client(_) => ("pppoe-out", 1480),
    };
    let mut row = vec![(".id", hex_id(interface.id).into_bytes()), ("name", interface.name.clone())];
    row.extend([("type", text(kind)), ("mtu", number(mtu)), ("actual-mtu", number(mtu))]);
    let since = interface.link.as_ref().map(|link| link.since);
    if let Some(since) = since.or(matches!(interface.kind, Kind::Ether(_)).then_some(0)) {
        row.push(("last-link-up-time", world.written_time(since).into_bytes()));
    }
    row.push(("link-downs", number(interface.link_downs)));
    row.extend(counters(world, interface));
    row.extend([
        ("running", flag(interface.running())),
        ("dynamic", flag(interface.dynamic)),
        ("disabled", flag(false)),
    ]);
    row
}

fn counters(world: &World, interface: &Interface) -> Row {
    let bytes = world.bytes(interface);
    let fast = |bytes: u64| number(bytes / 100 * 85);
    vec![
        ("rx-byte", number(bytes.rx)),
        ("tx-byte", number(bytes.tx)),
        ("rx-packet", number(bytes.rx / 1200)),
        ("tx-packet", number(bytes.tx / 1200)),
        ("rx-drop", number(0)),
        ("tx-drop", number(0)),
        ("tx-queue-drop", number(0)),
        ("rx-error", number(0)),
        ("tx-error", number(0)),
        ("fp-rx-byte", fast(bytes.rx)),
        ("fp-tx-byte", fast(bytes.tx)),
    ]
}

pub(crate) fn server_session_row(interface: &Interface, now: u64) -> Row {
    let mut row = vec![
        (".id", hex_id(interface.id).into_bytes()),
        ("name", interface.name.clone()),
        ("user", interface.username.clone()),
        ("service", text("pppoe")),
    ];
    if let Some(link) = &interface.link {
        row.extend([
            ("mtu", number(1480)),
            ("mru", number(1480)),
            ("remote-address", text(&link.caller_id)),
            ("encoding", Vec::new()),
            ("uptime", uptime((now - link.since.min(now)) / 1000).into_bytes()),
            ("interface", text("ether2")),
        ]);
    }
    row.extend([
        ("running", flag(interface.running())),
        ("dynamic", flag(interface.dynamic)),
        ("disabled", flag(false)),
    ]);
    row
}

fn listener_row() -> Row {
    vec![
        (".id", text("*1")),
        ("service-name", text("internet")),
        ("interface", text("ether2")),
        ("max-mtu", text("auto")),
        ("max-mru", text("auto")),
        ("authentication", text("pap,chap,mschap1,mschap2")),
        ("keepalive-timeout", number(10)),
        ("one-session-per-host", flag(false)),
        ("max-sessions", text("unlimited")),
        ("default-profile", text("default")),
        ("disabled", flag(false)),
    ]
}

pub(crate) fn client_row(interface: &Interface) -> Row {
    let Kind::Client(port) = interface.kind else { return Row::new() };
    vec![
        (".id", hex_id(interface.id).into_bytes()),
        ("name", interface.name.clone()),
        ("max-mtu", text("auto")),
        ("max-mru", text("auto")),
        ("interface", text(port)),
        ("user", interface.username.clone()),
        ("password", text("not-to-be-asked-for")),
        ("profile", text("default")),
        ("keepalive-timeout", number(10)),
        ("service-name", Vec::new()),
        ("ac-name", Vec::new()),
        ("add-default-route", flag(true)),
        ("use-peer-dns", flag(true)),
        ("allow", text("pap,chap,mschap1,mschap2")),
        ("running", flag(interface.running())),
        ("disabled", flag(false)),
        ("invalid", flag(false)),
    ]
}

/// One frame of `/interface/pppoe-client/monitor`.
pub(crate) fn client_status_row(interface: &Interface, now: u64) -> Row {
    let Some(link) = &interface.link else { return vec![("status", text("disconnected"))] };
    vec![
        ("status", text("connected")),
        ("uptime", uptime((now - link.since.min(now)) / 1000).into_bytes()),
        ("active-links", number(1)),
        ("encoding", Vec::new()),
        ("service-name", text("internet")),
        ("ac-name", text("concentrator")),
        ("ac-mac", text("02:00:5E:10:00:01")),
        ("mtu", number(1480)),
        ("mru", number(1480)),
        ("local-address", number(link.address)),
        ("remote-address", text("100.64.0.1")),
    ]
}

pub(crate) fn active_row(interface: &Interface, link: &Link, now: u64) -> Row {
    vec![
        (".id", hex_id(link.active_id).into_bytes()),
        ("name", interface.username.clone()),
        ("service", text("pppoe")),
        ("caller-id", text(&link.caller_id)),
        ("address", number(link.address)),
        ("uptime", uptime((now - link.since.min(now)) / 1000).into_bytes()),
        ("encoding", Vec::new()),
        ("session-id", format!("0x{:08X}", link.session_id).into_bytes()),
        ("limit-bytes-in", number(0)),
        ("limit-bytes-out", number(0)),
        ("radius", flag(false)),
    ]
}

pub(crate) fn secret_row(secret: &Secret) -> Row {
    let mut row = vec![
        (".id", hex_id(secret.id).into_bytes()),
        ("name", secret.name.clone()),
        ("service", text("pppoe")),
        ("caller-id", Vec::new()),
        ("password", secret.password.clone()),
        ("profile", text(secret.profile)),
        ("routes", Vec::new()),
        ("limit-bytes-in", number(0)),
        ("limit-bytes-out", number(0)),
        ("last-logged-out", text("1970-01-01 00:00:00")),
    ];
    if !secret.comment.is_empty() {
        row.push(("comment", secret.comment.clone()));
    }
    row.push(("disabled", flag(false)));
    row
}

fn profile_row(profile: &Profile) -> Row {
    let mut row = vec![(".id", hex_id(profile.id).into_bytes()), ("name", text(profile.name))];
    row.extend([("use-compression", text("default")), ("use-encryption", text("default"))]);
    row.push(("only-one", text("default")));
    if let Some((written, _)) = profile.rate_limit {
        row.push(("rate-limit", text(written)));
    }
    row.push(("default", flag(profile.id == 0)));
    row
}

/// A dynamic simple queue; composite values are upload/download, from the target's point of view.
pub(crate) fn queue_row(interface: &Interface, queue: u32, limits: Rates, rates: Rates) -> Row {
    let name = [b"<pppoe-", &interface.username[..], b">"].concat();
    let name = if interface.dynamic { interface.name.clone() } else { name };
    let pair = |rates: Rates| format!("{}/{}", rates.upload, rates.download).into_bytes();
    vec![
        (".id", hex_id(queue).into_bytes()),
        ("name", name),
        ("target", interface.name.clone()),
        ("parent", text("none")),
        ("priority", text("8/8")),
        ("queue", text("default-small/default-small")),
        ("limit-at", text("0/0")),
        ("max-limit", pair(limits)),
        ("burst-limit", text("0/0")),
        ("rate", pair(rates)),
        ("queued-bytes", text("0/0")),
        ("dropped", text("0/0")),
        ("invalid", flag(false)),
        ("dynamic", flag(true)),
        ("disabled", flag(false)),
    ]
}
