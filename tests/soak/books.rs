//! The books of a soak: every viewer of a line gets each of its samples, or the books have the reason.
//!
//! The books do no I/O. Routers and viewers report samples, the churn reports its faults, and `now` is an argument.

mod chart;

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub(crate) use chart::{Chart, SharedChart, look};

/// During a takeover two streams read one interface, within one tick of each other.
const OVERLAP: Duration = Duration::from_millis(1_100);

/// A sample's longest way to its viewers without a recorded trouble.
const ON_ITS_WAY: Duration = Duration::from_secs(3);

/// The longest wait for delayed samples after a trouble. Missing samples come after the live ones.
const REPLAYED: Duration = Duration::from_secs(20);

/// The most unexplained entries that are printed in full.
const SHOWN: usize = 12;

/// The reason why no viewer got a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// The first row of a stream is no sample.
    FirstRow,
    /// In a takeover both streams read the same second.
    ReadTwice,
    /// Nobody looked at the line.
    NobodyLooked,
    /// Whoever looked had come while the uplink was broken, so that the agent could not be told; what the router still sent of
    /// the line, which had been watched before, was no sample to it.
    NotYetWatched,
    /// The links of all viewers were broken, and the watch had ended.
    LinksDown,
    /// The PPPoE session had ended.
    SessionEnded,
    /// The connection to the router's API was cut.
    ApiCut,
    /// The agent was killed, and its ring lost.
    AgentKilled,
}

impl Reason {
    /// The name in the table.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::FirstRow => "first row of a stream",
            Self::ReadTwice => "read by two streams",
            Self::NobodyLooked => "nobody looked",
            Self::NotYetWatched => "agent not yet told",
            Self::LinksDown => "all viewers' links down",
            Self::SessionEnded => "session ended",
            Self::ApiCut => "API connection cut",
            Self::AgentKilled => "agent killed",
        }
    }
}

/// A row of monitor-traffic from the router's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The download rate. It rises, so each sample of a line has another one.
    pub(crate) mark: u64,
    pub(crate) at: Instant,
    /// Connection and tag.
    pub(crate) stream: (u64, Vec<u8>),
    pub(crate) first: bool,
}

/// A trouble that delays a router's samples, or the agent's watches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trouble {
    from: Instant,
    to: Option<Instant>,
    /// The agent may still have to learn of viewers for this long after the end.
    told: Duration,
}

impl Trouble {
    fn holds_up(&self, now: Instant) -> bool {
        self.to.is_none_or(|to| to + REPLAYED > now)
    }
}

#[derive(Debug, Default)]
struct Line {
    router: usize,
    sent: VecDeque<Sent>,
    /// So many of them are closed, and kept for their neighbours' sake.
    closed: usize,
    charts: Vec<SharedChart>,
    excuses: Vec<(RangeInclusive<Instant>, Reason)>,
}

/// The books of all lines.
#[derive(Debug, Default)]
pub(crate) struct Books {
    lines: BTreeMap<Vec<u8>, Line>,
    /// The troubles of each router.
    troubles: Vec<Vec<Trouble>>,
    excuses: Vec<Vec<(RangeInclusive<Instant>, Reason)>>,
    totals: Totals,
}

/// The fates of all samples with closed books.
#[derive(Debug, Clone, Default)]
pub(crate) struct Totals {
    pub(crate) sent: u64,
    pub(crate) shown: u64,
    /// Points at viewers. A sample counts once for each viewer.
    pub(crate) deliveries: u64,
    pub(crate) lost: BTreeMap<Reason, u64>,
    /// Unexplained samples, and charts with a hole.
    pub(crate) unaccounted: u64,
    /// Points that arrived out of order.
    pub(crate) disordered: u64,
    pub(crate) examples: Vec<String>,
}

impl Totals {
    /// True if every sample is shown, or lost with a reason, in every chart.
    pub(crate) fn balance(&self) -> bool {
        self.unaccounted == 0 && self.disordered == 0 && self.sent == self.shown + self.lost.values().sum::<u64>()
    }
}

impl Books {
    /// Empty books of so many routers.
    pub(crate) fn new(routers: usize) -> Self {
        Self { troubles: vec![Vec::new(); routers], excuses: vec![Vec::new(); routers], ..Self::default() }
    }

    /// Opens the page of a line.
    pub(crate) fn add_line(&mut self, username: &str, router: usize) {
        self.lines.insert(username.as_bytes().to_vec(), Line { router, ..Line::default() });
    }

