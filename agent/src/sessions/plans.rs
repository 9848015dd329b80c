//! What a line's plan is, from four tables: profiles, secrets, addresses and queues. One reading replaces the last; one
//! that is void, for a table was not answered or broke off, only fills in what was not known.
//!
//! A simple queue's `max-limit` is `upload/download`, for its target comes first. A profile's `rate-limit` is `rx/tx` as
//! the router sees it, so rx is the subscriber's upload too, and a missing tx is the same as rx (MikroTik's "PPP AAA"
//! page). 0 is unlimited. Only a concentrator's lines have plans: a home router's own secrets and queues are about
//! others.

use std::net::IpAddr;
use std::rc::Rc;

use shared::LineHandle;
use shared::control::{MAX_TEXT, Plan, Role};
use shared::username::escape;

use super::{Line, LineTable, stamp};
use crate::routeros::sentence::{Sentence, rate};

/// The most profiles that are kept; an ISP has some dozen.
const MAX_PROFILES: usize = 1_024;

/// What one reading of the four tables says, for lines that the session table knows.
#[derive(Debug, Default)]
pub struct PlanReading {
    profiles: Vec<Profile>,
    secrets: Vec<Secret>,
    addresses: Vec<(IpAddr, LineHandle)>,
    queues: Vec<Queue>,
    void: bool,
}

#[derive(Debug)]
struct Profile {
    name: Box<[u8]>,
    text: Rc<str>,
    plan: Plan,
}

#[derive(Debug)]
struct Secret {
    line: LineHandle,
    profile: Option<u16>,
    comment: Option<Box<str>>,
}

#[derive(Debug, Clone, Copy)]
struct Queue {
    line: LineHandle,
    /// Whether the queue is named or aimed at the interface, not only at its address.
    by_interface: bool,
    plan: Plan,
}

impl PlanReading {
    /// Takes a row of `/ppp/profile`; these come first.
    pub fn profile(&mut self, row: &Sentence<'_>) {
        let Some(name) = row.get("name").filter(|_| self.profiles.len() < MAX_PROFILES) else { return };
        let plan = row.get("rate-limit").map(of_rate_limit).unwrap_or_default();
        self.profiles.push(Profile { name: name.into(), text: cut(name).into(), plan });
    }

    /// Takes a row of `/ppp/secret`.
    pub fn secret(&mut self, row: &Sentence<'_>, table: &LineTable) {
        let Some(line) = row.get("name").and_then(|name| concentrated(table.line_of(name))) else { return };
        if self.secrets.len() >= table.capacity() {
            return;
        }
        let known = |name: &[u8]| self.profiles.iter().position(|profile| *profile.name == *name);
        let profile = row.get("profile").and_then(known).and_then(|nth| u16::try_from(nth).ok());
        let comment = row.get("comment").filter(|comment| !comment.is_empty()).map(|comment| cut(comment).into());
        self.secrets.push(Secret { line, profile, comment });
    }

    /// Takes a row of `/ppp/active`, before any queue.
    pub fn address(&mut self, row: &Sentence<'_>, table: &LineTable) {
        let Some(line) = row.get("name").and_then(|name| concentrated(table.line_of(name))) else { return };
        let address = row.text("address").and_then(|address| address.parse().ok());
        if let Some(address) = address.filter(|_| self.addresses.len() < table.capacity()) {
            self.addresses.push((address, line));
        }
    }

    /// Brings the addresses into order, before the first queue.
    pub fn addresses_complete(&mut self) {
        self.addresses.sort_unstable();
    }

    /// Takes a row of `/queue/simple`.
    pub fn queue(&mut self, row: &Sentence<'_>, table: &LineTable) {
        let Some(limit) = row.get("max-limit").filter(|_| !row.flag("disabled").unwrap_or(false)) else { return };
        let plan = of_max_limit(limit);
        let target = row.get("target").unwrap_or_default();
        let by_interface = [row.get("name").unwrap_or_default(), target]
            .into_iter()
            .chain(target.split(|byte| *byte == b','))
            .find_map(|interface| concentrated(table.line_on(interface)));
        let line = by_interface.or_else(|| target.split(|byte| *byte == b',').find_map(|part| self.line_at(part)));
        if let Some(line) = line.filter(|_| self.queues.len() < table.capacity()) {
            self.queues.push(Queue { line, by_interface: by_interface.is_some(), plan });
        }
    }

