//! The WebSocket handshake (RFC 6455, section 4.2), and a connection's way from hyper to a task of its own.

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use data_encoding::BASE64;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version};
use hyper::upgrade::{Parts, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::answers::words;
use super::listener::{Connection, Heads, Unbuffered};
use super::places::Place;

/// A connection behind its WebSocket handshake.
pub(crate) struct Accepted {
    /// The bare stream: nothing of hyper stays in memory.
    pub(crate) stream: AcceptedStream,
    /// Bytes read behind the handshake.
    pub(crate) leftover: Bytes,
    /// The connection's place among all.
    pub(crate) place: Option<Place>,
}

/// The stream of an accepted connection.
pub(crate) enum AcceptedStream {
    /// Without TLS.
    Plain(TcpStream),
    /// With TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Why a request is not a WebSocket handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// No upgrade is asked for, or one to something else.
    #[error("this address speaks WebSocket; a reverse proxy in between must pass Connection and Upgrade on")]
    NotWebSocket,
    /// Another version than 13.
    #[error("only version 13 of WebSocket is spoken here")]
    Version,
    /// No key, or not one of 16 bytes.
    #[error("the Sec-WebSocket-Key is missing or malformed")]
    Key,
    /// The subprotocol is not among those offered.
    #[error("the subprotocol {0} must be offered in Sec-WebSocket-Protocol")]
    Subprotocol(&'static str),
}

impl HandshakeError {
    /// Returns the error's HTTP status.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NotWebSocket | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::Key | Self::Subprotocol(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Answers a handshake. After the answer, `serve` gets the connection, and spawns a task for it.
///
/// # Errors
/// [`HandshakeError`]. Nothing has happened then.
pub(crate) fn upgrade(
    request: Request,
    connection: &Connection,
    subprotocol: Option<&'static str>,
    serve: impl FnOnce(Accepted) + Send + 'static,
) -> Result<Response<Body>, HandshakeError> {
    // An older version has no upgrade (RFC 9110, section 7.8).
    if request.version() < Version::HTTP_11 {
        return Err(HandshakeError::NotWebSocket);
    }
    let response = handshake(request.method(), request.headers(), subprotocol)?;
    let place = connection.leave();
    tokio::spawn(async move {
        match hyper::upgrade::on(request).await {
            Ok(upgraded) => match accepted(upgraded, place) {
                Some(accepted) => serve(accepted),
                None => tracing::error!("an upgraded connection is of no known kind"),
            },
            Err(error) => tracing::debug!(%error, "connection ended within the WebSocket handshake"),
        }
    });
    Ok(response)
}

fn handshake(
    method: &Method,
    headers: &HeaderMap,
    subprotocol: Option<&'static str>,
) -> Result<Response<Body>, HandshakeError> {
    if method != Method::GET || !lists(headers, &CONNECTION, "upgrade") || !lists(headers, &UPGRADE, "websocket") {
        return Err(HandshakeError::NotWebSocket);
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(HandshakeError::Version);
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).ok_or(HandshakeError::Key)?.as_bytes();
    if BASE64.decode(key).map(|key| key.len()) != Ok(16) {
        return Err(HandshakeError::Key);
    }
    let accept = HeaderValue::try_from(derive_accept_key(key)).map_err(|_| HandshakeError::Key)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let answer = response.headers_mut();
    answer.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    answer.insert(UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(subprotocol) = subprotocol {
        if !lists(headers, &SEC_WEBSOCKET_PROTOCOL, subprotocol) {
            return Err(HandshakeError::Subprotocol(subprotocol));
        }
        answer.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
    }
    Ok(response)
}

/// True if a list header names `wanted`, over all its lines and in any case.
fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(wanted))
}

/// Takes the bare stream out of hyper; `None` for a stream of no known kind.
fn accepted(upgraded: Upgraded, place: Option<Place>) -> Option<Accepted> {
    match upgraded.downcast::<TokioIo<Heads<Unbuffered<TcpStream>>>>() {
        Ok(parts) => {
            let (stream, leftover) = bare(parts);
            Some(Accepted { stream: AcceptedStream::Plain(stream), leftover, place })
        }
        Err(upgraded) => {
            let parts = upgraded.downcast::<TokioIo<Heads<Unbuffered<TlsStream<TcpStream>>>>>().ok()?;
            let (stream, leftover) = bare(parts);
            Some(Accepted { stream: AcceptedStream::Tls(Box::new(stream)), leftover, place })
        }
    }
}

/// Returns the stream under hyper, and what was read behind the handshake.
fn bare<S>(parts: Parts<TokioIo<Heads<Unbuffered<S>>>>) -> (S, Bytes) {
    let (stream, behind) = parts.io.into_inner().into_parts();
    let leftover = if behind.is_empty() { parts.read_buf } else { [parts.read_buf, behind].concat().into() };
    (stream.into_inner(), leftover)
}

/// Answers a request without a WebSocket handshake.
pub(crate) fn no_upgrade(error: HandshakeError, headers: &HeaderMap) -> Response<Body> {
    let mut response = words(error.status(), headers, &error.to_string());
    let answer = response.headers_mut();
    answer.insert(http::header::UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(http::header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    /// The handshake of RFC 6455, section 1.3.
    const GOOD: [(&str, &str); 5] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "chat, linelight.agent.v1"),
    ];

    #[test]
    fn the_rfcs_own_example_is_answered() {
        let response = handshake(&Method::GET, &headers(&GOOD), None).unwrap();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(response.headers()[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(!response.headers().contains_key(SEC_WEBSOCKET_PROTOCOL));
        let response = handshake(&Method::GET, &headers(&GOOD), Some("linelight.agent.v1")).unwrap();
        assert_eq!(response.headers()[SEC_WEBSOCKET_PROTOCOL], "linelight.agent.v1");
    }

    #[test]
    fn what_is_no_handshake_says_why() {
        let changed = |name: &'static str, value: &'static str| {
            let mut headers = headers(&GOOD);
            headers.insert(name, HeaderValue::from_static(value));
            handshake(&Method::GET, &headers, Some("linelight.agent.v1")).unwrap_err()
        };
        assert_eq!(changed("connection", "close"), HandshakeError::NotWebSocket);
        assert_eq!(changed("upgrade", "h2c"), HandshakeError::NotWebSocket);
        assert_eq!(changed("sec-websocket-version", "8"), HandshakeError::Version);
        assert_eq!(changed("sec-websocket-key", "short"), HandshakeError::Key);
        assert_eq!(changed("sec-websocket-protocol", "chat"), HandshakeError::Subprotocol("linelight.agent.v1"));
        assert_eq!(handshake(&Method::HEAD, &headers(&GOOD), None).unwrap_err(), HandshakeError::NotWebSocket);
        assert_eq!(
            handshake(&Method::GET, &HeaderMap::new(), None).unwrap_err().status(),
            StatusCode::UPGRADE_REQUIRED
        );
    }
}
