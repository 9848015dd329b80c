//! The uplink's task: keeps one WebSocket to one of the relays open, whatever happens, and never holds up sampling.
//!
//! `connect` opens the way, `conversation` chooses the messages, `link` carries them, `lapse` ends unwanted watches.
//! This file chooses the relay and the time: the first answering relay of the list; a failed one
//! rests for a back-off; on a later one, earlier ones are tried again every ten minutes.

mod allowance;
mod answer;
mod complaint;
mod connect;
mod conversation;
mod error;
#[cfg(test)]
mod fixture;
mod handshake;
mod head;
mod lapse;
mod link;
mod probe;
mod proxy;

use std::rc::Rc;
use std::time::Duration;

use shared::Epoch;
use shared::close::Retry;
use shared::escape::one_line;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tracing::{debug, warn};

pub use answer::{Answer, Speaker};
pub use error::{ConnectError, Host, Wait};
pub use probe::probe;

use crate::backoff::{self, Backoff};
use crate::config::{AttemptTiming, RelayConfig, UplinkTiming};
use crate::handover::Handover;
use crate::stop::Stop;
use complaint::Complaint;
use connect::Connector;
use conversation::Conversation;
use lapse::Lapse;
use link::{Ending, Link};

/// Opens uplinks to relays; tests have relays of their own.
trait Open {
    /// The stream under an uplink.
    type Stream: AsyncRead + AsyncWrite + Unpin;
    /// Returns the relays' names, in order.
    fn names(&self) -> Vec<String>;
    /// Opens an uplink to the `nth` relay of the list.
    async fn open(&self, nth: usize) -> Result<WebSocketStream<Self::Stream>, ConnectError>;
}

impl Open for Connector {
    type Stream = Box<dyn connect::Transport>;

    fn names(&self) -> Vec<String> {
        self.addresses().iter().map(ToString::to_string).collect()
    }

    async fn open(&self, nth: usize) -> Result<WebSocketStream<Self::Stream>, ConnectError> {
        Self::open(self, &self.addresses()[nth]).await
    }
}

/// Keeps an uplink open until told to stop, and then says goodbye within a second.
pub async fn run(config: RelayConfig, timing: UplinkTiming, epoch: Epoch, handover: Rc<Handover>, stop: Stop) {
    let connector = Connector::new(config, timing.attempts.step_timeout);
    Uplink::new(connector, timing, epoch, handover, stop, backoff::seed()).run().await;
}

/// One relay of the list.
struct Relay {
    name: String,
    backoff: Backoff,
    rests_until: Option<Instant>,
    complaint: Complaint,
}

struct Uplink<O> {
    open: O,
    relays: Vec<Relay>,
    timing: UplinkTiming,
    epoch: Epoch,
    handover: Rc<Handover>,
    stop: Stop,
    /// The relay of the last open uplink.
    last: Option<usize>,
}

impl<O: Open> Uplink<O> {
    fn new(open: O, timing: UplinkTiming, epoch: Epoch, handover: Rc<Handover>, stop: Stop, seed: u64) -> Self {
        let relays = open.names().into_iter().zip(0..).map(|(name, nth)| Relay {
            name,
            backoff: Backoff::new(timing.attempts.backoff_base, timing.attempts.backoff_cap, seed.wrapping_add(nth)),
            rests_until: None,
            complaint: Complaint::default(),
        });
        let relays = relays.collect();
        Self { open, relays, timing, epoch, handover, stop, last: None }
    }

    async fn run(mut self) {
        let handover = Rc::clone(&self.handover);
        let outlive = self.timing.watches_outlive;
        let lapse = Lapse::default();
        tokio::select! {
            () = self.serve(&lapse) => {}
            () = lapse.watch(&handover, outlive) => {}
        }
    }

    async fn serve(&mut self, lapse: &Lapse) {
        while !self.stop.is_told() {
            match self.awake(Instant::now()) {
                Some(nth) => {
                    if let Some(socket) = self.try_open(nth, lapse).await {
                        self.hold(nth, socket, lapse).await;
                    }
                }
                None => self.rest().await,
            }
        }
    }

    /// Returns the first relay not at rest.
    fn awake(&self, now: Instant) -> Option<usize> {
        self.relays.iter().position(|relay| relay.rests_until.is_none_or(|until| until <= now))
    }