    /// Takes note that one of the tables is not whole.
    pub fn make_void(&mut self) {
        self.void = true;
    }

    /// Whether one of the tables is not whole.
    pub const fn is_void(&self) -> bool {
        self.void
    }

    fn line_at(&self, target: &[u8]) -> Option<LineHandle> {
        let text = std::str::from_utf8(target).ok()?;
        let (address, bits) = text.split_once('/').unwrap_or((text, ""));
        let address: IpAddr = address.parse().ok().filter(|ip: &IpAddr| bits.is_empty() || bits == whole(ip))?;
        let nth = self.addresses.binary_search_by_key(&address, |(address, _)| *address).ok()?;
        self.addresses.get(nth).map(|(_, line)| *line)
    }
}

impl LineTable {
    /// Brings the lines up to a reading of the plans.
    pub fn apply_plans(&mut self, mut reading: PlanReading) {
        // Stable, so that of several the router's first stays first.
        reading.secrets.sort_by_key(|secret| secret.line);
        reading.queues.sort_by_key(|queue| (queue.line, !queue.by_interface));
        for line in self.lines.iter_mut().filter(|line| line.role == Role::Server) {
            let secret = first(&reading.secrets, |secret| secret.line.cmp(&line.handle));
            let profile = secret.and_then(|secret| reading.profiles.get(usize::from(secret.profile?)));
            let queue = first(&reading.queues, |queue| queue.line.cmp(&line.handle)).map(|queue| queue.plan);
            // The queue of a session goes with it: an offline line keeps what its last one said.
            let kept = (line.sessions == 0).then_some(line.plan);
            let plan = queue.or(kept.filter(|plan| !plan.is_unknown())).or(profile.map(|profile| profile.plan));
            let mut fresh = Known {
                profile: profile.map(|profile| Rc::clone(&profile.text)),
                plan: plan.unwrap_or_default(),
                comment: secret.and_then(|secret| secret.comment.clone()),
            };
            if reading.void {
                fresh.prefer(line);
            }
            take(line, fresh, &mut self.revision);
        }
    }
}

/// What a reading says of a line.
struct Known {
    profile: Option<Rc<str>>,
    plan: Plan,
    comment: Option<Box<str>>,
}

impl Known {
    /// What the line is known by already stands.
    fn prefer(&mut self, line: &Line) {
        self.profile = line.profile.clone().or(self.profile.take());
        self.comment = line.comment.clone().or(self.comment.take());
        if !line.plan.is_unknown() {
            self.plan = line.plan;
        }
    }
}

fn take(line: &mut Line, fresh: Known, revision: &mut u64) {
    if line.profile == fresh.profile && line.plan == fresh.plan && line.comment == fresh.comment {
        return;
    }
    (line.profile, line.plan, line.comment) = (fresh.profile, fresh.plan, fresh.comment);
    stamp(line, revision);
}

/// The first of the sorted that is equal.
fn first<T>(sorted: &[T], order: impl Fn(&T) -> std::cmp::Ordering) -> Option<&T> {
    let place = sorted.partition_point(|item| order(item).is_lt());
    sorted.get(place).filter(|item| order(item).is_eq())
}

fn concentrated(line: Option<&Line>) -> Option<LineHandle> {
    line.filter(|line| line.role == Role::Server).map(Line::handle)
}

const fn whole(address: &IpAddr) -> &'static str {
    if address.is_ipv4() { "32" } else { "128" }
}

/// A queue's `max-limit`: `upload/download`.
fn of_max_limit(text: &[u8]) -> Plan {
    let mut parts = text.splitn(2, |byte| *byte == b'/').map(limit);
    Plan { upload: parts.next().flatten(), download: parts.next().flatten() }
}

/// A profile's `rate-limit`: `rx[/tx]`, then bursts that are left aside.
fn of_rate_limit(text: &[u8]) -> Plan {
    let steady = text.split(|byte| *byte == b' ').next().unwrap_or_default();
    let mut parts = steady.splitn(2, |byte| *byte == b'/').map(limit);
    let upload = parts.next().flatten();
    Plan { upload, download: parts.next().unwrap_or(upload) }
}

fn limit(text: &[u8]) -> Option<u64> {
    rate(text).filter(|limit| *limit > 0)
}

/// Text form, at most [`MAX_TEXT`] bytes of it.
fn cut(bytes: &[u8]) -> String {
    let mut text = escape(bytes);
    let end = (0..=text.len().min(MAX_TEXT)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.truncate(end);
    text
}
