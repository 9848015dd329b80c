//! Questions to the private listener of the relay that runs on this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::typed::PrivateArguments;
use crate::operators::guard::read_token;
use crate::viewers::routes::path_segment;

/// Time for the whole answer of a relay on the same machine.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest answer, in bytes: a kilobyte for each of 10,000 agents, and some.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// Returns the JSON answer of the private listener for a path.
///
/// # Errors
/// Where no relay answers, or answers with something else; the remedy is in the words.
pub(super) fn ask<T: DeserializeOwned>(listener: &PrivateArguments, path: &str) -> Result<T> {
    let address = reachable(listener.private_listen);
    let body = answer(listener, path, "application/json")?;
    serde_json::from_slice(&body)
        .with_context(|| format!("{address} is not a relay's private listener of this version"))
}

/// Returns the words of the private listener for a path.
///
/// # Errors
/// As [`ask`].
pub(super) fn ask_words(listener: &PrivateArguments, path: &str) -> Result<String> {
    let body = answer(listener, path, "text/plain")?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Returns the path of a request about a text.
pub(super) fn path(of: &str, text: &str) -> String {
    format!("/{of}/{}", path_segment(text))
}

fn answer(listener: &PrivateArguments, path: &str, accept: &'static str) -> Result<Bytes> {
    let address = reachable(listener.private_listen);
    let token = listener.private_token_file.as_deref().map(read_token).transpose()?;
    let mut request = Request::get(path).header(HOST, address.to_string()).header(ACCEPT, accept);
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Empty::<Bytes>::new())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(async { timeout(PATIENCE, get(address, request)).await }) {
        Ok(body) => body,
        Err(_) => bail!("{address} takes connections and does not answer; is it the relay's private listener?"),
    }
}

/// Returns the address to connect to: loopback where the relay listens on every address.
fn reachable(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listener.port())
}

async fn get(address: SocketAddr, request: Request<Empty<Bytes>>) -> Result<Bytes> {
    let stream = TcpStream::connect(address).await.with_context(|| {
        format!(
            "no relay answers at {address}; it must run on this machine, and --private-listen be the address of its private listener"
        )
    })?;
    let not_http = || format!("{address} does not speak HTTP; is it the relay's private listener?");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.with_context(not_http)?;
    // Ends with the sender or with the connection; the request learns of both.
    tokio::spawn(connection);
    let path = request.uri().clone();
    let answer = sender.send_request(request).await.with_context(not_http)?;
    let status = answer.status();
    ensure!(
        status != StatusCode::UNAUTHORIZED,
        "the private listener {address} wants its token: give --private-token-file, the same file as the relay's"
    );
    ensure!(status == StatusCode::OK, "{address} answers {status} to {path}; is it the relay's private listener?");
    let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
    Ok(body.map_err(|error| anyhow::anyhow!("the answer of {address} breaks off: {error}"))?.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_asked_on_loopback() {
        for (listener, asked) in
            [("0.0.0.0:9100", "127.0.0.1:9100"), ("[::]:9100", "[::1]:9100"), ("192.0.2.1:9100", "192.0.2.1:9100")]
        {
            assert_eq!(reachable(listener.parse().unwrap()).to_string(), asked);
        }
    }
}
