//! The uplink's task: keeps one WebSocket to one of the relays open, whatever happens, and never holds up sampling.
//!
//! `conversation` knows what to say, `link` carries it, `connect` opens the way, `lapse` ends watches that no
//! relay asks for any more. Here is when and where to try: the first relay of the list that answers; each that failed
//! rests for its own back-off; and once on a later one, every ten minutes a look whether an earlier one is back.

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

/// Opens uplinks: to relays, or to a test's idea of them.
trait Open {
    /// What carries an uplink.
    type Stream: AsyncRead + AsyncWrite + Unpin;
    /// How the relays are called, in order.
    fn names(&self) -> Vec<String>;
    /// Opens an uplink to the relay of that place in the list.
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
    /// The relay that an uplink was last opened to.
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

    /// The first relay that does not rest.
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

    /// Stays on one relay, or moves to an earlier one that is back, until there is none.
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

    /// True if the agent comes back only when the watches of the lost uplink have ended anyway.
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

    /// Waits until a relay that stands earlier in the list takes this agent again.
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

    /// Notes that the relay failed, says so unless it was said often enough, and lets it rest.
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
