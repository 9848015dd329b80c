//! Every limit of the relay in one table: its unit, its reason, and the close code or status that it ends in.

use std::time::Duration;

/// What the relay takes at most, and how long it waits.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Viewers of one line; more: [`LineFull`](shared::close::Close::LineFull).
    pub viewers_per_line: usize,
    /// Viewers in all; more: [`RelayFull`](shared::close::Close::RelayFull).
    pub viewers: usize,
    /// Connections open at once on one listener, upgraded ones included; more: closed when accepted.
    pub connections: usize,
    /// Connections of one listener without a complete request yet; more: closed when accepted.
    pub half_open: usize,
    /// TLS handshakes at once with viewers; more wait, within `handshake_timeout`.
    pub viewer_handshakes: usize,
    /// TLS handshakes at once with agents: apart, so that neither herd starves the other.
    pub agent_handshakes: usize,
    /// Time for a TLS handshake, waiting for its turn included; then: closed.
    pub handshake_timeout: Duration,
    /// Time for a request's header, and of idleness between requests; then: closed.
    pub header_timeout: Duration,
    /// Time for everything to end after SIGTERM; then: cut.
    pub drain: Duration,
    /// Failed logins of one address within a minute; more: 429 instead of 401.
    pub failed_attempts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            viewers_per_line: 16,
            viewers: 50_000,
            connections: 100_000,
            half_open: 8_192,
            viewer_handshakes: 512,
            agent_handshakes: 256,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            drain: Duration::from_secs(8),
            failed_attempts: 30,
        }
    }
}
