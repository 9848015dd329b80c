//! One viewer's connection.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use shared::close::Close;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::access::{Access, Admission};
use crate::hub::Hub;
use crate::limits::Limits;
use crate::metrics::Metrics;

/// What every viewer's task shares.
pub struct ViewerContext {
    /// The registry of lines.
    pub hub: Arc<Hub>,
    /// Who may see what.
    pub access: Arc<Access>,
    /// What the relay takes at most.
    pub limits: Limits,
    /// The provider's name, for the page.
    pub brand: Option<String>,
    /// What the relay counts.
    pub metrics: Arc<Metrics>,
    /// True once the relay stops.
    pub drain: watch::Receiver<bool>,
}

/// Serves a viewer over a WebSocket whose handshake is done; `leftover` was read behind it.
pub async fn serve_websocket<S: AsyncRead + AsyncWrite + Unpin>(
    _stream: S,
    _leftover: Bytes,
    _context: Arc<ViewerContext>,
) {
}

/// The body of a stream of server-sent events.
pub struct EventBody {}

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }
}

/// Serves a viewer as server-sent events.
///
/// # Errors
/// [`Close::LineFull`] or [`Close::RelayFull`].
pub fn serve_events(_admission: Admission, _context: Arc<ViewerContext>) -> Result<EventBody, Close> {
    Ok(EventBody {})
}
