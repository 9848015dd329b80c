//! What the agent allows at most whatever a relay asks for, and every interval and timeout, each with its reason.

use std::time::Duration;

/// The agent's own limits; no relay lifts them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentLimits {
    /// Lines watched at once; what comes beyond is refused.
    pub max_watched: usize,
    /// `monitor-traffic` streams at once.
    pub streams: usize,
    /// Interfaces in one stream.
    pub interfaces_per_stream: usize,
    /// Sessions known at once; the table's memory is bounded by it, what comes beyond is logged and left out.
    pub sessions: usize,
    /// Bytes of the backlog's ring.
    pub backlog_bytes: usize,
    /// Whether comments of secrets are read and reported: often the customer's name, often worse.
    pub report_comments: bool,
}

/// Intervals and timeouts of the router's side; tests shorten them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// A TCP connection and a TLS handshake with the router: it is one hop away.
    pub connect_timeout: Duration,
    /// One one-shot command: some are never answered (RouterOS 7 on hAP ax³, about one in half an hour).
    pub command_timeout: Duration,
    /// How long a cancelled command may take to end before the connection is given up.
    pub cancel_timeout: Duration,
    /// Between two full readings of the tables, when no hint asks for one.
    pub reread_interval: Duration,
    /// Between two readings of the tables at least, whatever the hints.
    pub reread_pause: Duration,
    /// Between two readings of every line's byte counters; `None` reads none.
    pub averages_interval: Option<Duration>,
    /// Between two rebuilds of one full stream at least.
    pub restart_pause: Duration,
    /// How long a line stays watched after its last viewer left.
    pub linger: Duration,
    /// How long a line stays watched that a new uplink's relay does not ask for: pages come back within half a minute
    /// (relay/web/src/live/backoff.ts), most of them after the agent.
    pub return_linger: Duration,
    /// A stream without rows for so long is cancelled and reopened.
    pub stream_silence: Duration,
    /// The first waits between attempts to connect are up to this.
    pub backoff_base: Duration,
    /// Later ones up to this.
    pub backoff_cap: Duration,
    /// After a refused login: each attempt is a line in the router's log.
    pub login_pause: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            command_timeout: Duration::from_secs(10),
            cancel_timeout: Duration::from_secs(5),
            reread_interval: Duration::from_secs(60),
            reread_pause: Duration::from_secs(1),
            averages_interval: Some(Duration::from_secs(30)),
            restart_pause: Duration::from_secs(60),
            linger: Duration::from_secs(15),
            return_linger: Duration::from_secs(45),
            stream_silence: Duration::from_secs(10),
            backoff_base: Duration::from_secs(1),
            backoff_cap: Duration::from_secs(30),
            login_pause: Duration::from_secs(60),
        }
    }
}

/// Intervals and timeouts of the uplink; tests shorten them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UplinkTiming {
    /// Name resolution, TCP, proxy, TLS and the WebSocket's handshake together.
    pub connect_timeout: Duration,
    /// One message: longer than a slow mobile link takes for the largest.
    pub write_timeout: Duration,
    /// The relay's answer to hello and lines.
    pub welcome_timeout: Duration,
    /// Silence of the relay after which it is pinged.
    pub ping_after: Duration,
    /// Silence of the relay after which the uplink is given up.
    pub silence: Duration,
    /// Between two statuses.
    pub status_interval: Duration,
    /// Between two statuses at least, however often the router comes and goes.
    pub status_pause: Duration,
    /// The first waits between attempts are up to this.
    pub backoff_base: Duration,
    /// Later ones up to this.
    pub backoff_cap: Duration,
    /// An uplink that lasted so long starts the waits anew.
    pub settled_after: Duration,
    /// After a close code that says not to come back: something must change first, but nobody restarts a router's
    /// container for it.
    pub after_never: Duration,
    /// Between two attempts to get back to an earlier relay of the list.
    pub return_interval: Duration,
    /// For the close frame and its answer.
    pub goodbye: Duration,
    /// How long watches outlive a lost uplink.
    pub watches_outlive: Duration,
}

impl Default for UplinkTiming {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(20),
            write_timeout: Duration::from_secs(20),
            welcome_timeout: Duration::from_secs(30),
            ping_after: Duration::from_secs(15),
            silence: Duration::from_secs(45),
            status_interval: Duration::from_secs(10),
            status_pause: Duration::from_secs(1),
            backoff_base: Duration::from_secs(2),
            // Below a page's 30 s, so that agents are back before those who look; a thousand attempts a second of 10,000 agents.
            backoff_cap: Duration::from_secs(20),
            // As the cap: who is let go again and again comes no more often than who is refused.
            settled_after: Duration::from_secs(20),
            after_never: Duration::from_secs(900),
            return_interval: Duration::from_secs(600),
            goodbye: Duration::from_millis(500),
            watches_outlive: Duration::from_secs(shared::BACKLOG_SECONDS),
        }
    }
}
