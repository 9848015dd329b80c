//! The state machine of an open page: reads, writes updates, and wakes for one deadline.
//!
//! A viewer has a cursor and no queue: only the one frame being written waits here. A stuck frame does not hold up the
//! line; after it the viewer gets the present. While the task sleeps, publishers write samples to the socket.

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::num::NonZeroU32;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use shared::close::Close;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::debug;

use super::deadlines::Deadlines;
use super::stream::{SharedStream, ViewerStream};
use super::terms::{Outgoing, Terms};
use crate::clock::{Now, Steady, milliseconds};
use crate::limits::Bucket;
use crate::lines::audience::{DirectOutcome, DirectWrite, PartialFrame, SentPing};
use crate::lines::hub::seats::Seat;
use crate::viewers::context::ViewerContext;
use crate::wire::viewer_frame::{self, LineState, ViewerFrame};
use crate::wire::websocket::{self, Inbound, Parser};

/// Time between pings, milliseconds. A ping rides on a data frame: a frame of its own costs half as much again as the
/// data.
const PING_MS: i64 = 20_000;

/// Time between pings while samples come, milliseconds: each fifth sample carries one. The pong tells the page its own response. A
/// hidden page closes its stream, and so every one is visible.
const RESPONSE_PING_MS: i64 = 5_000;

/// Time from the beginning of a stream to the first ping, milliseconds: a reader wants to know soon.
const FIRST_PING_MS: i64 = 1_000;

/// The most bytes of a viewer's own response and a ping around another frame.
const EXTRAS: usize = 40;

/// A viewer's inbound bytes read at once; a pong has six.
const READ_SIZE: usize = 512;

/// A viewer's stream, and the parser with a partial inbound frame.
pub(super) struct Socket<S> {
    pub(super) stream: SharedStream<S>,
    pub(super) parser: Parser,
}

/// How a viewer's stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The relay closes the stream.
    Close(Close),
    /// The viewer closed the stream, with a code or without.
    Answered(Option<u16>),
    /// The connection is gone.
    Broken,
}

impl From<Close> for Ending {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

impl From<std::io::Error> for Ending {
    fn from(_: std::io::Error) -> Self {
        Self::Broken
    }
}

pub(super) struct Flow<'a> {
    seat: Seat,
    terms: Terms,
    context: &'a ViewerContext,
    out: Out,
    /// The answer to the viewer's last ping, until written.
    pong: Vec<u8>,
    frames: Bucket,
    /// When the last ping was written.
    pinged: Steady,
    /// The ping without a pong.
    ping_left: Option<Instant>,
    /// The viewer's response in microseconds, until told.
    response: Option<NonZeroU32>,
    /// True while the line is told to be running.
    is_running: bool,
}

/// The frame being written.
struct Out {
    bytes: Bytes,
    at: usize,
    /// The beginning of the write.
    began: Steady,
    /// True while the stream may hold bytes back.
    unflushed: bool,
}

enum Bytes {
    Shared(Arc<[u8]>),
    Own(Vec<u8>),
}

impl Out {
    fn idle(now: Now) -> Self {
        Self { bytes: Bytes::Own(Vec::new()), at: 0, began: now.steady, unflushed: false }
    }

    fn rest(&self) -> &[u8] {
        let bytes = match &self.bytes {
            Bytes::Shared(bytes) => &bytes[..],
            Bytes::Own(bytes) => &bytes[..],
        };
        bytes.get(self.at..).unwrap_or_default()
    }

    fn set(&mut self, bytes: Bytes, now: Now) {
        *self = Self { bytes, at: 0, began: now.steady, unflushed: true };
    }

    fn is_idle(&self) -> bool {
        self.rest().is_empty() && !self.unflushed
    }
}

impl<'a> Flow<'a> {
    pub(super) fn new(seat: Seat, terms: Terms, context: &'a ViewerContext) -> Self {
        let now = context.hub.now();
        Self {
            seat,
            terms,
            context,
            out: Out::idle(now),
            pong: Vec::new(),
            frames: Bucket::new(context.limits.viewer_frame_burst, 1, now.steady),
            pinged: now.steady.saturating_sub(RESPONSE_PING_MS - FIRST_PING_MS),
            ping_left: None,
            response: None,
            is_running: false,
        }
    }

