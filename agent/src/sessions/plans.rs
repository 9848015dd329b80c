//! A line's plan, from five tables: profiles, secrets, addresses, the clock and queues.
//!
//! The plan is, in this order:
//!
//! 1. the limit of a queue with this line as its only target, if the queue is in force: not disabled, not invalid, and
//!    within its time;
//! 2. the rate limit of the profile of the line's secret;
//! 3. the limit of a queue with this line and others as its targets, or of its own queue's parent. Such a plan is shared.
//!
//! A simple queue's `max-limit` is `upload/download`, because the target comes first. A profile's `rate-limit` is
//! `rx/tx` from the router's side: rx is the subscriber's upload too, and a missing tx equals rx (MikroTik's "PPP AAA"
//! page). 0 is unlimited. Only a concentrator's lines have plans: a home router's own secrets and queues concern other
//! users.
//!
//! One reading replaces the last. A reading is void if a table was not answered or broke off. A void reading only adds
//! plans not known before.

mod groups;
mod schedule;

use std::net::IpAddr;
use std::rc::Rc;

use shared::LineHandle;
use shared::control::{MAX_TEXT, Plan, Role};
use shared::username::escape;

use super::line::{Address, Line, LinePlan, Scope};
use super::table::LineTable;
use crate::routeros::sentence::{Sentence, rate};
use groups::Groups;
use schedule::RouterClock;

/// The most kept profiles; an ISP has some dozen.
const MAX_PROFILES: usize = 1_024;

/// One reading of the tables, for the known lines.
#[derive(Debug, Default)]
pub struct PlanReading {
    profiles: Vec<Profile>,
    secrets: Vec<Secret>,
    addresses: Vec<(IpAddr, LineHandle)>,
    clock: Option<RouterClock>,
    queues: Vec<Queue>,
    groups: Groups,
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

/// A queue of one line alone, in force and with a limit.
#[derive(Debug, Clone, Copy)]
struct Queue {
    line: LineHandle,
    by: TargetedBy,
    plan: Plan,
}

/// The form of a queue's target. The router's own dynamic queues target interfaces, so interfaces come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum TargetedBy {
    Interface,
    Address,
}

/// The lines of a queue.
enum Target {
    One(LineHandle, TargetedBy),
    Several(Vec<LineHandle>),
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

    /// Takes the row of `/system/clock`, before any queue.
    pub fn clock(&mut self, row: &Sentence<'_>) {
        self.clock = row.get("date").zip(row.get("time")).and_then(|(date, time)| RouterClock::read(date, time));
    }

    /// Takes a row of `/queue/simple`.
    pub fn queue(&mut self, row: &Sentence<'_>, table: &LineTable) {
        if !self.is_in_force(row) {
            return;
        }
        let plan = row.get("max-limit").map(of_max_limit).unwrap_or_default();
        let parent = row.get("parent").filter(|parent| !parent.is_empty() && *parent != b"none");
        match self.target_of(row, table) {
            Target::One(line, by) if !plan.is_unknown() => {
                if self.queues.len() < table.capacity() {
                    self.queues.push(Queue { line, by, plan });
                }
            }
            Target::One(line, _) => self.groups.add_child(line, parent, table.capacity()),
            Target::Several(lines) => {
                let name = row.get("name").unwrap_or_default();
                self.groups.add(name, parent, plan, lines, table.capacity());
            }
        }
    }

    fn is_in_force(&self, row: &Sentence<'_>) -> bool {
        let is_set = |flag| row.flag(flag).unwrap_or(false);
        let now = row.get("time").is_none_or(|time| schedule::covers(time, self.clock));
        !is_set("disabled") && !is_set("invalid") && now
    }

    /// Finds the lines of a queue: by the target or, without a known line there, by the queue's name.
    fn target_of(&self, row: &Sentence<'_>, table: &LineTable) -> Target {
        let on = |interface: &[u8]| concentrated(table.line_on(interface));
        let target = row.get("target").unwrap_or_default();
        // An interface's name may hold a comma.
        if let Some(line) = on(target) {
            return Target::One(line, TargetedBy::Interface);
        }
        let (mut lines, mut by, mut alone) = (Vec::new(), TargetedBy::Address, true);
        for part in target.split(|byte| *byte == b',') {
            if let Some(line) = on(part) {
                by = TargetedBy::Interface;
                lines.push(line);
            } else if let Some(line) = self.line_at(part) {
                lines.push(line);
            } else {
                alone = false;
                lines.extend(self.lines_within(part));
            }
        }
        lines.sort_unstable();
        lines.dedup();
        match lines.as_slice() {
            [line] if alone => Target::One(*line, by),
            [] => row
                .get("name")
                .and_then(on)
                .map_or(Target::Several(lines), |line| Target::One(line, TargetedBy::Interface)),
            _ => Target::Several(lines),
        }
    }

    /// The lines with addresses in a subnet; none for the subnet of all addresses.
    fn lines_within(&self, subnet: &[u8]) -> impl Iterator<Item = LineHandle> {
        let range = std::str::from_utf8(subnet).ok().and_then(range_of);
        let start = range.map_or(0, |(first, _)| self.addresses.partition_point(|(address, _)| *address < first));
        let rest = self.addresses.get(start..).unwrap_or_default().iter();
        rest.take_while(move |(address, _)| range.is_some_and(|(_, last)| *address <= last)).map(|(_, line)| *line)
    }

