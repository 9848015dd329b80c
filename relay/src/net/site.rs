//! Whose address a request has, and how often logins from it failed.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderMap;

use super::attempts::FailedAttempts;
use super::listener::Connection;
use super::peer::Forwarding;
use crate::metrics::Metrics;

/// The relay's public side, as far as addresses matter.
pub struct Site {
    /// The reverse proxies that the relay believes.
    forwarding: Option<Forwarding>,
    /// Refused links and unknown agent tokens, by address.
    attempts: FailedAttempts,
    metrics: Arc<Metrics>,
}

impl Site {
    /// Returns a site on which nobody has failed yet; `attempts` failed logins are answered in full for each address and window.
    pub fn new(forwarding: Option<Forwarding>, attempts: u32, metrics: Arc<Metrics>) -> Self {
        Self { forwarding, attempts: FailedAttempts::new(attempts), metrics }
    }

    /// Returns the address of a request; `None` where a trusted proxy did not name one.
    pub(crate) fn client(&self, connection: &Connection, headers: &HeaderMap) -> Option<IpAddr> {
        match &self.forwarding {
            Some(forwarding) => forwarding.client(connection.peer, headers),
            None => Some(connection.peer),
        }
    }

    /// Counts a failed login. True if its address may still be told why.
    pub(crate) fn fail(&self, address: Option<IpAddr>) -> bool {
        let within = self.attempts.fail(address, Instant::now());
        if !within {
            self.metrics.attempts_limited.increment();
        }
        within
    }
}