    /// Runs until either side ends. Returns the rest of a partial frame, and the reason.
    pub(super) async fn run<S: ViewerStream>(&mut self, socket: &mut Socket<S>) -> (Vec<u8>, Ending) {
        let mut alarm = pin!(sleep_until(self.deadlines().alarm(self.context.hub.now())));
        let ending = poll_fn(|cx| self.poll(socket, alarm.as_mut(), cx)).await;
        let rest = if self.out.at > 0 { self.out.rest().to_vec() } else { Vec::new() };
        (rest, ending)
    }

    fn poll<S: ViewerStream>(
        &mut self,
        socket: &mut Socket<S>,
        alarm: Pin<&mut Sleep>,
        cx: &mut Context<'_>,
    ) -> Poll<Ending> {
        // One reading of the clock for all the work of this turn: usually one sample.
        let now = self.context.hub.now();
        self.resume(now);
        if let Poll::Ready(ending) = self.poll_inbound(socket, now, cx) {
            return Poll::Ready(ending);
        }
        if let Poll::Ready(ending) = self.poll_outbound(socket, now, cx) {
            return Poll::Ready(ending);
        }
        // Last: the line has this task's waker by now, so that no end of a lease is missed.
        match self.deadlines().poll(alarm, now, cx).or_else(|| self.terms.withdrawn()) {
            Some(close) => Poll::Ready(close.into()),
            None => Poll::Pending,
        }
    }

    /// Takes the socket back from the publishers.
    fn resume(&mut self, now: Now) {
        let DirectOutcome { partial, pinged, told_response } = self.seat.line.resume(self.seat.number);
        if let Some(ping) = pinged {
            self.note_ping(ping);
        }
        if told_response {
            self.response = None;
        }
        if let Some(PartialFrame { frame, written }) = partial {
            self.out = Out { bytes: Bytes::Shared(frame), at: written, began: now.steady, unflushed: true };
        }
    }

    fn poll_inbound<S: AsyncRead + Unpin>(
        &mut self,
        socket: &mut Socket<S>,
        now: Now,
        cx: &mut Context<'_>,
    ) -> Poll<Ending> {
        loop {
            let mut space = [MaybeUninit::uninit(); READ_SIZE];
            let mut bytes = ReadBuf::uninit(&mut space);
            if ready!(Pin::new(&mut socket.stream).poll_read(cx, &mut bytes)).is_err() || bytes.filled().is_empty() {
                return Poll::Ready(Ending::Broken);
            }
            if let Err(ending) = self.take(socket, bytes.filled(), now) {
                return Poll::Ready(ending);
            }
        }
    }

    /// Takes inbound bytes. After its first frame a viewer has nothing to say except pongs; other frames are ignored,
    /// within the viewer's rate.
    pub(super) fn take<S>(&mut self, socket: &mut Socket<S>, mut bytes: &[u8], now: Now) -> Result<(), Ending> {
        while let Some(inbound) = next_frame(&mut socket.parser, &mut bytes)? {
            if !self.frames.take(1, now.steady) {
                return Err(Close::ViewerTooFast.into());
            }
            match inbound {
                Inbound::Pong => self.take_pong(),
                Inbound::Ping(payload) => self.pong = websocket::pong(&payload),
                Inbound::Close(code) => return Err(Ending::Answered(code)),
                Inbound::Text(_) | Inbound::Binary => {}
            }
        }
        Ok(())
    }

    /// A pong without a ping measures nothing.
    fn take_pong(&mut self) {
        let Some(left) = self.ping_left.take() else { return };
        let micros = u32::try_from(left.elapsed().as_micros()).unwrap_or(u32::MAX);
        self.response = NonZeroU32::new(micros.max(1));
    }

    fn note_ping(&mut self, ping: SentPing) {
        self.pinged = ping.at;
        self.ping_left = Some(ping.left);
    }

