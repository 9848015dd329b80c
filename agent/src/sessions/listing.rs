//! One reading of the session tables: rows in a vector, names in an arena, both bounded by the configured capacity.

use std::time::Duration;

use shared::control::Role;
use shared::username::MAX_USERNAME;

use crate::routeros::commands::parse_id;
use crate::routeros::sentence::Sentence;

/// The longest kept name of an interface, in bytes; a dynamic one is a username in `<pppoe-…>`.
pub const MAX_NAME: usize = MAX_USERNAME + 64;

/// Set in the key of an interface without a usable `.id`; the other bits are the hash of the name.
const NAMED: u64 = 1 << 63;

/// Tells interfaces of one router apart: the `.id`, new at each reconnect, or without one the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceKey(u64);

impl InterfaceKey {
    /// The key of a listed interface.
    pub fn new(id: Option<u64>, name: &[u8]) -> Self {
        // FNV-1a: names are few, and an attacker gains nothing by a clash: one line loses samples.
        let hash =
            || name.iter().fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01B3));
        Self(id.filter(|id| id & NAMED == 0).unwrap_or_else(|| hash() | NAMED))
    }

    /// The key of a row's interface.
    pub fn read(row: &Sentence<'_>, name: &[u8]) -> Self {
        Self::new(row.get(".id").and_then(parse_id), name)
    }

    /// Returns the router's `.id`, if there is one.
    pub const fn id(self) -> Option<u64> {
        if self.0 & NAMED == 0 { Some(self.0) } else { None }
    }
}

/// A row of `/interface/pppoe-server` or `/interface/pppoe-client`, or a hint from listening to them.
#[derive(Debug, Clone, Copy)]
pub struct ListedSession<'a> {
    /// The menu with this row: server or client.
    pub role: Role,
    /// The interface.
    pub key: InterfaceKey,
    /// The interface's name, as bytes.
    pub name: &'a [u8],
    /// The PPPoE username, as bytes.
    pub user: &'a [u8],
    /// How long the session has been up.
    pub uptime: Option<Duration>,
    /// True if the session is up.
    pub live: bool,
}

impl<'a> ListedSession<'a> {
    /// Reads a row; `None` without a name or a username, as in a listener's entry.
    pub fn read(role: Role, row: &Sentence<'a>) -> Option<Self> {
        let name = row.get("name").filter(|name| (1..=MAX_NAME).contains(&name.len()))?;
        let user = row.get("user").filter(|user| (1..=MAX_USERNAME).contains(&user.len()))?;
        let disabled = row.flag("disabled").unwrap_or(false);
        Some(Self {
            role,
            key: InterfaceKey::read(row, name),
            name,
            user,
            uptime: row.duration("uptime"),
            // A dynamic entry exists only during a session, and some boards leave the flag out.
            live: !disabled && row.flag("running").unwrap_or(true),
        })
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) key: InterfaceKey,
    name: u32,
    user: u32,
    name_length: u16,
    user_length: u8,
    pub(super) role: Role,
    pub(super) live: bool,
    /// Seconds; `u32::MAX` is unknown.
    uptime: u32,
}

impl Row {
    pub(super) fn uptime(&self) -> Option<Duration> {
        (self.uptime != u32::MAX).then(|| Duration::from_secs(u64::from(self.uptime)))
    }
}

/// All sessions of one reading.
#[derive(Debug, Default)]
pub struct Listing {
    pub(super) rows: Vec<Row>,
    names: Vec<u8>,
    /// Rows beyond the capacity.
    pub(super) refused: usize,
}

impl Listing {
    pub(super) const fn new() -> Self {
        Self { rows: Vec::new(), names: Vec::new(), refused: 0 }
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.names.clear();
        self.refused = 0;
    }

    /// Takes a row, unless there are `capacity` already.
    pub fn add(&mut self, session: &ListedSession<'_>, capacity: usize) {
        if self.rows.len() >= capacity {
            self.refused += 1;
            return;
        }
        let (Ok(name), Ok(user)) =
            (u32::try_from(self.names.len()), u32::try_from(self.names.len() + session.name.len()))
        else {
            self.refused += 1;
            return;
        };
        self.names.extend_from_slice(session.name);
        self.names.extend_from_slice(session.user);
        self.rows.push(Row {
            key: session.key,
            name,
            user,
            name_length: session.name.len() as u16,
            user_length: session.user.len() as u8,
            role: session.role,
            live: session.live,
            uptime: session.uptime.map_or(u32::MAX, |uptime| u32::try_from(uptime.as_secs()).unwrap_or(u32::MAX)),
        });
    }

    /// Marks sessions ended during the reading: their rows may be older.
    pub fn end(&mut self, ended: &[InterfaceKey]) {
        if !ended.is_empty() {
            self.rows.iter_mut().filter(|row| ended.contains(&row.key)).for_each(|row| row.live = false);
        }
    }

    pub(super) fn name(&self, row: &Row) -> &[u8] {
        let at = row.name as usize;
        self.names.get(at..at + usize::from(row.name_length)).unwrap_or_default()
    }

    pub(super) fn user(&self, row: &Row) -> &[u8] {
        let at = row.user as usize;
        self.names.get(at..at + usize::from(row.user_length)).unwrap_or_default()
    }

    /// Brings the rows of each username together, live ones first, and of those the server's first. The sessions of a
    /// line then stand at the front of the line's rows. A doubled interface is kept once.
    pub(super) fn sort(&mut self) {
        let mut rows = std::mem::take(&mut self.rows);
        let order = |row: &Row| (!row.live, row.role == Role::Client, row.key);
        rows.sort_unstable_by(|a, b| self.user(a).cmp(self.user(b)).then_with(|| order(a).cmp(&order(b))));
        // A table may change during the reading and list an interface twice.
        rows.dedup_by(|a, b| order(a) == order(b) && self.user(a) == self.user(b));
        self.rows = rows;
    }

    /// The end of the rows with the same username as the row at `start`.
    pub(super) fn end_of_group(&self, start: usize) -> usize {
        let Some(first) = self.rows.get(start) else { return start };
        let user = self.user(first);
        let more = self.rows.iter().skip(start).take_while(|row| self.user(row) == user).count();
        start + more
    }
}
