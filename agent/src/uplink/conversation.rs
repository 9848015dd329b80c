//! What to say on one uplink, and what the relay's words mean: a pure machine over the handover, with the time as an
//! argument. It knows no socket; [`link`](super::link) carries what it says.

use shared::close::Close;
use shared::control::{
    self, FromAgent, FromRelay, Hello, LINES_PER_MESSAGE, Lines, MAX_TEXT, Status, WatchRefusal, Watches, Welcome,
};
use shared::{Epoch, LineHandle, frame};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::lapse::Lapse;
use crate::backlog::Cursor;
use crate::config::ConversationTiming;
use crate::handover::Handover;
use crate::shown::shown;

/// How many handles a `gone` or `watch_refused` message names at most: ten digits and a comma each stay far below
/// [`MAX_UPLINK_FRAME`](shared::MAX_UPLINK_FRAME).
const HANDLES_PER_MESSAGE: usize = 2_000;

/// Something to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outgoing {
    /// A control message.
    Text(String),
    /// A batch.
    Binary(Vec<u8>),
    /// A question whether the relay is still there.
    Ping,
}

/// One uplink's conversation, from hello on.
pub(super) struct Conversation<'a> {
    handover: &'a Handover,
    lapse: &'a Lapse,
    timing: &'a ConversationTiming,
    epoch: Epoch,
    stage: Stage,
    /// Reports still to be sent.
    scan: Scan,
    /// Whether all that the router's tables held at their first reading was told.
    is_told: bool,
    gone: Vec<LineHandle>,
    /// What is sent as it comes, and what the relay missed before; the latter ends where the former began.
    live: Cursor,
    missing: Option<Cursor>,
    first_live: u64,
    generation: u64,
    acknowledged: u64,
    /// How many batches the hello said to be lost.
    lost: u64,
    heard: Instant,
    pinged: Instant,
    status_sent: Option<(Instant, Notable)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing is said yet.
    Start,
    /// Hello is said, how the router is comes next: lines of a router that does not answer are not to look alive.
    Router,
    /// The table of lines is being sent.
    Table,
    /// The table is sent at that time, the relay's answer is due.
    Waiting(Instant),
    /// Welcome.
    Live,
}

/// A walk through the lines that changed after revision `since`; a change during the walk waits for the next one.
#[derive(Debug, Clone, Copy)]
struct Scan {
    since: u64,
    until: u64,
    after: Option<LineHandle>,
    running: bool,
}

