//! A viewer's stream as server-sent events (WHATWG HTML, section 9.2), for curl and for networks without WebSockets.
//!
//! hyper takes everything from a body until its buffer is full: a slow reader would get sixteen seconds of the past. So
//! the body offers one event, and the next one only after hyper has written the first. A slow viewer gets the present,
//! as over a WebSocket.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::Frame;
use shared::close::Close;
use tokio::time::{Sleep, sleep_until};

use super::deadlines::Deadlines;
use super::terms::{Outgoing, Terms};
use crate::lines::hub::seats::Seat;
use crate::viewers::context::ViewerContext;
use crate::viewers::links::Admission;
use crate::wire::viewer_frame::{SAMPLE, ViewerFrame};
use crate::wire::websocket::SHORT_HEADER;

/// The body of a stream of server-sent events. Every viewer frame is an event with the frame's `type` as its name.
pub struct EventBody {
    /// `None` once the stream has ended.
    seat: Option<Seat>,
    terms: Terms,
    context: Arc<ViewerContext>,
    alarm: Pin<Box<Sleep>>,
    under_way: Arc<UnderWay>,
}

/// Whether an event is with hyper and not written yet.
#[derive(Default)]
struct UnderWay {
    is: AtomicBool,
    waker: AtomicWaker,
}

/// An event's bytes; hyper drops them when the last one is written.
struct Event {
    bytes: Vec<u8>,
    under_way: Arc<UnderWay>,
}

impl AsRef<[u8]> for Event {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        self.under_way.is.store(false, Ordering::Release);
        self.under_way.waker.wake();
    }
}

impl UnderWay {
    /// Hands an event to hyper.
    fn send(self: &Arc<Self>, bytes: Vec<u8>) -> Bytes {
        self.is.store(true, Ordering::Release);
        Bytes::from_owner(Event { bytes, under_way: Arc::clone(self) })
    }

    /// Ready when hyper holds no event. Otherwise the task is woken after the write.
    fn poll_written(&self, cx: &Context<'_>) -> Poll<()> {
        self.waker.register(cx.waker());
        if self.is.load(Ordering::Acquire) { Poll::Pending } else { Poll::Ready(()) }
    }
}

/// Serves a viewer as server-sent events. `address` is the viewer's, where known.
///
/// # Errors
/// As [`Hub::join`](crate::lines::hub::Hub::join).
pub fn serve_events(
    admission: Admission,
    address: Option<IpAddr>,
    context: Arc<ViewerContext>,
) -> Result<EventBody, Close> {
    let now = context.hub.now();
    let seat = context.seat(&admission, address).inspect_err(|close| context.metrics.viewer_closes.count(*close))?;
    let terms = Terms::from(&admission);
    let deadlines = Deadlines { expires: terms.expires, leaves: seat.leaves(), silent: None };
    let alarm = Box::pin(sleep_until(deadlines.alarm(now)));
    Ok(EventBody { seat: Some(seat), terms, context, alarm, under_way: Arc::default() })
}

impl EventBody {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        let now = self.context.hub.now();
        let is_free = self.under_way.poll_written(cx).is_ready();
        let Some(seat) = &self.seat else { return Poll::Ready(None) };
        if is_free && let Poll::Ready(update) = seat.line.poll(seat.number, None, now, cx) {
            return match self.terms.apply(update, &self.context, now) {
                Outgoing::Shared(framed) => {
                    Poll::Ready(Some(event(SAMPLE, framed.get(SHORT_HEADER..).unwrap_or_default())))
                }
                Outgoing::Own(frame) => Poll::Ready(Some(event(frame.name(), &frame.to_json()))),
                Outgoing::End(close) => self.end(close),
            };
        }
        // Last: the line has this task's waker by now, so that no end of a lease is missed.
        match self.deadlines().poll(self.alarm.as_mut(), now, cx).or_else(|| self.terms.withdrawn()) {
            Some(close) => self.end(close),
            None => Poll::Pending,
        }
    }

    fn deadlines(&self) -> Deadlines {
        Deadlines { expires: self.terms.expires, leaves: self.seat.as_ref().and_then(Seat::leaves), silent: None }
    }

    fn end(&mut self, close: Close) -> Poll<Option<Vec<u8>>> {
        self.seat = None;
        self.context.metrics.viewer_closes.count(close);
        Poll::Ready(Some(event("error", &ViewerFrame::error(close).to_json())))
    }
}

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let body = self.get_mut();
        body.poll_event(cx).map(|event| event.map(|event| Ok(Frame::data(body.under_way.send(event)))))
    }

    fn is_end_stream(&self) -> bool {
        self.seat.is_none()
    }
}

/// One event; JSON has no line breaks.
fn event(name: &str, json: &[u8]) -> Vec<u8> {
    [b"event: ", name.as_bytes(), b"\ndata: ", json, b"\n\n"].concat()
}

#[cfg(test)]
mod tests;
