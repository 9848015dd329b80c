//! What the relay counts, as one table, and its rendering as Prometheus text (exposition format 0.0.4).
//!
//! Labels are bounded: a close code, a version (one of few, and short). Usernames, agents' names and addresses never
//! become labels; `/explain` answers for one line, `agent list` for one agent.

mod closes;
mod histogram;
mod process;
mod series;

use std::time::{SystemTime, UNIX_EPOCH};

pub use self::closes::{Closes, OfUplinks, OfViewers};
pub use self::histogram::Histogram;
pub use self::series::{Counter, Gauge, Versions};
use self::series::{Render, head, label, sample};

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
                relay_itself(&mut out);
                process::render(&mut out);
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
    /// Age of a sample when it is written to a viewer, in seconds: from the agent's reading, by the relay's clock.
    sample_age: Histogram = "linelight_sample_age_seconds";
    /// Viewers that took a seat: each page's first, and every reconnect.
    viewers_joined: Counter = "linelight_viewers_joined_total";
    /// Viewers closed, by reason.
    viewer_closes: Closes<OfViewers> = "linelight_viewer_closes_total";
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
    /// Line reports that do not count, because an agent with a narrower pattern reports the line.
    reports_held_back: Counter = "linelight_reports_held_back_total";
    /// Lines that passed to another agent while the one before still spoke for them.
    lines_taken_over: Counter = "linelight_lines_taken_over_total";
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
    /// Probes of lines that were answered.
    probes_answered: Counter = "linelight_probes_answered_total";
    /// Probes of lines that were lost: no answer within two seconds.
    probes_lost: Counter = "linelight_probes_lost_total";
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
    /// Other relays that are heard on the bus.
    peers: Gauge = "linelight_peers";
    /// Lines of this relay that other relays watch, each counted for each relay.
    peer_watches: Gauge = "linelight_peer_watches";
    /// Lines that agents of other relays report here, because somebody watches them here.
    lines_of_peers: Gauge = "linelight_lines_of_peers";
    /// 1 while the bus of relays is configured and cannot be reached.
    bus_lost: Gauge = "linelight_bus_lost";
    /// Messages sent to other relays, frames among them.
    bus_messages_sent: Counter = "linelight_bus_messages_sent_total";
    /// Frames of samples sent to other relays: one for each relay, agent and tick.
    bus_frames_sent: Counter = "linelight_bus_frames_sent_total";
    /// Messages received from other relays.
    bus_messages_received: Counter = "linelight_bus_messages_received_total";
    /// Messages dropped because the bus or this relay was too slow: whatever is missing is asked for again.
    bus_dropped: Counter = "linelight_bus_messages_dropped_total";
    /// Messages that were too long or not understood.
    bus_refused: Counter = "linelight_bus_messages_refused_total";
    /// Frames of a relay that does not own the agent any more: they were dropped.
    bus_frames_dropped: Counter = "linelight_bus_frames_of_former_owners_total";
    /// Agents in the registry.
    agents_registered: Gauge = "linelight_agents_registered";
    /// Agents that were connected in the last day and are not now.
    agents_away: Gauge = "linelight_agents_away";
    /// Connected agents whose router does not answer.
    routers_unreachable: Gauge = "linelight_routers_unreachable";
    /// Connected agents that may probe no lines; `agent list` has the remedy.
    agents_without_probes: Gauge = "linelight_agents_without_probes";
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
    uplink_closes: Closes<OfUplinks> = "linelight_uplink_closes_total";
    /// Uplinks refused because the agent's token is not known.
    agents_refused: Counter = "linelight_agents_refused_total";
    /// Connections now, upgraded ones included.
    connections: Gauge = "linelight_connections";
    /// Connections now that have shown neither a valid watch nor an agent's token: TLS handshakes, requests, WebSockets without a watch.
    half_open: Gauge = "linelight_connections_half_open";
    /// Connections accepted.
    connections_accepted: Counter = "linelight_connections_accepted_total";
    /// Connections closed at once because as many are open as the limits allow.
    connections_refused: Counter = "linelight_connections_refused_total";
    /// Connections without a watch or an agent's token that were closed to make room for others.
    connections_gave_way: Counter = "linelight_connections_gave_way_total";
    /// When the relay's own certificate expires, seconds since 1970; 0 without TLS of its own.
    certificate_expiry: Gauge = "linelight_certificate_expiry_timestamp_seconds";
    /// 1 while the last order of a certificate by ACME failed.
    acme_failing: Gauge = "linelight_acme_failing";
    /// Orders of a certificate by ACME that failed.
    acme_failures: Counter = "linelight_acme_failures_total";
    /// When the next certificate is ordered by ACME, seconds since 1970; 0 without ACME.
    acme_next_try: Gauge = "linelight_acme_next_try_timestamp_seconds";
    /// TLS handshakes that failed or took too long.
    handshakes_failed: Counter = "linelight_tls_handshakes_failed_total";
    /// Requests whose header did not come in time or was not HTTP.
    requests_failed: Counter = "linelight_http_requests_failed_total";
    /// HTTP requests answered.
    requests: Counter = "linelight_http_requests_total";
    /// Failed logins that were answered 429 because their address had too many before.
    attempts_limited: Counter = "linelight_failed_attempts_limited_total";
    /// Requests for lines that were answered 403, because a web page of another origin made them.
    origins_refused: Counter = "linelight_origins_refused_total";
    /// Errors that made the accept loop pause.
    accept_errors: Counter = "linelight_accept_errors_total";
    /// Files (keys, agents, subscribers, certificate) taken anew after a change.
    file_reloads: Counter = "linelight_file_reloads_total";
    /// Changed files that could not be read, so that their last good content stays in use.
    file_reload_failures: Counter = "linelight_file_reload_failures_total";
    /// Subscribers in use, of the file and of the API.
    subscribers: Gauge = "linelight_subscribers";
    /// Bad rows in the subscribers file as it is now.
    subscriber_rows_refused: Gauge = "linelight_subscriber_rows_refused";
    /// 1 while the subscribers file as it is now cannot be used at all.
    subscribers_unusable: Gauge = "linelight_subscribers_unusable";
    /// Lines that the console searches; 0 until somebody opens it.
    searched_lines: Gauge = "linelight_searched_lines";
    /// The memory of the console's search, in bytes.
    search_index_bytes: Gauge = "linelight_search_index_bytes";
    /// The part of that memory that is text: usernames, and each word once.
    search_text_bytes: Gauge = "linelight_search_text_bytes";
    /// Requests to the console with the header of the company's sign-in that came from no trusted proxy: it was ignored.
    operator_headers_ignored: Counter = "linelight_operator_headers_ignored_total";
    /// Entries of the audit log that were lost, because too many waited for the store.
    audit_lost: Counter = "linelight_audit_entries_lost_total";
    /// Requests of the API with a key that may do what they ask for.
    api_requests: Counter = "linelight_api_requests_total";
    /// Requests of the API refused: without a key in force, or with a key of another scope.
    api_refused: Counter = "linelight_api_refused_total";
    /// 1 while the store (accounts, revoked links, the audit log) cannot be used.
    store_unusable: Gauge = "linelight_store_unusable";
    /// Files that relays of one store share, and that this relay has otherwise than the store.
    shared_files_differ: Gauge = "linelight_shared_files_differ";
}

/// Writes figures that are asked for as they are read.
fn relay_itself(out: &mut String) {
    head(out, "linelight_build_info", "The relay's version.", "gauge");
    sample(out, "linelight_build_info", &label("version", env!("CARGO_PKG_VERSION")), 1);
    let tasks = tokio::runtime::Handle::try_current().map_or(0, |runtime| runtime.metrics().num_alive_tasks());
    let help = "Tasks that are alive: connections, uplinks, viewers and the relay's own few.";
    head(out, "linelight_tasks", help, "gauge");
    sample(out, "linelight_tasks", "", tasks);
    if let Ok(now) = SystemTime::now().duration_since(UNIX_EPOCH) {
        head(out, "linelight_clock_seconds", "The relay's clock, seconds since 1970.", "gauge");
        sample(out, "linelight_clock_seconds", "", now.as_secs());
    }
}

#[cfg(test)]
mod tests {
    use shared::close::Close;

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
}
