//! One connection to the router: events go to the tables, the monitor, the sampler and the averages, and due commands are
//! sent.

use shared::control::{Role, WatchRefusal};
use tokio::time::{Duration, Instant, sleep_until};

use super::Router;
use super::tables::{Completed, Table, is_forbidden};
use crate::handover::UplinkState;
use crate::monitor::{Action, Refusal, StreamId};
use crate::routeros::commands::{Command, Menu, parse_id};
use crate::routeros::connection::{Connection, ConnectionError, Transport};
use crate::routeros::dialogue::{Event, in_words};
use crate::routeros::sentence::{Sentence, Tag};
use crate::sampler;
use crate::sessions::{InterfaceKey, ListedSession};

/// Between two questions for the CPU load, while streams run.
const LOAD_INTERVAL: Duration = Duration::from_secs(5);

/// The longest time without a look at the clock.
const IDLE: Duration = Duration::from_secs(60);

/// The most streams open at once; the configuration allows fewer.
const MAX_STREAMS: usize = 64;

/// The commands of the open streams.
pub(super) type Streams = heapless::Vec<(StreamId, Tag), MAX_STREAMS>;

/// The purpose of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Login,
    Identity,
    Resource,
    Load,
    Table(Table),
    Counters,
    Listen(Menu),
    Stream(StreamId),
}

