//! The shares of address groups in something with a limit, and the order of giving way.
//!
//! A group has a limit of its own, well below the whole. When the whole or the group is full, one holder gives way: the
//! oldest of the group with most. Holders with the relay waiting for the client come first. So an attack hits its own
//! group, from one address or from many.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::address_group::AddressGroup;

/// A holder's number. No number is used twice.
pub(crate) type HolderId = u64;

/// The amounts of all holders.
pub(crate) struct Shares {
    /// The limit of one group.
    group_limit: usize,
    held: usize,
    holders: HashMap<HolderId, Holder>,
    groups: HashMap<AddressGroup, Group>,
    /// All groups. The last one has most; of equals, the last one has the oldest holder.
    ranking: BTreeSet<(Rank, AddressGroup)>,
    next: u64,
}

/// The direction of waiting between the relay and a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Waits {
    /// The relay waits for the client: the holder may give way.
    ForClient,
    /// The client waits for the relay: the holder gives way only to a smaller group.
    ForRelay,
}

/// No room: the newcomer's group has most, and all its holders wait for the relay.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

struct Holder {
    group: AddressGroup,
    amount: usize,
    waits: Waits,
    /// Rises with each step of progress.
    age: u64,
}

#[derive(Default)]
struct Group {
    held: usize,
    /// The holders in their order of giving way.
    holders: BTreeMap<(Waits, u64), HolderId>,
}

type Rank = (usize, Reverse<(Waits, u64)>);

impl Group {
    fn rank(&self) -> Rank {
        let oldest = self.holders.first_key_value().map_or((Waits::ForRelay, u64::MAX), |(key, _)| *key);
        (self.held, Reverse(oldest))
    }
}

impl Shares {
    /// Returns empty shares. No group holds more than `group_limit`.
    pub(crate) fn new(group_limit: usize) -> Self {
        let (holders, groups) = (HashMap::new(), HashMap::new());
        Self { group_limit, held: 0, holders, groups, ranking: BTreeSet::new(), next: 0 }
    }

    /// Takes `amount` for a new holder, within `limit` for all together. Returns the new holder, and the holders to
    /// end.
    ///
    /// # Errors
    /// [`Full`]. All holders stay then.
    pub(crate) fn enter(
        &mut self,
        group: AddressGroup,
        amount: usize,
        limit: usize,
    ) -> Result<(HolderId, Vec<HolderId>), Full> {
        let gone = self.make_room(Some(group), amount, limit)?;
        self.next += 1;
        let (id, age) = (self.next, self.next);
        self.put(id, Holder { group, amount, waits: Waits::ForClient, age });
        Ok((id, gone))
    }

    /// Changes a holder's amount, within `limit` for all together. Returns the holders to end, possibly this one.
    pub(crate) fn change(&mut self, id: HolderId, amount: usize, limit: usize) -> Vec<HolderId> {
        let Some(holder) = self.take(id) else { return Vec::new() };
        match self.make_room(Some(holder.group), amount, limit) {
            Ok(gone) => {
                self.put(id, Holder { amount, ..holder });
                gone
            }
            Err(Full) => vec![id],
        }
    }

    /// Notes progress: the holder is the youngest now.
    pub(crate) fn progress(&mut self, id: HolderId, waits: Waits) {
        let Some(holder) = self.take(id) else { return };
        self.next += 1;
        self.put(id, Holder { waits, age: self.next, ..holder });
    }

    /// Makes room for `amount` of a group, or of no group. Returns the holders to end.
    ///
    /// # Errors
    /// [`Full`]. All holders stay then.
    pub(crate) fn make_room(
        &mut self,
        group: Option<AddressGroup>,
        amount: usize,
        limit: usize,
    ) -> Result<Vec<HolderId>, Full> {
        if amount > limit {
            return Err(Full);
        }
        let mut gone: Vec<(HolderId, Holder)> = Vec::new();
        while self.is_full(group, amount, limit) {
            let Some(id) = self.gives_way(group, amount) else {
                gone.into_iter().for_each(|(id, holder)| self.put(id, holder));
                return Err(Full);
            };
            gone.extend(self.take(id).map(|holder| (id, holder)));
        }
        Ok(gone.into_iter().map(|(id, _)| id).collect())
    }

    /// Removes a holder. False if the holder has given way.
    pub(crate) fn leave(&mut self, id: HolderId) -> bool {
        self.take(id).is_some()
    }

    fn is_full(&self, newcomer: Option<AddressGroup>, amount: usize, limit: usize) -> bool {
        self.held + amount > limit || self.is_over(newcomer, amount)
    }

    /// True if `amount` more is too much for the newcomer's own group.
    fn is_over(&self, newcomer: Option<AddressGroup>, amount: usize) -> bool {
        newcomer.is_some_and(|newcomer| self.held_by(newcomer) + amount > self.group_limit)
    }

    /// Returns the holder that gives way to a newcomer; `None` for the newcomer itself.
    fn gives_way(&self, newcomer: Option<AddressGroup>, amount: usize) -> Option<HolderId> {
        let with_newcomer = newcomer.map_or(0, |newcomer| self.held_by(newcomer) + amount);
        let ((most, _), largest) = self.ranking.last()?;
        if self.is_over(newcomer, amount) || with_newcomer > *most {
            return self.oldest(newcomer?, Waits::ForClient);
        }
        let at_most = if *most > with_newcomer { Waits::ForRelay } else { Waits::ForClient };
        self.oldest(*largest, at_most)
    }

    /// Returns a group's first holder in the order of giving way, if it waits as given or less.
    fn oldest(&self, group: AddressGroup, at_most: Waits) -> Option<HolderId> {
        let ((waits, _), id) = self.groups.get(&group)?.holders.first_key_value()?;
        (*waits <= at_most).then_some(*id)
    }

    fn held_by(&self, group: AddressGroup) -> usize {
        self.groups.get(&group).map_or(0, |group| group.held)
    }

    fn put(&mut self, id: HolderId, holder: Holder) {
        let group = self.groups.entry(holder.group).or_default();
        self.ranking.remove(&(group.rank(), holder.group));
        group.held += holder.amount;
        group.holders.insert((holder.waits, holder.age), id);
        self.ranking.insert((group.rank(), holder.group));
        self.held += holder.amount;
        self.holders.insert(id, holder);
    }

    fn take(&mut self, id: HolderId) -> Option<Holder> {
        let holder = self.holders.remove(&id)?;
        self.held -= holder.amount;
        let group = self.groups.get_mut(&holder.group)?;
        self.ranking.remove(&(group.rank(), holder.group));
        group.held -= holder.amount;
        group.holders.remove(&(holder.waits, holder.age));
        if group.holders.is_empty() {
            self.groups.remove(&holder.group);
        } else {
            self.ranking.insert((group.rank(), holder.group));
        }
        Some(holder)
    }
}

#[cfg(test)]
mod tests;
