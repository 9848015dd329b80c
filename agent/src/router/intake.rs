//! Replies of the router: rows go to the tables, the monitor, the sampler and the averages, and from there into the
//! handover.

use shared::control::Role;
use tokio::time::Instant;

use super::left_out::LeftOut;
use super::purpose::Purpose;
use super::refusals::Refusals;
use super::tables::{Completed, Table, Tables, is_forbidden};
use crate::averages::Averages;
use crate::batch::Batcher;
use crate::config::{AgentLimits, Timing};
use crate::handover::Handover;
use crate::monitor::{Monitor, Refusal, StreamId};
use crate::routeros::commands::{Menu, parse_id};
use crate::routeros::connection::ConnectionError;
use crate::routeros::dialogue::{Event, in_words};
use crate::routeros::sentence::{Sentence, Tag};
use crate::sampler::{self, Sampler};
use crate::sessions::{InterfaceKey, ListedSession, Listing};

/// The most streams open at once; the configuration allows fewer.
const MAX_STREAMS: usize = 64;

/// The field of a row with the packets a second that the interface's queue dropped.
const DROPS: &str = "tx-queue-drops-per-second";

/// The commands of the open streams.
pub(super) type Streams = heapless::Vec<(StreamId, Tag), MAX_STREAMS>;

/// Everything that replies change.
pub(super) struct Intake<'a> {
    pub(super) handover: &'a Handover,
    pub(super) batcher: Batcher,
    pub(super) tables: Tables,
    pub(super) monitor: Monitor,
    pub(super) sampler: Sampler,
    pub(super) averages: Averages,
    pub(super) streams: Streams,
    refusals: Refusals,
    left_out: LeftOut,
    /// The start of the last whole reading of the session tables.
    pub(super) read: Option<Instant>,
    /// When the router was asked for its identity or load, to time the answer.
    pub(super) asked: Option<Instant>,
}

impl<'a> Intake<'a> {
    pub(super) fn new(limits: &AgentLimits, timing: &Timing, batcher: Batcher, handover: &'a Handover) -> Self {
        Self {
            handover,
            batcher,
            tables: Tables::new(timing),
            monitor: Monitor::new(limits, timing),
            sampler: Sampler::default(),
            averages: Averages::new(timing.tables.averages_interval),
            streams: Streams::new(),
            refusals: Refusals::default(),
            left_out: LeftOut::default(),
            read: None,
            asked: None,
        }
    }

    /// Forgets everything about a lost connection.
    pub(super) fn disconnected(&mut self) {
        let readings = self.handover.lines.borrow().readings();
        self.monitor.disconnected(readings);
        self.tables.disconnected();
        self.sampler.clear();
        self.averages.disconnected();
        self.streams.clear();
        self.refusals.clear();
        self.left_out.clear();
    }

    pub(super) fn hear(&mut self, event: Event<'_, Purpose>, now: Instant) -> Result<(), ConnectionError> {
        match event {
            Event::Row(_, Purpose::Stream(stream), row) => self.hear_rates(stream, &row, now),
            Event::Row(_, Purpose::Table(table), row) => self.tables.row(table, &row, &self.handover.lines.borrow()),
            Event::Row(_, Purpose::Counters, row) => self.averages.row(&row, &self.handover.lines.borrow(), now),
            Event::Row(_, Purpose::Listen(menu), row) => self.hear_change(menu, &row, now),
            Event::Row(_, purpose, row) => self.hear_about_router(purpose, &row),
            Event::LeftOut(_, purpose, row) => self.left_out.note(purpose, &row),
            Event::Trap(_, purpose, trap) => self.hear_refusal(purpose, trap.message())?,
            Event::Done(_, purpose, _) => self.hear_end(purpose, now)?,
            Event::TimedOut(_, purpose) => self.hear_nothing(purpose, now)?,
        }
        Ok(())
    }

