//! The table of all lines, brought up to each reading of the session tables.

use std::cmp::Ordering;
use std::time::Duration;

use shared::control::{LineReport, Role};
use shared::{LineHandle, Username};
use tokio::time::Instant;

use super::line::{Address, Line, LinePlan};
use super::listing::{InterfaceKey, ListedSession, Listing, Row};

/// A line is forgotten this long after its last row in a table.
pub(super) const REMEMBERED: Duration = Duration::from_secs(24 * 3_600);

/// One live session: an interface to be watched for its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session<'a> {
    /// The interface.
    pub key: InterfaceKey,
    /// The interface's name, as bytes.
    pub name: &'a [u8],
    /// The router's end of the session.
    pub role: Role,
}

/// Every line of the router, by rising handle.
#[derive(Debug)]
pub struct LineTable {
    pub(super) lines: Vec<Line>,
    /// Indices of `lines` in order of the usernames.
    by_username: Vec<u32>,
    pub(super) listing: Listing,
    /// Rows of `listing` in order of the interfaces' names.
    pub(super) by_interface: Vec<u32>,
    gone: Vec<LineHandle>,
    pub(super) revision: u64,
    next_handle: u32,
    capacity: usize,
    pub(super) readings: u64,
    refusing: bool,
}

impl LineTable {
    /// An empty table for at most `capacity` sessions and as many lines.
    pub const fn new(capacity: usize) -> Self {
        Self {
            lines: Vec::new(),
            by_username: Vec::new(),
            listing: Listing::new(),
            by_interface: Vec::new(),
            gone: Vec::new(),
            revision: 0,
            next_handle: 1,
            capacity,
            readings: 0,
            refusing: false,
        }
    }

    /// The lines, by rising handle.
    pub fn iter(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }

    /// How many lines there are.
    pub const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no line.
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The most sessions, and the most lines.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Live sessions on the router, as of the last reading.
    pub fn live_sessions(&self) -> usize {
        self.listing.rows.iter().filter(|row| row.live).count()
    }

    /// The newest line's handle.
    pub fn newest(&self) -> Option<LineHandle> {
        self.lines.last().map(|line| line.handle)
    }

    /// How often the tables were read.
    pub const fn readings(&self) -> u64 {
        self.readings
    }

    /// The number of changes so far; each change stamps the line with the next revision.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Every line's report, with ages as of `now`.
    pub fn reports(&self, now: Instant) -> impl Iterator<Item = LineReport> {
        self.changed_since(0, now)
    }

    /// The reports of the lines changed after `revision`, with ages as of `now`.
    pub fn changed_since(&self, revision: u64, now: Instant) -> impl Iterator<Item = LineReport> {
        self.lines.iter().filter(move |line| line.revision > revision).map(move |line| line.report(now))
    }

    /// The same for handles above `after`: a long table is told in pages.
    pub fn changed_after(
        &self,
        revision: u64,
        after: Option<LineHandle>,
        now: Instant,
    ) -> impl Iterator<Item = LineReport> {
        let start = after.map_or(0, |after| self.lines.partition_point(|line| line.handle <= after));
        let rest = self.lines.get(start..).unwrap_or_default().iter();
        rest.filter(move |line| line.revision > revision).map(move |line| line.report(now))
    }

    /// Takes the handles of the lines forgotten since the last call. At most `capacity` handles are kept for the call; more
    /// are dropped, and the next hello sends the whole table anyway.
    pub fn drain_gone(&mut self) -> Vec<LineHandle> {
        std::mem::take(&mut self.gone)
    }

    /// The line of the handle.
    pub fn line(&self, handle: LineHandle) -> Option<&Line> {
        let nth = self.lines.binary_search_by_key(&handle, |line| line.handle).ok()?;
        self.lines.get(nth)
    }

    /// The line of the username.
    pub fn line_of(&self, username: &[u8]) -> Option<&Line> {
        let order = |nth: &u32| self.nth(*nth).map_or(Ordering::Less, |line| line.username.as_bytes().cmp(username));
        let place = self.by_username.binary_search_by(order).ok()?;
        self.nth(*self.by_username.get(place)?)
    }

