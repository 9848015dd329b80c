//! An HTTP answer in place of an open WebSocket: the speaker, the meaning, the remedy.

use std::fmt;

use http::StatusCode;
use shared::RELAY_HEADER;

use super::head::Head;

/// The giver of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The relay, known by the [header](RELAY_HEADER).
    Relay,
    /// Something else: a reverse proxy, a content filter, a login page, or another web server.
    Between,
}

/// An HTTP answer other than `101 Switching Protocols`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The giver.
    pub speaker: Speaker,
    /// The status code.
    pub status: u16,
    /// The `Server` header, harmless and bounded.
    server: Option<String>,
    /// The `Location` header, harmless and bounded.
    location: Option<String>,
}

impl Answer {
    /// Reads the answer from a head.
    pub(super) fn of(head: &Head) -> Self {
        let speaker = if head.get(RELAY_HEADER).is_some() { Speaker::Relay } else { Speaker::Between };
        Self { speaker, status: head.status, server: head.shown("server"), location: head.shown("location") }
    }

    /// An answer of the relay itself.
    #[cfg(test)]
    pub(super) const fn of_relay(status: u16) -> Self {
        Self { speaker: Speaker::Relay, status, server: None, location: None }
    }

    fn redirects(&self) -> Option<&str> {
        self.location.as_deref().filter(|_| (300..400).contains(&self.status))
    }

    /// Returns the remedy.
    pub(super) fn remedy(&self) -> &'static str {
        match self.speaker {
            _ if self.redirects().is_some() => "name the right address in LINELIGHT_RELAY",
            Speaker::Relay => relay_remedy(self.status),
            Speaker::Between => remedy_between(self.status),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.speaker {
            Speaker::Relay => f.write_str("the relay answers ")?,
            Speaker::Between => f.write_str("something between this agent and the relay answers ")?,
        }
        write!(f, "{}", self.status)?;
        if let Some(reason) = StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason()) {
            write!(f, " {reason}")?;
        }
        match &self.server {
            Some(server) if self.speaker == Speaker::Between => write!(f, " (Server: {server})")?,
            _ => {}
        }
        match self.redirects() {
            Some(location) => write!(f, " and points to {location}, but redirects are not followed"),
            None => Ok(()),
        }
    }
}

fn relay_remedy(status: u16) -> &'static str {
    match status {
        401 => {
            "it does not know this token: make one with `linelight-relay agent add` and put it into the token's file"
        }
        403 => "it knows this agent and refuses it: see the relay's log",
        404 => "no uplink is taken at this path: it is /agent/v1, unless a reverse proxy moves it",
        400 | 426 => "a reverse proxy before it must pass the Connection and Upgrade headers on",
        429 | 503 => "it has too much to do; this agent comes back by itself",
        _ => "see the relay's log",
    }
}

fn remedy_between(status: u16) -> &'static str {
    match status {
        200..=299 => {
            "a web page is there, such as a network's login page or another web server: name the relay's address in \
             LINELIGHT_RELAY, or let this agent past the login page"
        }
        401 | 403 => "a firewall, a content filter or a reverse proxy refuses this agent: let it through to the relay",
        404 | 405 => {
            "name the relay's address in LINELIGHT_RELAY; a reverse proxy before the relay must pass /agent/v1 on to it"
        }
        400 | 426 => "a reverse proxy before the relay must pass the Connection and Upgrade headers on",
        407 => "a proxy on the way wants a password: put its URL into LINELIGHT_PROXY_FILE",
        429 => "it limits how often this agent may come; this agent comes back by itself",
        500 | 503 => "it refuses for now; this agent comes back by itself",
        502 | 504 | 521..=524 | 530 => {
            "it does not reach the relay: is the relay running, and does the reverse proxy or CDN know its address?"
        }
        525 | 526 => "it does not accept the relay's certificate: see the TLS settings of the CDN or reverse proxy",
        _ => "see the log of the reverse proxy, CDN or firewall before the relay",
    }
}
