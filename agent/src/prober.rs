//! The prober's task: sends echo requests to the watched lines of a concentrator, and hands over the outcomes.
//!
//! The schedule decides; this file carries. Without a right to send, nothing is probed, and the status says what is missing.

mod socket;

use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;

use shared::control::Role;
use shared::{LineHandle, Response};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use crate::backoff::seed;
use crate::check::step::Step;
use crate::handover::Handover;
use crate::response::Schedule;
use crate::response::echo::Mark;
use crate::response::schedule::Outcome;
use socket::{Answer, Refusal, Sockets};

/// Between two looks at the watched lines and their addresses.
const LOOK: Duration = Duration::from_secs(1);

/// Between two attempts to open sockets.
const AGAIN: Duration = Duration::from_secs(60);

/// The fault while no line at all has answered: silence of one router says something of it only if others answer.
const UNANSWERED: &str = "no line has answered a probe: let ICMP echo out to the subscribers and the answers back \
    (router-script --response does so for a container; or the firewall between this program and them)";

/// The longest sleep.
const IDLE: Duration = Duration::from_secs(3_600);

/// Probes watched lines for ever, at most `limit` a second.
pub async fn run(limit: u32, handover: &Handover) -> Infallible {
    let mut prober = Prober::new(limit, handover);
    loop {
        prober.turn().await;
        let wake = prober.wake();
        tokio::select! {
            () = handover.to_prober.notified() => prober.look_at = Instant::now(),
            answer = prober.sockets.answer(prober.mark) => prober.answered(answer),
            () = sleep_until(wake) => {}
        }
    }
}

/// Tries whether lines could be probed. Sends nothing.
pub fn check(limit: u32) -> Step {
    if limit == 0 {
        return Step::passed("probes", "off: LINELIGHT_PROBES_PER_SECOND is 0");
    }
    match Sockets::open() {
        Ok(sockets) => Step::passed("probes", format!("lines can be probed, by {}", sockets.kind())),
        Err(refusal) => Step::doubtful("probes", refusal.finding(), Refusal::REMEDY),
    }
}

struct Prober<'a> {
    handover: &'a Handover,
    schedule: Schedule,
    sockets: Sockets,
    mark: Mark,
    look_at: Instant,
    open_at: Instant,
    /// True once any line has answered.
    is_answered: bool,
}

impl<'a> Prober<'a> {
    fn new(limit: u32, handover: &'a Handover) -> Self {
        let (now, chance) = (Instant::now(), seed());
        // The casts take a part of the random number.
        let mark = Mark { identifier: chance as u16, token: seed() };
        Self {
            handover,
            schedule: Schedule::new(limit, (chance >> 16) as u16),
            sockets: Sockets::default(),
            mark,
            look_at: now,
            open_at: now,
            is_answered: false,
        }
    }

    /// Follows the watched lines, notes what is lost, and sends what is due.
    async fn turn(&mut self) {
        let now = Instant::now();
        if now >= self.look_at {
            self.follow(now);
            self.look_at = now + LOOK;
        }
        while let Some(outcome) = self.schedule.expired(now) {
            self.note(outcome);
        }
        while let Some(probe) = self.schedule.next(Instant::now()) {
            if let Err(error) = self.sockets.send(probe, self.mark).await {
                debug!(%error, "a probe could not be sent");
                self.schedule.unsent(probe.sequence);
            }
        }
    }

    fn wake(&self) -> Instant {
        let now = Instant::now();
        let look = if self.handover.watched.borrow().is_empty() { now + IDLE } else { self.look_at };
        self.schedule.wake().map_or(look, |wake| wake.min(look))
    }

    fn follow(&mut self, now: Instant) {
        let targets = if self.handover.details.get() { targets(self.handover) } else { Vec::new() };
        let may_probe = targets.is_empty() || self.open(now);
        self.schedule.watch(targets.into_iter().filter(|_| may_probe), now);
    }

    /// Opens the sockets, if there are none. Returns true if there are.
    fn open(&mut self, now: Instant) -> bool {
        if self.sockets.are_open() || now < self.open_at {
            return self.sockets.are_open();
        }
        self.open_at = now + AGAIN;
        match Sockets::open() {
            Ok(sockets) => self.sockets = sockets,
            Err(refusal) => self.set_fault(Some(format!("{}; {}", refusal.finding(), Refusal::REMEDY))),
        }
        self.sockets.are_open()
    }

    /// Notes what keeps lines from being measured, and logs a change.
    fn set_fault(&self, fault: Option<String>) {
        let mut status = self.handover.status.borrow_mut();
        if status.response_fault == fault {
            return;
        }
        match &fault {
            Some(fault) => warn!("{fault}"),
            None => info!("lines answer probes"),
        }
        status.response_fault = fault;
    }

    fn answered(&mut self, answer: Answer) {
        let outcome = self.schedule.answered(answer.from, answer.sequence, Instant::now());
        outcome.into_iter().for_each(|outcome| self.note(outcome));
    }

    fn note(&mut self, (line, response): Outcome) {
        match response {
            Response::Silent if !self.is_answered => return self.set_fault(Some(UNANSWERED.to_owned())),
            Response::Micros(_) if !self.is_answered => {
                self.is_answered = true;
                self.set_fault(None);
            }
            _ => {}
        }
        self.handover.pending.borrow_mut().note(line, response);
    }
}

/// The addresses of the watched lines, by rising handle. A home router's line is not probed: the uplink goes over it.
fn targets(handover: &Handover) -> Vec<(LineHandle, IpAddr)> {
    let (watched, lines) = (handover.watched.borrow(), handover.lines.borrow());
    let target = |handle| {
        let line = lines.line(handle).filter(|line| line.role() == Role::Server && line.sessions() > 0)?;
        Some((handle, line.address()?))
    };
    watched.wanted().filter_map(target).collect()
}

#[cfg(test)]
mod tests;
