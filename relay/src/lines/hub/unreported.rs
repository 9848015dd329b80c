//! The seats at lines that no agent reports, by address. In open access anybody can ask for any username.
//!
//! Lines are locked under this table's lock, never the other way round.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use shared::close::Close;

use crate::lines::line::Line;
use crate::net::address_group::AddressGroup;

/// All such seats.
#[derive(Debug, Default)]
pub(super) struct UnreportedSeats(Mutex<HashMap<AddressGroup, Vec<Held>>>);

/// One seat, at a line that had no report when the seat was taken.
#[derive(Debug)]
struct Held {
    line: Arc<Line>,
    number: u32,
}

impl UnreportedSeats {
    /// Adds a seat. A group has at most `limit` of them; `None` is no limit.
    ///
    /// # Errors
    /// [`Close::TooManyUnknown`].
    pub(super) fn hold(
        &self,
        group: AddressGroup,
        line: &Arc<Line>,
        number: u32,
        limit: Option<usize>,
    ) -> Result<(), Close> {
        let mut table = self.lock();
        let seats = table.entry(group).or_default();
        if limit.is_some_and(|limit| seats.len() >= limit) {
            seats.retain(|held| !held.line.is_reported());
        }
        if limit.is_some_and(|limit| seats.len() >= limit) {
            return Err(Close::TooManyUnknown);
        }
        seats.push(Held { line: Arc::clone(line), number });
        Ok(())
    }

    /// Removes a seat, if it is still in the table.
    pub(super) fn release(&self, group: AddressGroup, line: &Arc<Line>, number: u32) {
        let mut table = self.lock();
        let Some(seats) = table.get_mut(&group) else { return };
        seats.retain(|held| held.number != number || !Arc::ptr_eq(&held.line, line));
        if seats.is_empty() {
            table.remove(&group);
        }
    }

    /// Ends the newest seat of the group with most, in a full relay. False without a seat.
    pub(super) fn give_way(&self) -> bool {
        let mut table = self.lock();
        while let Some((&group, _)) = table.iter().max_by_key(|(_, seats)| seats.len()) {
            let Some(seats) = table.get_mut(&group) else { return false };
            seats.retain(|held| !held.line.is_reported());
            let gone = seats.pop();
            if seats.is_empty() {
                table.remove(&group);
            }
            if let Some(Held { line, number }) = gone {
                line.end(number, Close::RelayFull);
                return true;
            }
        }
        false
    }

    /// Forgets the seats whose lines are reported by now, and ends those beyond `limit` of a group, the newest ones.
    pub(super) fn end_surplus(&self, limit: usize) {
        self.lock().retain(|_, seats| {
            seats.retain(|held| !held.line.is_reported());
            for Held { line, number } in seats.drain(limit.min(seats.len())..) {
                line.end(number, Close::TooManyUnknown);
            }
            !seats.is_empty()
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AddressGroup, Vec<Held>>> {
        self.0.lock()
    }
}
