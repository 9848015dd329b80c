//! Decides when to read each table, and collects the rows. Pure: time is an argument, and the router's task sends the
//! commands.
//!
//! A hint (a session heard of, rows that stopped) leads to a reading soon. The pause between readings grows with their
//! own time: readings fill at most a fifth of the time. A full reading comes now and then without a hint, because hints
//! get lost.

mod plans;
mod sessions;
mod table;

use tokio::time::{Duration, Instant};

use shared::control::Role;

use crate::config::Timing;
use crate::routeros::sentence::Sentence;
use crate::sessions::{InterfaceKey, LineTable, Listing, PlanReading};
use plans::PlanTables;
use sessions::SessionTables;
pub(super) use table::Table;

/// A completed reading.
#[derive(Debug)]
pub(super) enum Completed {
    /// All sessions, as of when their reading began.
    Sessions(Listing, Instant),
    /// All plans.
    Plans(PlanReading),
}

/// The readings under way, and when the next are due.
#[derive(Debug)]
pub(super) struct Tables {
    sessions: SessionTables,
    plans: PlanTables,
}

impl Tables {
    pub(super) fn new(timing: &Timing) -> Self {
        Self { sessions: SessionTables::new(&timing.tables), plans: PlanTables::new(&timing.tables) }
    }

    /// Forgets the readings under way: the connection is gone. The next connection begins with a reading.
    pub(super) fn disconnected(&mut self) {
        self.sessions.disconnected();
        self.plans.disconnected();
    }

    /// Notes that the router tells of changes.
    pub(super) fn told(&mut self) {
        self.sessions.told();
    }

    /// Notes that the router does not tell of changes.
    pub(super) fn tells_nothing(&mut self) {
        self.sessions.tells_nothing();
    }

    /// Notes whether a reading found a change. After a change without a word of the router, the router is not relied on.
    pub(super) fn compare(&mut self, changed: bool) {
        self.sessions.compare(changed);
    }

    /// Asks for readings again and again while a watched line is offline, to notice the return soon.
    pub(super) fn look_for(&mut self, offline_for: Duration, now: Instant) {
        self.sessions.look_for(offline_for, now);
    }

    /// Asks for the addresses of sessions soon: a watched line lacks one.
    pub(super) const fn want_addresses(&mut self) {
        self.plans.want_addresses();
    }

    /// Notes that an interface is gone, whatever a reading under way says.
    pub(super) fn gone(&mut self, interface: InterfaceKey) {
        self.sessions.gone(interface);
    }

    /// Asks for a reading soon.
    pub(super) fn hint(&mut self, now: Instant) {
        self.sessions.hint(now);
    }

    /// When [`next`](Self::next) has something to ask for without another event.
    pub(super) fn wake(&self, watched: bool) -> Option<Instant> {
        self.sessions.wake(watched)
    }

    /// Returns a table to be asked for now; call again until there is none.
    pub(super) fn next(&mut self, lines: &LineTable, watched: bool, now: Instant) -> Option<Table> {
        let table = self.sessions.next(watched, now);
        table.or_else(|| self.plans.next(lines, watched && self.sessions.is_read(), now))
    }

    /// Takes a row.
    pub(super) fn row(&mut self, table: Table, row: &Sentence<'_>, lines: &LineTable) {
        match table {
            Table::Server => self.sessions.row(Role::Server, row, lines),
            Table::Client => self.sessions.row(Role::Client, row, lines),
            table => self.plans.row(table, row, lines),
        }
    }

    /// Takes the router's refusal. A menu that the router does not have is empty. So is a forbidden menu, if it is of the
    /// plans. Any other refusal makes the reading void.
    pub(super) fn trap(&mut self, table: Table, message: &[u8]) {
        let known = [&b"no such command"[..], b"unknown command", b"not supported"];
        let absent = known.iter().any(|text| message.starts_with(text));
        let closed = !table.is_of_sessions() && is_forbidden(message);
        if !absent && !closed {
            self.make_void(table);
        }
    }

    /// Ends a table after a timeout; the reading is void.
    pub(super) fn timed_out(&mut self, table: Table, lines: &LineTable, now: Instant) -> Option<Completed> {
        self.make_void(table);
        self.done(table, lines, now)
    }

    /// Ends a complete table. Returns the reading, if this was the last table.
    pub(super) fn done(&mut self, table: Table, lines: &LineTable, now: Instant) -> Option<Completed> {
        if table.is_of_sessions() {
            return self.sessions.done(table, now).map(|(listing, began)| Completed::Sessions(listing, began));
        }
        self.plans.done(table, lines, now).map(Completed::Plans)
    }

    /// Takes back a listing's memory.
    pub(super) fn give_back(&mut self, listing: Listing) {
        self.sessions.listing = listing;
    }

    /// True if the router answers, but not with tables.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.sessions.is_hopeless()
    }

    fn make_void(&mut self, table: Table) {
        if table.is_of_sessions() {
            self.sessions.make_void();
        } else {
            self.plans.reading.make_void();
        }
    }
}

/// True if a refusal is about the API user's policies.
pub(super) fn is_forbidden(message: &[u8]) -> bool {
    [&b"permission"[..], b"privilege"].iter().any(|word| message.windows(word.len()).any(|part| part == *word))
}

#[cfg(test)]
mod tests;
