//! What the relay counts, as one table, and its rendering as Prometheus text (exposition format 0.0.4).
//!
//! Labels are bounded: a close code, a version (one of few, and short). Usernames, agents' names and addresses never
//! become labels; `/explain` answers for one line, `agent list` for one agent.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use shared::close::Close;

/// A count that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Counts `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A figure that rises and falls.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Raises the figure by one.
    pub fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Lowers the figure by one; at zero it stays.
    pub fn decrement(&self) {
        let lower = |value: u64| value.checked_sub(1);
        // An error means that the figure is zero already, which is where it stays.
        let _ = self.0.try_update(Ordering::Relaxed, Ordering::Relaxed, lower);
    }

    /// Sets the figure.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The figure now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One count for each close code.
#[derive(Debug, Default)]
pub struct Closes([Counter; Close::ALL.len()]);

impl Closes {
    /// Counts one close.
    pub fn count(&self, close: Close) {
        if let Some(counter) = self.position(close) {
            counter.increment();
        }
    }

    /// How often a close code was counted.
    pub fn get(&self, close: Close) -> u64 {
        self.position(close).map_or(0, Counter::get)
    }

    fn position(&self, close: Close) -> Option<&Counter> {
        Close::ALL.iter().position(|each| *each == close).and_then(|at| self.0.get(at))
    }
}

/// A figure for each of a few versions.
#[derive(Debug, Default)]
pub struct Versions(Mutex<BTreeMap<String, u64>>);

impl Versions {
    /// Sets all figures; whoever calls sees to it that the versions are few, and fit to stand between quotes.
    pub(crate) fn set(&self, versions: BTreeMap<String, u64>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = versions;
    }
}

/// Writes one metric's samples.
trait Render {
    const KIND: &'static str;
    fn render(&self, name: &str, out: &mut String);
}

impl Render for Counter {
    const KIND: &'static str = "counter";
    fn render(&self, name: &str, out: &mut String) {
        // Writing to a String has no way to fail, here and below.
        let _ = writeln!(out, "{name} {}", self.get());
    }
}

impl Render for Gauge {
    const KIND: &'static str = "gauge";
    fn render(&self, name: &str, out: &mut String) {
        let _ = writeln!(out, "{name} {}", self.get());
    }
}

impl Render for Closes {
    const KIND: &'static str = "counter";
    fn render(&self, name: &str, out: &mut String) {
        for close in Close::ALL {
            let _ = writeln!(out, "{name}{{reason=\"{}\"}} {}", close.name(), self.get(close));
        }
    }
}

impl Render for Versions {
    const KIND: &'static str = "gauge";
    fn render(&self, name: &str, out: &mut String) {
        for (version, value) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = writeln!(out, "{name}{{version=\"{version}\"}} {value}");
        }
    }
}

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $field:ident: $kind:ty = $name:literal;)+) => {
        /// All that the relay counts; each field's documentation is its help text.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[doc = $help])+ pub $field: $kind,)+
        }

        impl Metrics {
            /// Renders everything as Prometheus text.
            pub fn render(&self) -> String {
                let mut out = String::with_capacity(16 * 1024);
                $(head(&mut out, $name, concat!($($help),+), <$kind as Render>::KIND);
                self.$field.render($name, &mut out);)+
                process(&mut out);
                out
            }

            #[cfg(test)]
            const NAMES: &[&str] = &[$($name),+];
        }
    };
}

