//! From an address to an open WebSocket: name, TCP (or a proxy), TLS, token, handshake. Each step has a timeout
//! and words for a failure.

use std::cell::OnceCell;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::ClientConfig;
use shared::UPLINK_SUBPROTOCOL;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;

use super::allowance::Metered;
use super::error::{ConnectError, Host, Wait};
use super::{handshake, proxy};
use crate::config::{HostPort, RelayAddress, RelayConfig, Scheme};
use crate::reach::{self, Reached, Unreached, Wanted};
use crate::tls;

/// A connection, with or without TLS. An agent has one, so the box costs nothing.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Transport for T {}

/// An open uplink.
pub(super) type Socket = WebSocketStream<Box<dyn Transport>>;

/// Opens uplinks to the configured relays.
pub(super) struct Connector {
    config: RelayConfig,
    step_timeout: Duration,
    /// Made at the first use; a failure is tried again at the next.
    tls: OnceCell<Arc<ClientConfig>>,
}

impl Connector {
    pub(super) const fn new(config: RelayConfig, step_timeout: Duration) -> Self {
        Self { config, step_timeout, tls: OnceCell::new() }
    }

    pub(super) fn addresses(&self) -> &[RelayAddress] {
        &self.config.addresses
    }

    /// Opens an uplink to one relay, up to the answer to the handshake.
    pub(super) async fn open(&self, address: &RelayAddress) -> Result<Socket, ConnectError> {
        let reached = self.reach(address, Wanted::First).await?;
        let transport = self.secure(address, reached.stream).await?;
        self.upgrade(address, transport).await
    }

    /// Opens a TCP connection to the relay, through the proxy if one is configured.
    pub(super) async fn reach(&self, address: &RelayAddress, wanted: Wanted) -> Result<Reached, ConnectError> {
        let Some(proxy) = proxy::for_host(self.config.proxy.as_ref(), &address.host)? else {
            return self.tcp(Host::Relay, &address.host, wanted).await;
        };
        let Reached { stream, address: at, failed } = self.tcp(Host::Proxy, &proxy.host, wanted).await?;
        let stream = self.within(Wait::Proxy, proxy::tunnel(stream, &proxy, &address.host)).await??;
        Ok(Reached { stream, address: at, failed })
    }

    /// Speaks TLS over the connection if the address says `wss`.
    pub(super) async fn secure(
        &self,
        address: &RelayAddress,
        stream: TcpStream,
    ) -> Result<Box<dyn Transport>, ConnectError> {
        let stream = Metered::new(stream);
        if address.scheme == Scheme::Ws {
            return Ok(Box::new(stream));
        }
        let name = tls::server_name(&address.host.host)?;
        let connecting = TlsConnector::from(self.tls()?).connect(name, stream);
        match self.within(Wait::Tls, connecting).await? {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(self.tls_fault(address, &error).await),
        }
    }

    /// Returns the reason for a failed handshake. Asks the relay once more for a missing reason.
    async fn tls_fault(&self, address: &RelayAddress, error: &io::Error) -> ConnectError {
        if tls::is_unexplained(error)
            && let Some(obstacle) = self.survey(address).await
        {
            return ConnectError::Tls(tls::explain_obstacle(obstacle, tls::Peer::Relay));
        }
        let words = tls::explain(error, tls::Peer::Relay, SystemTime::now());
        let broke = || format!("the connection broke during the TLS handshake: {error}; {}", tls::Peer::Relay.place());
        ConnectError::Tls(words.unwrap_or_else(broke))
    }

    async fn survey(&self, address: &RelayAddress) -> Option<tls::survey::Obstacle> {
        let reached = self.reach(address, Wanted::First).await.ok()?;
        self.within(Wait::Tls, tls::survey::ask(reached.stream, &address.host.host)).await.ok()?
    }

    /// Opens the WebSocket. Reads the token only now, after the relay proved its identity.
    pub(super) async fn upgrade(
        &self,
        address: &RelayAddress,
        transport: Box<dyn Transport>,
    ) -> Result<Socket, ConnectError> {
        let token = self.config.token.read_token()?;
        self.within(Wait::Relay, handshake::upgrade(transport, address, &token)).await?
    }

    async fn tcp(&self, host: Host, at: &HostPort, wanted: Wanted) -> Result<Reached, ConnectError> {
        reach::connect(at, self.step_timeout, wanted).await.map_err(|error| match error {
            Unreached::Unresolved(source) => ConnectError::Resolve { host, name: at.host.clone(), source },
            Unreached::Failed(failed) => ConnectError::Connect { host, address: at.to_string(), failed },
        })
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, ConnectError> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        let mut config = Arc::unwrap_or_clone(tls::client_config(&self.config.trust)?);
        // The first protocol tells the relay early that the client is an agent, not a viewer; both sides speak the
        // second.
        config.alpn_protocols = vec![UPLINK_SUBPROTOCOL.into(), b"http/1.1".to_vec()];
        Ok(Arc::clone(self.tls.get_or_init(|| Arc::new(config))))
    }

    async fn within<T>(&self, wait: Wait, future: impl Future<Output = T>) -> Result<T, ConnectError> {
        timeout(self.step_timeout, future).await.map_err(|_| ConnectError::TimedOut(wait))
    }
}

#[cfg(test)]
mod tests;
