//! The relay's side of an uplink: one agent's hello, its table of lines, then its samples until either side ends.
//!
//! Carries messages between the socket and the [`Reporter`], and holds the agent to its limits of time, size, rate and
//! order. The reporter knows the meaning of reports and samples.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use shared::close::Close;
use shared::control::{self, FromAgent, FromRelay, Hello, Lines, Welcome};
use shared::{LineHandle, MAX_UPLINK_FRAME};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tracing::{debug, info, warn};

use super::fleet::Fleet;
use super::reporter::{Attached, Claim, Reporter, Revised};
use crate::agents::registry::{Grant, Registry};
use crate::clock::{Now, Steady, drained, milliseconds};
use crate::limits::Bucket;
use crate::lines::audience::DirectWriter;

/// Acknowledgements are a cursor: one a second is enough, milliseconds.
const ACKNOWLEDGE_MS: i64 = 1_000;

/// How long an agent gets to answer a close.
const FAREWELL: Duration = Duration::from_secs(2);

/// Bytes read from an uplink at once: a batch of a hundred samples. tungstenite keeps this buffer for every agent, idle
/// or not, and reads longer messages in several pieces.
const READ_SIZE: usize = 1_024;

/// How an uplink's WebSocket is to be set up: messages of at most [`MAX_UPLINK_FRAME`], and small buffers.
pub fn websocket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_SIZE)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * MAX_UPLINK_FRAME)
        .max_message_size(Some(MAX_UPLINK_FRAME))
        .max_frame_size(Some(MAX_UPLINK_FRAME))
}

/// An agent whose token was accepted.
pub struct Caller {
    /// The token's rights.
    pub grant: Arc<Grant>,
    /// The agent's address; `None` if a trusted proxy did not name one.
    pub address: Option<IpAddr>,
}

/// Serves an uplink whose WebSocket handshake is done.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    socket: WebSocketStream<S>,
    caller: Caller,
    registry: Registry,
    fleet: Arc<Fleet>,
    drain: watch::Receiver<bool>,
) {
    let mut uplink = Uplink::new(socket, caller, fleet);
    let ending = uplink.run(&registry, drain).await;
    uplink.part(ending).await;
}

struct Uplink<S> {
    socket: WebSocketStream<S>,
    grant: Arc<Grant>,
    peer: Option<IpAddr>,
    fleet: Arc<Fleet>,
    messages: Bucket,
    bytes: Bucket,
    /// When the agent last said anything.
    heard: Steady,
    /// True after a ping without an answer.
    pinged: bool,
    acknowledged: u64,
    acknowledge_at: Option<Steady>,
    delivery: DirectWriter,
}

/// How an uplink ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The relay closes the uplink.
    Close(Close),
    /// The agent closed the uplink, with a reason.
    Answered(Close),
    /// The connection is gone.
    Broken,
}

