//! The authority, as instant-acme asks it.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use anyhow::Result;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};

use super::super::outward::Outward;

/// Asks an authority.
#[derive(Clone)]
pub(super) struct Client(Outward);

impl Client {
    /// Trusts the certificates of a file, or the public authorities.
    pub(super) fn new(ca: Option<&Path>) -> Result<Self> {
        Ok(Self(Outward::new(ca, "--acme-ca")?))
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let outward = self.0.clone();
        Box::pin(async move {
            let answer = outward.ask(request).await.map(|answer| answer.map(Full::new));
            answer.map(BytesResponse::from).map_err(|error| Error::Other(error.into()))
        })
    }
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