    fn poll_outbound<S: ViewerStream>(
        &mut self,
        socket: &mut Socket<S>,
        now: Now,
        cx: &mut Context<'_>,
    ) -> Poll<Ending> {
        loop {
            while !self.out.rest().is_empty() {
                match ready!(Pin::new(&mut socket.stream).poll_write(cx, self.out.rest())) {
                    Ok(0) | Err(_) => return Poll::Ready(Ending::Broken),
                    Ok(written) => self.out.at += written,
                }
            }
            if self.out.unflushed {
                if ready!(Pin::new(&mut socket.stream).poll_flush(cx)).is_err() {
                    return Poll::Ready(Ending::Broken);
                }
                // Gives the frame's memory back: the next frame may be a second away.
                self.out = Out::idle(now);
            }
            if let Err(close) = ready!(self.poll_next(socket, now, cx)) {
                return Poll::Ready(close.into());
            }
        }
    }

    /// Finds the next frame to write; while there is none, samples go to the stream without this task.
    fn poll_next<S: ViewerStream>(
        &mut self,
        socket: &Socket<S>,
        now: Now,
        cx: &Context<'_>,
    ) -> Poll<Result<(), Close>> {
        if !self.pong.is_empty() {
            self.out.set(Bytes::Own(std::mem::take(&mut self.pong)), now);
            return Poll::Ready(Ok(()));
        }
        let direct = DirectWrite { sink: socket.stream.sink(), ping_due: self.ping_due(), response: self.response };
        let update = ready!(self.seat.line.poll(self.seat.number, Some(direct), now, cx));
        match self.terms.apply(update, self.context, now) {
            Outgoing::Shared(framed) => self.send_shared(framed, now),
            Outgoing::Own(frame) => {
                self.note_state(&frame);
                self.send(&frame, now);
            }
            Outgoing::End(close) => return Poll::Ready(Err(close)),
        }
        Poll::Ready(Ok(()))
    }

    fn note_state(&mut self, frame: &ViewerFrame) {
        match frame {
            ViewerFrame::Snapshot(snapshot) => self.is_running = snapshot.state == LineState::Running,
            ViewerFrame::State(state) => self.is_running = state.state == LineState::Running,
            _ => {}
        }
    }

    fn send_shared(&mut self, framed: Arc<[u8]>, now: Now) {
        if self.response.is_none() && !self.is_ping_due(now) {
            return self.out.set(Bytes::Shared(framed), now);
        }
        self.send_own(&framed, now);
    }

    fn send(&mut self, frame: &ViewerFrame, now: Now) {
        let framed = websocket::text(&frame.to_json());
        if self.response.is_none() && !self.is_ping_due(now) {
            return self.out.set(Bytes::Own(framed), now);
        }
        self.send_own(&framed, now);
    }

    /// Sends a frame behind the viewer's own response, and with a ping, as far as they are due.
    fn send_own(&mut self, framed: &[u8], now: Now) {
        let mut bytes = Vec::with_capacity(framed.len() + EXTRAS);
        if let Some(micros) = self.response.take() {
            websocket::put_short_text(&mut bytes, |out| viewer_frame::put_viewer_response(out, micros.get()));
        }
        bytes.extend_from_slice(framed);
        if self.is_ping_due(now) {
            bytes.extend_from_slice(&websocket::PING);
            self.note_ping(SentPing::new(now));
        }
        self.out.set(Bytes::Own(bytes), now);
    }

    fn is_ping_due(&self, now: Now) -> bool {
        self.ping_due().is_some_and(|due| now.steady >= due)
    }

    /// When a frame is next to carry a ping.
    fn ping_due(&self) -> Option<Steady> {
        let pause = if self.is_running { RESPONSE_PING_MS } else { PING_MS };
        self.ping_left.is_none().then(|| self.pinged + pause)
    }

    fn deadlines(&self) -> Deadlines {
        Deadlines { expires: self.terms.expires, leaves: self.seat.leaves(), silent: self.silent() }
    }

    /// Returns the end of the relay's patience with a missing pong or a full socket.
    fn silent(&self) -> Option<Steady> {
        let patience = milliseconds(self.context.limits.pong_timeout);
        let pong = self.ping_left.map(|_| self.pinged);
        let stuck = (!self.out.is_idle()).then_some(self.out.began);
        pong.into_iter().chain(stuck).min().map(|since| since + patience)
    }
}

/// Returns the next whole frame of the bytes.
pub(super) fn next_frame(parser: &mut Parser, bytes: &mut &[u8]) -> Result<Option<Inbound>, Close> {
    parser.next(bytes).map_err(|violation| {
        debug!(%violation, "viewer closed");
        Close::ViewerProtocol
    })
}
