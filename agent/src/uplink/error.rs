//! The reasons for no uplink, in words for the operator of the router, and the time of the next attempt.

use std::fmt;
use std::io;

use shared::close::{Close, Retry};

use super::answer::{Answer, Speaker};
use crate::config::SecretError;
use crate::reach::{Failed, listed};
use crate::tls::TlsError;

/// A host on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// The relay.
    Relay,
    /// The HTTP proxy before the relay.
    Proxy,
}

/// A step with an answer to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The proxy's answer to CONNECT.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// The WebSocket's handshake.
    Relay,
}

/// The reason for no uplink.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name has no address.
    #[error("the {host}'s name {name} is not resolved: {source}")]
    Resolve {
        /// Whose name.
        host: Host,
        /// The name.
        name: String,
        /// The system's words.
        source: io::Error,
    },
    /// No address gives a TCP connection.
    #[error("the {host} at {address} is not reached: {}", listed(failed))]
    Connect {
        /// Whose address.
        host: Host,
        /// Name and port.
        address: String,
        /// Every address of the name.
        failed: Vec<Failed>,
    },
    /// A TCP connection stands, but an answer does not come.
    #[error("{0} did not come in time")]
    TimedOut(Wait),
    /// The proxy refuses.
    #[error("the proxy at {proxy} {why}")]
    Proxy {
        /// The proxy's address, without the password.
        proxy: String,
        /// The proxy's refusal.
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
    /// An HTTP answer came in place of an open WebSocket.
    #[error("{0}")]
    Answered(Answer),
    /// The connection broke during the handshake.
    #[error("the connection broke before the relay answered: {0}")]
    Broken(io::Error),
    /// The other side is no relay.
    #[error("what answers there is no Linelight relay: {0}")]
    NoRelay(String),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relay => "relay",
            Self::Proxy => "proxy",
        })
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proxy => "the proxy's answer",
            Self::Tls => "the answer to the TLS handshake",
            Self::Relay => "the relay's answer",
        })
    }
}

impl ConnectError {
    /// Returns the time of the next attempt.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Answered(answer) => match answer.status {
                401 | 403 => Retry::After(60),
                300..=399 | 400 | 404 | 426 => Retry::After(30),
                _ => Retry::BackOff,
            },
            Self::TokenForm | Self::NoRelay(_) => Retry::After(30),
            _ => Retry::BackOff,
        }
    }

    /// True if the relay itself does not know this agent's token.
    pub(super) fn is_unknown_token(&self) -> bool {
        matches!(self, Self::Answered(answer) if answer.speaker == Speaker::Relay && answer.status == 401)
    }

    /// Returns the remedy; empty if the error's words include one.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "give the container a dns= and the router an /ip/dns server",
            Self::Connect { host, failed, .. } => connect_remedy(*host, failed),
            Self::TimedOut(wait) => wait.remedy(),
            Self::Proxy { .. } | Self::Tls(_) | Self::Secret(_) | Self::TlsSetup(_) => "",
            Self::TokenForm => "is it the right file?",
            Self::Answered(answer) => answer.remedy(),
            Self::Broken(_) => "a reverse proxy before the relay may not know WebSockets, or the relay stops",
            Self::NoRelay(_) => "name the relay's address in LINELIGHT_RELAY",
        }
    }

    /// Returns the fault and the remedy.
    pub fn explain(&self) -> String {
        match self.remedy() {
            "" => self.to_string(),
            remedy => format!("{self}; {remedy}"),
        }
    }
}

fn connect_remedy(host: Host, failed: &[Failed]) -> &'static str {
    let refused = failed.iter().any(|failed| failed.why == io::ErrorKind::ConnectionRefused);
    match host {
        Host::Relay if refused => "is the relay running, and is it the right port?",
        Host::Proxy if refused => "is the proxy running, and is it the right port? See LINELIGHT_PROXY and HTTPS_PROXY",
        Host::Relay => "let the container reach the internet (srcnat, forward chain)",
        Host::Proxy => "let the container reach the proxy (srcnat, forward chain)",
    }
}

impl Wait {
    pub(super) const fn remedy(self) -> &'static str {
        match self {
            Self::Proxy => "is it an HTTP proxy, and is it the right port?",
            Self::Tls => {
                "small packets arrive, so either a firewall drops TLS or large packets are lost: lower the MTU of the \
                 container's veth, or clamp the MSS (/ip/firewall/mangle change-mss)"
            }
            Self::Relay => {
                "a firewall or a reverse proxy before the relay holds the WebSocket's handshake back, or large packets are \
                 lost (MTU, MSS)"
            }
        }
    }
}

/// Returns this side's close code in words for the operator.
pub(super) fn broken(close: Close) -> String {
    let words = match close {
        Close::TooFast => "it sends more than an agent takes in: is it a Linelight relay?",
        Close::FrameTooLarge => "it sent a message that is too large: is it a Linelight relay?",
        _ => "it does not speak this agent's protocol; relays are upgraded before agents",
    };
    format!("this agent closed the uplink to the relay ({}): {words}", close.name())
}

/// Returns the relay's close code in words for the operator.
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
