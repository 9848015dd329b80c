//! Turns at costly work for strangers: a few at once, and address groups one after another.
//!
//! A group with a thousand waiting tasks delays another group no longer than a group with one task. A turn covers the
//! relay's own work, and no task keeps a turn while the relay waits for a client.

use std::collections::{BTreeMap, HashMap};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::oneshot;

use super::address_group::AddressGroup;

/// The turns of one kind of work.
pub(crate) struct Turns {
    // Held for one step of the rotation.
    rotation: Mutex<Rotation<oneshot::Sender<()>>>,
}

/// A turn. Dropping a turn passes it to the next task.
pub(crate) struct Turn<'a>(&'a Turns);

impl Turns {
    /// Returns so many free turns.
    pub(crate) fn new(at_once: usize) -> Self {
        Self { rotation: Mutex::new(Rotation::new(at_once)) }
    }

    /// Waits for a turn of the group.
    pub(crate) async fn take(&self, group: AddressGroup) -> Turn<'_> {
        let (grant, granted) = oneshot::channel();
        let asked = self.rotation().ask(group, grant);
        if let Asked::Waits(ticket) = asked {
            let mut waiting = Waiting { turns: self, group, ticket, has_turn: false };
            // The rotation keeps the grant until the task's turn comes, so there is no error.
            let _ = granted.await;
            waiting.has_turn = true;
        }
        Turn(self)
    }

    fn pass_on(&self) {
        let next = self.rotation().give_back();
        if let Some(grant) = next {
            // If the task gave up at this moment, the task's guard passes the turn on.
            let _ = grant.send(());
        }
    }

    fn rotation(&self) -> MutexGuard<'_, Rotation<oneshot::Sender<()>>> {
        self.rotation.lock()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.pass_on();
    }
}

/// A waiting task. Dropped before its turn, the task leaves the rotation.
struct Waiting<'a> {
    turns: &'a Turns,
    group: AddressGroup,
    ticket: Ticket,
    has_turn: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.has_turn && self.turns.rotation().withdraw(self.group, self.ticket).is_none() {
            // The turn came while the task gave up.
            self.turns.pass_on();
        }
    }
}

/// A waiting task's number within the rotation, in order of arrival.
type Ticket = u64;

/// The answer to a request for a turn.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// The turn is the task's.
    Has,
    /// The turn comes later.
    Waits(Ticket),
}

/// The waiting tasks and their order. `W` wakes a task.
struct Rotation<W> {
    free: usize,
    groups: HashMap<AddressGroup, Queue<W>>,
    /// Groups with waiting tasks, by their place in the round.
    round: BTreeMap<u64, AddressGroup>,
    /// The next ticket, and the next place in the round.
    next: u64,
}

/// The waiting tasks of one group.
struct Queue<W> {
    place: u64,
    waiting: BTreeMap<Ticket, W>,
}

impl<W> Rotation<W> {
    fn new(free: usize) -> Self {
        Self { free, groups: HashMap::new(), round: BTreeMap::new(), next: 0 }
    }

    fn ask(&mut self, group: AddressGroup, waiter: W) -> Asked {
        // A turn is free only while nobody waits.
        if let Some(free) = self.free.checked_sub(1) {
            self.free = free;
            return Asked::Has;
        }
        let ticket = self.number();
        let place = self.number();
        let queue = self.groups.entry(group).or_insert_with(|| Queue { place, waiting: BTreeMap::new() });
        queue.waiting.insert(ticket, waiter);
        self.round.insert(queue.place, group);
        Asked::Waits(ticket)
    }

    /// Takes a turn back. Returns the next task with its turn.
    fn give_back(&mut self) -> Option<W> {
        let Some((_, group)) = self.round.pop_first() else {
            self.free += 1;
            return None;
        };
        let place = self.number();
        let queue = self.groups.get_mut(&group)?;
        let next = queue.waiting.pop_first().map(|(_, waiter)| waiter);
        queue.place = place;
        self.round.insert(place, group);
        self.drop_if_empty(group);
        next
    }

    /// Removes a waiting task; `None` if the task has its turn.
    fn withdraw(&mut self, group: AddressGroup, ticket: Ticket) -> Option<W> {
        let waiter = self.groups.get_mut(&group)?.waiting.remove(&ticket);
        self.drop_if_empty(group);
        waiter
    }

    fn drop_if_empty(&mut self, group: AddressGroup) {
        if let Some(queue) = self.groups.get(&group)
            && queue.waiting.is_empty()
        {
            self.round.remove(&queue.place);
            self.groups.remove(&group);
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

#[cfg(test)]
mod tests;
