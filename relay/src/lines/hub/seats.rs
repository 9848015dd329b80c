//! Seats at lines, within the number of viewers that a relay may have.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use shared::Username;
use shared::close::Close;

use super::Hub;
use crate::clock::Steady;
use crate::lines::audience::{Joined, Watcher};
use crate::lines::line::Line;
use crate::net::address_group::AddressGroup;

impl Hub {
    /// Takes a seat at a line.
    ///
    /// # Errors
    /// [`Close::RelayFull`], [`Close::LineFull`], [`Close::TooManyUnknown`], or [`Close::GoingAway`] while the relay stops.
    pub(crate) fn join(self: &Arc<Self>, request: &SeatRequest<'_>) -> Result<Seat, Close> {
        if self.is_draining() {
            return Err(Close::GoingAway);
        }
        let SeatRequest { username, group, unreported, watcher } = *request;
        let place = Place::take(self).or_else(|| self.place_of_unreported(request)).ok_or(Close::RelayFull)?;
        let circumstances = self.circumstances(self.now());
        let (line, joined) = self.with_line(username, |shard, line| {
            if line.activate(circumstances) {
                shard.live.push(Arc::clone(line));
            }
            line.join((group, watcher), self.limits.seats(), circumstances)
        });
        let Some(Joined { number, displaces }) = joined else {
            self.refuse(username, "viewer refused: the line has as many viewers as it may have");
            return Err(Close::LineFull);
        };
        if let Some(displaced) = displaces {
            self.refuse(username, displaced.words());
        }
        if let Some(outlook) = self.outlook.get() {
            outlook.watched(username);
        }
        let mut seat = Seat { place, line, number, unreported: None };
        if unreported == Unreported::Counted && !seat.line.is_reported() {
            let limit = (!circumstances.starting).then_some(self.limits.unreported_per_address);
            self.unreported.hold(group, &seat.line, number, limit)?;
            seat.unreported = Some(group);
        }
        Ok(seat)
    }

    /// In a full relay, takes the place of a viewer of an unreported username: for a line that an agent reports, or for a link.
    fn place_of_unreported(self: &Arc<Self>, request: &SeatRequest<'_>) -> Option<Place> {
        let is_reported =
            || self.shard(request.username).lines.get(request.username).is_some_and(|line| line.0.is_reported());
        let may_displace = request.unreported == Unreported::Allowed || is_reported();
        (may_displace && self.unreported.give_way()).then(|| Place::beyond(self))
    }
}

/// One of the relay's places for viewers, given back when dropped.
struct Place(Arc<Hub>);

impl Place {
    /// Takes a free place; `None` without one.
    fn take(hub: &Arc<Hub>) -> Option<Self> {
        let one_more = |taken: usize| (taken < hub.limits.viewers).then_some(taken + 1);
        hub.viewers.try_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Self::taken(hub))
    }

    /// Takes a place before the viewer who was told to leave has left.
    fn beyond(hub: &Arc<Hub>) -> Self {
        hub.viewers.fetch_add(1, Ordering::Relaxed);
        Self::taken(hub)
    }

    fn taken(hub: &Arc<Hub>) -> Self {
        hub.metrics.viewers.increment();
        hub.metrics.viewers_joined.increment();
        Self(Arc::clone(hub))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.viewers.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.viewers.decrement();
    }
}

/// An admitted viewer's request for a seat.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeatRequest<'a> {
    /// The line.
    pub(crate) username: &'a Username,
    /// The viewer's address.
    pub(crate) group: AddressGroup,
    pub(crate) unreported: Unreported,
    pub(crate) watcher: Watcher,
}

/// How a seat counts at a line that no agent reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreported {
    /// Among the few of its address: anybody can ask for any username.
    Counted,
    /// For nothing: the operator signed a link for this username.
    Allowed,
}

#[cfg(test)]
impl<'a> SeatRequest<'a> {
    /// Returns a request without an address.
    pub(crate) fn of(username: &'a Username) -> Self {
        let watcher = Watcher::Subscriber;
        Self { username, group: AddressGroup::Unknown, unreported: Unreported::Counted, watcher }
    }
}

/// A viewer's seat at a line. Dropping the last seat ends the watch.
pub(crate) struct Seat {
    place: Place,
    pub(crate) line: Arc<Line>,
    /// The seat's number within the line.
    pub(crate) number: u32,
    /// Where the seat counts as one at a line without a report.
    unreported: Option<AddressGroup>,
}

impl Seat {
    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.place.0
    }

    /// Returns the viewer's time to leave; `None` unless the relay stops.
    pub(crate) fn leaves(&self) -> Option<Steady> {
        self.hub().drain.viewer_leaves((Arc::as_ptr(&self.line).addr(), self.number))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(group) = self.unreported {
            self.hub().unreported.release(group, &self.line, self.number);
        }
        if self.line.leave(self.number, self.hub().circumstances(self.hub().now())) {
            self.hub().forget_if_unused(&self.line);
        }
    }
}
