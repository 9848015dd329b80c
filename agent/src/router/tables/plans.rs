//! Readings of the tables of the plans: when the next is due, and the rows of the present one.

use std::time::Duration;

use shared::LineHandle;
use tokio::time::Instant;

use super::table::Table;
use crate::config::TableTiming;
use crate::routeros::sentence::Sentence;
use crate::sessions::{LineTable, PlanReading};

/// Plans change seldom: while something is watched they are read in every so many full intervals, and when there are new
/// lines; while nothing is, never.
const PLAN_INTERVALS: u32 = 5;

/// The least time between two readings of the plans for new lines. Each void reading doubles the pause, up to the usual
/// interval of the plans.
pub(super) const PLAN_PAUSE: Duration = Duration::from_secs(10);

/// The table under way.
#[derive(Debug)]
pub(super) struct PlanStage {
    pub(super) table: Table,
    pub(super) asked: bool,
}

/// The reading under way, and the last one.
#[derive(Debug)]
pub(super) struct PlanTables {
    interval: Duration,
    pub(super) reading: PlanReading,
    pub(super) stage: Option<PlanStage>,
    /// The time of the last reading, and the newest line then.
    last: Option<(Instant, Option<LineHandle>)>,
    /// Void readings in a row.
    void: u8,
    /// True if a watched line has a session without a known address.
    wants_addresses: bool,
}

impl PlanTables {
    pub(super) fn new(timing: &TableTiming) -> Self {
        let interval = timing.reread_interval * PLAN_INTERVALS;
        Self { interval, reading: PlanReading::default(), stage: None, last: None, void: 0, wants_addresses: false }
    }

    /// Forgets the reading under way and the last one.
    pub(super) fn disconnected(&mut self) {
        (self.stage, self.last, self.void) = (None, None, 0);
    }

    /// Asks for a reading soon: a watched line has a session without a known address.
    pub(super) const fn want_addresses(&mut self) {
        self.wants_addresses = true;
    }

    /// Returns a table to be asked for now. `wanted`: somebody watches, and the sessions are read.
    pub(super) fn next(&mut self, lines: &LineTable, wanted: bool, now: Instant) -> Option<Table> {
        if self.stage.is_none() && wanted && self.is_due(lines, now) {
            self.reading = PlanReading::default();
            self.wants_addresses = false;
            self.stage = Some(PlanStage { table: Table::Profiles, asked: false });
        }
        let stage = self.stage.as_mut().filter(|stage| !stage.asked)?;
        stage.asked = true;
        Some(stage.table)
    }

    /// Takes a row.
    pub(super) fn row(&mut self, table: Table, row: &Sentence<'_>, lines: &LineTable) {
        match table {
            Table::Server | Table::Client => {}
            Table::Profiles => self.reading.profile(row),
            Table::Secrets => self.reading.secret(row, lines),
            Table::Addresses => self.reading.address(row, lines),
            Table::Clock => self.reading.clock(row),
            Table::Queues => self.reading.queue(row, lines),
        }
    }

    /// Ends a complete table. Returns the reading, if this was the last table.
    pub(super) fn done(&mut self, table: Table, lines: &LineTable, now: Instant) -> Option<PlanReading> {
        let next = match table {
            Table::Server | Table::Client => return None,
            Table::Profiles => Table::Secrets,
            Table::Secrets => Table::Addresses,
            Table::Addresses => Table::Clock,
            Table::Clock => Table::Queues,
            Table::Queues => return Some(self.end(lines, now)),
        };
        if table == Table::Addresses {
            self.reading.addresses_complete();
        }
        self.stage = Some(PlanStage { table: next, asked: false });
        None
    }

    fn end(&mut self, lines: &LineTable, now: Instant) -> PlanReading {
        self.stage = None;
        self.last = Some((now, lines.newest()));
        self.void = if self.reading.is_void() { self.void.saturating_add(1) } else { 0 };
        std::mem::take(&mut self.reading)
    }

    /// A reading is due at first, for new lines, after a void one, and from time to time.
    fn is_due(&self, lines: &LineTable, now: Instant) -> bool {
        let Some((read, newest)) = self.last else { return lines.readings() > 0 };
        let wanted = self.void > 0 || self.wants_addresses || newest != lines.newest();
        let pause = PLAN_PAUSE * (1 << self.void.saturating_sub(1).min(8));
        let age = now.saturating_duration_since(read);
        age >= self.interval || (wanted && age >= pause)
    }
}
