//! One line: its sessions, its plan, and the revision of its last change.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use shared::control::{LineReport, Plan, Role};
use shared::{LineHandle, Username};
use tokio::time::Instant;

use super::listing::Row;
use crate::clock::milliseconds;

/// Uptimes are whole seconds and tables take time to read: a session's start is the same within this.
const SAME_START: Duration = Duration::from_secs(5);

/// One PPPoE username with all its sessions on this router.
#[derive(Debug)]
pub struct Line {
    pub(super) handle: LineHandle,
    pub(super) username: Username,
    pub(super) role: Role,
    pub(super) sessions: u16,
    /// Since when the newest session is up or, without one, the last has been down.
    pub(super) since: Option<Instant>,
    /// The line's first live session in the listing; `sessions` of them stand together.
    pub(super) first: u32,
    /// The last reading with a row of the line.
    pub(super) listed: Instant,
    pub(super) profile: Option<Rc<str>>,
    pub(super) plan: LinePlan,
    pub(super) comment: Option<Box<str>>,
    pub(super) address: Address,
    pub(super) revision: u64,
}

/// The remote address of a line's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Address {
    /// The sessions changed since the addresses were read.
    #[default]
    Unread,
    /// The router names none.
    Missing,
    /// The address.
    Known(IpAddr),
}

/// A line's limits, and whether other lines have a part in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LinePlan {
    pub(super) limits: Plan,
    pub(super) scope: Scope,
}

/// Whose a limit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Scope {
    /// This line's alone.
    #[default]
    Own,
    /// This line's and others' together.
    Shared,
}

impl Line {
    /// The line's name on the uplink.
    pub const fn handle(&self) -> LineHandle {
        self.handle
    }

    /// The PPPoE username.
    pub const fn username(&self) -> &Username {
        &self.username
    }

    /// The router's end of the sessions.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The remote address of a session, if read since the sessions last changed.
    pub const fn address(&self) -> Option<IpAddr> {
        match self.address {
            Address::Known(address) => Some(address),
            Address::Unread | Address::Missing => None,
        }
    }

    /// True for a concentrator's line with a session whose address has not been read.
    pub fn lacks_address(&self) -> bool {
        self.address == Address::Unread && self.role == Role::Server && self.sessions > 0
    }

    /// How many sessions are up; 0 is offline.
    pub const fn sessions(&self) -> u16 {
        self.sessions
    }

    /// The time offline; [`Duration::MAX`] if unknown.
    pub fn offline_for(&self, now: Instant) -> Duration {
        self.since.map_or(Duration::MAX, |since| now.saturating_duration_since(since))
    }

    /// The start of the newest session. Without an uptime in the table, the start is known only for a session begun between
    /// two readings.
    pub(super) fn up_since(&self, before: &[Row], live: &[Row], readings: u64, now: Instant) -> Option<Instant> {
        let fresh = live.iter().any(|row| !before.iter().any(|old| old.key == row.key));
        let started = live.iter().filter_map(Row::uptime).min().and_then(|uptime| now.checked_sub(uptime));
        match (started, self.since) {
            (Some(started), Some(since)) if !fresh && apart(started, since) < SAME_START => Some(since),
            (Some(started), _) => Some(started),
            (None, since) if !fresh => since,
            (None, _) => (readings > 0).then_some(now),
        }
    }

    pub(super) fn down_since(&self, readings: u64, now: Instant) -> Option<Instant> {
        if self.sessions == 0 { self.since } else { (readings > 0).then_some(now) }
    }

    pub(super) fn report(&self, now: Instant) -> LineReport {
        LineReport {
            line: self.handle,
            username: self.username.clone(),
            role: self.role,
            sessions: self.sessions,
            age_ms: self.since.map(|since| milliseconds(now.saturating_duration_since(since))),
            profile: self.profile.as_deref().map(str::to_owned),
            plan: self.plan.limits,
            plan_shared: self.plan.scope == Scope::Shared,
            comment: self.comment.as_deref().map(str::to_owned),
        }
    }

    /// Counts a change, and gives the line its revision.
    pub(super) fn stamp(&mut self, revision: &mut u64) {
        *revision += 1;
        self.revision = *revision;
    }
}

fn apart(a: Instant, b: Instant) -> Duration {
    a.saturating_duration_since(b).max(b.saturating_duration_since(a))
}
