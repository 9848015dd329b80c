//! The books of a soak: each sample that a router sent was shown to everybody who looked, or there is a reason why not.
//!
//! Pure: routers and viewers bring what they sent and saw, the churn brings what it did to them; `now` is an argument.

mod chart;

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub(crate) use chart::{Chart, SharedChart, look};

/// A stream that is taken over by another one reads an interface twice for a while, within one tick of each other.
const OVERLAP: Duration = Duration::from_millis(1_100);

/// On its way for so long at most, unless something is recorded that holds it up.
const ON_ITS_WAY: Duration = Duration::from_secs(3);

/// A trouble is over for so long before everything that it held up has come: the missing samples come after the live ones.
const REPLAYED: Duration = Duration::from_secs(20);

/// Entries that balance nowhere and are shown with all that is known of them.
const SHOWN: usize = 12;

/// Why a sample of a router's was shown to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// The first row of a stream is a warm-up and no sample.
    FirstRow,
    /// The same second was read by the stream that was taken over and by the one that took over.
    ReadTwice,
    /// Nobody looked at the line.
    NobodyLooked,
    /// Whoever looked had come while the uplink was broken, so that the agent could not be told; what the router still sent of
    /// the line, which had been watched before, was no sample to it.
    NotYetWatched,
    /// The links of all its viewers had been broken for longer than a watch lasts.
    LinksDown,
    /// Its PPPoE session had ended.
    SessionEnded,
    /// The connection to the router's API was cut.
    ApiCut,
    /// The agent was killed, and its ring with it.
    AgentKilled,
}

impl Reason {
    /// As the table names it.
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

/// A row of monitor-traffic, as the router recorded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The download rate, which tells it from every other sample of the line and rises.
    pub(crate) mark: u64,
    pub(crate) at: Instant,
    /// Connection and tag.
    pub(crate) stream: (u64, Vec<u8>),
    pub(crate) first: bool,
}

/// What holds a router's samples up, or the word to its agent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trouble {
    from: Instant,
    to: Option<Instant>,
    /// So long after its end the agent may still have to be told of viewers.
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

/// What is known of all lines.
#[derive(Debug, Default)]
pub(crate) struct Books {
    lines: BTreeMap<Vec<u8>, Line>,
    /// What holds samples up or loses them, for each router, until it is over.
    troubles: Vec<Vec<Trouble>>,
    excuses: Vec<Vec<(RangeInclusive<Instant>, Reason)>>,
    totals: Totals,
}

/// What has become of the samples whose books are closed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Totals {
    pub(crate) sent: u64,
    pub(crate) shown: u64,
    /// Points that viewers have got: a sample counts once for each of them.
    pub(crate) deliveries: u64,
    pub(crate) lost: BTreeMap<Reason, u64>,
    /// Samples of which nobody knows what became, and charts with a hole.
    pub(crate) unaccounted: u64,
    /// Points of a chart that did not come in order.
    pub(crate) disordered: u64,
    pub(crate) examples: Vec<String>,
}

impl Totals {
    /// Whether everything is accounted for: sent is shown or lost with a reason, in every chart.
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

    /// A viewer leaves: it need not have seen what is on its way, nor what some trouble holds up.
    pub(crate) fn leave(&mut self, username: &str, chart: &SharedChart, now: Instant) {
        let Some(line) = self.lines.get(username.as_bytes()) else { return };
        let troubles = self.troubles.get(line.router).into_iter().flatten();
        let held_up = troubles.filter(|trouble| trouble.holds_up(now)).map(|trouble| trouble.from).min();
        let mut chart = look(chart);
        let whole = [held_up, chart.broken].into_iter().flatten().fold(now, Instant::min);
        chart.until = Some(whole - ON_ITS_WAY);
    }

    /// Something begins that holds a router's samples up.
    pub(crate) fn trouble(&mut self, router: usize, from: Instant) {
        if let Some(troubles) = self.troubles.get_mut(router) {
            troubles.push(Trouble { from, to: None, told: REPLAYED });
        }
    }

    /// It is over.
    pub(crate) fn over(&mut self, router: usize, now: Instant) {
        for trouble in self.troubles.get_mut(router).into_iter().flatten() {
            trouble.to.get_or_insert(now);
        }
    }

    /// It is over, and the agent is seen to be back.
    pub(crate) fn over_and_told(&mut self, router: usize, now: Instant) {
        for trouble in self.troubles.get_mut(router).into_iter().flatten().filter(|trouble| trouble.to.is_none()) {
            (trouble.to, trouble.told) = (Some(now), ON_ITS_WAY);
        }
    }

    /// Whether a router has been left alone for so long that everything has come.
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

    /// Closes the books of everything that was sent before an instant.
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

    /// What has become of the samples so far.
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
