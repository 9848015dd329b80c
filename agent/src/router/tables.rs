//! When which table is read, and what its rows become. Pure: time is an argument, commands are somebody else's.
//!
//! Hints (a session heard of, rows that stopped) lead to a reading soon, but readings have a pause between them that
//! grows with the time that they take, so that they fill at most a fifth of it. A full reading comes now and then
//! whatever was hinted, for hints get lost.

use std::time::Duration;

use shared::LineHandle;
use shared::control::Role;
use tokio::time::Instant;

use crate::config::Timing;
use crate::routeros::sentence::Sentence;
use crate::sessions::{InterfaceKey, LineTable, ListedSession, Listing, PlanReading};

/// Hints come in swarms: a session that goes is heard of in three menus.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// The pause between readings is so many times what the last one took.
const SHARE: u32 = 4;

/// While nobody watches, the pause is so many times as long.
const UNWATCHED: u32 = 5;

/// Plans change seldom: while something is watched they are read in every so many full intervals, and when there are new
/// lines; while nothing is, never.
const PLAN_INTERVALS: u32 = 5;

/// Between two readings of the plans for new lines, at least. After a void one it doubles, up to the time that plans are
/// read in anyway.
const PLAN_PAUSE: Duration = Duration::from_secs(10);

/// While a watched line is offline, the tables are read this often although its router tells of changes.
const ABSENT_INTERVAL: Duration = Duration::from_secs(10);

/// A line that has been offline for this long is looked for less often.
const LONG_ABSENT: Duration = Duration::from_secs(300);

/// So many interfaces that go while the tables are read are kept apart.
const MAX_GONE: usize = 256;

/// So many void readings in a row mean that the API does not work.
const MAX_VOID: u8 = 3;

/// A table of a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Server,
    Client,
    Profiles,
    Secrets,
    Addresses,
    Clock,
    Queues,
}

/// What the end of a table completed.
#[derive(Debug)]
pub(super) enum Completed {
    /// All sessions, as of when their reading began.
    Sessions(Listing, Instant),
    /// All plans.
    Plans(PlanReading),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Due,
    Asked,
    Over,
}

#[derive(Debug)]
struct SessionReading {
    began: Instant,
    server: Stage,
    client: Stage,
    void: bool,
    /// Interfaces that went since it began: its rows may be older.
    gone: Vec<InterfaceKey>,
}

#[derive(Debug)]
struct PlanStage {
    table: Table,
    asked: bool,
}

/// The readings under way, and when the next are due.
#[derive(Debug)]
pub(super) struct Tables {
    interval: Duration,
    pause: Duration,
    listing: Listing,
    sessions: Option<SessionReading>,
    ended: Option<Instant>,
    began: Option<Instant>,
    took: Duration,
    hinted: Option<Instant>,
    void: u8,
    plans: PlanReading,
    plan_stage: Option<PlanStage>,
    /// When plans were last read, and up to which line.
    plans_read: Option<(Instant, Option<LineHandle>)>,
    /// Readings of the plans in a row that were not whole.
    void_plans: u8,
    /// Whether the router told of a change since the last reading.
    told: bool,
    /// Whether a reading found a change that the router had not told of.
    untold: bool,
}

impl Tables {
    pub(super) fn new(timing: &Timing) -> Self {
        Self {
            interval: timing.tables.reread_interval,
            pause: timing.tables.reread_pause,
            listing: Listing::default(),
            sessions: None,
            ended: None,
            began: None,
            took: Duration::ZERO,
            hinted: None,
            void: 0,
            plans: PlanReading::default(),
            plan_stage: None,
            plans_read: None,
            void_plans: 0,
            told: false,
            untold: false,
        }
    }

    /// Forgets what was under way, after the connection went: the first reading of the next one is due at once.
    pub(super) fn disconnected(&mut self) {
        (self.sessions, self.plan_stage, self.began, self.ended, self.hinted) = (None, None, None, None, None);
        self.plans_read = None;
        (self.void, self.void_plans) = (0, 0);
        (self.told, self.untold) = (false, false);
    }

