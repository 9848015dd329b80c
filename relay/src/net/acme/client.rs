//! HTTPS to the authority: one connection a request, which is a few in three months.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::super::tls;

/// Time for a request and its whole answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest answer, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// Asks an authority.
#[derive(Clone)]
pub(super) struct Client {
    tls: TlsConnector,
}

impl Client {
    /// Trusts the certificates of a file, or the public authorities.
    pub(super) fn new(ca: Option<&Path>) -> Result<Self> {
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
        Ok(Self { tls: Arc::new(config.with_root_certificates(roots).with_no_client_auth()).into() })
    }

    async fn ask(self, mut request: Request<BodyWrapper<Bytes>>) -> Result<Response<Full<Bytes>>> {
        let uri = request.uri().clone();
        ensure!(uri.scheme_str() == Some("https"), "{uri} is not an https address");
        let host = uri.host().context("an address without a host")?.to_owned();
        let stream = TcpStream::connect((bare(&host), uri.port_u16().unwrap_or(443))).await;
        let stream = stream.with_context(|| format!("cannot reach {host}"))?;
        let name = ServerName::try_from(bare(&host).to_owned()).with_context(|| format!("{host} is no name"))?;
        let handshake = self.tls.connect(name, stream).await;
        let stream = handshake.with_context(|| format!("no TLS with {host}; is its authority one for --acme-ca?"))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.context("no HTTP")?;
        let connection = tokio::spawn(connection);
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        request.headers_mut().insert(HOST, HeaderValue::try_from(authority)?);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = Uri::try_from(path)?;
        let (head, body) = sender.send_request(request).await.with_context(|| format!("{host} hung up"))?.into_parts();
        let collected = Limited::new(body, MAX_ANSWER).collect().await;
        let body = collected.map_err(|error| anyhow::anyhow!("the answer of {host} broke off: {error}"))?.to_bytes();
        connection.abort();
        Ok(Response::from_parts(head, Full::new(body)))
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let asked = timeout(PATIENCE, self.clone().ask(request));
        Box::pin(async move {
            let answer = match asked.await {
                Ok(answer) => answer,
                Err(_) => Err(anyhow::anyhow!("no answer within {} s", PATIENCE.as_secs())),
            };
            answer.map(BytesResponse::from).map_err(|error| Error::Other(error.into()))
        })
    }
}

/// Returns a host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

/// Returns an error of ACME with all its causes.
pub(super) fn words(error: Error) -> anyhow::Error {
    match error {
        Error::Other(inner) => anyhow::anyhow!("{}", chain(&*inner)),
        error => anyhow::anyhow!("{}", chain(&error)),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    [error.to_string()].into_iter().chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}
