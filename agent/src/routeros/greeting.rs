//! Recognises a service that is not the API, by the first bytes of the service. No I/O.

use std::fmt;

use super::dialogue::in_words;

/// The number of first bytes to keep.
const KEPT: usize = 64;

/// The first received bytes.
#[derive(Debug, Default)]
pub(super) struct Greeting(heapless::Vec<u8, KEPT>);

/// A service other than the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// A web server, with the first line.
    Web(String),
    /// An SSH server, with the first line.
    Ssh(String),
    /// TLS, asked in plain text.
    Tls,
    /// A telnet server.
    Telnet,
    /// A mail or FTP server, with its first line: the greeting begins with a number.
    Mail(String),
    /// Anything else, with the first bytes.
    Unknown(String),
}

impl Greeting {
    /// Takes received bytes.
    pub(super) fn note(&mut self, bytes: &[u8]) {
        let room = KEPT - self.0.len();
        // No more are taken than there is room for.
        let _ = self.0.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    /// The service; `None` for the API and for silence.
    pub(super) fn service(&self) -> Option<Service> {
        let line = || in_words(self.0.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default());
        Some(match self.0.as_slice() {
            // A reply word has a length and an exclamation mark.
            [] | [_] | [1..=63, b'!', ..] => return None,
            [b'H', b'T', b'T', b'P', b'/', ..] => Service::Web(line()),
            [b'S', b'S', b'H', b'-', ..] => Service::Ssh(line()),
            // An alert or a handshake, and the version (RFC 8446, section 5.1).
            [21 | 22, 3, ..] => Service::Tls,
            // IAC and a command (RFC 854).
            [0xFF, 0xFB..=0xFE, ..] => Service::Telnet,
            [b'2', b'0'..=b'9', b'0'..=b'9', b' ' | b'-', ..] => Service::Mail(line()),
            _ => Service::Unknown(line()),
        })
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web(line) => write!(f, "a web server ({line})"),
            Self::Ssh(line) => write!(f, "an SSH server ({line})"),
            Self::Tls => f.write_str("TLS"),
            Self::Telnet => f.write_str("a telnet server"),
            Self::Mail(line) => write!(f, "a mail or FTP server ({line})"),
            Self::Unknown(bytes) => write!(f, "something unknown ({bytes})"),
        }
    }
}
