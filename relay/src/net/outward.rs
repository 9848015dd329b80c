//! Requests from the relay outwards: one connection a request, over TLS, for the few requests that there are.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::tls;

/// Time for a request and its whole answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest answer, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// Asks servers.
#[derive(Clone)]
pub(crate) struct Outward {
    tls: TlsConnector,
    /// The flag that names the certificates to trust.
    flag: &'static str,
}

impl Outward {
    /// Trusts the certificates of a file, which `flag` names, or the public authorities.
    ///
    /// # Errors
    /// The file cannot be read, or a certificate of it not be used.
    pub(crate) fn new(ca: Option<&Path>, flag: &'static str) -> Result<Self> {
        Ok(Self { tls: trusting(ca)?.into(), flag })
    }

    /// Asks an `https` address, or an `http` one of this machine.
    ///
    /// # Errors
    /// The server cannot be reached, is not trusted, or does not answer within 30 s.
    pub(crate) async fn ask<B>(&self, request: Request<B>) -> Result<Response<Bytes>>
    where
        B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    {
        match timeout(PATIENCE, self.connected(request)).await {
            Ok(answer) => answer,
            Err(_) => bail!("no answer within {} s", PATIENCE.as_secs()),
        }
    }

    async fn connected<B>(&self, request: Request<B>) -> Result<Response<Bytes>>
    where
        B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    {
        let uri = request.uri().clone();
        let is_plain = is_of_this_machine(&uri);
        ensure!(is_plain || uri.scheme_str() == Some("https"), "{uri} is not an https address");
        let host = uri.host().context("an address without a host")?.to_owned();
        let port = uri.port_u16().unwrap_or(if is_plain { 80 } else { 443 });
        let stream = TcpStream::connect((bare(&host), port)).await;
        let stream = stream.with_context(|| format!("cannot reach {host}"))?;
        if is_plain {
            return exchange(request, stream).await;
        }
        let name = ServerName::try_from(bare(&host).to_owned()).with_context(|| format!("{host} is no name"))?;
        let handshake = self.tls.connect(name, stream).await;
        let flag = self.flag;
        exchange(request, handshake.with_context(|| format!("no TLS with {host}; is its authority one for {flag}?"))?)
            .await
    }
}

/// Returns the TLS of a client that trusts the certificates of a file or, without one, the public authorities.
///
/// # Errors
/// The file cannot be read, or a certificate of it not be used.
pub(crate) fn trusting(ca: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            for certificate in tls::certificates(path)? {
                roots.add(certificate).with_context(|| format!("{} is not usable", path.display()))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// True for an `http` address on loopback: nobody reads it on its way.
pub(crate) fn is_of_this_machine(uri: &Uri) -> bool {
    let address = uri.host().and_then(|host| bare(host).parse::<std::net::IpAddr>().ok());
    uri.scheme_str() == Some("http") && address.is_some_and(|address| address.is_loopback())
}

async fn exchange<B, S>(mut request: Request<B>, stream: S) -> Result<Response<Bytes>>
where
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let uri = request.uri().clone();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.context("no HTTP")?;
    let connection = tokio::spawn(connection);
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    request.headers_mut().insert(HOST, HeaderValue::try_from(&authority)?);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = Uri::try_from(path)?;
    let (head, body) = sender.send_request(request).await.with_context(|| format!("{authority} hung up"))?.into_parts();
    let collected = Limited::new(body, MAX_ANSWER).collect().await;
    let body = collected.map_err(|error| anyhow::anyhow!("the answer of {authority} broke off: {error}"))?.to_bytes();
    connection.abort();
    Ok(Response::from_parts(head, body))
}

/// Returns a host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_goes_to_this_machine_alone() {
        for uri in ["http://127.0.0.1:8000/x", "http://[::1]/"] {
            assert!(is_of_this_machine(&uri.parse().unwrap()), "{uri}");
        }
        for uri in ["http://127.0.0.1.example/", "http://192.0.2.1/", "https://127.0.0.1/", "/x", "http://localhost/"] {
            assert!(!is_of_this_machine(&uri.parse().unwrap()), "{uri}");
        }
    }
}
