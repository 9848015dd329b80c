//! The WebSocket's opening handshake (RFC 6455, section 4.1), with the agent's token.
//!
//! The agent has its own implementation because it reads an unexpected answer as a whole. The version, the headers and
//! any bytes outside HTTP tell the operator about proxies and filters on the way.

use shared::UPLINK_SUBPROTOCOL;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::answer::Answer;
use super::error::ConnectError;
use super::head::{Head, HeadError};
use super::link::websocket_config;
use crate::config::{RelayAddress, Secret};

/// Asks for an uplink over a connection to the relay, and waits for the answer.
pub(super) async fn upgrade<S>(
    mut stream: S,
    address: &RelayAddress,
    token: &Secret,
) -> Result<WebSocketStream<S>, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let key = generate_key();
    let request = request(address, token, &key)?;
    stream.write_all(&request).await.map_err(ConnectError::Broken)?;
    stream.flush().await.map_err(ConnectError::Broken)?;
    let head = Head::read(&mut stream).await.map_err(unread)?;
    if head.status != 101 {
        return Err(ConnectError::Answered(Answer::of(&head)));
    }
    check(&head, &key).map_err(|why| ConnectError::NoRelay(why.to_owned()))?;
    Ok(WebSocketStream::from_raw_socket(stream, Role::Client, Some(websocket_config())).await)
}

fn request(address: &RelayAddress, token: &Secret, key: &str) -> Result<Vec<u8>, ConnectError> {
    if token.expose().is_empty() || !token.expose().iter().all(u8::is_ascii_graphic) {
        return Err(ConnectError::TokenForm);
    }
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Protocol: {UPLINK_SUBPROTOCOL}\r\nAuthorization: Bearer ",
        path = address.path,
        host = address.host,
    );
    Ok([head.as_bytes(), token.expose(), b"\r\n\r\n"].concat())
}

/// Checks an answer of `101 Switching Protocols`.
fn check(head: &Head, key: &str) -> Result<(), &'static str> {
    let lists = |name, wanted: &str| {
        head.get(name).is_some_and(|value| value.split(',').any(|token| token.trim().eq_ignore_ascii_case(wanted)))
    };
    if !lists("upgrade", "websocket") || !lists("connection", "upgrade") {
        return Err("it switches to another protocol than WebSocket");
    }
    if head.get("sec-websocket-accept") != Some(derive_accept_key(key.as_bytes()).as_str()) {
        return Err("it does not answer as a WebSocket server does");
    }
    if head.get("sec-websocket-protocol") != Some(UPLINK_SUBPROTOCOL) {
        return Err("it opens a WebSocket that is no uplink");
    }
    Ok(())
}

fn unread(error: HeadError) -> ConnectError {
    match error {
        // An answer cut off says nothing of the speaker.
        HeadError::Broken(source) => ConnectError::Broken(source),
        other => ConnectError::NoRelay(other.to_string()),
    }
}
