//! From an address to a stream: name, TCP and TLS. Each failure comes with its remedy.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::{HostPort, RouterConfig};
use crate::reach::{self, Failed, Reached, Unreached, Wanted, listed};
use crate::routeros::connection::{ConnectionError, Transport};
use crate::tls::survey::{self, Obstacle};
use crate::tls::{Peer, client_config, explain, explain_obstacle, is_unexplained, server_name};

/// An open stream to a router, and the addresses tried in vain.
pub(super) struct Dialed {
    /// The way.
    pub(super) stream: Box<dyn Transport>,
    /// The failed addresses.
    pub(super) failed: Vec<Failed>,
}

/// Opens the way to a router, once or again and again.
pub(super) struct Dialer {
    address: HostPort,
    tls: Option<TlsConnector>,
    within: Duration,
}

impl Dialer {
    /// Prepares for the router of the configuration; TCP and TLS are given `within` each.
    ///
    /// # Errors
    /// [`ConnectionError::Configuration`], when TLS cannot be set up.
    pub(super) fn new(router: &RouterConfig, within: Duration) -> Result<Self, ConnectionError> {
        let tls = router.trust.as_ref().map(client_config).transpose();
        let tls = tls.map_err(|error| ConnectionError::Configuration(error.to_string()))?;
        Ok(Self {
            address: router.address.clone(),
            tls: tls.map(|config| TlsConnector::from(Arc::clone(&config))),
            within,
        })
    }

    /// Connects.
    ///
    /// # Errors
    /// [`ConnectionError`].
    pub(super) async fn dial(&self, wanted: Wanted) -> Result<Dialed, ConnectionError> {
        let reached = reach::connect(&self.address, self.within, wanted).await;
        let Reached { stream, failed, .. } = reached.map_err(|error| unreached(self.address.to_string(), error))?;
        let stream = match &self.tls {
            None => Box::new(stream),
            Some(connector) => self.secure(connector, stream).await?,
        };
        Ok(Dialed { stream, failed })
    }

    async fn secure(&self, connector: &TlsConnector, stream: TcpStream) -> Result<Box<dyn Transport>, ConnectionError> {
        let failed = |reason| ConnectionError::Tls { address: self.address.to_string(), reason };
        let name = server_name(&self.address.host).map_err(|error| failed(error.to_string()))?;
        match timeout(self.within, connector.connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => Err(failed(self.tls_fault(&error).await)),
            Err(_) => Err(failed(
                "no answer to the handshake: is this api-ssl's port? If it is, large packets are lost (MTU, MSS) or a \
                 firewall drops TLS"
                    .to_owned(),
            )),
        }
    }

    /// Returns why a handshake failed; if the error does not explain the reason, surveys the router once more.
    async fn tls_fault(&self, error: &io::Error) -> String {
        if is_unexplained(error)
            && let Some(obstacle) = self.survey().await
        {
            return explain_obstacle(obstacle, Peer::Router);
        }
        let reason = explain(error, Peer::Router, SystemTime::now());
        reason.unwrap_or_else(|| format!("the handshake broke: {error}; {}", Peer::Router.place()))
    }

    async fn survey(&self) -> Option<Obstacle> {
        let reached = reach::connect(&self.address, self.within, Wanted::First).await.ok()?;
        timeout(self.within, survey::ask(reached.stream, &self.address.host)).await.ok()?
    }
}

fn unreached(address: String, error: Unreached) -> ConnectionError {
    let failed = match error {
        Unreached::Unresolved(source) => return ConnectionError::Resolve { address, source },
        Unreached::Failed(failed) => failed,
    };
    let all = |kind| failed.iter().all(|failed| failed.why == kind);
    if all(io::ErrorKind::TimedOut) {
        ConnectionError::ConnectTimeout { address }
    } else if all(io::ErrorKind::ConnectionRefused) {
        ConnectionError::Refused { address }
    } else {
        ConnectionError::Unreachable { address, source: io::Error::other(listed(&failed)) }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::{Secret, SecretSource};
    use crate::tls::Trust;

    async fn failure(host: &str, port: u16, trust: Option<Trust>) -> ConnectionError {
        let router = RouterConfig {
            address: HostPort::new(host.to_owned(), port),
            user: "linelight".to_owned(),
            password: SecretSource::Value(Secret::new(b"secret")),
            trust,
        };
        let dialer = Dialer::new(&router, Duration::from_secs(5)).unwrap();
        dialer.dial(Wanted::First).await.err().unwrap()
    }

    #[tokio::test]
    async fn nobody_listening_is_a_matter_of_ip_service() {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let error = failure("127.0.0.1", port, None).await;
        assert!(matches!(error, ConnectionError::Refused { .. }), "{error}");
        assert!(error.explain().contains("/ip/service"), "{}", error.explain());
    }

    #[test]
    fn silence_is_a_matter_of_the_input_chain() {
        let error = ConnectionError::ConnectTimeout { address: "172.17.0.1:8728".to_owned() };
        let text = error.explain();
        assert!(text.contains("172.17.0.1:8728 does not answer") && text.contains("input chain"), "{text}");
    }

    #[tokio::test]
    async fn api_ssl_without_a_certificate_is_told_how_to_get_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_u8().await.unwrap();
            // A fatal alert, handshake_failure (RFC 8446, section 6), as anonymous Diffie-Hellman ends with.
            stream.write_all(&[21, 3, 3, 0, 2, 2, 40]).await.unwrap();
            stream
        };
        let (error, _open) = tokio::join!(failure("127.0.0.1", port, Some(Trust::WebRoots)), router);
        assert!(matches!(error, ConnectionError::Tls { .. }), "{error}");
        assert!(error.explain().contains("certificate"), "{}", error.explain());
    }
}
