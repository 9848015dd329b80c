//! One `monitor-traffic` stream: the interfaces in the order of the command, and the interface of each row.

use std::time::Duration;

use shared::LineHandle;
use shared::control::Role;
use tokio::time::Instant;

use super::way::Way;
use crate::routeros::commands::Interval;
use crate::sessions::{InterfaceKey, LineTable, Session};

/// The tolerance for a late row, beyond half an interval.
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
    /// The router does not know one of the interfaces, or gives an unknown reason.
    Interfaces,
    /// The API user may not do this.
    Forbidden,
}

/// The use of a stream's interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// A session of a watched line.
    Live,
    /// The line is unwatched. The stream goes on, and the rows are ignored.
    Unwatched,
    /// The session is gone, or the rows stopped: the stream is to be rebuilt without the interface.
    Gone,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) line: LineHandle,
    pub(super) key: InterfaceKey,
    pub(super) name: Box<[u8]>,
    pub(super) role: Role,
    pub(super) standing: Standing,
    /// True if the rows stopped although the tables still have the interface.
    pub(super) mute: bool,
    /// The number of the line's live sessions in this stream.
    pub(super) of: u16,
    /// The last section with a row of the interface, counted from 1.
    section: u32,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) slots: Vec<Slot>,
    /// The time between two sections.
    pub(super) interval: Interval,
    /// The naming in the stream's command.
    pub(super) way: Way,
    /// True if the stream was opened for one flapping line alone.
    pub(super) is_apart: bool,
    /// The router's reason for ending the stream, if there is one.
    pub(super) refusal: Option<Refusal>,
    pub(super) opened: Instant,
    /// When the last row came; before the first row, when the stream was opened.
    pub(super) heard: Instant,
    /// How many sections began; the first is a warm-up.
    pub(super) sections: u32,
    section: Section,
    /// The expected slot of the next row.
    next: usize,
    /// When the tables were last read again because of the stream's silence.
    suspected: Option<Instant>,
}

/// The section under way.
#[derive(Debug, Clone, Copy)]
struct Section {
    /// The router's number of the section.
    number: Option<u64>,
    /// The arrival of the first row.
    began: Instant,
}

/// A row's place in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) slot: usize,
    /// True for the first row of a section.
    pub(super) begins: bool,
}

/// A row's relation to the section.
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
            section: Section { number: None, began: now },
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

    /// Finds the slot of a row: by the row's name or, without one, by the order of the command. `None` for a foreign
    /// interface, and for a doubled row.
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
            self.section = Section { number, began: now };
        }
        self.slots.get_mut(slot)?.section = self.sections;
        (self.heard, self.suspected) = (now, None);
        self.next = slot + 1;
        Some(Place { slot, begins })
    }

    /// Tells a section's first row, further rows and doubles apart. A double is a second row of an interface in one
    /// section, or a row of an earlier section. Without section numbers, two rows of an interface within half an interval
    /// are of one section.
    fn standing_of(&self, slot: usize, number: Option<u64>, now: Instant) -> Option<RowStanding> {
        let repeated = self.slots.get(slot)?.section == self.sections;
        let is_late =
            number.zip(self.section.number).is_some_and(|(number, current)| number.checked_add(1) == Some(current));
        let soon = now.saturating_duration_since(self.section.began) < self.interval.duration() / 2;
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
        number.is_some() && number != self.section.number
    }

    /// Rows come in the order of the command, so the expected slot is nearly always the right one.
    fn find(&self, name: &[u8], expected: usize) -> Option<usize> {
        let is_it = |slot: &Slot| *slot.name == *name;
        if self.slots.get(expected).is_some_and(is_it) {
            return Some(expected);
        }
        self.slots.iter().position(is_it)
    }

    /// True if the command names an interface by `.id`.
    pub(super) fn is_named_by_id(&self) -> bool {
        self.way == Way::Ids && self.slots.iter().any(|slot| slot.key.id().is_some())
    }

    /// True if the warm-up is over.
    pub(super) const fn is_warm(&self) -> bool {
        self.sections >= 2
    }

    /// True if an interface is gone.
    pub(super) fn has_gone(&self) -> bool {
        self.slots.iter().any(|slot| slot.standing == Standing::Gone)
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.standing == Standing::Live)
    }

    pub(super) fn live_of(&self, line: LineHandle) -> usize {
        self.live().filter(|slot| slot.line == line).count()
    }

    /// How many lines the command names: a line's sessions are neighbours.
    pub(super) fn lines(&self) -> usize {
        self.slots.chunk_by(|a, b| a.line == b.line).count()
    }

    /// When silence is no longer explained by a late section.
    pub(super) fn suspect_at(&self) -> Instant {
        self.heard + self.interval.duration() * 3 / 2 + ROW_DELAY
    }

    /// True if rows come and the warm-up is over.
    pub(super) const fn is_settled(&self) -> bool {
        self.is_warm() && self.suspected.is_none()
    }

    /// True if the stream is silent for longer than a late section explains; again after [`SUSPECT_AGAIN`].
    pub(super) fn is_suspect(&mut self, now: Instant) -> bool {
        let silent = now >= self.suspect_at();
        let told = self.suspected.is_some_and(|told| now.saturating_duration_since(told) < SUSPECT_AGAIN);
        if silent && !told {
            self.suspected = Some(now);
        }
        silent && !told
    }

    /// Sets aside the live interfaces without a row in a whole section. Returns their lines.
    pub(super) fn set_aside_stopped(&mut self) -> impl Iterator<Item = LineHandle> {
        let sections = self.sections;
        let live = self.slots.iter_mut().filter(|slot| slot.standing == Standing::Live && !slot.mute);
        live.filter(move |slot| slot.section + 2 <= sections).map(|slot| {
            slot.mute = true;
            slot.line
        })
    }

    /// Brings the slots up to the tables and the watched lines.
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
