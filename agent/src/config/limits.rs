//! The agent's own limits, and every interval and timeout with the reason.

use std::time::Duration;

/// The agent's own limits; no relay lifts them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentLimits {
    /// Lines watched at once; further watches are refused.
    pub max_watched: usize,
    /// `monitor-traffic` streams at once.
    pub streams: usize,
    /// Interfaces in one stream.
    pub interfaces_per_stream: usize,
    /// Sessions known at once. This bounds the table's memory; further sessions are logged and left out.
    pub sessions: usize,
    /// Bytes of the backlog's ring.
    pub backlog_bytes: usize,
    /// Whether the comments of PPP secrets are read and reported. They often hold the customer's name.
    pub report_comments: bool,
    /// Probes of watched lines a second, all lines together; 0 for none.
    pub probes_per_second: u32,
}

/// Intervals and timeouts of the router's side; tests shorten them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timing {
    /// The connection to the router's API.
    pub connection: ConnectionTiming,
    /// Readings of the router's tables and counters.
    pub tables: TableTiming,
    /// Watched lines and their streams.
    pub streams: StreamTiming,
}

/// Timeouts of the connection to the router's API, and the waits between attempts to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionTiming {
    /// For a TCP connection, and again for a TLS handshake: the router is one hop away.
    pub connect_timeout: Duration,
    /// For a one-shot command. RouterOS 7 on hAP ax³ leaves about one in half an hour unanswered.
    pub command_timeout: Duration,
    /// For the end of a cancelled command; after this the connection is given up.
    pub cancel_timeout: Duration,
    /// The bound of the first waits between attempts.
    pub backoff_base: Duration,
    /// The bound of all later waits.
    pub backoff_cap: Duration,
    /// The wait after a refused login, because each attempt is a line in the router's log.
    pub login_pause: Duration,
}

/// How often the router's tables and counters are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableTiming {
    /// Between two full readings of the tables when no hint asks for one earlier.
    pub reread_interval: Duration,
    /// The least time between two readings of the tables, whatever the hints.
    pub reread_pause: Duration,
    /// Between two readings of every line's byte counters; `None` reads none.
    pub averages_interval: Option<Duration>,
}

/// How long watches and streams last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTiming {
    /// The time from a line's last viewer to the end of the watch.
    pub linger: Duration,
    /// The same for watches that a new uplink's relay does not ask for. Pages come back within half a minute
    /// (relay/web/src/live/backoff.ts), most of them after the agent.
    pub return_linger: Duration,
    /// The least time between two rebuilds of one full stream.
    pub restart_pause: Duration,
    /// A stream without rows for this long is cancelled and reopened.
    pub stream_silence: Duration,
}

impl Default for ConnectionTiming {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            command_timeout: Duration::from_secs(10),
            cancel_timeout: Duration::from_secs(5),
            backoff_base: Duration::from_secs(1),
            backoff_cap: Duration::from_secs(30),
            login_pause: Duration::from_secs(60),
        }
    }
}

impl Default for TableTiming {
    fn default() -> Self {
        Self {
            reread_interval: Duration::from_secs(60),
            reread_pause: Duration::from_secs(1),
            averages_interval: Some(Duration::from_secs(30)),
        }
    }
}

impl Default for StreamTiming {
    fn default() -> Self {
        Self {
            linger: Duration::from_secs(15),
            return_linger: Duration::from_secs(45),
            restart_pause: Duration::from_secs(60),
            stream_silence: Duration::from_secs(10),
        }
    }
}

/// Intervals and timeouts of the uplink; tests shorten them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UplinkTiming {
    /// Attempts to reach a relay.
    pub attempts: AttemptTiming,
    /// One open uplink.
    pub conversation: ConversationTiming,
    /// How long watches outlive a lost uplink.
    pub watches_outlive: Duration,
}

/// The timeout of an attempt to reach a relay, and the waits between attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptTiming {
    /// For each step: resolving the name, TCP, the proxy's answer, TLS, the WebSocket's handshake.
    pub step_timeout: Duration,
    /// The bound of the first waits between attempts.
    pub backoff_base: Duration,
    /// The bound of all later waits.
    pub backoff_cap: Duration,
    /// After an uplink of this length the waits begin at the base again.
    pub settled_after: Duration,
    /// The wait after a close code without a return. Something must change first, but nobody restarts a
    /// router's container for such a change.
    pub after_never: Duration,
    /// Between two attempts to return to an earlier relay of the list.
    pub return_interval: Duration,
}

/// Intervals and timeouts of one open uplink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationTiming {
    /// For one message: longer than a slow mobile link takes for the largest.
    pub write_timeout: Duration,
    /// For the relay's answer to hello and lines.
    pub welcome_timeout: Duration,
    /// After this silence the relay is pinged.
    pub ping_after: Duration,
    /// After this silence the uplink is given up.
    pub silence: Duration,
    /// Between two statuses.
    pub status_interval: Duration,
    /// The least time between two statuses, however often the router comes and goes.
    pub status_pause: Duration,
    /// For the close frame and the answer.
    pub goodbye: Duration,
}

impl Default for UplinkTiming {
    fn default() -> Self {
        Self {
            attempts: AttemptTiming::default(),
            conversation: ConversationTiming::default(),
            watches_outlive: Duration::from_secs(shared::BACKLOG_SECONDS),
        }
    }
}

impl Default for AttemptTiming {
    fn default() -> Self {
        Self {
            step_timeout: Duration::from_secs(20),
            backoff_base: Duration::from_secs(2),
            // Below a page's 30 s: agents are back before viewers. 10,000 agents make a thousand attempts a second.
            backoff_cap: Duration::from_secs(20),
            // As the cap: an agent with short uplinks comes back no more often than a refused one.
            settled_after: Duration::from_secs(20),
            after_never: Duration::from_secs(900),
            return_interval: Duration::from_secs(600),
        }
    }
}

impl Default for ConversationTiming {
    fn default() -> Self {
        Self {
            write_timeout: Duration::from_secs(20),
            welcome_timeout: Duration::from_secs(30),
            ping_after: Duration::from_secs(15),
            silence: Duration::from_secs(45),
            status_interval: Duration::from_secs(10),
            status_pause: Duration::from_secs(1),
            goodbye: Duration::from_millis(500),
        }
    }
}