    /// A row of a stream: the hot path, without allocation.
    fn hear_rates(&mut self, stream: StreamId, row: &Sentence<'_>, now: Instant) {
        let Some(known) = self.monitor.row(stream, row.get("name"), row.section(), now) else { return };
        if self.refusals.is_standing() {
            self.forget_refusal();
        }
        if known.begins && self.sampler.holds(stream) {
            self.end_tick();
        }
        self.sampler.pass(stream, known.ends);
        let Some((reading, (rx, tx))) = known.reading.zip(sampler::rates(row)) else { return };
        if let Some(drops) = row.integer(DROPS).filter(|drops| *drops > 0) {
            let drops = u32::try_from(drops).unwrap_or(u32::MAX);
            self.handover.pending.borrow_mut().note_drops(reading.line, drops);
        }
        if self.sampler.add(&reading, rx, tx, now) {
            self.tables.hint(now);
        }
    }

    pub(super) fn end_tick(&mut self) {
        if let Some((at, samples)) = self.sampler.take() {
            self.batcher.close(self.handover, at, samples);
        }
    }

    /// A change that the router tells is a hint, if it is news: the tables are read soon. The end of an interface ends the
    /// session at once.
    fn hear_change(&mut self, menu: Menu, row: &Sentence<'_>, now: Instant) {
        self.tables.told();
        let gone = row.flag(".dead").unwrap_or(false) && menu != Menu::PppActive;
        if let Some(id) = row.get(".id").and_then(parse_id).filter(|_| gone) {
            self.hear_end_of(InterfaceKey::new(Some(id), b""), now);
        }
        let lines = self.handover.lines.borrow();
        let dead = row.flag(".dead").unwrap_or(false);
        let listed = |role| ListedSession::read(role, row).is_some_and(|session| lines.is_news(&session));
        let news = match menu {
            Menu::PppActive => {
                dead || row.get("name").is_some_and(|name| lines.line_of(name).is_none_or(|l| l.sessions() == 0))
            }
            _ if dead => row.get(".id").and_then(parse_id).is_none_or(|id| lines.has(InterfaceKey::new(Some(id), b""))),
            Menu::PppoeServer => listed(Role::Server),
            Menu::PppoeClient => listed(Role::Client),
        };
        if news {
            self.tables.hint(now);
        }
    }

    fn hear_end_of(&mut self, interface: InterfaceKey, now: Instant) {
        self.tables.gone(interface);
        if self.handover.lines.borrow_mut().end(interface, now) {
            self.handover.to_uplink.notify_one();
            self.monitor.review_streams(&self.handover.lines.borrow());
            let monitor = &self.monitor;
            self.sampler.deny(|line, stream| monitor.produces(stream, line));
        }
    }

    fn hear_about_router(&mut self, purpose: Purpose, row: &Sentence<'_>) {
        let text = |name| row.get(name).map(in_words);
        let mut status = self.handover.status.borrow_mut();
        match purpose {
            Purpose::Identity => status.identity = text("name"),
            Purpose::Resource => {
                let version = text("version");
                if status.routeros.is_some() && status.routeros != version {
                    self.monitor.forget_naming();
                }
                (status.routeros, status.board) = (version, text("board-name"));
            }
            _ => {}
        }
        if let Some(load) = row.integer("cpu-load").and_then(|load| u8::try_from(load).ok()) {
            status.cpu_load = Some(load.min(100));
        }
    }

    fn hear_refusal(&mut self, purpose: Purpose, message: &[u8]) -> Result<(), ConnectionError> {
        let reason = in_words(message);
        tracing::debug!(?purpose, reason, "router refuses");
        let table = match purpose {
            Purpose::Table(table) => table,
            Purpose::Counters => {
                self.averages.trap();
                return Ok(());
            }
            Purpose::Listen(Menu::PppoeServer | Menu::PppoeClient) => {
                self.tables.tells_nothing();
                return Ok(());
            }
            Purpose::Stream(stream) => {
                self.hear_stream_refusal(stream, message);
                return Ok(());
            }
            _ => return Ok(()),
        };
        if is_forbidden(message) && matches!(table, Table::Server | Table::Client) {
            return Err(ConnectionError::NotPermitted(reason));
        }
        self.tables.trap(table, message);
        Ok(())
    }

