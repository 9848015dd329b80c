//! One open uplink: carries a [`Conversation`] over a WebSocket until either side ends it.
//!
//! The agent reads and writes at the same time: it hears the relay's messages even while the relay does not read. It
//! writes one message at a time, under a timeout.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures_util::{Sink, Stream};
use shared::close::{Close, Retry};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error as WebSocketError};
use tracing::debug;

use super::allowance::{Allowance, is_exceeded};
use super::conversation::{Conversation, Outgoing};
use crate::config::ConversationTiming;
use crate::handover::Handover;
use crate::stop::Stop;

/// The end of an uplink.
#[derive(Debug)]
pub(super) enum Ending<T> {
    /// The relay closed the uplink with this code.
    Closed(Option<u16>),
    /// This side closed the uplink because of the relay's messages.
    Broken(Close),
    /// The uplink was lost; the reason in words.
    Lost(String),
    /// This side moves to a better uplink.
    Moved(T),
    /// The agent is told to stop.
    Stopped,
}

impl<T> Ending<T> {
    /// Whether and when to come back.
    pub(super) fn retry(&self) -> Retry {
        match self {
            Self::Closed(code) => code.and_then(Close::from_code).map_or(Retry::BackOff, Close::retry),
            Self::Broken(close) => close.retry(),
            Self::Lost(_) | Self::Moved(_) | Self::Stopped => Retry::BackOff,
        }
    }
}

/// The WebSocket's bounds: small buffers, one message beyond them.
pub(super) fn websocket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * shared::MAX_UPLINK_FRAME)
        .max_message_size(Some(shared::MAX_UPLINK_FRAME))
        .max_frame_size(Some(shared::MAX_UPLINK_FRAME))
}

/// A WebSocket with at most one outgoing message.
pub(super) struct Link<'a, S> {
    socket: WebSocketStream<S>,
    timing: &'a ConversationTiming,
    write_until: Option<Instant>,
    allowance: Allowance,
}

/// The outcome of one turn of reading and writing.
struct Turn {
    received: Option<Option<Result<Message, WebSocketError>>>,
    written: Option<Result<(), WebSocketError>>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Link<'a, S> {
    pub(super) fn new(socket: WebSocketStream<S>, timing: &'a ConversationTiming) -> Self {
        Self { socket, timing, write_until: None, allowance: Allowance::of_messages(Instant::now()) }
    }

    /// Carries the conversation to the end, and says goodbye by the ending's close code.
    pub(super) async fn carry<T>(
        mut self,
        conversation: &mut Conversation<'_>,
        handover: &Handover,
        stop: &Stop,
        better: impl Future<Output = T>,
    ) -> Ending<T> {
        let ending = self.converse(conversation, handover, stop, better).await;
        match &ending {
            Ending::Stopped => self.goodbye(Close::GoingAway).await,
            Ending::Moved(_) => self.goodbye(Close::Normal).await,
            Ending::Broken(close) => self.goodbye(*close).await,
            Ending::Closed(_) => self.finish().await,
            Ending::Lost(_) => {}
        }
        ending
    }

    async fn converse<T>(
        &mut self,
        conversation: &mut Conversation<'_>,
        handover: &Handover,
        stop: &Stop,
        better: impl Future<Output = T>,
    ) -> Ending<T> {
        let mut better = pin!(better);
        loop {
            let now = Instant::now();
            if let Some(ending) = self.overdue(conversation, now).or_else(|| self.say_next(conversation, now)) {
                return ending;
            }
            let deadline = match self.write_until {
                Some(until) => until.min(conversation.patience_ends()),
                None => conversation.deadline(),
            };
            tokio::select! {
                turn = self.turn() => if let Some(ending) = self.take(turn, conversation) { return ending },
                () = handover.to_uplink.notified() => {}
                () = sleep_until(deadline) => {}
                found = &mut better => return Ending::Moved(found),
                () = stop.told() => return Ending::Stopped,
            }
        }
    }

    fn overdue<T>(&self, conversation: &Conversation<'_>, now: Instant) -> Option<Ending<T>> {
        if self.write_until.is_some_and(|until| now >= until) {
            return Some(Ending::Lost("the relay takes nothing more".to_owned()));
        }
        conversation.overdue(now).map(|why| Ending::Lost(why.to_owned()))
    }