    /// Takes note that the router tells of changes.
    pub(super) fn told(&mut self) {
        (self.told, self.untold) = (true, false);
    }

    /// Takes note that it does not tell of them.
    pub(super) fn tells_nothing(&mut self) {
        self.untold = true;
    }

    /// Takes note of whether a reading found a change: unless the router told of one, it is not relied upon to tell of
    /// the next.
    pub(super) fn compare(&mut self, changed: bool) {
        self.untold |= changed && !self.told;
        self.told = false;
    }

    /// Asks for readings again and again while a watched line is offline, for its return is to be noticed soon.
    pub(super) fn look_for(&mut self, offline_for: Duration, now: Instant) {
        let every = match (self.untold, offline_for >= LONG_ABSENT) {
            (true, false) => self.pause,
            (true, true) => self.pause * UNWATCHED,
            (false, _) => ABSENT_INTERVAL.max(self.pause),
        };
        if self.ended.is_some_and(|ended| ended + every <= now) {
            self.hint(now);
        }
    }

    /// Takes note that an interface is no more, whatever a reading under way says of it. What does not fit is left to the
    /// reading after it.
    pub(super) fn gone(&mut self, interface: InterfaceKey) {
        if let Some(reading) = self.sessions.as_mut().filter(|reading| reading.gone.len() < MAX_GONE) {
            reading.gone.push(interface);
        }
    }

    /// Asks for a reading soon.
    pub(super) fn hint(&mut self, now: Instant) {
        self.hinted.get_or_insert(now);
    }

    /// When [`next`](Self::next) has something to ask for, if nothing else happens.
    pub(super) fn wake(&self, watched: bool) -> Option<Instant> {
        if self.sessions.is_some() {
            return None;
        }
        let periodic = self.began? + self.interval;
        Some(self.hinted_at(watched).map_or(periodic, |hinted| hinted.min(periodic)))
    }

    /// A table that is to be asked for now; call again until there is none.
    pub(super) fn next(&mut self, lines: &LineTable, watched: bool, now: Instant) -> Option<Table> {
        if self.sessions.is_none() && self.wake(watched).is_none_or(|due| due <= now) {
            self.begin_sessions(now);
        }
        if let Some(table) = self.sessions.as_mut().and_then(SessionReading::ask) {
            return Some(table);
        }
        if self.plan_stage.is_none() && watched && self.plans_due(lines, now) {
            self.plans = PlanReading::default();
            self.plan_stage = Some(PlanStage { table: Table::Profiles, asked: false });
        }
        let stage = self.plan_stage.as_mut().filter(|stage| !stage.asked)?;
        stage.asked = true;
        Some(stage.table)
    }

    /// Takes a row.
    pub(super) fn row(&mut self, table: Table, row: &Sentence<'_>, lines: &LineTable) {
        match table {
            Table::Server => self.session(Role::Server, row, lines),
            Table::Client => self.session(Role::Client, row, lines),
            Table::Profiles => self.plans.profile(row),
            Table::Secrets => self.plans.secret(row, lines),
            Table::Addresses => self.plans.address(row, lines),
            Table::Clock => self.plans.clock(row),
            Table::Queues => self.plans.queue(row, lines),
        }
    }

    /// Takes the router's refusal. A menu that it does not have is empty, and so is one of the plans' that the user may
    /// not read; anything else makes a reading void.
    pub(super) fn trap(&mut self, table: Table, message: &[u8]) {
        let known = [&b"no such command"[..], b"unknown command", b"not supported"];
        let absent = known.iter().any(|text| message.starts_with(text));
        let closed = !matches!(table, Table::Server | Table::Client) && is_forbidden(message);
        if !absent && !closed {
            self.make_void(table);
        }
    }

    /// Takes note that the table did not come in time.
    pub(super) fn timed_out(&mut self, table: Table, lines: &LineTable, now: Instant) -> Option<Completed> {
        self.make_void(table);
        self.done(table, lines, now)
    }

    fn make_void(&mut self, table: Table) {
        match (table, &mut self.sessions) {
            (Table::Server | Table::Client, Some(reading)) => reading.void = true,
            (Table::Server | Table::Client, None) => {}
            _ => self.plans.make_void(),
        }
    }