    /// Tells the monitor of a refusal. A refusal for another reason than a missing interface goes into the status too.
    fn hear_stream_refusal(&mut self, stream: StreamId, message: &[u8]) {
        let forbidden = is_forbidden(message);
        self.monitor.refused(stream, if forbidden { Refusal::Forbidden } else { Refusal::Interfaces });
        if let Some(fault) = self.refusals.note(message, Instant::now()) {
            self.handover.status.borrow_mut().fault = Some(fault);
            self.handover.to_uplink.notify_one();
        }
    }

    fn forget_refusal(&mut self) {
        self.refusals.clear();
        tracing::info!("router's monitor-traffic gives rows again");
        self.handover.status.borrow_mut().fault = None;
        self.handover.to_uplink.notify_one();
    }

    fn hear_end(&mut self, purpose: Purpose, now: Instant) -> Result<(), ConnectionError> {
        match purpose {
            Purpose::Table(table) => {
                let completed = self.tables.done(table, &self.handover.lines.borrow(), now);
                self.complete(completed, now)?;
            }
            Purpose::Stream(stream) => self.stream_ended(stream, now),
            Purpose::Counters => self.counters_read(now),
            Purpose::Identity | Purpose::Load => self.note_round_trip(now),
            _ => {}
        }
        Ok(())
    }

    fn hear_nothing(&mut self, purpose: Purpose, now: Instant) -> Result<(), ConnectionError> {
        tracing::debug!(?purpose, "router did not answer a command in time");
        if purpose == Purpose::Counters {
            self.averages.timed_out(now);
        }
        let Purpose::Table(table) = purpose else { return Ok(()) };
        let completed = self.tables.timed_out(table, &self.handover.lines.borrow(), now);
        self.complete(completed, now)
    }

    fn complete(&mut self, completed: Option<Completed>, now: Instant) -> Result<(), ConnectionError> {
        match completed {
            Some(Completed::Sessions(listing, began)) => self.sessions_read(listing, began, now),
            Some(Completed::Plans(plans)) => {
                self.handover.lines.borrow_mut().apply_plans(plans);
                self.handover.to_uplink.notify_one();
            }
            None if self.tables.is_hopeless() => return Err(ConnectionError::Stalled("it gives no session tables")),
            None => {}
        }
        Ok(())
    }

    fn sessions_read(&mut self, listing: Listing, began: Instant, now: Instant) {
        self.read = Some(began);
        let mut lines = self.handover.lines.borrow_mut();
        let before = lines.revision();
        self.tables.give_back(lines.apply(listing, now));
        let sessions = u32::try_from(lines.live_sessions()).unwrap_or(u32::MAX);
        self.handover.status.borrow_mut().sessions = sessions;
        let changed = lines.revision() != before;
        if changed {
            self.handover.to_uplink.notify_one();
        }
        // All is new to the first reading.
        self.tables.compare(changed && lines.readings() > 1);
        drop(lines);
        self.settle_doubts(began);
    }

    /// Streams are reviewed first: a line without a session must feed nothing.
    fn settle_doubts(&mut self, began: Instant) {
        self.monitor.review_streams(&self.handover.lines.borrow());
        let monitor = &self.monitor;
        let confirmed = self.sampler.confirm(began, |line, stream| monitor.produces(stream, line));
        if let Some((at, samples)) = confirmed {
            self.batcher.close(self.handover, at, samples);
        }
    }

    fn counters_read(&mut self, now: Instant) {
        if let Some(read) = self.averages.done(&self.handover.lines.borrow(), now) {
            self.batcher.close_averages(self.handover, read.at, read.reach, read.averages);
        }
    }

    fn stream_ended(&mut self, stream: StreamId, now: Instant) {
        self.streams.retain(|(known, _)| *known != stream);
        let readings = self.handover.lines.borrow().readings();
        self.monitor.ended(stream, readings, now);
        self.tables.hint(now);
    }

    fn note_round_trip(&mut self, now: Instant) {
        let micros = self.asked.take().map(|asked| now.saturating_duration_since(asked).as_micros());
        let mut status = self.handover.status.borrow_mut();
        status.round_trip_us = micros.map(|micros| u64::try_from(micros).unwrap_or(u64::MAX)).or(status.round_trip_us);
        if let Some(load) = status.cpu_load.filter(|_| self.monitor.streams() > 0) {
            self.monitor.note_load(load);
        }
    }
}