impl Router<'_> {
    /// Serves a connection to the end. Returns the reason of the end.
    pub(super) async fn serve<S: Transport>(&mut self, mut connection: Connection<S, Purpose>) -> ConnectionError {
        let now = Instant::now();
        self.found(now);
        self.take_watches(now);
        if let Err(error) = self.introduce(&mut connection, now) {
            return error;
        }
        loop {
            let now = Instant::now();
            if let Err(error) = self.turn(&mut connection, now) {
                return error;
            }
            let wake = self.wake(&connection, now);
            tokio::select! {
                ready = connection.ready() => if let Err(error) = ready { return error },
                () = self.handover.to_router.notified() => self.take_watches(Instant::now()),
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Asks for the router's identity, and listens to changes. The tables are asked for later.
    fn introduce<S: Transport>(
        &mut self,
        connection: &mut Connection<S, Purpose>,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let timeout = Some(self.timing.connection.command_timeout);
        self.load_due = now + LOAD_INTERVAL;
        self.asked = Some(now);
        connection.send(&Command::Identity, Purpose::Identity, timeout, now)?;
        connection.send(&Command::Resource, Purpose::Resource, timeout, now)?;
        for menu in [Menu::PppoeServer, Menu::PppoeClient, Menu::PppActive] {
            connection.send(&Command::Listen(menu), Purpose::Listen(menu), None, now)?;
        }
        Ok(())
    }

    /// Takes all events, then sends the due commands.
    fn turn<S: Transport>(
        &mut self,
        connection: &mut Connection<S, Purpose>,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        while let Some(event) = connection.take(now)? {
            self.hear(event, now)?;
        }
        if self.sampler.is_complete() || self.sampler.due().is_some_and(|due| due <= now) {
            self.end_tick();
        }
        self.look_for_absent(now);
        self.ask_for_tables(connection, now)?;
        self.tend_streams(connection, now)?;
        self.ask_for_load(connection, now)?;
        self.ask_for_counters(connection, now)?;
        self.note_status(now);
        Ok(())
    }

    fn wake<S: Transport>(&self, connection: &Connection<S, Purpose>, now: Instant) -> Instant {
        let look = self.monitor.wake(now);
        let tables = self.tables.wake(!self.monitor.is_idle());
        let counters = self.averages.wake(now).filter(|_| self.wants_averages());
        let due = [connection.deadline(), self.sampler.due(), look, tables, counters].into_iter().flatten().min();
        due.unwrap_or(now + IDLE)
    }

    fn take_watches(&mut self, now: Instant) {
        let mut watched = self.handover.watched.borrow_mut();
        let anew = watched.take_new_uplink();
        let refused = self.monitor.want(watched.wanted(), anew, now);
        for line in &refused {
            watched.refuse(*line, WatchRefusal::TooManyWatched);
        }
        if !refused.is_empty() {
            tracing::warn!(
                lines = refused.len(),
                "relay wants more lines than the agent watches: raise LINELIGHT_MAX_WATCHED"
            );
            self.handover.to_uplink.notify_one();
        }
    }

    fn hear(&mut self, event: Event<'_, Purpose>, now: Instant) -> Result<(), ConnectionError> {
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
        if self.sampler.add(&reading, rx, tx, now) {
            self.tables.hint(now);
        }
    }

    fn end_tick(&mut self) {
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

    fn sessions_read(&mut self, listing: crate::sessions::Listing, began: Instant, now: Instant) {
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

    fn look_for_absent(&mut self, now: Instant) {
        let lines = self.handover.lines.borrow();
        let watched = self.monitor.lines().filter_map(|line| lines.line(line));
        let offline = watched.filter(|line| line.sessions() == 0).map(|line| line.offline_for(now)).min();
        if let Some(offline) = offline {
            self.tables.look_for(offline, now);
        }
    }

    fn ask_for_tables<S: Transport>(
        &mut self,
        connection: &mut Connection<S, Purpose>,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let watched = !self.monitor.is_idle();
        while let Some(table) = self.tables.next(&self.handover.lines.borrow(), watched, now) {
            let command = match table {
                Table::Server => Command::ServerSessions,
                Table::Client => Command::ClientSessions,
                Table::Profiles => Command::Profiles,
                Table::Secrets => Command::Secrets { comments: self.report_comments },
                Table::Addresses => Command::ActiveAddresses,
                Table::Clock => Command::Clock,
                Table::Queues => Command::Queues,
            };
            connection.send(&command, Purpose::Table(table), Some(self.timing.connection.command_timeout), now)?;
        }
        Ok(())
    }

    fn tend_streams<S: Transport>(
        &mut self,
        connection: &mut Connection<S, Purpose>,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        if self.monitor.is_idle() && self.monitor.streams() == 0 {
            return Ok(());
        }
        self.monitor.hold(self.handover.uplink.get() == UplinkState::Lost);
        let actions = self.monitor.plan(&self.handover.lines.borrow(), now);
        for action in actions {
            self.act(action, connection, now)?;
        }
        let monitor = &self.monitor;
        self.sampler.forget(|line| monitor.is_watched(line));
        Ok(())
    }

    fn act<S: Transport>(
        &mut self,
        action: Action,
        connection: &mut Connection<S, Purpose>,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        match action {
            Action::Open(stream) => self.open(stream, connection, now)?,
            Action::Cancel(stream) => {
                let tag = self.streams.iter().find(|(known, _)| *known == stream).map(|(_, tag)| *tag);
                self.streams.retain(|(known, _)| *known != stream);
                tag.map_or(Ok(()), |tag| connection.cancel(tag, now))?;
            }
            Action::Refuse(line, reason) => {
                self.handover.watched.borrow_mut().refuse(line, reason);
                self.handover.to_uplink.notify_one();
            }
            Action::Reread(why) => {
                tracing::debug!(why, "session tables are read again");
                self.tables.hint(now);
            }
            Action::Drop(why) => return Err(ConnectionError::Stalled(why)),
        }
        Ok(())
    }

    fn open<S: Transport>(
        &mut self,
        stream: StreamId,
        connection: &mut Connection<S, Purpose>,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let Some((interfaces, interval)) = self.monitor.interfaces(stream) else { return Ok(()) };
        let command = Command::MonitorTraffic { interfaces: &interfaces, interval };
        let tag = connection.send(&command, Purpose::Stream(stream), None, now)?;
        // The monitor keeps to the configured number, and this is lower.
        self.streams.push((stream, tag)).map_err(|_| ConnectionError::Stalled("it has too many streams open"))
    }

    fn ask_for_load<S: Transport>(
        &mut self,
        connection: &mut Connection<S, Purpose>,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        if self.monitor.streams() == 0 || self.load_due > now {
            return Ok(());
        }
        (self.load_due, self.asked) = (now + LOAD_INTERVAL, Some(now));
        connection.send(&Command::CpuLoad, Purpose::Load, Some(self.timing.connection.command_timeout), now)?;
        Ok(())
    }

    /// True if lines are known and the relay takes averages.
    fn wants_averages(&self) -> bool {
        self.handover.averages.get() && self.handover.lines.borrow().readings() > 0
    }

    fn ask_for_counters<S: Transport>(
        &mut self,
        connection: &mut Connection<S, Purpose>,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        if !self.wants_averages() {
            return Ok(());
        }
        let Some(stats) = self.averages.begin(now) else { return Ok(()) };
        connection.send(
            &Command::Counters { stats },
            Purpose::Counters,
            Some(self.timing.connection.command_timeout),
            now,
        )?;
        Ok(())
    }
}
