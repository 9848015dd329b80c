//! The WebSocket handshake (RFC 6455, section 4.2) and the way from hyper to a task of its own; what is spoken then is
//! [`viewer`](crate::viewers::viewer)'s and [`uplink`](crate::uplink)'s business.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use hyper::upgrade::{Parts, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::agents::registry::{Grant, Registry};
use crate::lines::hub::Hub;
use crate::net::listener::{Connection, Open, Unbuffered};
use crate::uplink;
use crate::viewers::viewer::{self, ViewerContext, ViewerStream};

/// What is spoken after the handshake.
pub(crate) enum Then {
    /// A viewer's stream, from that address where it is known.
    Viewer(Arc<ViewerContext>, Option<IpAddr>),
    /// An agent's uplink.
    Uplink(Box<UplinkParts>),
}

/// What an uplink needs.
pub(crate) struct UplinkParts {
    pub(crate) grant: Arc<Grant>,
    pub(crate) peer: Option<IpAddr>,
    pub(crate) registry: Registry,
    pub(crate) hub: Arc<Hub>,
    pub(crate) drain: watch::Receiver<bool>,
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
    /// The HTTP status that says it.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NotWebSocket | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::Key | Self::Subprotocol(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Answers a handshake; the connection goes over to a task of its own as soon as the answer is written.
///
/// # Errors
/// [`HandshakeError`]; nothing has happened then.
pub(crate) fn upgrade(
    request: Request,
    connection: &Connection,
    subprotocol: Option<&'static str>,
    then: Then,
) -> Result<Response<Body>, HandshakeError> {
    let response = handshake(request.method(), request.headers(), subprotocol)?;
    let open = connection.leave();
    tokio::spawn(async move {
        match hyper::upgrade::on(request).await {
            Ok(upgraded) => then.take_over(upgraded, open),
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
    if BASE64_STANDARD.decode(key).map(|key| key.len()) != Ok(16) {
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

/// Whether a list header names something, over all its lines and in any case.
fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(wanted))
}

impl Then {
    /// Spawns afresh on the bare stream, so that nothing of hyper or of this handshake stays in memory.
    fn take_over(self, upgraded: Upgraded, open: Option<Open>) {
        match upgraded.downcast::<TokioIo<Unbuffered<TcpStream>>>() {
            Ok(Parts { io, read_buf, .. }) => self.spawn(io.into_inner().into_inner(), read_buf, open),
            Err(upgraded) => match upgraded.downcast::<TokioIo<Unbuffered<TlsStream<TcpStream>>>>() {
                Ok(Parts { io, read_buf, .. }) => self.spawn(io.into_inner().into_inner(), read_buf, open),
                Err(_) => tracing::error!("an upgraded connection is of no known kind"),
            },
        }
    }

    fn spawn<S: ViewerStream>(self, stream: S, leftover: Bytes, open: Option<Open>) {
        match self {
            Self::Viewer(context, address) => tokio::spawn(async move {
                viewer::serve_websocket(stream, leftover, address, context).await;
                drop(open);
            }),
            Self::Uplink(parts) => tokio::spawn(async move {
                serve_uplink(stream, leftover, *parts).await;
                drop(open);
            }),
        };
    }
}

async fn serve_uplink<S: AsyncRead + AsyncWrite + Unpin>(stream: S, leftover: Bytes, parts: UplinkParts) {
    let config = Some(uplink::websocket_config());
    let socket = WebSocketStream::from_partially_read(stream, leftover.into(), Role::Server, config).await;
    let UplinkParts { grant, peer, registry, hub, drain } = parts;
    uplink::serve(socket, grant, peer, registry, hub, drain).await;
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
