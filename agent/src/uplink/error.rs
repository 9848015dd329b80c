//! Why no uplink comes about, in words for whoever runs the router, and when to try again.

use std::io;

use http::StatusCode;
use shared::close::{Close, Retry};
use tokio_tungstenite::tungstenite::Error as WebSocketError;

use crate::config::SecretError;
use crate::tls::TlsError;

/// Why no uplink comes about.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name has no address.
    #[error("the name {host} is not resolved: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// No TCP connection.
    #[error("{to} is not reached: {source}")]
    Connect {
        /// Where to.
        to: String,
        /// What the system said, of the last address tried.
        source: io::Error,
    },
    /// A step took too long.
    #[error("{step} took too long")]
    TimedOut {
        /// Which step.
        step: &'static str,
    },
    /// The proxy does not let it through.
    #[error("the proxy at {proxy} {why}")]
    Proxy {
        /// The proxy's address, without its password.
        proxy: String,
        /// What it did.
        why: String,
    },
    /// The TLS handshake failed; the words hold the remedy.
    #[error("{0}")]
    Tls(String),
    /// TLS cannot be set up.
    #[error(transparent)]
    TlsSetup(#[from] TlsError),
    /// The token or the proxy's URL cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The token's bytes cannot stand in a header.
    #[error("the token holds bytes that no token has")]
    TokenForm,
    /// The relay answered with another status than 101.
    #[error("the relay answers {0}")]
    Status(StatusCode),
    /// The relay points elsewhere.
    #[error("the relay answers {status} and points to {location}, but redirects are not followed")]
    Redirect {
        /// The status.
        status: StatusCode,
        /// Where to.
        location: String,
    },
    /// The connection broke during the handshake.
    #[error("the connection broke before the relay answered: {0}")]
    Broken(io::Error),
    /// Whatever answers is no relay.
    #[error("what answers there is no Linelight relay: {0}")]
    NoRelay(WebSocketError),
}

impl ConnectError {
    /// Whether and when to try again.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Status(status) => match status.as_u16() {
                401 | 403 => Retry::After(60),
                400 | 404 | 426 => Retry::After(30),
                _ => Retry::BackOff,
            },
            Self::Redirect { .. } | Self::TokenForm | Self::NoRelay(_) => Retry::After(30),
            _ => Retry::BackOff,
        }
    }

    /// What to do; nothing where the words say it already.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "give the container a dns= and the router an /ip/dns server",
            Self::Connect { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused => {
                "is the relay running, and is it the right port?"
            }
            Self::Connect { .. } => "let the container reach the internet (srcnat, forward chain)",
            Self::TimedOut { .. } => "a firewall on the way may drop it, or the link is down",
            Self::Proxy { .. } | Self::Tls(_) => "",
            Self::TlsSetup(_) => "correct the file or the address",
            Self::Secret(_) => "is it mounted into the container?",
            Self::TokenForm => "is it the right file?",
            Self::Status(status) => status_remedy(*status),
            Self::Redirect { .. } => "name the right address in LINELIGHT_RELAY",
            Self::Broken(_) => "a reverse proxy before it may not know WebSockets, or the relay stops",
            Self::NoRelay(_) => "name the right address in LINELIGHT_RELAY",
        }
    }

    /// What is wrong and what to do.
    pub fn explain(&self) -> String {
        match self.remedy() {
            "" => self.to_string(),
            remedy => format!("{self}; {remedy}"),
        }
    }
}

/// What to do about a status.
fn status_remedy(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => {
            "it does not know this token: make one with `linelight-relay agent add` and put it into the token's file"
        }
        403 => "it knows this agent and refuses it: see the relay's log",
        404 => "nothing takes uplinks at that path: it is /agent/v1, unless a reverse proxy moves it",
        400 | 426 => "a reverse proxy before it may not pass the Upgrade header on",
        407 => "a proxy on the way wants a password: put it into LINELIGHT_PROXY_FILE",
        429 | 503 => "it has too much to do; this agent comes back by itself",
        502 | 504 => "a reverse proxy before it does not reach it",
        _ => "see the relay's log",
    }
}

/// What a close code means to whoever runs the agent.
pub(super) fn closed(code: Option<u16>) -> String {
    let Some(close) = code.and_then(Close::from_code) else {
        return format!("the relay closed the uplink with code {}", code.unwrap_or(1005));
    };
    let words = match close {
        Close::GoingAway => "it stops or restarts",
        Close::ProtocolError | Close::FrameTooLarge | Close::HelloTimeout => {
            "it does not understand this agent; relays are upgraded before agents"
        }
        Close::Duplicate => "another agent reports under this token; give each agent a token of its own",
        Close::Replaced => "this agent opened a newer uplink",
        Close::Revoked => "this agent's token was revoked; make a new one with `linelight-relay agent add`",
        Close::TooFast => "this agent sends more than it may",
        Close::Silent => "it heard nothing from this agent",
        _ => "it is done",
    };
    format!("the relay closed the uplink ({}): {words}", close.name())
}