    /// Waits until the first of the relays has rested.
    async fn rest(&self) {
        let until = self.relays.iter().filter_map(|relay| relay.rests_until).min();
        tokio::select! {
            () = sleep_until(until.unwrap_or_else(Instant::now)) => {}
            () = self.stop.told() => {}
        }
    }

    async fn try_open(&mut self, nth: usize, lapse: &Lapse) -> Option<WebSocketStream<O::Stream>> {
        let opened = tokio::select! {
            opened = self.open.open(nth) => opened,
            () = self.stop.told() => return None,
        };
        let error = match opened {
            Ok(socket) => return Some(socket),
            Err(error) => error,
        };
        if error.is_unknown_token() && self.last == Some(nth) {
            lapse.gave_up();
        }
        self.relays[nth].fail(&error.explain(), error.retry(), &self.timing.attempts);
        None
    }

    /// Holds the uplink, and moves to an earlier relay as soon as one is back, until an uplink is lost.
    async fn hold(&mut self, mut nth: usize, mut socket: WebSocketStream<O::Stream>, lapse: &Lapse) {
        loop {
            debug!(relay = %self.relays[nth].name, "connected to the relay");
            self.last = Some(nth);
            let began = Instant::now();
            let ending = self.carry(nth, socket, lapse).await;
            lapse.lost(Instant::now());
            if began.elapsed() >= self.timing.attempts.settled_after {
                self.relays[nth].settle();
            }
            match ending {
                Ending::Moved(found) => (nth, socket) = found,
                ending => {
                    if self.outlasts_watches(ending.retry()) {
                        lapse.gave_up();
                    }
                    return self.relays[nth].end(&ending, &self.timing.attempts);
                }
            }
        }
    }

    /// True if the watches of the lost uplink end before the agent comes back.
    fn outlasts_watches(&self, retry: Retry) -> bool {
        match retry {
            Retry::BackOff => false,
            Retry::After(seconds) => Duration::from_secs(seconds.into()) >= self.timing.watches_outlive,
            Retry::Never => true,
        }
    }

    async fn carry(
        &self,
        nth: usize,
        socket: WebSocketStream<O::Stream>,
        lapse: &Lapse,
    ) -> Ending<(usize, WebSocketStream<O::Stream>)> {
        let mut conversation =
            Conversation::new(&self.handover, lapse, &self.timing.conversation, self.epoch, Instant::now());
        let link = Link::new(socket, &self.timing.conversation);
        let ending = link.carry(&mut conversation, &self.handover, &self.stop, self.earlier_than(nth)).await;
        debug!(acknowledged = conversation.acknowledged(), "the uplink ended");
        ending
    }

    /// Waits for an uplink to an earlier relay of the list.
    async fn earlier_than(&self, nth: usize) -> (usize, WebSocketStream<O::Stream>) {
        if nth == 0 {
            return std::future::pending().await;
        }
        loop {
            sleep(self.timing.attempts.return_interval).await;
            for earlier in 0..nth {
                match self.open.open(earlier).await {
                    Ok(socket) => return (earlier, socket),
                    Err(error) => debug!(relay = %self.relays[earlier].name, %error, "still not back"),
                }
            }
        }
    }
}

impl Relay {
    fn settle(&mut self) {
        self.backoff.reset();
        self.complaint.clear();
    }

    fn end<T>(&mut self, ending: &Ending<T>, timing: &AttemptTiming) {
        match ending {
            Ending::Closed(code) => self.fail(&error::closed(*code), ending.retry(), timing),
            Ending::Broken(close) => self.fail(&error::broken(*close), ending.retry(), timing),
            Ending::Lost(words) => self.fail(words, ending.retry(), timing),
            Ending::Moved(_) | Ending::Stopped => {}
        }
    }

    /// Logs a failure of the relay, ever more rarely if repeated, and lets the relay rest.
    fn fail(&mut self, words: &str, retry: Retry, timing: &AttemptTiming) {
        let pause = match retry {
            Retry::BackOff => self.backoff.wait(),
            Retry::After(seconds) => self.backoff.at_least(Duration::from_secs(seconds.into())),
            Retry::Never => self.backoff.at_least(timing.after_never),
        };
        self.rests_until = Some(Instant::now() + pause);
        if let Some(times) = self.complaint.note(words) {
            warn!(relay = %self.name, times, again_in_s = pause.as_secs(), "no uplink: {}", one_line(words));
        }
    }
}

#[cfg(test)]
mod tests;
