//! A viewer's stream, which two write to: the viewer's own task, and whoever has a sample for it while the task waits.
//!
//! The line's lock says whose turn it is; the lock here only lets both hold the stream, and neither ever waits for it long.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::unconstrained;

use crate::line::{Outlet, Taken};

/// The task's end of a stream.
pub(super) struct Shared<S>(Arc<Held<S>>);

struct Held<S>(Mutex<S>);

impl<S: AsyncWrite + Unpin + Send + 'static> Shared<S> {
    pub(super) fn new(stream: S) -> Self {
        Self(Arc::new(Held(Mutex::new(stream))))
    }

    /// The line's end of it.
    pub(super) fn outlet(&self) -> Arc<dyn Outlet> {
        Arc::clone(&self.0) as _
    }
}

impl<S> Shared<S> {
    fn lock(&self) -> MutexGuard<'_, S> {
        // A panic while the stream was written is met again by its own task, or never mattered.
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Shared<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_read(cx, bytes)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Shared<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.lock()).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_shutdown(cx)
    }
}

impl<S: AsyncWrite + Unpin + Send> Outlet for Held<S> {
    fn offer(&self, frame: &[u8]) -> Taken {
        // Whoever holds it is its task, which finds the frame by itself.
        let Ok(mut stream) = self.0.try_lock() else { return Taken::Part(0) };
        // Nobody is to be woken here: what is not taken at once is left to the task, which then waits for the stream. Nor
        // does it count as work of the publisher's task, of which tokio allows 128 pieces in one go.
        let attempt = unconstrained(poll_fn(|cx| Poll::Ready(write(&mut *stream, frame, cx))));
        match pin!(attempt).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(taken) => taken,
            Poll::Pending => Taken::Part(0),
        }
    }
}

/// Writes what is taken at once. An error is left for the task to meet.
fn write<S: AsyncWrite + Unpin>(mut stream: &mut S, frame: &[u8], cx: &mut Context<'_>) -> Taken {
    let Poll::Ready(Ok(written)) = Pin::new(&mut stream).poll_write(cx, frame) else { return Taken::Part(0) };
    let is_out = written == frame.len() && matches!(Pin::new(&mut stream).poll_flush(cx), Poll::Ready(Ok(())));
    if is_out { Taken::Whole } else { Taken::Part(written) }
}

impl<S> fmt::Debug for Held<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("stream")
    }
}