    /// A router has sent a sample.
    pub(crate) fn sent(&mut self, username: &[u8], sample: Sent) {
        if let Some(line) = self.lines.get_mut(username) {
            // Streams of one line overlap, and each is in order.
            let place = line.sent.partition_point(|other| other.at <= sample.at);
            line.sent.insert(place, sample);
        }
    }

    /// Somebody looks at a line.
    pub(crate) fn watch(&mut self, username: &str) -> SharedChart {
        let chart = SharedChart::default();
        if let Some(line) = self.lines.get_mut(username.as_bytes()) {
            line.charts.push(Arc::clone(&chart));
        }
        chart
    }

    /// A viewer leaves. Samples under way, or delayed by a trouble, are not owed to the viewer.
    pub(crate) fn leave(&mut self, username: &str, chart: &SharedChart, now: Instant) {
        let Some(line) = self.lines.get(username.as_bytes()) else { return };
        let troubles = self.troubles.get(line.router).into_iter().flatten();
        let held_up = troubles.filter(|trouble| trouble.holds_up(now)).map(|trouble| trouble.from).min();
        let mut chart = look(chart);
        let whole = [held_up, chart.broken].into_iter().flatten().fold(now, Instant::min);
        chart.until = Some(whole - ON_ITS_WAY);
    }

    /// A trouble begins.
    pub(crate) fn trouble(&mut self, router: usize, from: Instant) {
        if let Some(troubles) = self.troubles.get_mut(router) {
            troubles.push(Trouble { from, to: None, told: REPLAYED });
        }
    }

    /// The trouble is over.
    pub(crate) fn over(&mut self, router: usize, now: Instant) {
        for trouble in self.troubles.get_mut(router).into_iter().flatten() {
            trouble.to.get_or_insert(now);
        }
    }

    /// The trouble is over, and the agent is connected again.
    pub(crate) fn over_and_told(&mut self, router: usize, now: Instant) {
        for trouble in self.troubles.get_mut(router).into_iter().flatten().filter(|trouble| trouble.to.is_none()) {
            (trouble.to, trouble.told) = (Some(now), ON_ITS_WAY);
        }
    }

    /// True if the router's last trouble is long enough ago for all samples to have arrived.
    pub(crate) fn is_settled(&self, router: usize, now: Instant) -> bool {
        !self.troubles.get(router).into_iter().flatten().any(|trouble| trouble.holds_up(now))
    }

    /// Samples of all lines of a router were lost in that time.
    pub(crate) fn excuse_router(&mut self, router: usize, time: RangeInclusive<Instant>, reason: Reason) {
        if let Some(excuses) = self.excuses.get_mut(router) {
            excuses.push((time, reason));
        }
    }

    /// Samples of one line were lost in that time.
    pub(crate) fn excuse_line(&mut self, username: &str, time: RangeInclusive<Instant>, reason: Reason) {
        if let Some(line) = self.lines.get_mut(username.as_bytes()) {
            line.excuses.push((time, reason));
        }
    }

    /// Closes the books of all samples before an instant.
    pub(crate) fn close(&mut self, before: Instant) {
        for (username, line) in &mut self.lines {
            let excuses = self.excuses.get(line.router).map(Vec::as_slice).unwrap_or_default();
            let troubles = self.troubles.get(line.router).map(Vec::as_slice).unwrap_or_default();
            line.close(username, before, excuses, troubles, &mut self.totals);
        }
        for list in self.troubles.iter_mut() {
            list.retain(|trouble| trouble.to.is_none_or(|to| to + 2 * REPLAYED > before));
        }
        for list in self.excuses.iter_mut() {
            list.retain(|(time, _)| *time.end() >= before);
        }
    }

    /// Returns the fates of all samples until now.
    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }
}

impl Line {
    fn close(
        &mut self,
        username: &[u8],
        before: Instant,
        router: &[(RangeInclusive<Instant>, Reason)],
        troubles: &[Trouble],
        totals: &mut Totals,
    ) {
        let closed = self.sent.partition_point(|sample| sample.at < before);
        for at in self.closed..closed {
            let Some(sample) = self.sent.get(at) else { break };
            totals.sent += 1;
            match self.fate(at, sample, router, troubles) {
                Ok(None) => totals.shown += 1,
                Ok(Some(reason)) => *totals.lost.entry(reason).or_default() += 1,
                Err(what) => totals.note(what, username, sample, self, troubles),
            }
        }
        let Some(kept) = before.checked_sub(2 * OVERLAP) else { return };
        let past = self.sent.partition_point(|sample| sample.at < kept);
        self.closed = closed.saturating_sub(past);
        let mark = self.sent.drain(..past).map(|sample| sample.mark).max().unwrap_or(0);
        self.charts.retain(|chart| look(chart).forget(mark, kept, totals));
        self.excuses.retain(|(time, _)| *time.end() >= before);
    }

