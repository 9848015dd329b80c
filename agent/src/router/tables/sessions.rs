//! Readings of the session tables: when the next is due, and the rows of the present one.

use std::time::Duration;

use shared::control::Role;
use tokio::time::Instant;

use super::table::Table;
use crate::config::TableTiming;
use crate::routeros::sentence::Sentence;
use crate::sessions::{InterfaceKey, LineTable, ListedSession, Listing};

/// Hints come together: three menus tell of one session's end.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// The pause between readings, as a multiple of the last reading's time.
const SHARE: u32 = 4;

/// The factor of the pause while nobody watches.
const UNWATCHED: u32 = 5;

/// The interval of readings while a watched line is offline, at a router that tells of changes.
const ABSENT_INTERVAL: Duration = Duration::from_secs(10);

/// After so long offline, a line is looked for less often.
pub(super) const LONG_ABSENT: Duration = Duration::from_secs(300);

/// The most interfaces noted as gone during one reading.
const MAX_GONE: usize = 256;

/// After so many void readings in a row the API counts as broken.
pub(super) const MAX_VOID: u8 = 3;

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

/// The times of the last reading.
#[derive(Debug, Default)]
struct LastReading {
    began: Option<Instant>,
    ended: Option<Instant>,
    took: Duration,
}

/// The router's habit of telling changes.
#[derive(Debug, Default)]
struct Changes {
    /// True if the router told of a change since the last reading.
    told: bool,
    /// True if a reading found a change before the router told of any.
    untold: bool,
}

/// The reading under way, and when the next is due.
#[derive(Debug)]
pub(super) struct SessionTables {
    interval: Duration,
    pause: Duration,
    pub(super) listing: Listing,
    reading: Option<SessionReading>,
    last: LastReading,
    changes: Changes,
    hinted: Option<Instant>,
    /// Void readings in a row.
    void: u8,
}

impl SessionTables {
    pub(super) fn new(timing: &TableTiming) -> Self {
        Self {
            interval: timing.reread_interval,
            pause: timing.reread_pause,
            listing: Listing::default(),
            reading: None,
            last: LastReading::default(),
            changes: Changes::default(),
            hinted: None,
            void: 0,
        }
    }

    /// Forgets the reading under way. The next connection begins with a reading.
    pub(super) fn disconnected(&mut self) {
        (self.reading, self.hinted, self.void) = (None, None, 0);
        (self.last.began, self.last.ended) = (None, None);
        self.changes = Changes::default();
    }

    /// True once a reading has ended on this connection.
    pub(super) const fn is_read(&self) -> bool {
        self.last.ended.is_some()
    }

    /// Notes that the router tells of changes.
    pub(super) fn told(&mut self) {
        (self.changes.told, self.changes.untold) = (true, false);
    }

    /// Notes that the router does not tell of changes.
    pub(super) fn tells_nothing(&mut self) {
        self.changes.untold = true;
    }

    /// Notes whether a reading found a change. After a change without a word of the router, the router is not relied on.
    pub(super) fn compare(&mut self, changed: bool) {
        self.changes.untold |= changed && !self.changes.told;
        self.changes.told = false;
    }

    /// Asks for readings again and again while a watched line is offline, to notice the return soon.
    pub(super) fn look_for(&mut self, offline_for: Duration, now: Instant) {
        let every = match (self.changes.untold, offline_for >= LONG_ABSENT) {
            (true, false) => self.pause,
            (true, true) => self.pause * UNWATCHED,
            (false, _) => ABSENT_INTERVAL.max(self.pause),
        };
        if self.last.ended.is_some_and(|ended| ended + every <= now) {
            self.hint(now);
        }
    }

    /// Notes that an interface is gone, whatever a reading under way says. Beyond [`MAX_GONE`] the next reading tells.
    pub(super) fn gone(&mut self, interface: InterfaceKey) {
        if let Some(reading) = self.reading.as_mut().filter(|reading| reading.gone.len() < MAX_GONE) {
            reading.gone.push(interface);
        }
    }

    /// Asks for a reading soon.
    pub(super) fn hint(&mut self, now: Instant) {
        self.hinted.get_or_insert(now);
    }

    /// When [`next`](Self::next) has something to ask for without another event.
    pub(super) fn wake(&self, watched: bool) -> Option<Instant> {
        if self.reading.is_some() {
            return None;
        }
        let periodic = self.last.began? + self.interval;
        Some(self.hinted_at(watched).map_or(periodic, |hinted| hinted.min(periodic)))
    }

    /// Returns a table to be asked for now; call again until there is none.
    pub(super) fn next(&mut self, watched: bool, now: Instant) -> Option<Table> {
        if self.reading.is_none() && self.wake(watched).is_none_or(|due| due <= now) {
            self.begin(now);
        }
        self.reading.as_mut().and_then(SessionReading::ask)
    }

    /// Takes a row.
    pub(super) fn row(&mut self, role: Role, row: &Sentence<'_>, lines: &LineTable) {
        if let Some(session) = ListedSession::read(role, row) {
            self.listing.add(&session, lines.capacity());
        }
    }

    /// Marks the reading under way as void.
    pub(super) fn make_void(&mut self) {
        self.reading.iter_mut().for_each(|reading| reading.void = true);
    }

    /// Ends a complete table. Returns the reading with its start, if this was the last table.
    pub(super) fn done(&mut self, table: Table, now: Instant) -> Option<(Listing, Instant)> {
        let reading = self.reading.as_mut()?;
        match table {
            Table::Server => reading.server = Stage::Over,
            _ => reading.client = Stage::Over,
        }
        let is_over = |reading: &mut SessionReading| (reading.server, reading.client) == (Stage::Over, Stage::Over);
        let SessionReading { began, void, gone, .. } = self.reading.take_if(is_over)?;
        self.listing.end(&gone);
        (self.last.ended, self.last.took) = (Some(now), now.saturating_duration_since(began));
        if void {
            self.void += 1;
            self.hint(now);
            return None;
        }
        self.void = 0;
        Some((std::mem::take(&mut self.listing), began))
    }

    /// True if the router answers, but not with tables.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.void >= MAX_VOID
    }

    fn hinted_at(&self, watched: bool) -> Option<Instant> {
        let pause = self.pause.max(self.last.took * SHARE) * if watched { 1 } else { UNWATCHED };
        let hinted = self.hinted? + DEBOUNCE;
        Some(self.last.ended.map_or(hinted, |ended| hinted.max(ended + pause)))
    }

    fn begin(&mut self, now: Instant) {
        self.listing.clear();
        (self.hinted, self.last.began) = (None, Some(now));
        self.reading =
            Some(SessionReading { began: now, server: Stage::Due, client: Stage::Due, void: false, gone: Vec::new() });
    }
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
