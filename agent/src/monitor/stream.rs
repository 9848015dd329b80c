//! One `monitor-traffic` stream: which interfaces it watches, in which order, and which of its rows is whose.

use std::time::Duration;

use shared::LineHandle;
use shared::control::Role;
use tokio::time::Instant;

use super::naming::Way;
use crate::routeros::commands::Interval;
use crate::sessions::{InterfaceKey, LineTable, Session};

/// A row may come so much later than half an interval after its time.
const ROW_DELAY: Duration = Duration::from_millis(200);

/// While a stream is silent, the tables are read again after this.
const SUSPECT_AGAIN: Duration = Duration::from_secs(3);

/// Names a stream; a higher one was opened later. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub(super) u32);

#[cfg(test)]
impl StreamId {
    /// Any stream's.
    pub(crate) const fn for_tests(n: u32) -> Self {
        Self(n)
    }
}

/// Why the router refuses a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It takes one of the interfaces for none of its own, or gives no reason that is known.
    Interfaces,
    /// The API user may not do this.
    Forbidden,
}

/// What an interface of a stream still stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// A session of a watched line.
    Live,
    /// Its line is watched no longer; the stream goes on without regard to it.
    Unwatched,
    /// The session is gone, or its rows are: the stream is to be rebuilt without it.
    Gone,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) line: LineHandle,
    pub(super) key: InterfaceKey,
    pub(super) name: Box<[u8]>,
    pub(super) role: Role,
    pub(super) standing: Standing,
    /// Whether it was set aside because its rows stopped, although the tables still have it.
    pub(super) mute: bool,
    /// How many live sessions its line has in this stream.
    pub(super) of: u16,
    /// The last section with a row of it, counted from 1.
    section: u32,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) slots: Vec<Slot>,
    /// The time between two sections.
    pub(super) interval: Interval,
    /// What the stream's command calls its interfaces.
    pub(super) way: Way,
    /// True if the stream was opened for one flapping line alone.
    pub(super) is_apart: bool,
    /// Why the router ends it, as far as the router said.
    pub(super) refusal: Option<Refusal>,
    pub(super) opened: Instant,
    /// When the last row came; before the first row, when the stream was opened.
    pub(super) heard: Instant,
    /// How many sections began; the first is a warm-up.
    pub(super) sections: u32,
    /// The router's number of the section.
    number: Option<u64>,
    /// When the section's first row came.
    began: Instant,
    /// The slot that the next row is expected to be of.
    next: usize,
    /// When its silence was last taken for a sign that something vanished.
    suspected: Option<Instant>,
}

/// A row's place in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) slot: usize,
    /// Whether it is the first row of its section.
    pub(super) begins: bool,
}

/// What a row is to its section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowStanding {
    First,
    Further,
    Double,
}

impl Stream {
    pub(super) const fn new(id: StreamId, interval: Interval, way: Way, now: Instant) -> Self {
        Self {
            id,
            slots: Vec::new(),
            interval,
            way,
            is_apart: false,
            refusal: None,
            opened: now,
            heard: now,
            sections: 0,
            number: None,
            began: now,
            next: 0,
            suspected: None,
        }
    }