/// The part of a status whose change is told at once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Notable {
    router_reachable: bool,
    lines_pending: bool,
    fault: Option<String>,
    interval_ms: u32,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(
        handover: &'a Handover,
        lapse: &'a Lapse,
        timing: &'a ConversationTiming,
        epoch: Epoch,
        now: Instant,
    ) -> Self {
        let live = {
            let backlog = handover.backlog.borrow();
            backlog.cursor(backlog.next_sequence())
        };
        Self {
            handover,
            lapse,
            timing,
            epoch,
            stage: Stage::Start,
            scan: Scan { since: 0, until: 0, after: None, running: false },
            is_told: false,
            gone: Vec::new(),
            live,
            missing: None,
            first_live: live.sequence(),
            generation: 0,
            acknowledged: 0,
            lost: 0,
            heard: now,
            pinged: now,
            status_sent: None,
        }
    }

    /// Whether the relay has said welcome.
    pub(super) fn is_live(&self) -> bool {
        self.stage == Stage::Live
    }

    /// The lowest sequence number that the relay has not acknowledged.
    pub(super) const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// What to send next, if anything. Live batches go before missing ones, and a word about watches or the router
    /// before both; so neither a long backlog nor a long table holds up a live second.
    pub(super) fn next(&mut self, now: Instant) -> Option<Outgoing> {
        self.note_told();
        let said = match self.stage {
            Stage::Start => Some(self.hello(now)),
            Stage::Router => Some(self.router(now)),
            Stage::Table => Some(self.table(now)),
            Stage::Waiting(_) => None,
            Stage::Live => self
                .refusals()
                .or_else(|| self.status(now))
                .or_else(|| self.live_batch())
                .or_else(|| self.gone())
                .or_else(|| self.changed_lines(now))
                .or_else(|| self.missing_batch()),
        };
        said.or_else(|| self.ping(now))
    }

    /// When [`Conversation::next`] or [`Conversation::overdue`] has something to say, even if nothing happens before.
    pub(super) fn deadline(&self) -> Instant {
        let ping = self.heard.max(self.pinged) + self.timing.ping_after;
        let status = if self.is_live() { self.status_due() } else { ping };
        self.patience_ends().min(ping).min(status)
    }

    /// When [`Conversation::overdue`] has something to say: all that matters while nothing more can be sent.
    pub(super) fn patience_ends(&self) -> Instant {
        let silence = self.heard + self.timing.silence;
        match self.stage {
            Stage::Waiting(since) => silence.min(since + self.timing.welcome_timeout),
            Stage::Start | Stage::Router | Stage::Table | Stage::Live => silence,
        }
    }

    /// Why the uplink is to be given up, if it is.
    pub(super) fn overdue(&self, now: Instant) -> Option<&'static str> {
        if now >= self.heard + self.timing.silence {
            return Some("the relay is silent");
        }
        match self.stage {
            Stage::Waiting(since) if now >= since + self.timing.welcome_timeout => {
                Some("the relay does not answer hello")
            }
            _ => None,
        }
    }

    /// Notes that the relay sent something, whatever it is.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Takes a control message.
    ///
    /// # Errors
    /// The code to close the uplink with.
    pub(super) fn received(&mut self, text: &str) -> Result<(), Close> {
        let message = control::decode(text).map_err(|error| {
            warn!(error = %shown(&error.to_string(), MAX_TEXT), "the relay does not speak this protocol");
            Close::ProtocolError
        })?;
        match message {
            FromRelay::Welcome(welcome) => return self.welcome(&welcome),
            FromRelay::Watches(watches) => return self.watches(&watches),
            FromRelay::Ack { next } => self.acknowledge(next),
            FromRelay::Refused { lines } => refused(&lines),
            FromRelay::Unknown => debug!("the relay sent a type of a later version"),
        }
        Ok(())
    }

    fn acknowledge(&mut self, next: u64) {
        self.acknowledged = self.acknowledged.max(next);
        self.handover.backlog.borrow_mut().acknowledge(next);
    }

    fn hello(&mut self, now: Instant) -> Outgoing {
        // The table is about to be told from its beginning: what left it before needs no word.
        let mut lines = self.handover.lines.borrow_mut();
        lines.drain_gone();
        self.scan = Scan { since: 0, until: lines.revision(), after: None, running: true };
        let mut backlog = self.handover.backlog.borrow_mut();
        backlog.expire(now);
        self.live = backlog.cursor(backlog.next_sequence());
        self.first_live = self.live.sequence();
        self.lost = backlog.lost();
        self.stage = Stage::Router;
        text(&FromAgent::Hello(Hello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: self.epoch,
            oldest: backlog.oldest_sequence(),
            next: backlog.next_sequence(),
            uptime_ms: self.handover.uptime_ms(now),
            lost: self.lost,
        }))
    }

    /// Beside the statuses in their turn, the first of which follows the welcome.
    fn router(&mut self, now: Instant) -> Outgoing {
        self.stage = Stage::Table;
        self.status_at(now)
    }

    fn table(&mut self, now: Instant) -> Outgoing {
        let lines = self.page(now);
        if !lines.more {
            self.stage = Stage::Waiting(now);
        }
        text(&FromAgent::Lines(lines))
    }

    fn changed_lines(&mut self, now: Instant) -> Option<Outgoing> {
        if !self.scan.running {
            let revision = self.handover.lines.borrow().revision();
            if revision == self.scan.until {
                return None;
            }
            self.scan = Scan { since: self.scan.until, until: revision, after: None, running: true };
        }
        let lines = Lines { more: false, ..self.page(now) };
        (!lines.lines.is_empty()).then(|| text(&FromAgent::Lines(lines)))
    }

    /// The next page of the walk through the lines; it ends the walk when it is not full.
    fn page(&mut self, now: Instant) -> Lines {
        let table = self.handover.lines.borrow();
        let mut reports = table.changed_after(self.scan.since, self.scan.after, now);
        let lines: Vec<_> = reports.by_ref().take(LINES_PER_MESSAGE).collect();
        let more = reports.next().is_some();
        self.scan.after = lines.last().map(|report| report.line);
        self.scan.running = more;
        Lines { uptime_ms: self.handover.uptime_ms(now), more, lines }
    }

    fn note_told(&mut self) {
        let lines = self.handover.lines.borrow();
        self.is_told |= lines.readings() > 0 && !self.scan.running && self.scan.until == lines.revision();
    }

    fn gone(&mut self) -> Option<Outgoing> {
        if self.gone.is_empty() {
            self.gone = self.handover.lines.borrow_mut().drain_gone();
        }
        let rest = self.gone.split_off(self.gone.len().min(HANDLES_PER_MESSAGE));
        let lines = std::mem::replace(&mut self.gone, rest);
        (!lines.is_empty()).then(|| text(&FromAgent::Gone { lines }))
    }

    fn refusals(&self) -> Option<Outgoing> {
        let (reason, lines) = self.handover.watched.borrow_mut().take_refused(HANDLES_PER_MESSAGE)?;
        Some(text(&FromAgent::WatchRefused { lines, reason }))
    }

    fn status(&mut self, now: Instant) -> Option<Outgoing> {
        if now < self.status_due() {
            return None;
        }
        self.status_sent = Some((now, self.notable()));
        let status = self.status_at(now);
        // It says how far back the backlog goes, and so to a relay that has what came before what is lost since.
        let mut backlog = self.handover.backlog.borrow_mut();
        let lost = backlog.lost();
        backlog.told_lost(lost);
        Some(status)
    }

    fn status_at(&self, now: Instant) -> Outgoing {
        let status = Status { lines_pending: !self.is_told, ..self.handover.status_at(now) };
        text(&FromAgent::Status(Box::new(status)))
    }

    fn status_due(&self) -> Instant {
        match &self.status_sent {
            None => self.heard,
            Some((at, told)) if *told == self.notable() => *at + self.timing.status_interval,
            Some((at, _)) => *at + self.timing.status_pause,
        }
    }

    fn notable(&self) -> Notable {
        let status = self.handover.status.borrow();
        Notable {
            router_reachable: status.router_reachable,
            lines_pending: !self.is_told,
            fault: status.fault.clone(),
            interval_ms: status.interval_ms,
        }
    }

    fn live_batch(&mut self) -> Option<Outgoing> {
        let mut bytes = Vec::new();
        self.handover.backlog.borrow().read(&mut self.live, &mut bytes)?;
        Some(self.batch(bytes))
    }

    fn missing_batch(&mut self) -> Option<Outgoing> {
        let cursor = self.missing.as_mut()?;
        let mut bytes = Vec::new();
        let sequence = self.handover.backlog.borrow().read(cursor, &mut bytes);
        if sequence.is_none_or(|sequence| sequence >= self.first_live) {
            self.missing = None;
            return None;
        }
        frame::mark_replayed(&mut bytes);
        Some(self.batch(bytes))
    }

    /// A batch as this relay knows it.
    fn batch(&self, mut bytes: Vec<u8>) -> Outgoing {
        if !self.handover.averages.get() {
            frame::strip_averages(&mut bytes);
        }
        Outgoing::Binary(bytes)
    }

    fn ping(&mut self, now: Instant) -> Option<Outgoing> {
        if now < self.heard.max(self.pinged) + self.timing.ping_after {
            return None;
        }
        self.pinged = now;
        Some(Outgoing::Ping)
    }

    fn welcome(&mut self, welcome: &Welcome) -> Result<(), Close> {
        if !matches!(self.stage, Stage::Waiting(_)) {
            warn!("the relay said welcome at the wrong time");
            return Err(Close::ProtocolError);
        }
        self.stage = Stage::Live;
        self.lapse.welcomed();
        self.generation = welcome.generation;
        self.handover.backlog.borrow_mut().told_lost(self.lost);
        self.missing = Some(self.handover.backlog.borrow().cursor(welcome.next.unwrap_or_default()));
        self.acknowledge(welcome.next.unwrap_or_default());
        self.handover.averages.set(welcome.averages);
        self.handover.watched.borrow_mut().begin();
        self.watch(&welcome.watched);
        self.handover.to_router.notify_one();
        info!(agent = %shown(&welcome.agent, MAX_TEXT), watched = welcome.watched.len(), "the relay says welcome");
        Ok(())
    }

    fn watches(&mut self, watches: &Watches) -> Result<(), Close> {
        if !self.is_live() || watches.generation != self.generation.wrapping_add(1) {
            warn!(have = self.generation, got = watches.generation, "a change of the watches was lost");
            return Err(Close::ProtocolError);
        }
        self.generation = watches.generation;
        for line in &watches.remove {
            self.handover.watched.borrow_mut().remove(*line);
        }
        self.watch(&watches.add);
        self.handover.to_router.notify_one();
        Ok(())
    }

    /// Only handles that this agent gave out reach the router's task.
    fn watch(&self, lines: &[LineHandle]) {
        let table = self.handover.lines.borrow();
        let mut watched = self.handover.watched.borrow_mut();
        for line in lines {
            if table.line(*line).is_some() {
                watched.add(*line);
            } else {
                watched.reject(*line, WatchRefusal::UnknownLine);
            }
        }
    }
}

fn refused(lines: &[LineHandle]) {
    warn!(lines = lines.len(), "the relay refuses lines that this agent's token may not report: see its patterns");
    debug!(?lines, "refused");
}

fn text(message: &FromAgent) -> Outgoing {
    Outgoing::Text(control::encode(message))
}

#[cfg(test)]
mod tests;
