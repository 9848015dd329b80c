//! The samples seen by one viewer of a line, and the times without a view: before arrival, during a lost link, after leaving.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{ON_ITS_WAY, Sent, Totals, Trouble, apart};

/// Between a viewer's coming and the agent's being told.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// A watch lasts at least this long after the last sign of its last viewer; the agent ends the watch a second later.
const WATCHED_STILL: Duration = Duration::from_secs(14);

/// Broken links are kept this long: a trouble may delay the news of a return, and the longest trouble is a restart.
const AWAY_KEPT: Duration = Duration::from_secs(60);

/// The samples seen by one viewer of a line.
#[derive(Debug, Default)]
pub(crate) struct Chart {
    since: Option<Instant>,
    pub(super) until: Option<Instant>,
    /// The last sign of the viewer, for a broken link.
    lost: Option<Instant>,
    heard: Option<Instant>,
    /// The time of a deliberate break, until the next frame.
    pub(super) broken: Option<Instant>,
    /// Mended links: last frame before, first frame after.
    away: Vec<(Instant, Instant)>,
    pub(super) seen: BTreeSet<u64>,
    pub(super) newest: u64,
    time: i64,
    disordered: u64,
    deliveries: u64,
}

/// A chart shared by its viewer and the books.
pub(crate) type SharedChart = Arc<Mutex<Chart>>;

/// Locks a chart, also after the panic of a viewer.
pub(crate) fn look(chart: &SharedChart) -> MutexGuard<'_, Chart> {
    chart.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Chart {
    /// Takes the points (time and mark) of a frame; a snapshot begins anew.
    pub(crate) fn take(&mut self, snapshot: bool, points: impl IntoIterator<Item = (i64, u64)>, now: Instant) {
        self.since.get_or_insert(now);
        self.away.extend(self.lost.take().map(|lost| (lost, now)));
        self.heard = Some(now);
        self.broken = self.broken.filter(|broken| now <= *broken + ON_ITS_WAY);
        let mut last = if snapshot { (0, 0) } else { (self.time, self.newest) };
        for (time, mark) in points {
            self.disordered += u64::from(time <= last.0 || mark <= last.1);
            last = (time, mark);
            self.deliveries += u64::from(self.seen.insert(mark));
        }
        self.newest = self.newest.max(last.1);
        self.time = last.0;
    }

    /// Breaks the viewer's link on purpose: the viewer leaves with the points received until now.
    pub(crate) fn break_link(&mut self, now: Instant) {
        self.broken.get_or_insert(now);
    }

    /// The viewer's link broke; the relay may have known since the last frame.
    pub(crate) fn link_broke(&mut self) {
        self.lost = self.lost.or(self.heard);
    }

    /// Whether the watch had ended after a long break, while the agent did not yet know of the viewer's return.
    pub(super) fn was_away(&self, sample: &Sent, troubles: &[Trouble]) -> bool {
        let ended = |lost: Instant| lost + WATCHED_STILL <= sample.at;
        let still = self.lost.is_some_and(ended);
        still || self.away.iter().any(|(lost, back)| ended(*lost) && is_unheard(*back, sample, troubles))
    }

    /// The number of received points.
    pub(crate) fn deliveries(&self) -> u64 {
        self.deliveries
    }

    pub(super) fn must_show(&self, sample: &Sent) -> bool {
        sample.mark <= self.newest
            && self.since.is_some_and(|since| since <= sample.at)
            && self.until.is_none_or(|until| sample.at <= until)
    }

    /// Whether the viewer came before this sample, at a time when the agent could not be told.
    pub(super) fn came_unheard(&self, sample: &Sent, troubles: &[Trouble]) -> bool {
        self.since.is_none_or(|since| is_unheard(since, sample, troubles))
    }

    /// The viewer's times of looking, in milliseconds from a sample, and the number of newer samples received.
    pub(super) fn around(&self, sample: &Sent) -> String {
        let since = self.since.map_or(0, |since| apart(sample.at, since));
        let until = self.until.map_or("now".to_owned(), |until| apart(sample.at, until).to_string());
        let away: Vec<_> =
            self.away.iter().map(|(lost, back)| (apart(sample.at, *lost), apart(sample.at, *back))).collect();
        format!("{since} to {until}, {} newer, away {away:?}", self.seen.range(sample.mark..).count())
    }

    pub(super) fn looked_at(&self, at: Instant) -> bool {
        self.since.is_some_and(|since| since <= at) && self.until.is_none_or(|until| at <= until)
    }

    /// Forgets old entries; false after the viewer has left for good.
    pub(super) fn forget(&mut self, mark: u64, before: Instant, totals: &mut Totals) -> bool {
        totals.disordered += std::mem::take(&mut self.disordered);
        let ended = self.until.is_some_and(|until| until < before);
        if ended {
            totals.deliveries += self.deliveries;
        }
        self.away.retain(|(_, back)| *back + AWAY_KEPT >= before);
        if mark > 0 {
            self.seen = self.seen.split_off(&(mark + 1));
        }
        !ended
    }
}

/// Whether a viewer came before this sample and the agent could not be told.
fn is_unheard(came: Instant, sample: &Sent, troubles: &[Trouble]) -> bool {
    let within = |at: Instant, trouble: &Trouble| {
        at + ON_ITS_WAY >= trouble.from && trouble.to.is_none_or(|to| at <= to + trouble.told)
    };
    came + TOLD_WITHIN > sample.at || troubles.iter().any(|trouble| within(came, trouble) && within(sample.at, trouble))
}