    pub(super) fn watch<'a>(&mut self, line: LineHandle, sessions: impl Iterator<Item = Session<'a>>) {
        self.slots.extend(sessions.map(|session| Slot {
            line,
            key: session.key,
            name: session.name.into(),
            role: session.role,
            standing: Standing::Live,
            mute: false,
            of: 0,
            section: 0,
        }));
    }

    /// Finds whose row this is: by its name or, where the row has none, by the order of the command. `None` for an
    /// interface that is not the stream's, and for a row that the router sent twice.
    pub(super) fn place(&mut self, name: Option<&[u8]>, number: Option<u64>, now: Instant) -> Option<Place> {
        let expected = if self.begins_by_number(number) { 0 } else { self.next };
        let slot = match name.filter(|name| !name.is_empty()) {
            Some(name) => self.find(name, expected)?,
            None => Some(expected).filter(|slot| *slot < self.slots.len()).unwrap_or(0),
        };
        let begins = match self.standing_of(slot, number, now)? {
            RowStanding::First => true,
            RowStanding::Further => false,
            RowStanding::Double => return None,
        };
        if begins {
            self.sections += 1;
            (self.number, self.began) = (number, now);
        }
        self.slots.get_mut(slot)?.section = self.sections;
        (self.heard, self.suspected) = (now, None);
        self.next = slot + 1;
        Some(Place { slot, begins })
    }

    /// Tells a section's first row, its further rows and doubled ones apart. A row is a double if its section has one of
    /// the same interface already, or if its section is over. Where sections have no number, rows of one interface that
    /// are less than half an interval apart are of one section.
    fn standing_of(&self, slot: usize, number: Option<u64>, now: Instant) -> Option<RowStanding> {
        let repeated = self.slots.get(slot)?.section == self.sections;
        let is_late = number.zip(self.number).is_some_and(|(number, current)| number.checked_add(1) == Some(current));
        let soon = now.saturating_duration_since(self.began) < self.interval.duration() / 2;
        Some(match number {
            _ if self.sections == 0 => RowStanding::First,
            Some(_) if is_late => RowStanding::Double,
            Some(_) if self.begins_by_number(number) => RowStanding::First,
            None if repeated && !soon => RowStanding::First,
            _ if repeated => RowStanding::Double,
            _ => RowStanding::Further,
        })
    }

    fn begins_by_number(&self, number: Option<u64>) -> bool {
        number.is_some() && number != self.number
    }

    /// Rows come in the order of the command, so the expected slot is nearly always the right one.
    fn find(&self, name: &[u8], expected: usize) -> Option<usize> {
        let is_it = |slot: &Slot| *slot.name == *name;
        if self.slots.get(expected).is_some_and(is_it) {
            return Some(expected);
        }
        self.slots.iter().position(is_it)
    }

    /// True if the command names an interface by its `.id`.
    pub(super) fn is_named_by_id(&self) -> bool {
        self.way == Way::Ids && self.slots.iter().any(|slot| slot.key.id().is_some())
    }

    /// Whether its rows are samples by now.
    pub(super) const fn is_warm(&self) -> bool {
        self.sections >= 2
    }

    /// Whether it has interfaces that are no more.
    pub(super) fn has_gone(&self) -> bool {
        self.slots.iter().any(|slot| slot.standing == Standing::Gone)
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.standing == Standing::Live)
    }

    pub(super) fn live_of(&self, line: LineHandle) -> usize {
        self.live().filter(|slot| slot.line == line).count()
    }

    /// When a late section no longer explains that no row came.
    pub(super) fn suspect_at(&self) -> Instant {
        self.heard + self.interval.duration() * 3 / 2 + ROW_DELAY
    }

    /// Whether its rows come and count.
    pub(super) const fn is_settled(&self) -> bool {
        self.is_warm() && self.suspected.is_none()
    }

    /// Whether no row at all came for longer than a late section explains; again after a while.
    pub(super) fn is_suspect(&mut self, now: Instant) -> bool {
        let silent = now >= self.suspect_at();
        let told = self.suspected.is_some_and(|told| now.saturating_duration_since(told) < SUSPECT_AGAIN);
        if silent && !told {
            self.suspected = Some(now);
        }
        silent && !told
    }

    /// Sets aside the live interfaces that a whole section had no row of, and gives their lines.
    pub(super) fn set_aside_stopped(&mut self) -> impl Iterator<Item = LineHandle> {
        let sections = self.sections;
        let live = self.slots.iter_mut().filter(|slot| slot.standing == Standing::Live && !slot.mute);
        live.filter(move |slot| slot.section + 2 <= sections).map(|slot| {
            slot.mute = true;
            slot.line
        })
    }

    /// Brings the slots' standing up to the tables and the watched lines.
    pub(super) fn review(&mut self, table: &LineTable, is_watched: impl Fn(LineHandle) -> bool) {
        for slot in &mut self.slots {
            let is_it = |session: Session<'_>| session.key == slot.key && *session.name == *slot.name;
            slot.standing = match table.sessions_of(slot.line).any(is_it) {
                true if slot.mute => Standing::Gone,
                true if is_watched(slot.line) => Standing::Live,
                true => Standing::Unwatched,
                false => Standing::Gone,
            };
        }
        for nth in 0..self.slots.len() {
            let of = self.slots.get(nth).map_or(0, |slot| self.live_of(slot.line));
            if let Some(slot) = self.slots.get_mut(nth) {
                slot.of = u16::try_from(of).unwrap_or(u16::MAX);
            }
        }
    }
}