    fn fate(
        &self,
        at: usize,
        sample: &Sent,
        router: &[(RangeInclusive<Instant>, Reason)],
        troubles: &[Trouble],
    ) -> Result<Option<Reason>, &'static str> {
        if self.is_shown(sample) {
            let whole = self.charts.iter().all(|chart| {
                let chart = look(chart);
                !chart.must_show(sample) || chart.seen.contains(&sample.mark)
            });
            return if whole { Ok(None) } else { Err("not in every chart") };
        }
        if sample.first {
            return Ok(Some(Reason::FirstRow));
        }
        if self.neighbours(at, sample).any(|other| other.stream != sample.stream && self.is_shown(other)) {
            return Ok(Some(Reason::ReadTwice));
        }
        let excuse = self.excuses.iter().chain(router).find(|(time, _)| time.contains(&sample.at));
        let looking: Vec<_> = self.charts.iter().filter(|chart| look(chart).looked_at(sample.at)).collect();
        match excuse {
            _ if looking.is_empty() => Ok(Some(Reason::NobodyLooked)),
            Some((_, reason)) => Ok(Some(*reason)),
            None if looking.iter().all(|chart| look(chart).came_unheard(sample, troubles)) => {
                Ok(Some(Reason::NotYetWatched))
            }
            None if looking.iter().all(|chart| {
                let chart = look(chart);
                chart.was_away(sample, troubles) || chart.came_unheard(sample, troubles)
            }) =>
            {
                Ok(Some(Reason::LinksDown))
            }
            None => Err("shown to nobody"),
        }
    }

    fn is_shown(&self, sample: &Sent) -> bool {
        self.charts.iter().any(|chart| look(chart).seen.contains(&sample.mark))
    }

    fn neighbours(&self, at: usize, sample: &Sent) -> impl Iterator<Item = &Sent> {
        let (from, to) = (sample.at - OVERLAP, sample.at + OVERLAP);
        let before = self.sent.range(..at).rev().take_while(move |other| other.at >= from);
        before.chain(self.sent.range(at..).take_while(move |other| other.at <= to))
    }
}

impl Totals {
    fn note(&mut self, what: &str, username: &[u8], sample: &Sent, line: &Line, troubles: &[Trouble]) {
        self.unaccounted += 1;
        if self.examples.len() < SHOWN {
            let looked = line.charts.iter().filter(|chart| look(chart).looked_at(sample.at));
            let charts: Vec<_> = looked.map(|chart| look(chart).around(sample)).collect();
            let around = line
                .sent
                .iter()
                .filter(|other| other.at + 2 * OVERLAP >= sample.at && other.at <= sample.at + 2 * OVERLAP);
            let around = around.map(|other| {
                let (tag, first) = (String::from_utf8_lossy(&other.stream.1), if other.first { " first" } else { "" });
                let shown = if line.is_shown(other) { " shown" } else { "" };
                format!("{:+} ms: {}/{tag}{first}{shown}", apart(sample.at, other.at), other.stream.0)
            });
            self.examples.push(format!(
                "{} at {:.1} s of its router: {what}; who looked, from and to (ms): {}; samples around it: {}; troubles from and to (ms): {:?}",
                String::from_utf8_lossy(username),
                sample.mark.saturating_sub(10_000_000) as f64 / 1_000.0,
                charts.join(", "),
                around.collect::<Vec<_>>().join(", "),
                troubles
                    .iter()
                    .map(|trouble| (apart(sample.at, trouble.from), trouble.to.map(|to| apart(sample.at, to))))
                    .collect::<Vec<_>>(),
            ));
        }
    }
}

/// Milliseconds from one instant to another, negative where it is earlier.
fn apart(from: Instant, to: Instant) -> i64 {
    let (after, before) = (to.saturating_duration_since(from), from.saturating_duration_since(to));
    i64::try_from(after.as_millis()).unwrap_or(i64::MAX) - i64::try_from(before.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
