//! A monitor and a router for it: sessions in a table, and streams with a tick each second.

use super::super::*;
use crate::sessions::tests::{Listed, listing};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const STEP: Duration = Duration::from_millis(200);

/// The monitor, the router's sessions and streams, and all requests of the monitor.
pub(super) struct MonitoredRouter {
    pub(super) monitor: Monitor,
    pub(super) table: LineTable,
    pub(super) now: Instant,
    pub(super) sessions: Vec<(u64, String)>,
    pub(super) wanted: Vec<LineHandle>,
    pub(super) running: Vec<Running>,
    pub(super) asked: Asked,
    /// Samples by line, with their instants.
    pub(super) samples: Vec<(LineHandle, Instant)>,
    /// False if the router refuses every `.id` in monitor-traffic.
    pub(super) takes_ids: bool,
    /// How long a refusal takes.
    pub(super) answers_after: Duration,
    /// Streams whose refusals are on their way.
    refusals: Vec<(StreamId, Instant)>,
    /// Interfaces without rows.
    pub(super) mute: Vec<String>,
    pub(super) peak: usize,
}

/// The requests of the monitor.
#[derive(Default)]
pub(super) struct Asked {
    /// Opened streams with the names in them.
    pub(super) opened: Vec<(StreamId, Vec<String>)>,
    pub(super) cancelled: Vec<StreamId>,
    pub(super) refused: Vec<(LineHandle, WatchRefusal)>,
    pub(super) rereads: usize,
    /// Interfaces asked for by name, and refused streams.
    pub(super) by_name: usize,
    pub(super) refusals: usize,
    pub(super) dropped: bool,
}

/// A running stream.
pub(super) struct Running {
    pub(super) id: StreamId,
    pub(super) opened: Instant,
    pub(super) interval: Interval,
    pub(super) names: Vec<String>,
    pub(super) section: u64,
}

impl MonitoredRouter {
    pub(super) fn new(users: usize) -> Self {
        Self::with(users, AgentLimits::for_tests(200, 8, 50))
    }

    pub(super) fn with(users: usize, limits: AgentLimits) -> Self {
        let mut router = Self {
            monitor: Monitor::new(&limits, &Timing::default()),
            table: LineTable::new(10_000),
            now: Instant::now(),
            sessions: (0..users).map(|n| (n as u64, format!("u{n}"))).collect(),
            wanted: Vec::new(),
            running: Vec::new(),
            asked: Asked::default(),
            samples: Vec::new(),
            takes_ids: true,
            answers_after: STEP / 2,
            refusals: Vec::new(),
            mute: Vec::new(),
            peak: 0,
        };
        router.read();
        router
    }

    pub(super) fn read(&mut self) {
        let rows: Vec<_> =
            self.sessions.iter().map(|(id, user)| (*id, format!("<{user}-{id}>"), user.clone())).collect();
        let rows: Vec<Listed<'_>> =
            rows.iter().map(|(id, name, user)| (Role::Server, *id, name.as_str(), user.as_str(), None, true)).collect();
        self.table.apply(listing(&rows, 10_000), self.now);
    }

    pub(super) fn line(&self, user: usize) -> LineHandle {
        self.table.line_of(format!("u{user}").as_bytes()).unwrap().handle()
    }

    pub(super) fn watch(&mut self, users: impl Iterator<Item = usize>) {
        let lines: Vec<_> = users.map(|user| self.line(user)).collect();
        self.wanted.extend(lines);
        self.tell();
    }

    pub(super) fn unwatch(&mut self, users: impl Iterator<Item = usize>) {
        let lines: Vec<_> = users.map(|user| self.line(user)).collect();
        self.wanted.retain(|line| !lines.contains(line));
        self.tell();
    }

    pub(super) fn tell(&mut self) {
        self.tell_of(false);
    }

    /// A relay without its viewers begins a new uplink.
    pub(super) fn tell_anew(&mut self) {
        self.wanted.clear();
        self.tell_of(true);
    }

    fn tell_of(&mut self, anew: bool) {
        let refused = self.monitor.want(self.wanted.iter().copied(), anew, self.now);
        self.asked.refused.extend(refused.iter().map(|line| (*line, WatchRefusal::TooManyWatched)));
        self.wanted.retain(|line| !refused.contains(line));
        self.plan();
    }

