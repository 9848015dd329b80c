//! A TLS handshake with a stranger. The relay's own work is done in turns, and no turn lasts while the relay waits for
//! a client.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use rustls::ServerConfig;
use rustls::server::{Accepted, AcceptedAlert, Acceptor, ClientHello};
use tokio::net::TcpStream;
use tokio_rustls::StartHandshake;
use tokio_rustls::server::TlsStream;

use super::super::address_group::AddressGroup;
use super::super::head_bytes::HeldHead;
use super::super::shares::Waits;
use super::super::turns::Turns;
use crate::limits::Limits;

/// The longest flight of a client before the relay's answer, in bytes. A browser's hello with a post-quantum key is 2 KiB.
const MAX_HELLO: usize = 8 * 1024;
/// Bytes read at once: most hellos of agents.
const PIECE: usize = 1024;

/// The turns at TLS handshakes.
pub struct Handshakes {
    viewers: Turns,
    agents: Turns,
}

/// The other end of a handshake.
pub(super) struct Client<'a, W> {
    pub(super) group: AddressGroup,
    /// The unfinished hello.
    pub(super) held: &'a mut HeldHead,
    /// Hears who waits for whom.
    pub(super) waits: W,
}

impl Handshakes {
    /// Returns free turns.
    pub fn new(limits: &Limits) -> Self {
        Self { viewers: Turns::new(limits.viewer_handshakes), agents: Turns::new(limits.agent_handshakes) }
    }

    fn of(&self, agents_only: bool, hello: &ClientHello<'_>) -> &Turns {
        if agents_only || offers_uplink(hello) { &self.agents } else { &self.viewers }
    }

    /// Takes a connection through its TLS handshake.
    ///
    /// # Errors
    /// Where the client breaks the protocol or leaves.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        config: Arc<ServerConfig>,
        agents_only: bool,
        client: Client<'_, impl Fn(Waits)>,
    ) -> io::Result<TlsStream<TcpStream>> {
        let Client { group, held, waits } = client;
        let accepted = hello(&stream, held).await?;
        held.release();
        let turns = self.of(agents_only, &accepted.client_hello());
        let take_turn = async || {
            waits(Waits::ForRelay);
            let turn = turns.take(group).await;
            waits(Waits::ForClient);
            turn
        };
        let mut turn = take_turn().await;
        // The key exchange and the signature happen here and in the first poll; after a retried hello or in TLS 1.2, in a later one.
        let mut rest = std::pin::pin!(StartHandshake::from_parts(accepted, stream).into_stream(config));
        loop {
            if let Poll::Ready(ended) = polled_once(rest.as_mut()).await {
                return ended;
            }
            drop(turn);
            woken().await;
            turn = take_turn().await;
        }
    }
}

/// True for an agent, by ALPN. An agent without ALPN counts as a viewer.
fn offers_uplink(hello: &ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|mut offered| offered.any(|protocol| protocol == shared::UPLINK_SUBPROTOCOL.as_bytes()))
}

/// Reads a client's hello. A client that says nothing costs no buffer.
async fn hello(stream: &TcpStream, held: &mut HeldHead) -> io::Result<Accepted> {
    stream.readable().await?;
    let (mut acceptor, mut left) = (Acceptor::default(), MAX_HELLO);
    loop {
        if let Some(accepted) = read_hello(stream, &mut acceptor, &mut left)? {
            return Ok(accepted);
        }
        held.hold(MAX_HELLO - left);
        stream.readable().await?;
    }
}

/// Reads the available bytes; `None` for an incomplete hello.
fn read_hello(stream: &TcpStream, acceptor: &mut Acceptor, left: &mut usize) -> io::Result<Option<Accepted>> {
    let mut buffer = [0; PIECE];
    while *left > 0 {
        let read = match stream.try_read(&mut buffer[..PIECE.min(*left)]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        *left -= read;
        let mut unread = buffer.get(..read).unwrap_or_default();
        while !unread.is_empty() {
            acceptor.read_tls(&mut unread)?;
        }
        match acceptor.accept() {
            Ok(None) => {}
            Ok(accepted) => return Ok(accepted),
            Err((error, alert)) => return Err(refused(stream, error, alert)),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "the hello has no end"))
}

/// Sends the alert as far as the socket takes it at once. Returns the error.
fn refused(stream: &TcpStream, error: rustls::Error, mut alert: AcceptedAlert) -> io::Error {
    let mut bytes = Vec::new();
    if alert.write_all(&mut bytes).is_ok() {
        // The connection ends either way.
        let _ = stream.try_write(&bytes);
    }
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Polls a future once.
async fn polled_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// Waits until whatever was polled before wakes the task.
async fn woken() {
    let mut is_woken = false;
    poll_fn(|_| if std::mem::replace(&mut is_woken, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}
