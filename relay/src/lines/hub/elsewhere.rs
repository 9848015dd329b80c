//! What other relays need of this relay's lines: who reports them, which ones are watched, and a seat for each peer.

use std::sync::Arc;

use shared::Username;

use super::Hub;
use crate::limits::SeatLimits;
use crate::lines::audience::Watcher;
use crate::lines::line::Line;
use crate::lines::line::elsewhere::OwnReport;
use crate::lines::outlook::Outlook;
use crate::net::address_group::AddressGroup;

impl Hub {
    /// Gathers from now on what other relays are to hear of.
    pub(crate) fn look_out(&self) -> Arc<Outlook> {
        Arc::clone(self.outlook.get_or_init(Arc::default))
    }

    /// Returns what this relay's own agents report of a line.
    pub(crate) fn own_reports(&self, username: &Username) -> Vec<OwnReport> {
        let now = self.now();
        self.found(username).map_or_else(Vec::new, |line| line.own_reports(now))
    }

    /// Returns the lines with viewers at this relay now or within the last minute. The flag is true where an own agent speaks for the line.
    pub(crate) fn watched(&self) -> Vec<(Username, bool)> {
        let now = self.now();
        let mut names = Vec::new();
        for shard in &self.shards {
            let live: Vec<Arc<Line>> = shard.lock().live.clone();
            let of_viewers = live.iter().filter(|line| line.has_viewers());
            names.extend(of_viewers.map(|line| (line.username().clone(), line.is_spoken_for(now))));
        }
        names
    }

    /// True if an own agent speaks for a line.
    pub(crate) fn is_spoken_for(&self, username: &Username) -> bool {
        self.found(username).is_some_and(|line| line.is_spoken_for(self.now()))
    }

    /// Takes another relay's seat at a line. The seat counts for no limit of viewers.
    pub(crate) fn join_from_relay(self: &Arc<Self>, line: &Arc<Line>) -> Option<RelaySeat> {
        let now = self.now();
        self.adopt(line, now);
        let none = SeatLimits { all: usize::MAX, group: usize::MAX };
        let joined = line.join((AddressGroup::Unknown, Watcher::Relay), none, self.circumstances(now))?;
        Some(RelaySeat { hub: Arc::clone(self), line: Arc::clone(line), number: joined.number })
    }
}

/// Another relay's seat at a line. Dropping the last seat ends the watch.
pub(crate) struct RelaySeat {
    hub: Arc<Hub>,
    pub(crate) line: Arc<Line>,
    pub(crate) number: u32,
}

impl Drop for RelaySeat {
    fn drop(&mut self) {
        if self.line.leave(self.number, self.hub.circumstances(self.hub.now())) {
            self.hub.forget_if_unused(&self.line);
        }
    }
}
