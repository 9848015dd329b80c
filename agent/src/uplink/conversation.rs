//! The messages of one uplink, in both directions: a pure machine over the handover, with the time as an
//! argument. No socket is known here; [`link`](super::link) carries the messages.

mod batches;
mod lines;
mod pulse;

use shared::close::Close;
use shared::control::{self, FromAgent, FromRelay, Hello, MAX_TEXT, Role, Status, WatchRefusal, Watches, Welcome};
use shared::{Epoch, LineHandle, Response, frame};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use batches::UnsentBatches;
use lines::{HANDLES_PER_MESSAGE, UntoldLines};
use pulse::{Payload, Pulse};

use super::lapse::Lapse;
use crate::config::ConversationTiming;
use crate::handover::Handover;
use crate::sessions::Line;
use crate::shown::shown;

/// Something to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outgoing {
    /// A control message.
    Text(String),
    /// A batch.
    Binary(Vec<u8>),
    /// A question whether the relay is still there.
    Ping,
    /// A ping whose pong measures a home router's line.
    Pulse(Payload),
}

/// One uplink's conversation, from hello on.
pub(super) struct Conversation<'a> {
    handover: &'a Handover,
    lapse: &'a Lapse,
    timing: &'a ConversationTiming,
    epoch: Epoch,
    stage: Stage,
    lines: UntoldLines,
    batches: UnsentBatches,
    /// The number of the relay's watch set.
    generation: u64,
    heard: Instant,
    pinged: Instant,
    pulse: Pulse,
    status_sent: Option<(Instant, Notable)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing is said yet.
    Start,
    /// Hello is said; the router's status comes next: lines of an unreachable router must not look alive.
    Router,
    /// The table of lines is being sent.
    Table,
    /// The table was sent at this time; the relay's answer is due.
    Waiting(Instant),
    /// Welcome.
    Live,
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
        let batches = UnsentBatches::new(&handover.backlog.borrow());
        Self {
            handover,
            lapse,
            timing,
            epoch,
            stage: Stage::Start,
            lines: UntoldLines::new(),
            batches,
            generation: 0,
            heard: now,
            pinged: now,
            pulse: Pulse::new(now),
            status_sent: None,
        }
    }

    /// True once the relay has said welcome.
    pub(super) fn is_live(&self) -> bool {
        self.stage == Stage::Live
    }

    /// Returns the lowest sequence number without an acknowledgement.
    pub(super) const fn acknowledged(&self) -> u64 {
        self.batches.acknowledged()
    }

    /// Returns the next message, if any. Live batches go before missing ones, and a word about watches or the router
    /// before both; so neither a long backlog nor a long table holds up a live second.
    pub(super) fn next(&mut self, now: Instant) -> Option<Outgoing> {
        self.lines.note_told(&self.handover.lines.borrow());
        let said = match self.stage {
            Stage::Start => Some(self.hello(now)),
            Stage::Router => Some(self.router(now)),
            Stage::Table => Some(self.table(now)),
            Stage::Waiting(_) => None,
            Stage::Live => self
                .refusals()
                .or_else(|| self.status(now))
                .or_else(|| self.live_batch())
                .or_else(|| self.pulse(now))
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
        let pulse = if self.is_probing() { self.pulse.deadline() } else { ping };
        self.patience_ends().min(ping).min(status).min(pulse)
    }

    /// Returns the time of the next [`Conversation::overdue`]: the only deadline while nothing can be sent.
    pub(super) fn patience_ends(&self) -> Instant {
        let silence = self.heard + self.timing.silence;
        match self.stage {
            Stage::Waiting(since) => silence.min(since + self.timing.welcome_timeout),
            Stage::Start | Stage::Router | Stage::Table | Stage::Live => silence,
        }
    }

    /// Returns the reason to give the uplink up, if there is one.
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

    /// Notes a sign of life of the relay.
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
            FromRelay::Ack { next } => self.batches.acknowledge(&mut self.handover.backlog.borrow_mut(), next),
            FromRelay::Refused { lines } => refused(&lines),
            FromRelay::Unknown => debug!("the relay sent a type of a later version"),
        }
        Ok(())
    }

    fn hello(&mut self, now: Instant) -> Outgoing {
        self.lines.begin(&mut self.handover.lines.borrow_mut());
        self.stage = Stage::Router;
        let mut backlog = self.handover.backlog.borrow_mut();
        let lost = self.batches.begin(&mut backlog, now);
        text(&FromAgent::Hello(Hello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: self.epoch,
            oldest: backlog.oldest_sequence(),
            next: backlog.next_sequence(),
            uptime_ms: self.handover.uptime_ms(now),
            lost,
        }))
    }

    /// Returns an early status; the regular ones follow the welcome.
    fn router(&mut self, now: Instant) -> Outgoing {
        self.stage = Stage::Table;
        self.status_at(now)
    }

    fn table(&mut self, now: Instant) -> Outgoing {
        let lines = self.lines.page(self.handover, now);
        if !lines.more {
            self.stage = Stage::Waiting(now);
        }
        text(&FromAgent::Lines(lines))
    }

    fn changed_lines(&mut self, now: Instant) -> Option<Outgoing> {
        self.lines.changed(self.handover, now).map(|lines| text(&FromAgent::Lines(lines)))
    }

    fn gone(&mut self) -> Option<Outgoing> {
        self.lines.gone(self.handover).map(|lines| text(&FromAgent::Gone { lines }))
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
        // The status includes the backlog's oldest batch, so the relay knows of the lost ones.
        let mut backlog = self.handover.backlog.borrow_mut();
        let lost = backlog.lost();
        backlog.told_lost(lost);
        Some(status)
    }

    fn status_at(&self, now: Instant) -> Outgoing {
        let status = Status { lines_pending: !self.lines.are_told(), ..self.handover.status_at(now) };
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
            lines_pending: !self.lines.are_told(),
            fault: status.fault.clone(),
            interval_ms: status.interval_ms,
        }
    }

    fn live_batch(&mut self) -> Option<Outgoing> {
        let bytes = self.batches.next_live(&self.handover.backlog.borrow())?;
        Some(self.batch(bytes))
    }

    fn missing_batch(&mut self) -> Option<Outgoing> {
        let bytes = self.batches.next_missing(&self.handover.backlog.borrow())?;
        Some(self.batch(bytes))
    }

    /// Returns the batch. Strips averages and details for a relay without support for them.
    fn batch(&self, mut bytes: Vec<u8>) -> Outgoing {
        if !self.handover.averages.get() {
            frame::strip_averages(&mut bytes);
        }
        if !self.handover.details.get() {
            frame::strip_details(&mut bytes);
        }
        Outgoing::Binary(bytes)
    }

    /// True if the response of a line may be wanted.
    fn is_probing(&self) -> bool {
        self.is_live() && self.handover.details.get() && !self.handover.watched.borrow().is_empty()
    }

    /// Returns the next ping over a home router's watched line.
    fn pulse(&mut self, now: Instant) -> Option<Outgoing> {
        if !self.is_probing() || !self.pulse.is_due(now) {
            return None;
        }
        let Some(line) = self.home_line() else {
            self.pulse.rest(now);
            return None;
        };
        while let Some(lost) = self.pulse.expired(now) {
            self.note_response(line, lost);
        }
        self.pulse.next(now).map(Outgoing::Pulse)
    }

    /// Takes a pong.
    pub(super) fn ponged(&mut self, payload: &[u8], now: Instant) {
        if let Some(response) = self.pulse.ponged(payload, now)
            && let Some(line) = self.home_line()
        {
            self.note_response(line, response);
        }
    }

    fn note_response(&self, line: LineHandle, response: Response) {
        self.handover.pending.borrow_mut().note(line, response);
    }

    /// Returns the watched line of a home router. Of several lines that are up nobody knows which one the uplink takes.
    fn home_line(&self) -> Option<LineHandle> {
        let lines = self.handover.lines.borrow();
        let is_home = |line: &&Line| line.role() == Role::Client && line.sessions() > 0;
        let watched = self.handover.watched.borrow();
        let home = watched.wanted().find(|line| lines.line(*line).as_ref().is_some_and(is_home))?;
        (lines.iter().filter(is_home).count() == 1).then_some(home)
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
        self.batches.welcomed(&mut self.handover.backlog.borrow_mut(), welcome.next.unwrap_or_default());
        self.handover.averages.set(welcome.averages);
        self.handover.details.set(welcome.details);
        self.handover.watched.borrow_mut().begin_uplink();
        self.watch(&welcome.watched);
        self.handover.to_router.notify_one();
        self.handover.to_prober.notify_one();
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
        self.handover.to_prober.notify_one();
        Ok(())
    }

    /// Adds watches; only this agent's own handles reach the router's task.
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
