//! The small state machine that an open page is: takes what comes, writes what is new, and wakes for one deadline.
//!
//! A viewer is a cursor and not a queue: nothing waits here but the one frame that is being written. While that one is
//! stuck the line goes on, and the viewer then gets what is true at that time. While nothing is, the task sleeps, and samples
//! are written past it.

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use shared::close::Close;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{Ending, FAR, Socket, Terms, ViewerStream, next_frame};
use crate::clock::{Now, milliseconds};
use crate::limits::Bucket;
use crate::lines::hub::Seat;
use crate::lines::seat::{Begun, Direct, Served};
use crate::viewers::context::ViewerContext;
use crate::wire::viewer_frame::ViewerFrame;
use crate::wire::websocket::{self, Inbound};

/// Between pings, milliseconds. They ride on frames that are written anyway: by themselves they cost half as much again as
/// the frames.
const PING_MS: i64 = 20_000;

/// A viewer's inbound bytes read at once; a pong has six.
const READ_SIZE: usize = 512;

pub(super) struct Flow<'a> {
    seat: Seat,
    terms: Terms,
    context: &'a ViewerContext,
    out: Out,
    /// The answer to the viewer's last ping, when it has not been written yet.
    pong: Vec<u8>,
    frames: Bucket,
    /// When the last ping was written, on the steady scale.
    pinged: i64,
    awaiting_pong: bool,
}

/// The frame that is being written.
struct Out {
    bytes: Bytes,
    at: usize,
    /// When it began, on the steady scale.
    began: i64,
    /// The stream may hold some of it still.
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
            pinged: now.steady,
            awaiting_pong: false,
        }
    }

    /// Runs until either side is done. What is left of a half-written frame is returned with the reason.
    pub(super) async fn run<S: ViewerStream>(&mut self, socket: &mut Socket<S>) -> (Vec<u8>, Ending) {
        let mut alarm = pin!(sleep_until(self.alarm(self.context.hub.now())));
        let ending = poll_fn(|cx| self.poll(socket, alarm.as_mut(), cx)).await;
        let rest = if self.out.at > 0 { self.out.rest().to_vec() } else { Vec::new() };
        (rest, ending)
    }

    fn poll<S: ViewerStream>(
        &mut self,
        socket: &mut Socket<S>,
        mut alarm: Pin<&mut Sleep>,
        cx: &mut Context<'_>,
    ) -> Poll<Ending> {
        // One look at the clock for all that is done now: most of the time that is one sample.
        let now = self.context.hub.now();
        self.resume(now);
        if let Poll::Ready(ending) = self.poll_inbound(socket, now, cx) {
            return Poll::Ready(ending);
        }
        if let Poll::Ready(ending) = self.poll_outbound(socket, now, cx) {
            return Poll::Ready(ending);
        }
        // A deadline that has moved away is met too early, which costs less than to move the alarm each time.
        let earliest = self.alarm(now).min(alarm.deadline());
        if earliest < alarm.deadline() {
            alarm.as_mut().reset(earliest);
        }
        while alarm.as_mut().poll(cx).is_ready() {
            if let Err(close) = self.meet_deadlines(now) {
                return Poll::Ready(close.into());
            }
            alarm.as_mut().reset(self.alarm(now));
        }
        Poll::Pending
    }

    /// Takes over from whoever wrote to this viewer while the task slept.
    fn resume(&mut self, now: Now) {
        let Served { begun, pinged } = self.seat.line.resume(self.seat.number);
        if let Some(pinged) = pinged {
            self.pinged = pinged;
            self.awaiting_pong = true;
        }
        if let Some(Begun { frame, at }) = begun {
            self.out = Out { bytes: Bytes::Shared(frame), at, began: now.steady, unflushed: true };
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

    /// Takes what the viewer sent. It has nothing to say any more but pongs; what else it says is read over, within its
    /// rate.
    pub(super) fn take<S>(&mut self, socket: &mut Socket<S>, mut bytes: &[u8], now: Now) -> Result<(), Ending> {
        while let Some(inbound) = next_frame(&mut socket.parser, &mut bytes)? {
            if !self.frames.take(1, now.steady) {
                return Err(Close::ViewerTooFast.into());
            }
            match inbound {
                Inbound::Pong => self.awaiting_pong = false,
                Inbound::Ping(payload) => self.pong = websocket::pong(&payload),
                Inbound::Close(code) => return Err(Ending::Answered(code)),
                Inbound::Text(_) | Inbound::Binary => {}
            }
        }
        Ok(())
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
                // Its memory goes, for the next one may be a second away.
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
        let direct = Direct { outlet: socket.stream.outlet(), ping_due: self.ping_due() };
        let update = ready!(self.seat.line.poll(self.seat.number, Some(direct), now, cx));
        match self.terms.frame(update, self.context) {
            Ok(framed) => self.send_shared(framed, now),
            Err(frame) => self.send(&frame, now),
        }
        Poll::Ready(Ok(()))
    }

    fn send_shared(&mut self, framed: Arc<[u8]>, now: Now) {
        if !self.is_ping_due(now) {
            return self.out.set(Bytes::Shared(framed), now);
        }
        let mut bytes = Vec::with_capacity(framed.len() + websocket::PING.len());
        bytes.extend_from_slice(&framed);
        self.send_with_ping(bytes, now);
    }

    fn send(&mut self, frame: &ViewerFrame, now: Now) {
        let bytes = websocket::text(&frame.to_json());
        if self.is_ping_due(now) {
            return self.send_with_ping(bytes, now);
        }
        self.out.set(Bytes::Own(bytes), now);
    }

    fn is_ping_due(&self, now: Now) -> bool {
        now.steady >= self.ping_due()
    }

    /// When a frame is next to carry a ping.
    fn ping_due(&self) -> i64 {
        if self.awaiting_pong { i64::MAX } else { self.pinged + PING_MS }
    }

    fn send_with_ping(&mut self, mut bytes: Vec<u8>, now: Now) {
        bytes.extend_from_slice(&websocket::PING);
        self.awaiting_pong = true;
        self.pinged = now.steady;
        self.out.set(Bytes::Own(bytes), now);
    }

    /// The earliest deadline.
    fn alarm(&self, now: Now) -> Instant {
        let expires = self.terms.expires.map(|expires| now.steady + (expires - now.unix));
        let next = [self.silence(), expires, self.seat.leaves()].into_iter().flatten().min();
        // Never in the past, lest a deadline that is being met turn into a busy loop.
        let wait = next.map_or(FAR, |next| Duration::from_millis((next - now.steady).max(1).unsigned_abs()));
        Instant::now() + wait.min(FAR)
    }

    /// When this viewer counts as gone: it answers no ping, or takes nothing.
    fn silence(&self) -> Option<i64> {
        let patience = milliseconds(self.context.limits.pong_timeout);
        let pong = self.awaiting_pong.then_some(self.pinged);
        let stuck = (!self.out.is_idle()).then_some(self.out.began);
        pong.into_iter().chain(stuck).min().map(|since| since + patience)
    }

    fn meet_deadlines(&self, now: Now) -> Result<(), Close> {
        if self.terms.expires.is_some_and(|expires| now.unix >= expires) {
            return Err(Close::LinkExpired);
        }
        if self.seat.leaves().is_some_and(|leaves| now.steady >= leaves) {
            return Err(Close::GoingAway);
        }
        if self.silence().is_some_and(|silent| now.steady >= silent) {
            return Err(Close::ViewerSilent);
        }
        Ok(())
    }
}