    /// The line of the interface's session.
    pub fn line_on(&self, interface: &[u8]) -> Option<&Line> {
        self.line_of(self.listing.user(self.row_on(interface)?))
    }

    /// The live sessions of a line; none for an offline or unknown line.
    pub fn sessions_of(&self, handle: LineHandle) -> impl Iterator<Item = Session<'_>> {
        let (first, count) = self.line(handle).map_or((0, 0), |line| (line.first as usize, usize::from(line.sessions)));
        let rows = self.listing.rows.iter().skip(first).take(count);
        rows.map(|row| Session { key: row.key, name: self.listing.name(row), role: row.role })
    }

    /// True if the row differs from the last reading.
    pub fn is_news(&self, heard: &ListedSession<'_>) -> bool {
        self.row_on(heard.name).is_none_or(|row| {
            (row.key, row.live, row.role) != (heard.key, heard.live, heard.role) || self.listing.user(row) != heard.user
        })
    }

    /// True if the last reading had the interface.
    pub fn has(&self, key: InterfaceKey) -> bool {
        self.listing.rows.iter().any(|row| row.key == key)
    }

    /// Brings the lines up to a reading of all session tables, and gives back the memory of the one before.
    pub fn apply(&mut self, mut fresh: Listing, now: Instant) -> Listing {
        fresh.sort();
        self.note_refusals(&fresh);
        let known = self.by_username.len();
        let (mut start, mut place) = (0, 0);
        while start < fresh.rows.len() {
            let end = fresh.end_of_group(start);
            if let Some(nth) = self.find_or_add(&fresh, start, &mut place, known, now) {
                self.bring_up(nth, &fresh, start..end, now);
            }
            start = end;
        }
        self.end_unlisted(now);
        self.readings += 1;
        let before = std::mem::replace(&mut self.listing, fresh);
        self.forget_old(now);
        self.index(known);
        before
    }

    fn nth(&self, nth: u32) -> Option<&Line> {
        self.lines.get(nth as usize)
    }

    pub(super) fn row_on(&self, interface: &[u8]) -> Option<&Row> {
        let row = |nth: &u32| self.listing.rows.get(*nth as usize);
        let order = |nth: &u32| row(nth).map_or(Ordering::Less, |row| self.listing.name(row).cmp(interface));
        let place = self.by_interface.binary_search_by(order).ok()?;
        row(self.by_interface.get(place)?)
    }

    /// The line of the rows at `start`: both sides are in order of usernames, so `place` only moves forward.
    fn find_or_add(
        &mut self,
        fresh: &Listing,
        start: usize,
        place: &mut usize,
        known: usize,
        now: Instant,
    ) -> Option<usize> {
        let user = fresh.user(fresh.rows.get(start)?);
        while *place < known {
            let nth = *self.by_username.get(*place)?;
            match self.nth(nth)?.username.as_bytes().cmp(user) {
                Ordering::Less => *place += 1,
                Ordering::Equal => return Some(nth as usize),
                Ordering::Greater => break,
            }
        }
        self.add(Username::from_bytes(user).ok()?, now)
    }

    fn add(&mut self, username: Username, now: Instant) -> Option<usize> {
        if self.lines.len() >= self.capacity {
            return None;
        }
        let nth = self.lines.len();
        self.revision += 1;
        self.lines.push(Line {
            handle: LineHandle(self.next_handle),
            username,
            role: Role::Server,
            sessions: 0,
            since: None,
            first: 0,
            listed: now,
            profile: None,
            plan: LinePlan::default(),
            comment: None,
            address: Address::Unread,
            revision: self.revision,
        });
        self.next_handle = self.next_handle.checked_add(1)?;
        self.by_username.push(u32::try_from(nth).ok()?);
        Some(nth)
    }

    fn bring_up(&mut self, nth: usize, fresh: &Listing, rows: std::ops::Range<usize>, now: Instant) {
        let Some(line) = self.lines.get_mut(nth) else { return };
        let group = fresh.rows.get(rows.clone()).unwrap_or_default();
        let (role, sessions) = carried_by(group);
        let live = group.get(..usize::from(sessions)).unwrap_or_default();
        let first = u32::try_from(rows.start).unwrap_or(u32::MAX);
        let since = match live {
            [] => line.down_since(self.readings, now),
            live => {
                let place = line.first as usize;
                let before = self.listing.rows.get(place..place + usize::from(line.sessions)).unwrap_or_default();
                line.up_since(before, live, self.readings, now)
            }
        };
        (line.first, line.listed) = (first, now);
        if (line.role, line.sessions, line.since) != (role, sessions, since) {
            (line.role, line.sessions, line.since) = (role, sessions, since);
            line.address = Address::Unread;
            line.stamp(&mut self.revision);
        }
    }

    /// A line without a row is offline: dynamic entries vanish with their sessions.
    fn end_unlisted(&mut self, now: Instant) {
        for line in self.lines.iter_mut().filter(|line| line.listed != now && line.sessions > 0) {
            line.since = line.down_since(self.readings, now);
            (line.sessions, line.first) = (0, 0);
            line.stamp(&mut self.revision);
        }
    }

    /// Forgets lines without a row for [`REMEMBERED`], and sooner if new lines need the room.
    fn forget_old(&mut self, now: Instant) {
        let keep = if self.lines.len() < self.capacity { REMEMBERED } else { Duration::from_secs(60) };
        let is_old = |line: &Line| now.saturating_duration_since(line.listed) > keep;
        if !self.lines.iter().any(is_old) {
            return;
        }
        let room = self.capacity.saturating_sub(self.gone.len());
        self.gone.extend(self.lines.iter().filter(|line| is_old(line)).map(|line| line.handle).take(room));
        self.lines.retain(|line| !is_old(line));
        self.by_username.clear();
        self.by_username.extend(0..u32::try_from(self.lines.len()).unwrap_or(u32::MAX));
    }

    /// Puts both indices into order; usernames only if any came or went.
    fn index(&mut self, known: usize) {
        if self.by_username.len() != known
            || !self.by_username.is_sorted_by_key(|nth| self.nth(*nth).map(|l| &l.username))
        {
            let mut order = std::mem::take(&mut self.by_username);
            order.sort_unstable_by(|a, b| self.nth(*a).map(|l| &l.username).cmp(&self.nth(*b).map(|l| &l.username)));
            self.by_username = order;
        }
        let mut order = std::mem::take(&mut self.by_interface);
        order.clear();
        order.extend(0..u32::try_from(self.listing.rows.len()).unwrap_or(u32::MAX));
        let name = |nth: &u32| self.listing.rows.get(*nth as usize).map(|row| self.listing.name(row));
        order.sort_unstable_by(|a, b| name(a).cmp(&name(b)));
        self.by_interface = order;
    }

    /// Logs once when more sessions come than fit, and once when all fit again.
    fn note_refusals(&mut self, fresh: &Listing) {
        let refusing = fresh.refused > 0;
        if refusing && !self.refusing {
            let (refused, capacity) = (fresh.refused, self.capacity);
            tracing::warn!(refused, capacity, "more sessions than are kept: raise LINELIGHT_MAX_SESSIONS");
        } else if self.refusing && !refusing {
            tracing::info!(capacity = self.capacity, "all sessions are kept again");
        }
        self.refusing = refusing;
    }
}

/// The role of the line's sessions, and their number. The rows are in the order of [`Listing::sort`].
fn carried_by(rows: &[Row]) -> (Role, u16) {
    let live = rows.first().filter(|row| row.live);
    let Some(first) = live else {
        let server = rows.iter().any(|row| row.role == Role::Server);
        return (if server { Role::Server } else { Role::Client }, 0);
    };
    let count = rows.iter().take_while(|row| row.live && row.role == first.role).count();
    (first.role, u16::try_from(count).unwrap_or(u16::MAX))
}
