//! A viewer's stream, which two write to: the viewer's own task, and whoever has a sample for it while the task waits.
//!
//! The line's lock says whose turn it is; the lock here only lets both hold the stream, and neither ever waits for it long.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, Write};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use rustix::net::{SendFlags, send};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, Empty, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::unconstrained;
use tokio_rustls::server::TlsStream;

use crate::line::{Outlet, Taken};

/// What a viewer may be connected by.
pub trait ViewerStream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Writes what is taken at once, and wakes nobody later. An error is left for the viewer's task to meet.
    fn write_now(&mut self, frame: &[u8]) -> Taken {
        // Nobody is to be woken here: what is not taken at once is left to the task, which then waits for the stream. Nor
        // does it count as work of the publisher's task, of which tokio allows 128 pieces in one go.
        let attempt = unconstrained(poll_fn(|cx| Poll::Ready(write(self, frame, cx))));
        match pin!(attempt).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(taken) => taken,
            Poll::Pending => Taken::Part(0),
        }
    }
}

impl ViewerStream for TcpStream {
    /// By the system call alone: what tokio knows of the socket is a cache miss away, and the task looks at it when
    /// something is left to do.
    fn write_now(&mut self, frame: &[u8]) -> Taken {
        match Unasked(self).write(frame) {
            Ok(sent) if sent == frame.len() => Taken::Whole,
            Ok(sent) => Taken::Part(sent),
            Err(_) => Taken::Part(0),
        }
    }
}

impl ViewerStream for TlsStream<TcpStream> {
    fn write_now(&mut self, frame: &[u8]) -> Taken {
        let (stream, session) = self.get_mut();
        let Ok(written) = session.writer().write(frame) else { return Taken::Part(0) };
        while session.wants_write() {
            // What is encrypted and does not go out is flushed by the task.
            if !session.write_tls(&mut Unasked(stream)).is_ok_and(|sent| sent > 0) {
                return Taken::Part(written);
            }
        }
        if written == frame.len() { Taken::Whole } else { Taken::Part(written) }
    }
}

/// A socket that is written without asking tokio whether it can be.
struct Unasked<'a>(&'a TcpStream);

impl Write for Unasked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(self.0, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ViewerStream for DuplexStream {}

impl ViewerStream for Empty {}

/// The task's end of a stream.
pub(super) struct Shared<S>(Arc<Held<S>>);

struct Held<S>(Mutex<S>);

impl<S: ViewerStream> Shared<S> {
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

impl<S: ViewerStream> Outlet for Held<S> {
    fn announce(&self) {
        // A load that nothing waits for: a prefetch in all but name.
        std::hint::black_box(self.0.is_poisoned());
    }

    fn offer(&self, frame: &[u8]) -> Taken {
        // Whoever holds it is its task, which finds the frame by itself.
        self.0.try_lock().map_or(Taken::Part(0), |mut stream| stream.write_now(frame))
    }
}

fn write<S: AsyncWrite + Unpin + ?Sized>(mut stream: &mut S, frame: &[u8], cx: &mut Context<'_>) -> Taken {
    let Poll::Ready(Ok(written)) = Pin::new(&mut stream).poll_write(cx, frame) else { return Taken::Part(0) };
    let is_out = written == frame.len() && matches!(Pin::new(&mut stream).poll_flush(cx), Poll::Ready(Ok(())));
    if is_out { Taken::Whole } else { Taken::Part(written) }
}

impl<S> fmt::Debug for Held<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("stream")
    }
}
