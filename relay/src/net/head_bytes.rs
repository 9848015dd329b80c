//! The memory of unfinished heads in the whole process: TLS hellos, and headers of requests.
//!
//! Without room the oldest head of the address group with most gives way ([`Shares`]), and its connection ends.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::address_group::AddressGroup;
use super::places::Alarm;
use super::shares::{HolderId, Shares};
use crate::metrics::Metrics;

/// Of the whole, one address group may hold this part.
const GROUP_PART: usize = 8;

/// All unfinished heads.
pub struct HeadBytes {
    limit: usize,
    metrics: Arc<Metrics>,
    // Held for one piece of one head.
    table: Mutex<Table>,
}

struct Table {
    shares: Shares,
    alarms: HashMap<HolderId, Alarm>,
}

/// One connection's unfinished head. Dropping a head frees its bytes.
pub(crate) struct HeldHead {
    all: Arc<HeadBytes>,
    group: AddressGroup,
    alarm: Alarm,
    id: Option<HolderId>,
}

impl HeadBytes {
    /// Returns room for so many bytes.
    pub fn new(limit: usize, metrics: Arc<Metrics>) -> Self {
        let table = Mutex::new(Table { shares: Shares::new(limit / GROUP_PART), alarms: HashMap::new() });
        Self { limit, metrics, table }
    }

    /// Returns a connection's head without bytes. The alarm rings when the connection has to end.
    pub(crate) fn of(self: &Arc<Self>, group: AddressGroup, alarm: Alarm) -> HeldHead {
        HeldHead { all: Arc::clone(self), group, alarm, id: None }
    }

    fn hold(&self, held: &mut HeldHead, bytes: usize) {
        let mut table = self.table.lock();
        let gone = match held.id {
            Some(id) => table.shares.change(id, bytes, self.limit),
            None => match table.shares.enter(held.group, bytes, self.limit) {
                Ok((id, gone)) => {
                    table.alarms.insert(id, held.alarm.clone());
                    held.id = Some(id);
                    gone
                }
                Err(_) => return self.end(&held.alarm),
            },
        };
        for id in gone {
            if let Some(alarm) = table.alarms.remove(&id) {
                self.end(&alarm);
            }
        }
    }

    fn end(&self, alarm: &Alarm) {
        self.metrics.connections_gave_way.increment();
        alarm.ring();
    }
}

impl HeldHead {
    /// Holds so many bytes for the head, instead of the bytes before.
    pub(crate) fn hold(&mut self, bytes: usize) {
        let all = Arc::clone(&self.all);
        all.hold(self, bytes);
    }

    /// The head is whole, or has ended.
    pub(crate) fn release(&mut self) {
        if let Some(id) = self.id.take() {
            let mut table = self.all.table.lock();
            table.alarms.remove(&id);
            table.shares.leave(id);
        }
    }
}

impl Drop for HeldHead {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::FutureExt;

    use super::*;

    fn head(all: &Arc<HeadBytes>, nth: u8) -> (HeldHead, Alarm) {
        let alarm = Alarm::default();
        (all.of(AddressGroup::V4(Ipv4Addr::new(203, 0, 113, nth)), alarm.clone()), alarm)
    }

    fn rings(alarm: &Alarm) -> bool {
        alarm.rings().now_or_never().is_some()
    }

    #[test]
    fn the_oldest_head_of_a_group_with_too_much_gives_way() {
        let all = Arc::new(HeadBytes::new(80, Arc::default()));
        let (mut first, first_alarm) = head(&all, 1);
        let (mut second, second_alarm) = head(&all, 1);
        let (mut other, other_alarm) = head(&all, 2);
        first.hold(4);
        second.hold(4);
        other.hold(4);
        second.hold(8);
        assert!(rings(&first_alarm) && !rings(&second_alarm) && !rings(&other_alarm));
        second.hold(11);
        assert!(rings(&second_alarm), "one head alone is too much");
        assert_eq!(all.metrics.connections_gave_way.get(), 2);
    }

    #[test]
    fn the_whole_has_a_limit_and_a_finished_head_holds_nothing() {
        let all = Arc::new(HeadBytes::new(16, Arc::default()));
        let mut heads: Vec<(HeldHead, Alarm)> = (0..8).map(|nth| head(&all, nth)).collect();
        heads.iter_mut().for_each(|(head, _)| head.hold(2));
        let (mut newcomer, alarm) = head(&all, 9);
        newcomer.hold(1);
        assert!(rings(&heads[0].1) && !rings(&alarm) && !rings(&heads[1].1));
        heads[1].0.release();
        let (mut next, _) = head(&all, 10);
        next.hold(2);
        assert!(heads[2..].iter().all(|(_, alarm)| !rings(alarm)));
        drop((heads, newcomer, next));
        assert!(all.table.lock().alarms.is_empty());
    }
}
