//! A viewer as an independent program would be: tungstenite's client and plain JSON, nothing of the relay's code.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// A test's longest wait for an expected event.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The carrier of a stream: TCP, with or without TLS.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// One open viewer stream.
pub struct Viewer {
    socket: WebSocketStream<Box<dyn Wire>>,
    seen: VecDeque<Value>,
}

/// One received point of a line's chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Unix milliseconds by the relay's clock.
    pub t: i64,
    /// Bits per second.
    pub down: i64,
    /// Bits per second.
    pub up: i64,
}

impl Viewer {
    /// Opens the stream of the line in a link's token.
    ///
    /// # Errors
    /// When the relay cannot be reached or refuses the upgrade.
    pub async fn with_token(relay: SocketAddr, token: &str) -> Result<Self> {
        Self::with_first_frame(relay, &json!({"type": "watch", "token": token})).await
    }

    /// Opens the stream of a line by its username's text form, as open access allows.
    ///
    /// # Errors
    /// When the relay cannot be reached or refuses the upgrade.
    pub async fn with_username(relay: SocketAddr, username: &str) -> Result<Self> {
        Self::with_first_frame(relay, &json!({"type": "watch", "username": username})).await
    }

    async fn with_first_frame(relay: SocketAddr, first: &Value) -> Result<Self> {
        let stream = TcpStream::connect(relay).await.context("connecting to the relay")?;
        Self::over(Box::new(stream), first).await
    }

    /// The same over TLS.
    ///
    /// # Errors
    /// Like [`Viewer::with_token`], also without a trusted certificate.
    pub async fn over_tls(relay: SocketAddr, trust: &Arc<ClientConfig>, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(relay).await.context("connecting to the relay")?;
        let name = ServerName::IpAddress(relay.ip().into());
        let stream = TlsConnector::from(Arc::clone(trust)).connect(name, stream).await?;
        Self::over(Box::new(stream), &json!({"type": "watch", "token": token})).await
    }

    async fn over(stream: Box<dyn Wire>, first: &Value) -> Result<Self> {
        let (mut socket, _) = client_async("ws://127.0.0.1/api/v1/live", stream).await?;
        socket.send(Message::text(first.to_string())).await?;
        Ok(Self { socket, seen: VecDeque::new() })
    }

    /// The next text frame.
    ///
    /// # Errors
    /// When the stream ends (with its close code) or nothing comes before `deadline`.
    pub async fn next(&mut self, deadline: Instant) -> Result<Value> {
        loop {
            let message = timeout_at(deadline, self.socket.next()).await;
            match message.context("no frame in time")?.context("the relay closed the connection")?? {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(&text)?;
                    self.seen.push_back(frame.clone());
                    return Ok(frame);
                }
                Message::Close(Some(close)) => bail!("closed with {} {}", close.code, close.reason),
                Message::Close(None) => bail!("closed without a code"),
                _ => {}
            }
        }
    }

    /// Waits for the first frame for which `wanted` is true.
    ///
    /// # Errors
    /// When no such frame arrives within [`PATIENCE`]; the error lists the frames received.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        let mut came = Vec::new();
        loop {
            match self.next(deadline).await {
                Ok(frame) if wanted(&frame) => return Ok(frame),
                Ok(frame) => came.push(frame.to_string()),
                Err(error) => bail!("{what}: {error:#}; what came: {}", came.join("\n")),
            }
        }
    }

    /// Waits for a full frame.
    ///
    /// # Errors
    /// As [`Viewer::until`].
    pub async fn until_snapshot(&mut self) -> Result<Value> {
        self.until("a snapshot", |frame| frame["type"] == "snapshot").await
    }

    /// Waits for a sample, whatever its rates.
    ///
    /// # Errors
    /// As [`Viewer::until`].
    pub async fn until_sample(&mut self) -> Result<Value> {
        self.until("a sample", |frame| frame["type"] == "sample").await
    }

    /// Waits for a snapshot or state frame with this state.
    ///
    /// # Errors
    /// As [`Viewer::until`].
    pub async fn until_state(&mut self, state: &str) -> Result<Value> {
        self.until(&format!("state {state}"), |frame| frame["state"] == state).await
    }

    /// Waits for a sample with these rates.
    ///
    /// # Errors
    /// As [`Viewer::until`].
    pub async fn until_rates(&mut self, down: i64, up: i64) -> Result<Point> {
        let wanted = |point: &Point| (point.down, point.up) == (down, up);
        let frame = self.until(&format!("{down} down, {up} up"), |frame| points(frame).iter().any(wanted)).await?;
        points(&frame).into_iter().find(wanted).context("the frame that was just found has no such point")
    }

    /// Waits for the stream's close code.
    ///
    /// # Errors
    /// When the stream does not end within [`PATIENCE`], or without a code.
    pub async fn until_closed(&mut self) -> Result<u16> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match timeout_at(deadline, self.socket.next()).await.context("not closed in time")? {
                Some(Ok(Message::Close(Some(close)))) => return Ok(close.code.into()),
                Some(Ok(_)) => {}
                Some(Err(error)) => bail!("ended without a close code: {error}"),
                None => bail!("ended without a close code"),
            }
        }
    }

    /// Every point shown so far, in the order of arrival; a snapshot begins anew.
    pub fn chart(&self) -> Vec<Point> {
        let mut chart = Vec::new();
        for frame in &self.seen {
            if frame["type"] == "snapshot" {
                chart.clear();
            }
            chart.extend(points(frame));
        }
        chart
    }

    /// Every frame so far.
    pub fn frames(&self) -> impl Iterator<Item = &Value> {
        self.seen.iter()
    }
}

/// The points in a frame, whatever its type.
pub fn points(frame: &Value) -> Vec<Point> {
    let number = |value: &Value| value.as_i64().unwrap_or(-1);
    let arrays = match frame["type"].as_str() {
        Some("sample") => {
            return vec![Point { t: number(&frame["t"]), down: number(&frame["down"]), up: number(&frame["up"]) }];
        }
        Some("samples") => frame,
        Some("snapshot") => &frame["history"],
        _ => return Vec::new(),
    };
    let column = |name: &str| arrays[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let (t, down, up) = (column("t"), column("down"), column("up"));
    t.iter()
        .zip(down)
        .zip(up)
        .map(|((t, down), up)| Point { t: number(t), down: number(down), up: number(up) })
        .collect()
}