    fn say_next<T>(&mut self, conversation: &mut Conversation<'_>, now: Instant) -> Option<Ending<T>> {
        if self.write_until.is_some() {
            return None;
        }
        let message = match conversation.next(now)? {
            Outgoing::Text(text) => Message::text(text),
            Outgoing::Binary(bytes) => Message::binary(bytes),
            Outgoing::Ping => Message::Ping(Bytes::new()),
            Outgoing::Pulse(payload) => Message::Ping(Bytes::copy_from_slice(&payload)),
        };
        self.write_until = Some(now + self.timing.write_timeout);
        Pin::new(&mut self.socket).start_send(message).err().map(broken)
    }

    fn take<T>(&mut self, turn: Turn, conversation: &mut Conversation<'_>) -> Option<Ending<T>> {
        if let Some(written) = turn.written {
            self.write_until = None;
            // A message received meanwhile may be the relay's close code, a better reason.
            if let (Err(error), None) = (written, &turn.received) {
                return Some(broken(error));
            }
        }
        match turn.received? {
            Some(Ok(message)) => self.received(&message, conversation),
            Some(Err(error)) => Some(broken(error)),
            None => Some(Ending::Lost("the relay ended the connection without a word".to_owned())),
        }
    }

    fn received<T>(&mut self, message: &Message, conversation: &mut Conversation<'_>) -> Option<Ending<T>> {
        let now = Instant::now();
        if self.allowance.take(1, now).is_err() {
            return Some(Ending::Broken(Close::TooFast));
        }
        conversation.heard(now);
        match message {
            Message::Text(text) => conversation.received(text).err().map(Ending::Broken),
            Message::Close(frame) => Some(Ending::Closed(frame.as_ref().map(|frame| u16::from(frame.code)))),
            Message::Pong(payload) => {
                conversation.ponged(payload, now);
                None
            }
            // Pings are answered by tungstenite, and binary messages are a later version's.
            Message::Binary(_) | Message::Ping(_) | Message::Frame(_) => None,
        }
    }

    /// Waits for a message, or for the end of the pending write.
    async fn turn(&mut self) -> Turn {
        poll_fn(|cx| self.poll_turn(cx)).await
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        let mut turn = Turn { received: None, written: None };
        if self.write_until.is_some()
            && let Poll::Ready(written) = Pin::new(&mut self.socket).poll_flush(cx)
        {
            turn.written = Some(written);
        }
        if let Poll::Ready(received) = Pin::new(&mut self.socket).poll_next(cx) {
            turn.received = Some(received);
        }
        if turn.received.is_some() || turn.written.is_some() { Poll::Ready(turn) } else { Poll::Pending }
    }

    /// Sends a close frame and waits for the relay's, for a moment only.
    async fn goodbye(&mut self, close: Close) {
        let frame = CloseFrame { code: CloseCode::from(close.code()), reason: close.name().into() };
        if Pin::new(&mut self.socket).start_send(Message::Close(Some(frame))).is_ok() {
            self.finish().await;
        }
    }

    /// Lets the closing handshake end, for a moment only.
    async fn finish(&mut self) {
        let last = poll_fn(|cx| {
            let _ = Pin::new(&mut self.socket).poll_flush(cx)?;
            match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => Poll::Ready(Ok(message.is_close())),
                Poll::Ready(Some(Err(error))) => Poll::Ready(Err(error)),
                Poll::Ready(None) => Poll::Ready(Ok(true)),
                Poll::Pending => Poll::Pending,
            }
        });
        let mut last = pin!(last);
        let ended = async { while matches!(last.as_mut().await, Ok(false)) {} };
        if timeout(self.timing.goodbye, ended).await.is_err() {
            debug!("the relay did not answer the close frame in time");
        }
    }
}

fn broken<T>(error: WebSocketError) -> Ending<T> {
    match error {
        WebSocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            Ending::Lost("the relay ended the connection without a word".to_owned())
        }
        WebSocketError::Io(error) if is_exceeded(&error) => Ending::Broken(Close::TooFast),
        WebSocketError::Capacity(_) => Ending::Broken(Close::FrameTooLarge),
        WebSocketError::Protocol(_) | WebSocketError::Utf8(_) => Ending::Broken(Close::ProtocolError),
        other => Ending::Lost(format!("the connection to the relay broke: {other}")),
    }
}