    /// Takes note that the table is complete.
    pub(super) fn done(&mut self, table: Table, lines: &LineTable, now: Instant) -> Option<Completed> {
        let next = match table {
            Table::Server | Table::Client => return self.end_sessions(table, now),
            Table::Profiles => Table::Secrets,
            Table::Secrets => Table::Addresses,
            Table::Addresses => {
                self.plans.addresses_complete();
                Table::Clock
            }
            Table::Clock => Table::Queues,
            Table::Queues => {
                self.plan_stage = None;
                self.plans_read = Some((now, lines.newest()));
                self.void_plans = if self.plans.is_void() { self.void_plans.saturating_add(1) } else { 0 };
                return Some(Completed::Plans(std::mem::take(&mut self.plans)));
            }
        };
        self.plan_stage = Some(PlanStage { table: next, asked: false });
        None
    }

    /// Takes back a listing's memory.
    pub(super) fn give_back(&mut self, listing: Listing) {
        self.listing = listing;
    }

    /// Whether the router answers, but not with tables.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.void >= MAX_VOID
    }

    fn hinted_at(&self, watched: bool) -> Option<Instant> {
        let pause = self.pause.max(self.took * SHARE) * if watched { 1 } else { UNWATCHED };
        let hinted = self.hinted? + DEBOUNCE;
        Some(self.ended.map_or(hinted, |ended| hinted.max(ended + pause)))
    }

    fn begin_sessions(&mut self, now: Instant) {
        self.listing.clear();
        (self.hinted, self.began) = (None, Some(now));
        self.sessions =
            Some(SessionReading { began: now, server: Stage::Due, client: Stage::Due, void: false, gone: Vec::new() });
    }

    fn session(&mut self, role: Role, row: &Sentence<'_>, lines: &LineTable) {
        if let Some(session) = ListedSession::read(role, row) {
            self.listing.add(&session, lines.capacity());
        }
    }

    fn end_sessions(&mut self, table: Table, now: Instant) -> Option<Completed> {
        let reading = self.sessions.as_mut()?;
        match table {
            Table::Server => reading.server = Stage::Over,
            _ => reading.client = Stage::Over,
        }
        let is_over = |reading: &mut SessionReading| (reading.server, reading.client) == (Stage::Over, Stage::Over);
        let SessionReading { began, void, gone, .. } = self.sessions.take_if(is_over)?;
        self.listing.end(&gone);
        (self.ended, self.took) = (Some(now), now.saturating_duration_since(began));
        if void {
            self.void += 1;
            self.hint(now);
            return None;
        }
        self.void = 0;
        Some(Completed::Sessions(std::mem::take(&mut self.listing), began))
    }

    /// Plans follow the first reading of the sessions, and then new lines and the time.
    fn plans_due(&self, lines: &LineTable, now: Instant) -> bool {
        let Some((read, newest)) = self.plans_read else { return self.ended.is_some() && lines.readings() > 0 };
        let wanted = self.void_plans > 0 || newest != lines.newest();
        let pause = PLAN_PAUSE * (1 << self.void_plans.saturating_sub(1).min(8));
        let age = now.saturating_duration_since(read);
        age >= self.interval * PLAN_INTERVALS || (wanted && age >= pause)
    }
}

/// Whether a refusal is about what the API user may do.
pub(super) fn is_forbidden(message: &[u8]) -> bool {
    [&b"permission"[..], b"privilege"].iter().any(|word| message.windows(word.len()).any(|part| part == *word))
}

impl SessionReading {
    /// Both tables are asked for at once: a session must not slip through between them.
    fn ask(&mut self) -> Option<Table> {
        let (stage, table) = match (self.server, self.client) {
            (Stage::Due, _) => (&mut self.server, Table::Server),
            (_, Stage::Due) => (&mut self.client, Table::Client),
            _ => return None,
        };
        *stage = Stage::Asked;
        Some(table)
    }
}

#[cfg(test)]
mod tests;
