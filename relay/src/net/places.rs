//! The places of a listener's connections.
//!
//! A connection is a stranger's until it shows a valid watch or an agent's token: handshakes, requests and silence are
//! a stranger's. Strangers have a share for each address group, and give way to each other ([`Shares`]). Connections of
//! trusted proxies are exempt, because a proxy carries everybody's requests. A WebSocket through a proxy counts by the
//! forwarded address.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::address_group::AddressGroup;
use super::shares::{HolderId, Shares, Waits};
use crate::limits::Limits;
use crate::metrics::Metrics;

/// All places of one listener.
pub(crate) struct Places {
    /// The most connections.
    connections: usize,
    /// The most connections of strangers.
    strangers: usize,
    metrics: Arc<Metrics>,
    // Held for one step of one connection.
    table: Mutex<Table>,
    /// Wakes [`Places::all_ended`].
    ended: Notify,
}

struct Table {
    strangers: Shares,
    alarms: HashMap<HolderId, Alarm>,
    /// Connections of proxies, viewers and agents.
    known: usize,
    /// All open connections, also those under way to their end.
    open: usize,
}

/// A connection's place. Dropping a place frees it.
pub struct Place {
    places: Arc<Places>,
    holder: Holder,
}

enum Holder {
    Known,
    Stranger(Box<Stranger>),
}

struct Stranger {
    /// `None` without room.
    id: Option<HolderId>,
    alarm: Alarm,
}

/// Rings when a connection gives way.
#[derive(Clone, Default)]
pub(crate) struct Alarm(Arc<Notify>);

impl Alarm {
    /// Completes when the connection has to end.
    pub(crate) async fn rings(&self) {
        self.0.notified().await;
    }

    /// Rings, now or as soon as somebody listens.
    pub(super) fn ring(&self) {
        self.0.notify_one();
    }
}

impl Places {
    /// Returns free places.
    pub(crate) fn new(limits: &Limits, metrics: Arc<Metrics>) -> Arc<Self> {
        let strangers = Shares::new(limits.half_open_per_address);
        let table = Mutex::new(Table { strangers, alarms: HashMap::new(), known: 0, open: 0 });
        let (connections, strangers) = (limits.connections, limits.half_open);
        Arc::new(Self { connections, strangers, metrics, table, ended: Notify::new() })
    }

    /// Takes a place for a connection, or for a trusted proxy's if `group` is `None`. Returns `None` without room.
    pub(crate) fn admit(self: &Arc<Self>, group: Option<AddressGroup>) -> Option<Place> {
        let mut table = self.table();
        let holder = match group {
            Some(group) => {
                let alarm = Alarm::default();
                let id = Some(self.enter(&mut table, group, &alarm)?);
                Holder::Stranger(Box::new(Stranger { id, alarm }))
            }
            None => {
                let limit = self.connections.saturating_sub(table.known);
                let gone = table.strangers.make_room(None, 1, limit).ok()?;
                self.end(&mut table, gone);
                table.known += 1;
                Holder::Known
            }
        };
        table.open += 1;
        self.metrics.connections.increment();
        Some(Place { places: Arc::clone(self), holder })
    }

    /// Waits until no connection is open.
    pub(crate) async fn all_ended(&self) {
        loop {
            let ended = self.ended.notified();
            if self.table().open == 0 {
                return;
            }
            ended.await;
        }
    }

    fn enter(&self, table: &mut Table, group: AddressGroup, alarm: &Alarm) -> Option<HolderId> {
        let limit = self.strangers.min(self.connections.saturating_sub(table.known));
        let (id, gone) = table.strangers.enter(group, 1, limit).ok()?;
        self.end(table, gone);
        table.alarms.insert(id, alarm.clone());
        self.metrics.half_open.increment();
        Some(id)
    }

    /// Ends the connections, which have given way.
    fn end(&self, table: &mut Table, gone: Vec<HolderId>) {
        for id in gone {
            self.metrics.half_open.decrement();
            self.metrics.connections_gave_way.increment();
            if let Some(alarm) = table.alarms.remove(&id) {
                alarm.ring();
            }
        }
    }

    /// Takes a stranger out of the shares. False if the stranger has given way.
    fn leave(&self, table: &mut Table, id: Option<HolderId>) -> bool {
        let is_here = id.is_some_and(|id| table.alarms.remove(&id).is_some() && table.strangers.leave(id));
        if is_here {
            self.metrics.half_open.decrement();
        }
        is_here
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock()
    }
}

impl Place {
    /// Returns the alarm of a stranger's connection. The alarm of other connections never rings.
    pub(crate) fn alarm(&self) -> Alarm {
        match &self.holder {
            Holder::Stranger(stranger) => stranger.alarm.clone(),
            Holder::Known => Alarm::default(),
        }
    }

    /// Notes progress: within its group, the connection is now the last one to give way.
    pub(crate) fn progress(&self, waits: Waits) {
        if let Holder::Stranger(stranger) = &self.holder
            && let Some(id) = stranger.id
        {
            self.places.table().strangers.progress(id, waits);
        }
    }

    /// Counts the connection as a viewer's or an agent's: from now on it never gives way. False if the connection has
    /// given way.
    pub(crate) fn become_known(&mut self) -> bool {
        let Holder::Stranger(stranger) = &self.holder else { return true };
        let mut table = self.places.table();
        let is_here = self.places.leave(&mut table, stranger.id);
        if is_here {
            table.known += 1;
            drop(table);
            self.holder = Holder::Known;
        }
        is_here
    }

    /// Counts a proxy's connection as a stranger's of this group. Without room the connection gives way.
    pub(crate) fn become_stranger(&mut self, group: AddressGroup) {
        if matches!(self.holder, Holder::Stranger(_)) {
            return;
        }
        let alarm = Alarm::default();
        let mut table = self.places.table();
        table.known -= 1;
        let id = self.places.enter(&mut table, group, &alarm);
        drop(table);
        if id.is_none() {
            self.places.metrics.connections_gave_way.increment();
            alarm.ring();
        }
        self.holder = Holder::Stranger(Box::new(Stranger { id, alarm }));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.places.table();
        match &self.holder {
            Holder::Known => table.known -= 1,
            Holder::Stranger(stranger) => {
                self.places.leave(&mut table, stranger.id);
            }
        }
        table.open -= 1;
        self.places.metrics.connections.decrement();
        if table.open == 0 {
            self.places.ended.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests;
