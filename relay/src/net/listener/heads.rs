//! A stream of whole heads for hyper, each judged before ([`RequestHead`]).
//!
//! A head in pieces is collected here, within the limits of [`HeldHead`]. In place of a refused head, hyper gets a
//! request for the refusal and writes the answer in its turn. Nothing behind a refused head is read. Bodies and other
//! protocols pass through; behind them the relay ends the connection, except for an upgrade.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::head_bytes::HeldHead;
use super::super::request_head::{Judgement, Next, Refusal, RequestHead};

/// Bytes read at once: most heads.
const PIECE: usize = 2 * 1024;
/// The method of the request for a refusal. A client's own request with this method is answered as unknown.
const REFUSED: &str = "REFUSED";
const REQUEST_FOR_REFUSAL: &[u8] = b"REFUSED / HTTP/1.1\r\nhost: relay\r\n\r\n";

/// The stream.
pub(crate) struct Heads<S> {
    stream: S,
    next: NextRead,
    /// For hyper, as they are.
    ready: Bytes,
    /// Behind the bytes for hyper, not judged yet.
    unread: Bytes,
    refused: Refused,
}

/// The kind of the next bytes.
enum NextRead {
    Head(Box<(RequestHead, HeldHead)>),
    Other,
    Nothing,
}

/// A connection's refusal, shared by the stream and the service.
#[derive(Clone, Default)]
pub(super) struct Refused(Arc<OnceLock<Refusal>>);

impl Refused {
    /// Returns the refusal behind this request; `None` for a client's own request.
    pub(super) fn of<B>(&self, request: &http::Request<B>) -> Option<Refusal> {
        self.0.get().copied().filter(|_| request.method().as_str() == REFUSED)
    }
}

impl<S> Heads<S> {
    /// Returns a stream before its first head.
    pub(super) fn new(stream: S, held: HeldHead, refused: Refused) -> Self {
        let next = NextRead::Head(Box::new((RequestHead::default(), held)));
        Self { stream, next, ready: Bytes::new(), unread: Bytes::new(), refused }
    }

    /// Returns the wrapped stream and the unread bytes.
    pub(crate) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.ready)
    }

    /// Judges bytes and keeps them: for hyper, for the head, or unread.
    fn take(&mut self, mut bytes: Bytes) {
        let NextRead::Head(collecting) = &mut self.next else {
            self.ready = bytes;
            return;
        };
        let (head, held) = &mut **collecting;
        match head.push(&bytes) {
            Judgement::Incomplete => held.hold(head.size()),
            Judgement::Complete { taken, next } => {
                held.release();
                let mut whole = std::mem::take(head).into_bytes();
                self.unread = bytes.split_off(taken);
                if next == Next::Other {
                    whole.extend_from_slice(&std::mem::take(&mut self.unread));
                    self.next = NextRead::Other;
                }
                self.ready = whole.into();
            }
            Judgement::Refused(refusal) => {
                // A second refusal is impossible: nothing is read behind the first.
                let _ = self.refused.0.set(refusal);
                self.ready = Bytes::from_static(REQUEST_FOR_REFUSAL);
                self.next = NextRead::Nothing;
            }
        }
    }
}

impl<S: AsyncRead + Unpin> Heads<S> {
    /// Waits for the first whole head. False if the client leaves before.
    pub(super) async fn first(&mut self) -> io::Result<bool> {
        std::future::poll_fn(|cx| self.poll_ready(cx)).await
    }

    /// Reads until there are bytes for hyper. False at the end of the stream.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while self.ready.is_empty() {
            if !self.unread.is_empty() {
                let unread = std::mem::take(&mut self.unread);
                self.take(unread);
                continue;
            }
            let mut piece = [0; PIECE];
            let mut buffer = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(false));
            }
            if matches!(self.next, NextRead::Nothing) {
                // With unread bytes the kernel would reset the connection, and the answer would be lost.
                continue;
            }
            let bytes = Bytes::copy_from_slice(buffer.filled());
            self.take(bytes);
        }
        Poll::Ready(Ok(true))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Heads<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let heads = self.get_mut();
        if matches!(heads.next, NextRead::Other) && heads.ready.is_empty() {
            return Pin::new(&mut heads.stream).poll_read(cx, buffer);
        }
        ready!(heads.poll_ready(cx))?;
        let part = heads.ready.split_to(heads.ready.len().min(buffer.remaining()));
        buffer.put_slice(&part);
        if heads.ready.is_empty() {
            // An empty part would keep the whole buffer.
            heads.ready = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heads<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
