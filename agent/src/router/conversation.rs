//! One connection to the router: replies go to the intake, and due commands are sent.

use shared::control::WatchRefusal;
use tokio::time::{Duration, Instant, sleep_until};

use super::intake::Intake;
use super::purpose::Purpose;
use super::tables::Table;
use crate::averages::Form;
use crate::batch::Batcher;
use crate::clock::milliseconds;
use crate::config::{AgentLimits, Timing};
use crate::handover::{Handover, UplinkState};
use crate::monitor::{Action, StreamId};
use crate::routeros::commands::{Command, Menu};
use crate::routeros::connection::{Connection, ConnectionError, Transport};
use crate::sessions::Line;

/// Between two questions for the CPU load, while streams run.
const LOAD_INTERVAL: Duration = Duration::from_secs(5);

/// The longest time without a look at the clock.
const IDLE: Duration = Duration::from_secs(60);

/// The commands to the router, from one connection to the next.
pub(super) struct Conversation<'a> {
    timing: &'a Timing,
    report_comments: bool,
    intake: Intake<'a>,
    /// The last time that the router was lost or found.
    turned: Instant,
    load_due: Instant,
}

impl<'a> Conversation<'a> {
    /// Begins without a connection.
    pub(super) fn new(limits: &AgentLimits, timing: &'a Timing, batcher: Batcher, handover: &'a Handover) -> Self {
        let now = Instant::now();
        Self {
            timing,
            report_comments: limits.report_comments,
            intake: Intake::new(limits, timing, batcher, handover),
            turned: now,
            load_due: now,
        }
    }

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
                () = self.intake.handover.to_router.notified() => self.take_watches(Instant::now()),
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
        self.intake.asked = Some(now);
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
            self.intake.hear(event, now)?;
        }
        if self.intake.sampler.is_complete() || self.intake.sampler.due().is_some_and(|due| due <= now) {
            self.intake.end_tick();
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
        let look = self.intake.monitor.wake(now);
        let tables = self.intake.tables.wake(!self.intake.monitor.is_idle());
        let counters = self.intake.averages.wake(now).filter(|_| self.wants_averages());
        let due =
            [connection.deadline(), self.intake.sampler.due(), look, tables, counters].into_iter().flatten().min();
        due.unwrap_or(now + IDLE)
    }

    fn take_watches(&mut self, now: Instant) {
        let mut watched = self.intake.handover.watched.borrow_mut();
        let is_new_uplink = watched.take_new_uplink();
        let refused = self.intake.monitor.want(watched.wanted(), is_new_uplink, now);
        for line in &refused {
            watched.refuse(*line, WatchRefusal::TooManyWatched);
        }
        if !refused.is_empty() {
            tracing::warn!(
                lines = refused.len(),
                "relay wants more lines than the agent watches: raise LINELIGHT_MAX_WATCHED"
            );
            self.intake.handover.to_uplink.notify_one();
        }
    }

    fn look_for_absent(&mut self, now: Instant) {
        let lines = self.intake.handover.lines.borrow();
        let watched = self.intake.monitor.lines().filter_map(|line| lines.line(line));
        let offline = watched.filter(|line| line.sessions() == 0).map(|line| line.offline_for(now)).min();
        if let Some(offline) = offline {
            self.intake.tables.look_for(offline, now);
        }
        let mut watched = self.intake.monitor.lines().filter_map(|line| lines.line(line));
        if self.intake.handover.details.get() && watched.any(Line::lacks_address) {
            self.intake.tables.want_addresses();
        }
    }

    fn ask_for_tables<S: Transport>(
        &mut self,
        connection: &mut Connection<S, Purpose>,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let watched = !self.intake.monitor.is_idle();
        while let Some(table) = self.intake.tables.next(&self.intake.handover.lines.borrow(), watched, now) {
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
        if self.intake.monitor.is_idle() && self.intake.monitor.streams() == 0 {
            return Ok(());
        }
        self.intake.monitor.hold(self.intake.handover.uplink.get() == UplinkState::Lost);
        let actions = self.intake.monitor.plan(&self.intake.handover.lines.borrow(), now);
        for action in actions {
            self.act(action, connection, now)?;
        }
        let monitor = &self.intake.monitor;
        self.intake.sampler.forget(|line| monitor.is_watched(line));
        self.intake.handover.pending.borrow_mut().forget(|line| monitor.is_watched(line));
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
                let tag = self.intake.streams.iter().find(|(known, _)| *known == stream).map(|(_, tag)| *tag);
                self.intake.streams.retain(|(known, _)| *known != stream);
                tag.map_or(Ok(()), |tag| connection.cancel(tag, now))?;
            }
            Action::Refuse(line, reason) => {
                self.intake.handover.watched.borrow_mut().refuse(line, reason);
                self.intake.handover.to_uplink.notify_one();
            }
            Action::RouterRefuses(line) => {
                self.intake.handover.watched.borrow_mut().reject(line, WatchRefusal::RouterRefuses);
                self.intake.handover.to_uplink.notify_one();
            }
            Action::Reread(why) => {
                tracing::debug!(why, "session tables are read again");
                self.intake.tables.hint(now);
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
        let Some((interfaces, interval)) = self.intake.monitor.interfaces(stream) else { return Ok(()) };
        let command = Command::MonitorTraffic { interfaces: &interfaces, interval };
        let tag = connection.send(&command, Purpose::Stream(stream), None, now)?;
        // The monitor keeps to the configured number, and this is lower.
        self.intake.streams.push((stream, tag)).map_err(|_| ConnectionError::Stalled("it has too many streams open"))
    }

    fn ask_for_load<S: Transport>(
        &mut self,
        connection: &mut Connection<S, Purpose>,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        if self.intake.monitor.streams() == 0 || self.load_due > now {
            return Ok(());
        }
        (self.load_due, self.intake.asked) = (now + LOAD_INTERVAL, Some(now));
        connection.send(&Command::CpuLoad, Purpose::Load, Some(self.timing.connection.command_timeout), now)?;
        Ok(())
    }

    /// True if lines are known and the relay takes averages.
    fn wants_averages(&self) -> bool {
        self.intake.handover.averages.get() && self.intake.handover.lines.borrow().readings() > 0
    }

    fn ask_for_counters<S: Transport>(
        &mut self,
        connection: &mut Connection<S, Purpose>,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        if !self.wants_averages() {
            return Ok(());
        }
        let Some(form) = self.intake.averages.begin(now) else { return Ok(()) };
        let stats = form == Form::Stats;
        connection.send(
            &Command::Counters { stats },
            Purpose::Counters,
            Some(self.timing.connection.command_timeout),
            now,
        )?;
        Ok(())
    }

    /// Notes that the router answers.
    fn found(&mut self, now: Instant) {
        self.turned = now;
        {
            let mut status = self.intake.handover.status.borrow_mut();
            (status.router_reachable, status.fault) = (true, None);
        }
        self.note_status(now);
        self.intake.handover.to_uplink.notify_one();
        tracing::info!("router's API answers");
    }

    /// Notes that the router does not answer. Only a change of the fault is logged.
    pub(super) fn lost(&mut self, error: &ConnectionError) {
        let now = Instant::now();
        let fault = error.explain();
        let (was_reachable, was) = {
            let mut status = self.intake.handover.status.borrow_mut();
            let before = (status.router_reachable, status.fault.replace(fault.clone()));
            status.router_reachable = false;
            before
        };
        if was_reachable {
            self.turned = now;
        }
        if was.as_ref() != Some(&fault) {
            tracing::warn!("{fault}");
        }
        self.intake.disconnected();
        self.note_status(now);
        self.intake.handover.to_uplink.notify_one();
    }

    /// Brings the figures of the status up to now; the texts change elsewhere.
    fn note_status(&self, now: Instant) {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut status = self.intake.handover.status.borrow_mut();
        status.uptime_ms = self.intake.handover.uptime_ms(now);
        status.router_age_ms = milliseconds(now.saturating_duration_since(self.turned));
        status.table_age_ms = self.intake.read.map(|read| milliseconds(now.saturating_duration_since(read)));
        status.interval_ms = u32::from(self.intake.monitor.interval().seconds()) * 1_000;
        status.watched = count(self.intake.monitor.lines().count());
        status.streams = count(self.intake.monitor.streams());
    }
}
