//! The addresses of requests, and their failed logins.

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
    /// The trusted reverse proxies.
    forwarding: Option<Forwarding>,
    /// Refused links and unknown agent tokens, by address.
    attempts: FailedAttempts,
    metrics: Arc<Metrics>,
}

impl Site {
    /// Returns a site without failures so far. Each address has `attempts` failed logins in every window.
    pub fn new(forwarding: Option<Forwarding>, attempts: u32, metrics: Arc<Metrics>) -> Self {
        Self { forwarding, attempts: FailedAttempts::new(attempts), metrics }
    }

    /// Returns the address of a request; `None` if a trusted proxy did not name one.
    pub(crate) fn client(&self, connection: &Connection, headers: &HeaderMap) -> Option<IpAddr> {
        match &self.forwarding {
            Some(forwarding) => forwarding.client(connection.peer, headers),
            None => Some(connection.peer),
        }
    }

    /// True for a connection of a trusted proxy.
    pub(crate) fn is_proxy(&self, connection: &Connection) -> bool {
        self.forwarding.as_ref().is_some_and(|forwarding| forwarding.is_proxy(connection.peer))
    }

    /// Counts a failed login. True if its address may still hear the reason.
    pub(crate) fn fail(&self, address: Option<IpAddr>) -> bool {
        let within = self.attempts.fail(address.into(), Instant::now());
        if !within {
            self.metrics.attempts_limited.increment();
        }
        within
    }
}
