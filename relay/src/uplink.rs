//! The relay's side of an uplink.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;

use crate::agents::{Grant, Registry};
use crate::hub::Hub;

/// Serves an uplink whose WebSocket handshake is done.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    _socket: WebSocketStream<S>,
    _grant: Arc<Grant>,
    _peer: Option<IpAddr>,
    _registry: Registry,
    _hub: Arc<Hub>,
    _drain: watch::Receiver<bool>,
) {
}
