//! From an address to an open WebSocket: name, TCP (or a proxy), TLS, token, handshake. Each step has its own timeout
//! and its own words.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{AUTHORIZATION, LOCATION, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderValue, Response};
use rustls::ClientConfig;
use shared::UPLINK_SUBPROTOCOL;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Error as WebSocketError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::error::ConnectError;
use super::link::websocket_config;
use super::proxy;
use crate::config::{HostPort, RelayAddress, RelayConfig, SecretSource};
use crate::tls;

/// A connection, with or without TLS; one an agent, so that its box costs nothing.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Transport for T {}

/// An open uplink.
pub(super) type Socket = WebSocketStream<Box<dyn Transport>>;

/// Opens uplinks to the configured relays.
pub(super) struct Connector {
    config: RelayConfig,
    step_timeout: Duration,
    /// Made at the first use, and again while it cannot be made.
    tls: std::cell::OnceCell<Arc<ClientConfig>>,
}

impl Connector {
    pub(super) const fn new(config: RelayConfig, step_timeout: Duration) -> Self {
        Self { config, step_timeout, tls: std::cell::OnceCell::new() }
    }

    pub(super) fn addresses(&self) -> &[RelayAddress] {
        &self.config.addresses
    }

    /// Opens an uplink to one relay, up to its answer to the handshake.
    pub(super) async fn open(&self, address: &RelayAddress) -> Result<Socket, ConnectError> {
        let stream = self.reach(address).await?;
        let transport = self.secure(address, stream).await?;
        self.upgrade(address, transport).await
    }

    /// A TCP connection that leads to the relay, through a proxy where there is one.
    pub(super) async fn reach(&self, address: &RelayAddress) -> Result<TcpStream, ConnectError> {
        let Some(proxy) = proxy::for_host(self.config.proxy.as_ref(), &address.host)? else {
            return self.tcp(&address.host).await;
        };
        let stream = self.tcp(&proxy.host).await?;
        self.within("the proxy's answer", proxy::tunnel(stream, &proxy, &address.host)).await?
    }

    /// TLS over it, where the address says so.
    pub(super) async fn secure(
        &self,
        address: &RelayAddress,
        stream: TcpStream,
    ) -> Result<Box<dyn Transport>, ConnectError> {
        if !address.tls {
            return Ok(Box::new(stream));
        }
        let name = tls::server_name(&address.host.host)?;
        let connecting = TlsConnector::from(self.tls()?).connect(name, stream);
        let stream = self.within("the TLS handshake", connecting).await?.map_err(|error| tls_fault(&error))?;
        Ok(Box::new(stream))
    }

    /// The WebSocket's handshake. The token is read only now, when the relay has proved who it is.
    pub(super) async fn upgrade(
        &self,
        address: &RelayAddress,
        transport: Box<dyn Transport>,
    ) -> Result<Socket, ConnectError> {
        let request = request(address, &self.config.token)?;
        let upgrading = client_async_with_config(request, transport, Some(websocket_config()));
        let (socket, _) = self.within("the relay's answer", upgrading).await?.map_err(refusal)?;
        Ok(socket)
    }

    /// A TCP connection to the first address of the host that answers.
    async fn tcp(&self, host: &HostPort) -> Result<TcpStream, ConnectError> {
        let unresolved = |source| ConnectError::Resolve { host: host.host.clone(), source };
        let lookup = lookup_host((host.host.as_str(), host.port));
        let found = self.within("resolving the name", lookup).await?.map_err(unresolved)?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
        for address in found {
            match timeout(self.step_timeout, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Samples are small and wanted now; a socket that cannot be told so works all the same.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(ConnectError::Connect { to: host.to_string(), source: last })
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, ConnectError> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        let mut config = Arc::unwrap_or_clone(tls::client_config(&self.config.trust)?);
        // The first tells a relay that an agent knocks, before its handshake takes a viewer's turn; the second is spoken.
        config.alpn_protocols = vec![UPLINK_SUBPROTOCOL.into(), b"http/1.1".to_vec()];
        Ok(Arc::clone(self.tls.get_or_init(|| Arc::new(config))))
    }

    async fn within<T>(&self, step: &'static str, future: impl Future<Output = T>) -> Result<T, ConnectError> {
        timeout(self.step_timeout, future).await.map_err(|_| ConnectError::TimedOut { step })
    }
}

fn request(address: &RelayAddress, token: &SecretSource) -> Result<Request, ConnectError> {
    let mut request = address.to_string().into_client_request().map_err(ConnectError::NoRelay)?;
    let token = token.read()?;
    let mut bearer = HeaderValue::from_bytes(&[b"Bearer ", token.expose()].concat())
        .ok()
        .filter(|_| token.expose().iter().all(u8::is_ascii_graphic))
        .ok_or(ConnectError::TokenForm)?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, bearer);
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(UPLINK_SUBPROTOCOL));
    Ok(request)
}

fn tls_fault(error: &io::Error) -> ConnectError {
    let words = tls::explain(error, tls::Peer::Relay, SystemTime::now());
    ConnectError::Tls(words.unwrap_or_else(|| format!("the connection broke during the TLS handshake: {error}")))
}

fn refusal(error: WebSocketError) -> ConnectError {
    match error {
        WebSocketError::Http(response) => answer(&response),
        WebSocketError::Io(source) => ConnectError::Broken(source),
        // Cut off in the middle of the answer: that says nothing of who was about to answer.
        WebSocketError::Protocol(ProtocolError::HandshakeIncomplete) => {
            ConnectError::Broken(io::ErrorKind::UnexpectedEof.into())
        }
        other => ConnectError::NoRelay(other),
    }
}

fn answer<T>(response: &Response<T>) -> ConnectError {
    let status = response.status();
    match response.headers().get(LOCATION).map(HeaderValue::to_str) {
        Some(location) if status.is_redirection() => ConnectError::Redirect {
            status,
            location: location.unwrap_or("an unreadable address").chars().take(200).collect(),
        },
        _ => ConnectError::Status(status),
    }
}

#[cfg(test)]
mod tests;