metrics! {
    /// Viewers now, over WebSocket and server-sent events together.
    viewers: Gauge = "linelight_viewers";
    /// Viewer frames written to sockets.
    frames_sent: Counter = "linelight_viewer_frames_total";
    /// Viewers that took a seat: each page's first, and every reconnect.
    viewers_joined: Counter = "linelight_viewers_joined_total";
    /// Viewers closed, by reason.
    viewer_closes: Closes = "linelight_viewer_closes_total";
    /// Snapshots among the viewer frames: joinings, and viewers that fell far behind.
    snapshots_sent: Counter = "linelight_viewer_snapshots_total";
    /// Lines that an agent reports or somebody watches.
    lines: Gauge = "linelight_lines";
    /// Lines that hold recent samples, because somebody watches them or did a minute ago.
    lines_live: Gauge = "linelight_lines_live";
    /// Line reports of agents.
    reports: Counter = "linelight_reports_total";
    /// Line reports refused: beyond the agent's patterns, or more lines than it may have.
    reports_refused: Counter = "linelight_reports_refused_total";
    /// Batches of samples received.
    batches: Counter = "linelight_batches_total";
    /// Batches dropped because they were received before.
    batches_doubled: Counter = "linelight_batches_doubled_total";
    /// Batches that left their agent's backlog before this relay had them: gaps that stay in charts.
    batches_lost: Counter = "linelight_batches_lost_total";
    /// Samples received.
    samples: Counter = "linelight_samples_total";
    /// Averages over many seconds received, of lines watched or not.
    averages: Counter = "linelight_averages_total";
    /// Samples refused: of lines beyond the agent's patterns.
    samples_refused: Counter = "linelight_samples_refused_total";
    /// Samples dropped because their handle names no line.
    samples_unknown: Counter = "linelight_samples_unknown_total";
    /// Watches that agents did not carry out.
    watches_refused: Counter = "linelight_watches_refused_total";
    /// Uplinks now.
    uplinks: Gauge = "linelight_uplinks";
    /// Uplinks begun: each agent's first, and every reconnect.
    uplinks_begun: Counter = "linelight_uplinks_begun_total";
    /// Uplinks now, by the agent's version; at most 16, then `other`.
    uplink_versions: Versions = "linelight_uplinks_by_version";
    /// Agents in the registry.
    agents_registered: Gauge = "linelight_agents_registered";
    /// Agents that were connected in the last day and are not now.
    agents_away: Gauge = "linelight_agents_away";
    /// Connected agents whose router does not answer.
    routers_unreachable: Gauge = "linelight_routers_unreachable";
    /// Seconds since the connected agent that has been quiet for longest said how it is; each does so every 10 s.
    heartbeat_age: Gauge = "linelight_agent_heartbeat_age_seconds";
    /// Seconds since the stalest connected agent read its router's sessions as a whole; each does so every minute or sooner.
    table_age: Gauge = "linelight_agent_table_age_seconds";
    /// Seconds that a batch waits for its acknowledgement, of the connected agent where that is longest.
    unacknowledged_age: Gauge = "linelight_agent_unacknowledged_seconds";
    /// Seconds that the longest backlog of a connected agent reaches back.
    backlog_age: Gauge = "linelight_agent_backlog_seconds";
    /// Bytes of batches in the largest backlog of a connected agent.
    backlog_bytes: Gauge = "linelight_agent_backlog_bytes";
    /// Uplinks closed, by reason.
    uplink_closes: Closes = "linelight_uplink_closes_total";
    /// Uplinks refused because the agent's token is not known.
    agents_refused: Counter = "linelight_agents_refused_total";
    /// Connections now, upgraded ones included.
    connections: Gauge = "linelight_connections";
    /// Connections now without a complete request yet, TLS handshakes among them.
    half_open: Gauge = "linelight_connections_half_open";
    /// Connections accepted.
    connections_accepted: Counter = "linelight_connections_accepted_total";
    /// Connections closed at once because as many are open as the limits allow.
    connections_refused: Counter = "linelight_connections_refused_total";
    /// When the relay's own certificate expires, seconds since 1970; 0 without TLS of its own.
    certificate_expiry: Gauge = "linelight_certificate_expiry_timestamp_seconds";
    /// TLS handshakes that failed or took too long.
    handshakes_failed: Counter = "linelight_tls_handshakes_failed_total";
    /// Requests whose header did not come in time or was not HTTP.
    requests_failed: Counter = "linelight_http_requests_failed_total";
    /// HTTP requests answered.
    requests: Counter = "linelight_http_requests_total";
    /// Failed logins that were answered 429 because their address had too many before.
    attempts_limited: Counter = "linelight_failed_attempts_limited_total";
    /// Errors that made the accept loop pause.
    accept_errors: Counter = "linelight_accept_errors_total";
    /// Files (keys, agents, subscribers, certificate) taken anew after a change.
    file_reloads: Counter = "linelight_file_reloads_total";
    /// Changed files that could not be read, so that their last good content stays in use.
    file_reload_failures: Counter = "linelight_file_reload_failures_total";
    /// Rows in use of the subscribers file.
    subscribers: Gauge = "linelight_subscribers";
    /// Bad rows in the subscribers file as it is now.
    subscriber_rows_refused: Gauge = "linelight_subscriber_rows_refused";
    /// 1 while the subscribers file as it is now cannot be used at all.
    subscribers_unusable: Gauge = "linelight_subscribers_unusable";
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", help.trim());
}

/// The process's own figures, by the names that Prometheus's client libraries gave them.
fn process(out: &mut String) {
    head(out, "linelight_build_info", "The relay's version.", "gauge");
    let _ = writeln!(out, "linelight_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    if let Some(kib) = resident_kib() {
        head(out, "process_resident_memory_bytes", "Resident memory size in bytes.", "gauge");
        let _ = writeln!(out, "process_resident_memory_bytes {}", kib.saturating_mul(1024));
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        head(out, "process_open_fds", "Number of open file descriptors.", "gauge");
        let _ = writeln!(out, "process_open_fds {}", files.count());
    }
    let tasks = tokio::runtime::Handle::try_current().map_or(0, |runtime| runtime.metrics().num_alive_tasks());
    head(
        out,
        "linelight_tasks",
        "Tasks that are alive: connections, uplinks, viewers and the relay's own few.",
        "gauge",
    );
    let _ = writeln!(out, "linelight_tasks {tasks}");
    if let Ok(now) = SystemTime::now().duration_since(UNIX_EPOCH) {
        head(out, "linelight_clock_seconds", "The relay's clock, seconds since 1970.", "gauge");
        let _ = writeln!(out, "linelight_clock_seconds {}", now.as_secs());
    }
}

fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_a_name_of_its_own_a_help_and_a_type() {
        let metrics = Metrics::default();
        metrics.frames_sent.add(3);
        metrics.viewer_closes.count(Close::LinkRefused);
        let text = metrics.render();
        for name in Metrics::NAMES {
            assert_eq!(text.matches(&format!("# TYPE {name} ")).count(), 1, "{name}");
            assert_eq!(text.matches(&format!("# HELP {name} ")).count(), 1, "{name}");
        }
        assert!(text.contains("# TYPE linelight_viewer_frames_total counter\nlinelight_viewer_frames_total 3\n"));
        assert!(text.contains("linelight_viewer_closes_total{reason=\"link_refused\"} 1\n"));
        assert!(text.contains("# HELP linelight_viewers Viewers now"), "{text}");
    }

    #[test]
    fn names_follow_prometheus_rules() {
        for name in Metrics::NAMES {
            assert!(name.starts_with("linelight_"), "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        }
        for line in Metrics::default().render().lines().filter(|line| line.starts_with("# TYPE linelight_")) {
            let total = line.contains("_total ");
            assert_eq!(
                total,
                line.ends_with(" counter"),
                "a counter's name ends in _total, a gauge's does not: {line}"
            );
        }
    }

    #[test]
    fn a_gauge_stays_at_zero() {
        let gauge = Gauge::default();
        gauge.decrement();
        gauge.increment();
        assert_eq!(gauge.get(), 1);
    }
}
