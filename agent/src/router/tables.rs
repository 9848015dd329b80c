//! Decides when to read each table, and collects the rows. Pure: time is an argument, and the router's task sends the
//! commands.
//!
//! A hint (a session heard of, rows that stopped) leads to a reading soon. The pause between readings grows with their
//! own time: readings fill at most a fifth of the time. A full reading comes now and then without a hint, because hints
//! get lost.

use std::time::Duration;

use shared::LineHandle;
use shared::control::Role;
use tokio::time::Instant;

use crate::config::Timing;
use crate::routeros::sentence::Sentence;
use crate::sessions::{InterfaceKey, LineTable, ListedSession, Listing, PlanReading};

/// Hints come together: three menus tell of one session's end.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// The pause between readings, as a multiple of the last reading's time.
const SHARE: u32 = 4;

/// The factor of the pause while nobody watches.
const UNWATCHED: u32 = 5;

/// Plans change seldom: while something is watched they are read in every so many full intervals, and when there are new
/// lines; while nothing is, never.
const PLAN_INTERVALS: u32 = 5;

/// The least time between two readings of the plans for new lines. Each void reading doubles the pause, up to the usual
/// interval of the plans.
const PLAN_PAUSE: Duration = Duration::from_secs(10);

/// The interval of readings while a watched line is offline, at a router that tells of changes.
const ABSENT_INTERVAL: Duration = Duration::from_secs(10);

/// After so long offline, a line is looked for less often.
const LONG_ABSENT: Duration = Duration::from_secs(300);

/// The most interfaces noted as gone during one reading.
const MAX_GONE: usize = 256;

/// After so many void readings in a row the API counts as broken.
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

/// A completed reading.
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
    /// Interfaces gone since the reading began: rows may be older.
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
    /// The time of the last reading of the plans, and the newest line then.
    plans_read: Option<(Instant, Option<LineHandle>)>,
    /// Void readings of the plans in a row.
    void_plans: u8,
    /// True if the router told of a change since the last reading.
    told: bool,
    /// True if a reading found a change before the router told of any.
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

    /// Forgets the readings under way: the connection is gone. The next connection begins with a reading.
    pub(super) fn disconnected(&mut self) {
        (self.sessions, self.plan_stage, self.began, self.ended, self.hinted) = (None, None, None, None, None);
        self.plans_read = None;
        (self.void, self.void_plans) = (0, 0);
        (self.told, self.untold) = (false, false);
    }

    /// Notes that the router tells of changes.
    pub(super) fn told(&mut self) {
        (self.told, self.untold) = (true, false);
    }

    /// Notes that the router does not tell of changes.
    pub(super) fn tells_nothing(&mut self) {
        self.untold = true;
    }

    /// Notes whether a reading found a change. After a change without a word of the router, the router is not relied on.
    pub(super) fn compare(&mut self, changed: bool) {
        self.untold |= changed && !self.told;
        self.told = false;
    }

    /// Asks for readings again and again while a watched line is offline, to notice the return soon.
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

    /// Notes that an interface is gone, whatever a reading under way says. Beyond [`MAX_GONE`] the next reading tells.
    pub(super) fn gone(&mut self, interface: InterfaceKey) {
        if let Some(reading) = self.sessions.as_mut().filter(|reading| reading.gone.len() < MAX_GONE) {
            reading.gone.push(interface);
        }
    }

    /// Asks for a reading soon.
    pub(super) fn hint(&mut self, now: Instant) {
        self.hinted.get_or_insert(now);
    }

    /// When [`next`](Self::next) has something to ask for without another event.
    pub(super) fn wake(&self, watched: bool) -> Option<Instant> {
        if self.sessions.is_some() {
            return None;
        }
        let periodic = self.began? + self.interval;
        Some(self.hinted_at(watched).map_or(periodic, |hinted| hinted.min(periodic)))
    }

    /// Returns a table to be asked for now; call again until there is none.
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

    /// Takes the router's refusal. A menu that the router does not have is empty. So is a forbidden menu, if it is of the
    /// plans. Any other refusal makes the reading void.
    pub(super) fn trap(&mut self, table: Table, message: &[u8]) {
        let known = [&b"no such command"[..], b"unknown command", b"not supported"];
        let absent = known.iter().any(|text| message.starts_with(text));
        let closed = !matches!(table, Table::Server | Table::Client) && is_forbidden(message);
        if !absent && !closed {
            self.make_void(table);
        }
    }

    /// Ends a table after a timeout; the reading is void.
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

    /// Ends a complete table. Returns the reading, if this was the last table.
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

    /// Plans are due after the first reading of the sessions, for new lines, and from time to time.
    fn plans_due(&self, lines: &LineTable, now: Instant) -> bool {
        let Some((read, newest)) = self.plans_read else { return self.ended.is_some() && lines.readings() > 0 };
        let wanted = self.void_plans > 0 || newest != lines.newest();
        let pause = PLAN_PAUSE * (1 << self.void_plans.saturating_sub(1).min(8));
        let age = now.saturating_duration_since(read);
        age >= self.interval * PLAN_INTERVALS || (wanted && age >= pause)
    }
}

/// True if a refusal is about the API user's policies.
pub(super) fn is_forbidden(message: &[u8]) -> bool {
    [&b"permission"[..], b"privilege"].iter().any(|word| message.windows(word.len()).any(|part| part == *word))
}

impl SessionReading {
    /// Both tables are asked for at once: no session slips through between them.
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