    pub(super) fn plan(&mut self) {
        for action in self.monitor.plan(&self.table, self.now) {
            match action {
                Action::Open(id) => self.open(id),
                Action::Cancel(id) => {
                    self.running.retain(|running| running.id != id);
                    self.refusals.retain(|(refused, _)| *refused != id);
                    self.asked.cancelled.push(id);
                }
                Action::Refuse(line, reason) => {
                    self.wanted.retain(|wanted| *wanted != line);
                    self.asked.refused.push((line, reason));
                }
                Action::RouterRefuses(line) => self.asked.refused.push((line, WatchRefusal::RouterRefuses)),
                Action::Reread(_) => {
                    self.asked.rereads += 1;
                    self.read();
                }
                Action::Drop(_) => self.asked.dropped = true,
            }
        }
        let open = self.running.len() + self.refusals.len();
        assert_eq!(open, self.monitor.streams(), "the monitor knows what runs");
        self.peak = self.peak.max(self.running.len());
    }

    pub(super) fn open(&mut self, id: StreamId) {
        let (interfaces, interval) = self.monitor.interfaces(id).unwrap();
        self.asked.by_name += interfaces.iter().filter(|interface| matches!(interface, Interface::Name(_))).count();
        let named = |(id, user): &(u64, String)| (*id, format!("<{user}-{id}>"));
        let sessions: Vec<_> = self.sessions.iter().map(named).collect();
        let known = |interface: &Interface<'_>| {
            let is_it = |(id, name): &&(u64, String)| match interface {
                Interface::Id(wanted) => self.takes_ids && id == wanted,
                Interface::Name(wanted) => name.as_bytes() == *wanted,
            };
            sessions.iter().find(is_it).map(|(_, name)| name.clone())
        };
        let names: Option<Vec<_>> = interfaces.iter().map(known).collect();
        let Some(names) = names else {
            self.asked.refusals += 1;
            self.refusals.push((id, self.now + self.answers_after));
            return;
        };
        self.asked.opened.push((id, names.clone()));
        self.running.push(Running { id, opened: self.now, interval, names, section: 0 });
    }

    /// Lets time pass: streams tick, and the monitor plans after a row and at its own time.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let wake = self.monitor.wake(self.now);
            self.now += STEP;
            if self.tick() | self.refuse() || wake.is_some_and(|wake| wake <= self.now) {
                self.plan();
            }
        }
    }

    /// Tells the refusals whose time has come. True if there was one. The router's tables are read for each.
    fn refuse(&mut self) -> bool {
        let (now, due) = (self.now, |at: Instant| at <= self.now);
        let refused: Vec<_> = self.refusals.iter().filter(|(_, at)| due(*at)).map(|(id, _)| *id).collect();
        self.refusals.retain(|(_, at)| *at > now);
        for id in &refused {
            self.monitor.refused(*id, Refusal::Interfaces);
            self.monitor.ended(*id, self.table.readings(), now);
        }
        if !refused.is_empty() {
            self.read();
        }
        !refused.is_empty()
    }

    /// Whether a row came.
    fn tick(&mut self) -> bool {
        let mut came = false;
        for running in &mut self.running {
            let next = running.opened + running.interval.duration() * running.section as u32;
            if self.now < next {
                continue;
            }
            for name in &running.names {
                let there = self.sessions.iter().any(|(id, user)| *name == format!("<{user}-{id}>"));
                if !there || self.mute.contains(name) {
                    continue;
                }
                came = true;
                let row = self.monitor.row(running.id, Some(name.as_bytes()), Some(running.section), self.now);
                if let Some(reading) = row.and_then(|row| row.reading) {
                    self.samples.push((reading.line, self.now));
                }
            }
            running.section += 1;
        }
        came
    }

    /// The longest and the shortest time between two samples of a line.
    pub(super) fn spacing(&self, user: usize) -> (Duration, Duration) {
        let line = self.line(user);
        let times: Vec<_> = self.samples.iter().filter(|(of, _)| *of == line).map(|(_, at)| *at).collect();
        let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        (gaps.iter().max().copied().unwrap_or_default(), gaps.iter().min().copied().unwrap_or_default())
    }

    pub(super) fn samples_of(&self, user: usize) -> usize {
        let line = self.line(user);
        self.samples.iter().filter(|(of, _)| *of == line).count()
    }
}

impl AgentLimits {
    pub(super) fn for_tests(max_watched: usize, streams: usize, interfaces_per_stream: usize) -> Self {
        Self {
            max_watched,
            streams,
            interfaces_per_stream,
            sessions: 10_000,
            backlog_bytes: 0,
            report_comments: false,
            probes_per_second: 200,
        }
    }
}