    /// Marks the reading as void: a table is incomplete.
    pub fn make_void(&mut self) {
        self.void = true;
    }

    /// True if a table is incomplete.
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
        // Stable: of several, the router's first stays first.
        reading.secrets.sort_by_key(|secret| secret.line);
        reading.queues.sort_by_key(|queue| (queue.line, queue.by));
        reading.groups.sort();
        let mut homes = std::mem::take(&mut reading.addresses);
        homes.sort_by_key(|(_, line)| *line);
        for line in self.lines.iter_mut().filter(|line| line.role == Role::Server) {
            let secret = first(&reading.secrets, |secret| secret.line.cmp(&line.handle));
            let profile = secret.and_then(|secret| reading.profiles.get(usize::from(secret.profile?)));
            let mut fresh = Known {
                profile: profile.map(|profile| Rc::clone(&profile.text)),
                plan: reading.plan_of(line, profile),
                comment: secret.and_then(|secret| secret.comment.clone()),
            };
            if reading.void {
                fresh.prefer(line);
            }
            line.address = match first(&homes, |(_, home)| home.cmp(&line.handle)) {
                Some((address, _)) => Address::Known(*address),
                None if reading.void => line.address,
                None => Address::Missing,
            };
            take(line, fresh, &mut self.revision);
        }
    }
}

impl PlanReading {
    fn plan_of(&self, line: &Line, profile: Option<&Profile>) -> LinePlan {
        let own = |limits| LinePlan { limits, scope: Scope::Own };
        let queue = first(&self.queues, |queue| queue.line.cmp(&line.handle)).map(|queue| own(queue.plan));
        // A session's queue goes with the session: an offline line keeps the last plan.
        let kept = (line.sessions == 0).then_some(line.plan);
        let profile = profile.map(|profile| own(profile.plan));
        let shared = || self.groups.limit_of(line.handle).map(|limits| LinePlan { limits, scope: Scope::Shared });
        let known = |plan: &LinePlan| !plan.limits.is_unknown();
        queue.or(kept.filter(known)).or(profile.filter(known)).or_else(shared).unwrap_or_default()
    }
}

/// A line's texts and plan in one reading.
struct Known {
    profile: Option<Rc<str>>,
    plan: LinePlan,
    comment: Option<Box<str>>,
}

impl Known {
    /// Prefers the line's known values.
    fn prefer(&mut self, line: &Line) {
        self.profile = line.profile.clone().or(self.profile.take());
        self.comment = line.comment.clone().or(self.comment.take());
        if !line.plan.limits.is_unknown() {
            self.plan = line.plan;
        }
    }
}

fn take(line: &mut Line, fresh: Known, revision: &mut u64) {
    if line.profile == fresh.profile && line.plan == fresh.plan && line.comment == fresh.comment {
        return;
    }
    (line.profile, line.plan, line.comment) = (fresh.profile, fresh.plan, fresh.comment);
    line.stamp(revision);
}

/// The first equal one of the sorted.
fn first<T>(sorted: &[T], order: impl Fn(&T) -> std::cmp::Ordering) -> Option<&T> {
    let place = sorted.partition_point(|item| order(item).is_lt());
    sorted.get(place).filter(|item| order(item).is_eq())
}

fn concentrated(line: Option<&Line>) -> Option<LineHandle> {
    line.filter(|line| line.role == Role::Server).map(Line::handle)
}

/// The first and the last address of a subnet such as `10.0.0.0/24`.
fn range_of(subnet: &str) -> Option<(IpAddr, IpAddr)> {
    let (address, bits) = subnet.split_once('/')?;
    let bits: u32 = bits.parse().ok().filter(|bits| *bits > 0)?;
    match address.parse().ok()? {
        IpAddr::V4(address) => {
            let host = u32::MAX.checked_shr(bits).unwrap_or(0);
            let first = u32::from(address) & !host;
            Some((IpAddr::V4(first.into()), IpAddr::V4((first | host).into())))
        }
        IpAddr::V6(address) => {
            let host = u128::MAX.checked_shr(bits).unwrap_or(0);
            let first = u128::from(address) & !host;
            Some((IpAddr::V6(first.into()), IpAddr::V6((first | host).into())))
        }
    }
}

const fn whole(address: &IpAddr) -> &'static str {
    if address.is_ipv4() { "32" } else { "128" }
}

/// A queue's `max-limit`: `upload/download`.
fn of_max_limit(text: &[u8]) -> Plan {
    let mut parts = text.splitn(2, |byte| *byte == b'/').map(limit);
    Plan { upload: parts.next().flatten(), download: parts.next().flatten() }
}

/// A profile's `rate-limit`: `rx[/tx]`, then bursts. The bursts are left aside.
fn of_rate_limit(text: &[u8]) -> Plan {
    let steady = text.split(|byte| *byte == b' ').next().unwrap_or_default();
    let mut parts = steady.splitn(2, |byte| *byte == b'/').map(limit);
    let upload = parts.next().flatten();
    Plan { upload, download: parts.next().unwrap_or(upload) }
}

fn limit(text: &[u8]) -> Option<u64> {
    rate(text).filter(|limit| *limit > 0)
}

/// The text form, cut to [`MAX_TEXT`] bytes.
fn cut(bytes: &[u8]) -> String {
    let mut text = escape(bytes);
    let end = (0..=text.len().min(MAX_TEXT)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.truncate(end);
    text
}