impl From<Close> for Ending {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

impl From<Error> for Ending {
    fn from(error: Error) -> Self {
        match error {
            Error::Capacity(_) => Self::Close(Close::FrameTooLarge),
            Error::Protocol(tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
                Self::Broken
            }
            Error::Protocol(_) | Error::Utf8(_) => Self::Close(Close::ProtocolError),
            _ => Self::Broken,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Uplink<S> {
    fn new(socket: WebSocketStream<S>, caller: Caller, fleet: Arc<Fleet>) -> Self {
        let now = fleet.hub.now().steady;
        let limits = &fleet.hub.limits;
        Self {
            messages: Bucket::new(limits.agent_message_burst, limits.agent_messages_per_second, now),
            bytes: Bucket::new(limits.agent_byte_burst, limits.agent_bytes_per_second, now),
            socket,
            grant: caller.grant,
            peer: caller.address,
            fleet,
            heard: now,
            pinged: false,
            acknowledged: 0,
            acknowledge_at: None,
            delivery: DirectWriter::default(),
        }
    }

    async fn run(&mut self, registry: &Registry, mut drain: watch::Receiver<bool>) -> Ending {
        // Boxed: the uplink's future stays as small as its daily work.
        let begun = Box::pin(async {
            tokio::select! {
                begun = self.begin() => begun,
                () = drained(&mut drain) => Err(Close::GoingAway.into()),
            }
        });
        let reporter = match begun.await {
            Ok(reporter) => reporter,
            Err(ending) => return ending,
        };
        let Err(ending) = self.converse(&reporter, registry, drain).await;
        if ending == Ending::Close(Close::Revoked) {
            reporter.revoke();
        }
        ending
    }

    /// Hello, table, welcome.
    async fn begin(&mut self) -> Result<Reporter, Ending> {
        let hello_timeout = self.fleet.hub.limits.hello_timeout;
        let hello = timeout(hello_timeout, self.hello()).await.map_err(|_| Close::HelloTimeout)??;
        let reporter = self.attach(&hello).await?;
        let table_timeout = self.fleet.hub.limits.table_timeout;
        timeout(table_timeout, self.table(&reporter)).await.map_err(|_| Close::HelloTimeout)??;
        let next = reporter.missing();
        let (generation, watched) = reporter.watched();
        self.acknowledged = next.unwrap_or_default();
        let agent = self.grant.name.to_string();
        self.send(&FromRelay::Welcome(Welcome { agent, next, generation, watched, averages: true, details: true }))
            .await?;
        Ok(reporter)
    }

    async fn hello(&mut self) -> Result<Hello, Ending> {
        let text = self.text().await?;
        match self.understand(&text)? {
            FromAgent::Hello(hello) => Ok(hello),
            _ => Err(self.protocol_error("its first message is not a hello")),
        }
    }

    /// Claims the agent. Another run of the agent is replaced only if it no longer answers.
    async fn attach(&mut self, hello: &Hello) -> Result<Reporter, Ending> {
        let (occupant, address) = match Reporter::attach(&self.fleet, &self.grant, hello, self.peer, Claim::IfFree) {
            Attached::Yes(reporter) => return Ok(reporter),
            Attached::Occupied(occupant, address) => (occupant, address),
        };
        occupant.probe();
        let answer = timeout(self.fleet.hub.limits.probe_timeout, occupant.answered.notified()).await;
        // Of two newcomers one is notified, but both see the answered question.
        if answer.is_ok() || !occupant.is_probed() {
            let (agent, newcomer, present) = (&*self.grant.name, self.peer, address);
            warn!(agent, "uplink refused: another agent reports under this token; give each agent its own");
            debug!(agent, ?newcomer, ?present, "duplicate agents");
            return Err(Close::Duplicate.into());
        }
        match Reporter::attach(&self.fleet, &self.grant, hello, self.peer, Claim::TakeOver) {
            Attached::Yes(reporter) => Ok(reporter),
            Attached::Occupied(..) => Err(Close::Duplicate.into()),
        }
    }

    /// Reads the whole table of lines behind the hello.
    async fn table(&mut self, reporter: &Reporter) -> Result<(), Ending> {
        loop {
            let text = self.text().await?;
            reporter.control().heard();
            match self.understand(&text)? {
                FromAgent::Lines(lines) => {
                    self.take_lines(reporter, &lines).await?;
                    if !lines.more {
                        reporter.table_complete(self.fleet.hub.now())?;
                        return Ok(());
                    }
                }
                FromAgent::Status(status) => reporter.status(*status, self.fleet.hub.now())?,
                FromAgent::Unknown => {}
                _ => return Err(self.protocol_error("it speaks before its table of lines is complete")),
            }
        }
    }

    /// The usual business.
    async fn converse(
        &mut self,
        reporter: &Reporter,
        registry: &Registry,
        mut drain: watch::Receiver<bool>,
    ) -> Result<std::convert::Infallible, Ending> {
        let mut changes = registry.changes();
        self.check_grant(reporter, registry).await?;
        loop {
            let alarm = self.alarm();
            tokio::select! {
                message = self.socket.next() => self.on_message(reporter, message).await?,
                () = reporter.control().wake.notified() => self.on_wake(reporter).await?,
                () = sleep_until(alarm) => self.on_alarm(reporter).await?,
                Ok(()) = changes.changed() => self.check_grant(reporter, registry).await?,
                () = self.fleet.agent_leaves(&self.grant.name, &mut drain) => return Err(Close::GoingAway.into()),
            }
        }
    }

    async fn on_message(&mut self, reporter: &Reporter, message: Option<Result<Message, Error>>) -> Result<(), Ending> {
        let message = self.admit(message)?;
        reporter.control().heard();
        match message {
            Message::Binary(bytes) => self.on_batch(reporter, &bytes),
            Message::Text(text) => self.on_control(reporter, &text).await,
            Message::Close(close) => Err(answered(close)),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(()),
        }
    }

    fn on_batch(&mut self, reporter: &Reporter, bytes: &[u8]) -> Result<(), Ending> {
        let now = self.fleet.hub.now();
        reporter.batch(bytes, now, &mut self.delivery)?;
        self.acknowledge_at.get_or_insert((now.steady + ACKNOWLEDGE_MS).gathered());
        Ok(())
    }

    async fn on_control(&mut self, reporter: &Reporter, text: &str) -> Result<(), Ending> {
        let now = self.fleet.hub.now();
        match self.understand(text)? {
            FromAgent::Lines(lines) => self.take_lines(reporter, &lines).await?,
            FromAgent::Gone { lines } => reporter.gone(&lines, now)?,
            FromAgent::WatchRefused { lines, reason } => reporter.watch_refused(&lines, reason, now)?,
            FromAgent::Status(status) => reporter.status(*status, now)?,
            FromAgent::Hello(_) => return Err(self.protocol_error("it says hello twice")),
            FromAgent::Unknown => {}
        }
        Ok(())
    }

    async fn take_lines(&mut self, reporter: &Reporter, lines: &Lines) -> Result<(), Ending> {
        let refused = reporter.report(lines, &self.grant, self.fleet.hub.now())?;
        self.tell_refused(refused).await
    }

    async fn tell_refused(&mut self, lines: Vec<LineHandle>) -> Result<(), Ending> {
        if lines.is_empty() {
            return Ok(());
        }
        self.send(&FromRelay::Refused { lines }).await
    }

    /// Somebody wants something of this uplink.
    async fn on_wake(&mut self, reporter: &Reporter) -> Result<(), Ending> {
        if let Some(close) = reporter.control().ended() {
            return Err(close.into());
        }
        if reporter.control().is_probed() {
            self.write(Message::Ping(Default::default())).await?;
        }
        if let Some(watches) = reporter.watch_changes() {
            self.send(&FromRelay::Watches(watches)).await?;
        }
        Ok(())
    }

    /// Applies a change of the registry: the token may be revoked, or its patterns changed.
    async fn check_grant(&mut self, reporter: &Reporter, registry: &Registry) -> Result<(), Ending> {
        let Some(grant) = registry.current(&self.grant) else {
            info!(agent = &*self.grant.name, "uplink closed: the agent's token was revoked");
            return Err(Close::Revoked.into());
        };
        self.grant = grant;
        match reporter.revise(&self.grant, self.fleet.hub.now())? {
            Revised::Refused(lines) => self.tell_refused(lines).await,
            // Only the agent can report those lines again, and does so on its return.
            Revised::Widened => Err(Close::GoingAway.into()),
        }
    }

    /// The next timer: acknowledgement, ping or silence timeout, whichever is first.
    fn alarm(&self) -> Instant {
        let silence = milliseconds(self.fleet.hub.limits.agent_silence);
        let quiet = self.heard + if self.pinged { silence } else { silence / 2 };
        let next = self.acknowledge_at.map_or(quiet, |at| at.min(quiet));
        let wait = (next - self.fleet.hub.now().steady).max(0);
        Instant::now() + Duration::from_millis(wait.unsigned_abs())
    }

    async fn on_alarm(&mut self, reporter: &Reporter) -> Result<(), Ending> {
        let now = self.fleet.hub.now();
        if now.steady - self.heard >= milliseconds(self.fleet.hub.limits.agent_silence) {
            return Err(Close::Silent.into());
        }
        if now.steady - self.heard >= milliseconds(self.fleet.hub.limits.agent_silence) / 2 && !self.pinged {
            self.pinged = true;
            self.write(Message::Ping(Default::default())).await?;
        }
        self.acknowledge(reporter, now).await
    }

    async fn acknowledge(&mut self, reporter: &Reporter, now: Now) -> Result<(), Ending> {
        if self.acknowledge_at.is_none_or(|at| at > now.steady) {
            return Ok(());
        }
        self.acknowledge_at = None;
        let next = reporter.acknowledged();
        if next == self.acknowledged {
            return Ok(());
        }
        self.acknowledged = next;
        self.send(&FromRelay::Ack { next }).await
    }

    /// Reads messages up to the first text, the only kind before the welcome.
    async fn text(&mut self) -> Result<String, Ending> {
        loop {
            let message = self.socket.next().await;
            match self.admit(message)? {
                Message::Text(text) => return Ok(text.to_string()),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
                Message::Close(close) => return Err(answered(close)),
                Message::Binary(_) => return Err(self.protocol_error("it sends samples before its hello")),
            }
        }
    }

    /// Admits a message within the agent's rates.
    fn admit(&mut self, message: Option<Result<Message, Error>>) -> Result<Message, Ending> {
        let message = message.ok_or(Ending::Broken)??;
        let now = self.fleet.hub.now().steady;
        self.heard = now;
        self.pinged = false;
        // The socket refuses longer messages, so that the length fits.
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        if !self.messages.take(1, now) || !self.bytes.take(length, now) {
            return Err(Close::TooFast.into());
        }
        Ok(message)
    }

    fn understand(&self, text: &str) -> Result<FromAgent, Ending> {
        control::decode(text).map_err(|error| self.protocol_error(&error.to_string()))
    }

    fn protocol_error(&self, error: &str) -> Ending {
        warn!(agent = &*self.grant.name, error, "uplink closed: the agent does not keep to the protocol");
        Close::ProtocolError.into()
    }

    async fn send(&mut self, message: &FromRelay) -> Result<(), Ending> {
        self.write(Message::text(control::encode(message))).await
    }

    async fn write(&mut self, message: Message) -> Result<(), Ending> {
        let written = timeout(self.fleet.hub.limits.agent_write_timeout, self.socket.send(message)).await;
        Ok(written.map_err(|_| Close::Silent)??)
    }

    /// Says why, and waits a moment for the agent's answer.
    async fn part(&mut self, ending: Ending) {
        let close = match ending {
            Ending::Close(close) | Ending::Answered(close) => close,
            Ending::Broken => return debug!(agent = &*self.grant.name, "uplink lost"),
        };
        self.fleet.hub.metrics.uplink_closes.count(close);
        info!(agent = &*self.grant.name, reason = close.name(), "uplink closed");
        let frame = CloseFrame { code: CloseCode::from(close.code()), reason: close.name().into() };
        let farewell = async {
            match ending {
                // The socket has the answer to a close ready by itself.
                Ending::Answered(_) => self.socket.flush().await?,
                _ => self.socket.close(Some(frame)).await?,
            }
            while self.socket.next().await.is_some_and(|message| message.is_ok()) {}
            Ok::<(), Error>(())
        };
        // An agent beyond that time is gone.
        let _: Result<Result<(), Error>, _> = timeout(FAREWELL, farewell).await;
    }
}

/// Returns the agent's reason for its close; "normal" without one, and for one that ends no uplinks.
fn answered(close: Option<CloseFrame>) -> Ending {
    let reason = close.and_then(|close| Close::from_code(close.code.into()));
    Ending::Answered(reason.filter(|reason| reason.ends_uplinks()).unwrap_or(Close::Normal))
}
