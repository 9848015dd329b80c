//! A look through all lines: how many are in which state, the busiest, and the sums of each agent.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use shared::Username;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::shown::ShownState;
use crate::clock::UnixMillis;
use crate::lines::hub::Hub;
use crate::lines::line::glance::Glance;

/// The busiest lines that are kept, of all and of each agent.
pub(super) const MOST: usize = 50;
/// All lines are looked through so often at most, whoever asks.
const EVERY: Duration = Duration::from_secs(4);

/// The last look through all lines.
#[derive(Debug, Default)]
pub(crate) struct Busiest {
    // Held while the lines are looked through: the others wait for the same look.
    last: Mutex<Option<(Instant, Arc<Standings>)>>,
}

/// All lines at one moment, as sums.
#[derive(Debug, Default)]
pub(super) struct Standings {
    pub(super) at: UnixMillis,
    pub(super) states: States,
    pub(super) all: Top,
    pub(super) agents: BTreeMap<Arc<str>, Sum>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct States {
    pub(super) running: u64,
    pub(super) full: u64,
    pub(super) not_connected: u64,
    pub(super) out_of_sight: u64,
    pub(super) no_figures: u64,
}

/// The lines of one agent.
#[derive(Debug, Default)]
pub(super) struct Sum {
    pub(super) down: u64,
    pub(super) up: u64,
    pub(super) lines: u64,
    pub(super) top: Top,
}

/// The busiest lines of some, by their greater rate.
#[derive(Debug, Default)]
pub(super) struct Top(BinaryHeap<Reverse<(u64, Username)>>);

impl Top {
    fn offer(&mut self, rate: u64, username: &Username) {
        if self.0.len() == MOST && self.0.peek().is_some_and(|Reverse((least, _))| *least >= rate) {
            return;
        }
        self.0.push(Reverse((rate, username.clone())));
        if self.0.len() > MOST {
            self.0.pop();
        }
    }

    /// Returns the lines, the busiest first.
    pub(super) fn names(&self) -> Vec<&Username> {
        let mut all: Vec<&(u64, Username)> = self.0.iter().map(|Reverse(one)| one).collect();
        all.sort_unstable_by(|one, other| (other.0, &one.1).cmp(&(one.0, &other.1)));
        all.into_iter().map(|(_, username)| username).collect()
    }
}

impl States {
    fn count(&mut self, state: ShownState) {
        let counted = match state {
            ShownState::Running => &mut self.running,
            ShownState::Full => &mut self.full,
            ShownState::NotConnected => &mut self.not_connected,
            ShownState::OutOfSight => &mut self.out_of_sight,
            ShownState::NoFigures => &mut self.no_figures,
            ShownState::NeverSeen => return,
        };
        *counted += 1;
    }
}

impl Standings {
    fn of(hub: &Hub) -> Self {
        let mut standings = Self { at: hub.now().unix, ..Self::default() };
        hub.glances(|username, glance| standings.add(username, &glance));
        standings
    }

    fn add(&mut self, username: &Username, glance: &Glance) {
        self.states.count(ShownState::of(glance));
        let Some(agent) = &glance.agent else { return };
        let sum = self.agents.entry(Arc::clone(&agent.name)).or_default();
        sum.lines += 1;
        let Some((down, up)) = glance.rates else { return };
        sum.down = sum.down.saturating_add(down);
        sum.up = sum.up.saturating_add(up);
        sum.top.offer(down.max(up), username);
        self.all.offer(down.max(up), username);
    }
}

impl Busiest {
    /// Returns the standings of the last four seconds.
    pub(super) async fn standings(&self, hub: &Arc<Hub>) -> Arc<Standings> {
        let mut last = self.last.lock().await;
        if let Some((looked, standings)) = &*last
            && looked.elapsed() < EVERY
        {
            return Arc::clone(standings);
        }
        let hub = Arc::clone(hub);
        let standings = Arc::new(spawn_blocking(move || Standings::of(&hub)).await.unwrap_or_default());
        *last = Some((Instant::now(), Arc::clone(&standings)));
        standings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::stage::{Stage, live};

    #[test]
    fn the_top_keeps_the_busiest_in_order() {
        let mut top = Top::default();
        let name = |n: u64| Username::from_text(&format!("line-{n:03}")).unwrap();
        (0..200).for_each(|n| top.offer(n * 7 % 200, &name(n)));
        let names = top.names();
        assert_eq!(names.len(), MOST);
        assert!(names.windows(2).all(|two| two[0] != two[1]));
        let rate = |username: &Username| username.to_text()[5..].parse::<u64>().unwrap() * 7 % 200;
        assert!(names.windows(2).all(|two| rate(two[0]) > rate(two[1])));
        assert_eq!(rate(names[0]), 199);
    }

    #[tokio::test(start_paused = true)]
    async fn lines_are_counted_by_state_and_summed_by_agent() {
        let stage = Stage::new();
        let _a = stage.agent("a", 1, vec![live(1, "ali"), live(2, "bob")]).await;
        let _b = stage.agent("b", 1, vec![live(1, "carol")]).await;
        let standings = Standings::of(&stage.hub);
        assert_eq!(standings.states.running, 3);
        let lines: Vec<_> = standings.agents.iter().map(|(name, sum)| (&**name, sum.lines)).collect();
        assert_eq!(lines, [("a", 2), ("b", 1)]);
    }
}
