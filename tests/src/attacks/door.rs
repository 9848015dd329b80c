//! Connections from a chosen address of 127.0.0.0/8, and their first bytes.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// A WebSocket to the relay.
pub type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// The relay's door.
#[derive(Debug, Clone)]
pub struct Door {
    /// The relay's listening address.
    pub address: SocketAddr,
    /// Whom to trust.
    pub tls: Arc<ClientConfig>,
}

impl Door {
    /// Connects from an address of this machine.
    ///
    /// # Errors
    /// When the relay does not accept in time.
    pub async fn tcp(&self, from: Ipv4Addr) -> Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        let stream = timeout(CONNECT_TIMEOUT, socket.connect(self.address)).await.context("not accepted in time")??;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// The same with TLS.
    ///
    /// # Errors
    /// When the handshake fails.
    pub async fn tls(&self, from: Ipv4Addr) -> Result<TlsStream<TcpStream>> {
        let stream = self.tcp(from).await?;
        Ok(TlsConnector::from(Arc::clone(&self.tls)).connect(self.name(), stream).await?)
    }

    /// Connects with TLS and a viewer's WebSocket.
    ///
    /// # Errors
    /// When the relay refuses the WebSocket.
    pub async fn socket(&self, from: Ipv4Addr) -> Result<Socket> {
        // The default buffers would be 128 KiB for each of thousands.
        let config = WebSocketConfig::default().read_buffer_size(4 * 1024).write_buffer_size(0);
        let stream = self.tls(from).await?;
        Ok(client_async_with_config("ws://127.0.0.1/api/v1/live", stream, Some(config)).await?.0)
    }

    /// The same with a first frame sent.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn watch(&self, from: Ipv4Addr, first: &Value) -> Result<Socket> {
        let mut socket = self.socket(from).await?;
        socket.send(Message::text(first.to_string())).await?;
        Ok(socket)
    }

    /// Returns the first flight of a TLS handshake. The attack sends no second one.
    ///
    /// # Errors
    /// When the relay's address is no name for TLS.
    pub fn client_hello(&self) -> Result<Vec<u8>> {
        let mut connection = ClientConnection::new(Arc::clone(&self.tls), self.name())?;
        let mut bytes = Vec::new();
        connection.write_tls(&mut bytes)?;
        Ok(bytes)
    }

    fn name(&self) -> ServerName<'static> {
        ServerName::IpAddress(self.address.ip().into())
    }
}

/// The n-th address of a network of 127.0.0.0/8.
pub fn address([a, b]: [u8; 2], nth: usize) -> Ipv4Addr {
    let nth = nth % 60_000;
    Ipv4Addr::new(a, b, (nth / 250) as u8, (nth % 250) as u8 + 1)
}

/// Reads and forgets until the other end closes.
pub(super) async fn until_closed(mut stream: impl AsyncRead + Unpin) -> Result<()> {
    let mut bytes = [0; 4 * 1024];
    while stream.read(&mut bytes).await? > 0 {}
    Ok(())
}

/// The same for a WebSocket.
pub(super) async fn until_socket_closed(mut socket: Socket) -> Result<()> {
    while let Some(message) = socket.next().await {
        message?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_differ_and_stay_in_their_network() {
        let all: std::collections::BTreeSet<_> = (0..10_000).map(|nth| address([127, 7], nth)).collect();
        assert_eq!(all.len(), 10_000);
        assert!(all.iter().all(|address| address.octets()[..2] == [127, 7] && address.octets()[3] > 0));
    }
}
