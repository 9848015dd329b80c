//! A viewer's stream with two writers: the viewer's task, and publishers while the task sleeps.
//!
//! The line's lock decides whose turn it is. The lock here only lets both own the stream; neither waits for it long.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, Write};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::{Mutex, MutexGuard};
use rustix::net::{SendFlags, send};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, Empty, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::unconstrained;
use tokio_rustls::server::TlsStream;

use crate::lines::audience::{ViewerSink, Written};

/// A stream to a viewer.
pub trait ViewerStream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Writes at once as much as the stream takes, and wakes nobody later. The viewer's task meets an error.
    fn write_now(&mut self, frame: &[u8]) -> Written {
        // No waker: the task writes the rest, and waits for the stream. Unconstrained: tokio's budget of 128 operations
        // belongs to the publisher's task.
        let attempt = unconstrained(poll_fn(|cx| Poll::Ready(write(self, frame, cx))));
        match pin!(attempt).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(taken) => taken,
            Poll::Pending => Written::Nothing,
        }
    }
}

impl ViewerStream for TcpStream {
    /// By the system call alone. tokio's state of the socket is a cache miss away, and the viewer's task asks tokio
    /// when something is left to write.
    fn write_now(&mut self, frame: &[u8]) -> Written {
        match Unasked(self).write(frame) {
            Ok(sent) if sent == frame.len() => Written::All,
            Ok(sent) => Written::unfinished(sent),
            Err(_) => Written::Nothing,
        }
    }
}

impl ViewerStream for TlsStream<TcpStream> {
    fn write_now(&mut self, frame: &[u8]) -> Written {
        let (stream, session) = self.get_mut();
        let Ok(written) = session.writer().write(frame) else { return Written::Nothing };
        while session.wants_write() {
            // The viewer's task flushes encrypted bytes that stay behind.
            if !session.write_tls(&mut Unasked(stream)).is_ok_and(|sent| sent > 0) {
                return Written::unfinished(written);
            }
        }
        if written == frame.len() { Written::All } else { Written::unfinished(written) }
    }
}

/// A socket written without asking tokio first.
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
pub(super) struct SharedStream<S>(Arc<Held<S>>);

struct Held<S>(Mutex<S>);

impl<S: ViewerStream> SharedStream<S> {
    pub(super) fn new(stream: S) -> Self {
        Self(Arc::new(Held(Mutex::new(stream))))
    }

    /// Returns the publishers' end of the stream.
    pub(super) fn sink(&self) -> Arc<dyn ViewerSink> {
        Arc::clone(&self.0) as _
    }
}

impl<S> SharedStream<S> {
    fn lock(&self) -> MutexGuard<'_, S> {
        // A panic during a write is met again by the viewer's task.
        self.0.0.lock()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SharedStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_read(cx, bytes)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SharedStream<S> {
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

impl<S: ViewerStream> ViewerSink for Held<S> {
    fn prefetch(&self) {
        // A load without a use: stable Rust has no other prefetch.
        std::hint::black_box(self.0.is_locked());
    }

    fn try_write(&self, frame: &[u8]) -> Written {
        // Only the viewer's task can hold the lock, and finds the sample by itself.
        self.0.try_lock().map_or(Written::Nothing, |mut stream| stream.write_now(frame))
    }
}

fn write<S: AsyncWrite + Unpin + ?Sized>(mut stream: &mut S, frame: &[u8], cx: &mut Context<'_>) -> Written {
    let Poll::Ready(Ok(written)) = Pin::new(&mut stream).poll_write(cx, frame) else { return Written::Nothing };
    let is_out = written == frame.len() && matches!(Pin::new(&mut stream).poll_flush(cx), Poll::Ready(Ok(())));
    if is_out { Written::All } else { Written::unfinished(written) }
}

impl<S> fmt::Debug for Held<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("stream")
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, RootCertStore, ServerConfig};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;

    /// Both ends of a connection, the relay's first.
    async fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, connected) = tokio::join!(listener.accept(), TcpStream::connect(address));
        (accepted.unwrap().0, connected.unwrap())
    }

    async fn tls_connection() -> (TlsStream<TcpStream>, impl AsyncRead + Unpin) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let server = ServerConfig::builder().with_no_client_auth();
        let server = server.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let (ours, theirs) = connection().await;
        let name = ServerName::try_from("localhost").unwrap();
        let (accepted, connected) = tokio::join!(
            TlsAcceptor::from(Arc::new(server)).accept(ours),
            TlsConnector::from(Arc::new(client)).connect(name, theirs)
        );
        (accepted.unwrap(), connected.unwrap())
    }

    /// Offers frames until the stream takes one in part, writes the rest from the task's end, and compares everything
    /// that arrives.
    async fn nothing_is_lost_and_nothing_doubled(stream: impl ViewerStream, mut reader: impl AsyncRead + Unpin) {
        let mut shared = SharedStream::new(stream);
        let sink = shared.sink();
        let frame = |nth: u32| [&nth.to_be_bytes()[..], &[0x5a; 1_000]].concat();
        let mut nth = 0;
        let taken = loop {
            match sink.try_write(&frame(nth)) {
                Written::All => nth += 1,
                Written::Partly(taken) => break taken.get(),
                Written::Nothing => break 0,
            }
            assert!(nth < 1_000_000, "nobody reads, and everything is taken");
        };
        assert!(nth > 0);
        let rest = async {
            shared.write_all(&frame(nth)[taken..]).await.unwrap();
            shared.flush().await.unwrap();
            // After the rest, the stream takes frames again.
            assert_eq!(sink.try_write(&frame(nth + 1)), Written::All);
        };
        let read = async {
            let mut bytes = vec![0; 1_004];
            for expected in 0..=nth + 1 {
                reader.read_exact(&mut bytes).await.unwrap();
                assert!(bytes == frame(expected), "frame {expected}");
            }
        };
        tokio::join!(rest, read);
    }

    #[tokio::test]
    async fn frames_go_out_whole_over_tcp() {
        let (ours, theirs) = connection().await;
        nothing_is_lost_and_nothing_doubled(ours, theirs).await;
    }

    #[tokio::test]
    async fn frames_go_out_whole_over_tls() {
        let (ours, theirs) = tls_connection().await;
        nothing_is_lost_and_nothing_doubled(ours, theirs).await;
    }

    #[tokio::test]
    async fn frames_go_out_whole_over_a_pipe() {
        let (ours, theirs) = tokio::io::duplex(10_000);
        nothing_is_lost_and_nothing_doubled(ours, theirs).await;
    }

    #[tokio::test]
    async fn a_stream_that_its_task_holds_takes_nothing() {
        let (ours, _theirs) = tokio::io::duplex(10_000);
        let shared = SharedStream::new(ours);
        let sink = shared.sink();
        let held = shared.lock();
        assert_eq!(sink.try_write(b"frame"), Written::Nothing);
        drop(held);
        assert_eq!(sink.try_write(b"frame"), Written::All);
    }

    #[tokio::test]
    async fn a_broken_stream_is_met_by_its_task() {
        let (ours, theirs) = tokio::io::duplex(10_000);
        let mut shared = SharedStream::new(ours);
        drop(theirs);
        assert_eq!(shared.sink().try_write(b"frame"), Written::Nothing);
        assert!(shared.write_all(b"frame").await.is_err());
    }
}
