//! Every limit of the relay in one table: its unit, its reason, its close code or status, and its test.
//!
//! Limits of the wire itself (usernames of 255 bytes, uplink messages of 256 KiB) stand in `shared`.

use crate::clock::Steady;
use std::time::Duration;

/// The relay's limits and timeouts.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Viewers of one line: a household and the support desk. For one more from another address, one of the quarter that came last ends:
    /// [`LineFull`](shared::close::Close::LineFull).
    ///
    /// Test: `a_line_and_the_relay_have_so_many_viewers`.
    pub viewers_per_line: usize,
    /// Viewers of one address at usernames that no agent reports, in open access, where anybody can ask for any; more:
    /// [`TooManyUnknown`](shared::close::Close::TooManyUnknown).
    ///
    /// Test: `an_address_has_few_seats_at_names_that_nobody_has`.
    pub unreported_per_address: usize,
    /// Viewers in all, some 2 KB each; more: [`RelayFull`](shared::close::Close::RelayFull). Viewers of usernames that no agent reports, in open
    /// access, give way to those of reported lines.
    ///
    /// Test: `a_full_relay_has_room_for_reported_lines_before_all_others`.
    pub viewers: usize,
    /// Time from the WebSocket handshake to a complete first frame, lest silent connections pile up; then:
    /// [`WatchTimeout`](shared::close::Close::WatchTimeout).
    ///
    /// Test: `the_first_frame_comes_in_time_and_is_a_watch`.
    pub first_frame_timeout: Duration,
    /// A viewer's burst of frames, control frames included: a page sends one, then a pong each 20 s; beyond it one
    /// frame a second: [`ViewerTooFast`](shared::close::Close::ViewerTooFast).
    ///
    /// Test: `a_viewer_that_talks_too_much_is_closed`.
    pub viewer_frame_burst: u32,
    /// Viewers write pongs, and read; without either for so long:
    /// [`ViewerSilent`](shared::close::Close::ViewerSilent).
    ///
    /// Test: `pings_ride_on_frames_and_want_an_answer`.
    pub pong_timeout: Duration,

    /// Lines of one agent: more than the largest concentrator's sessions, at some 300 bytes each; more: the report is
    /// refused.
    ///
    /// Test: `an_agent_has_so_many_lines`.
    pub lines_per_agent: usize,
    /// Watched lines of one agent: its own limit (200 unless configured) is lower; more: the viewer is told
    /// `too_many_watched`.
    ///
    /// Test: `the_relay_asks_an_agent_for_so_many_lines`.
    pub watched_per_agent: usize,
    /// Unwatched lines of one agent whose samples are kept for a minute, for viewers that come back after the relay's
    /// restart; more: dropped.
    ///
    /// Test: `an_agent_cannot_fill_the_relay_with_lines_that_nobody_watches`.
    pub adopted_per_agent: u32,
    /// Time to a complete hello; then: [`HelloTimeout`](shared::close::Close::HelloTimeout).
    ///
    /// Test: `hello_comes_first_and_in_time`.
    pub hello_timeout: Duration,
    /// Time for the table of lines behind the hello, some 100 messages at most; then:
    /// [`HelloTimeout`](shared::close::Close::HelloTimeout).
    ///
    /// Test: `the_table_is_complete_in_time`.
    pub table_timeout: Duration,
    /// Messages of an agent within a second, sustained: eight streams and its control messages are 10; more:
    /// [`TooFast`](shared::close::Close::TooFast).
    ///
    /// Test: `an_agent_keeps_its_rates_for_ever_and_is_closed_above_them`.
    pub agent_messages_per_second: u32,
    /// Messages of an agent at once: 120 s of backlog and the whole table; more:
    /// [`TooFast`](shared::close::Close::TooFast).
    ///
    /// Test: `a_flood_is_closed_and_a_backlog_is_not`.
    pub agent_message_burst: u32,
    /// Bytes of an agent within a second, sustained: 20,000 lines all watched are 160 KB; more:
    /// [`TooFast`](shared::close::Close::TooFast).
    ///
    /// Test: `an_agent_keeps_its_rates_for_ever_and_is_closed_above_them`.
    pub agent_bytes_per_second: u32,
    /// Bytes of an agent at once: a table of 65,536 lines and its backlog; more:
    /// [`TooFast`](shared::close::Close::TooFast).
    ///
    /// Test: `a_flood_of_bytes_is_closed`.
    pub agent_byte_burst: u32,
    /// Silence of an agent, whose status comes each 10 s; then: [`Silent`](shared::close::Close::Silent).
    ///
    /// Test: `a_silent_agent_is_asked_and_then_closed`.
    pub agent_silence: Duration,
    /// Time for an uplink to answer when another run of the agent wants its place; an answer:
    /// [`Duplicate`](shared::close::Close::Duplicate) for the newcomer.
    ///
    /// Test: `another_run_wins_when_the_first_does_not_answer`.
    pub probe_timeout: Duration,
    /// Time for an agent to take what the relay writes; then: [`Silent`](shared::close::Close::Silent).
    ///
    /// Test: `an_agent_that_takes_nothing_is_closed`.
    pub agent_write_timeout: Duration,
    /// How long the lines of a lost agent are remembered as unreachable, so that the support desk sees since when.
    ///
    /// Test: `a_lost_agent_is_forgotten_in_time`.
    pub agent_retention: Duration,

    /// Connections open at once on one listener, upgraded ones included; then a stranger's connection gives way, and where there is
    /// none the newcomer is closed when accepted.
    ///
    /// Test: `connections_beyond_the_limit_are_closed_at_once_and_places_come_back`.
    pub connections: usize,
    /// Connections of one listener that have shown neither a valid watch nor an agent's token: handshakes, requests, silence,
    /// WebSockets without a watch; then the oldest of the address group with most gives way.
    ///
    /// Test: `strangers_give_way_and_viewers_never_do`.
    pub half_open: usize,
    /// The same for one address group (an IPv4 address, a /64 of IPv6), well below the whole: room for many subscribers behind one
    /// address of carrier NAT, who need it for a moment each; then the group's oldest gives way.
    ///
    /// Test: `one_address_has_a_share_of_the_strangers_places`.
    pub half_open_per_address: usize,
    /// Bytes of unfinished heads (requests', TLS hellos') of the whole process, of 8 KiB at most each; an address group has an eighth. Then
    /// the oldest of the address group with most gives way.
    ///
    /// Test: `unfinished_heads_have_a_limit_in_bytes`.
    pub head_bytes: usize,
    /// Turns at once at the relay's own work in TLS handshakes with viewers, which is a signature and a key exchange: more than
    /// processors would only let samples wait. More wait, within `handshake_timeout`; address groups get turns one after another.
    ///
    /// Test: `agents_and_viewers_have_budgets_apart`.
    pub viewer_handshakes: usize,
    /// The same with agents: apart, so that neither herd starves the other.
    ///
    /// Test: `agents_and_viewers_have_budgets_apart`.
    pub agent_handshakes: usize,
    /// Time for a TLS handshake, waiting for its turn included; then: closed.
    ///
    /// Test: `a_handshake_that_does_not_come_ends`.
    pub handshake_timeout: Duration,
    /// Time for a request's header, and of idleness between requests; then: closed.
    ///
    /// Test: `a_header_that_does_not_come_ends_the_connection`.
    pub header_timeout: Duration,
    /// Time for everything to end after SIGTERM; then: cut.
    ///
    /// Test: `a_relay_that_stops_cuts_what_does_not_end`.
    pub drain: Duration,
    /// Failed logins of one address within a minute, viewers' and agents'; more: 429 instead of 401, or
    /// [`TooManyFailures`](shared::close::Close::TooManyFailures). What is right is never refused.
    ///
    /// Test: `links_refused_over_a_websocket_are_limited_by_address_and_good_ones_never_are`.
    pub failed_attempts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            viewers_per_line: MAX_VIEWERS_PER_LINE,
            unreported_per_address: 32,
            viewers: 50_000,
            first_frame_timeout: Duration::from_secs(10),
            viewer_frame_burst: 20,
            pong_timeout: Duration::from_secs(15),

            lines_per_agent: 65_536,
            watched_per_agent: 1_000,
            adopted_per_agent: 200,
            hello_timeout: Duration::from_secs(10),
            table_timeout: Duration::from_secs(30),
            agent_messages_per_second: 100,
            agent_message_burst: 5_000,
            agent_bytes_per_second: 512 * 1024,
            agent_byte_burst: 32 * 1024 * 1024,
            agent_silence: Duration::from_secs(45),
            probe_timeout: Duration::from_secs(5),
            agent_write_timeout: Duration::from_secs(10),
            agent_retention: Duration::from_secs(24 * 3600),

            connections: 100_000,
            half_open: 8_192,
            half_open_per_address: 1_024,
            head_bytes: 8 * 1024 * 1024,
            viewer_handshakes: 8,
            agent_handshakes: 4,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            drain: Duration::from_secs(8),
            failed_attempts: 30,
        }
    }
}

/// The most seats of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeatLimits {
    /// Of all addresses together.
    pub(crate) all: usize,
    /// Of one group of addresses.
    pub(crate) group: usize,
}

impl Limits {
    /// Returns the seats of a line in all and of one address. A quarter is left for other addresses, so that a household never
    /// locks the support desk out. Beyond the share, the oldest seat of the address ends:
    /// [`OpenedElsewhere`](shared::close::Close::OpenedElsewhere).
    ///
    /// Test: `one_address_leaves_seats_of_a_line_to_others`.
    pub(crate) fn seats(&self) -> SeatLimits {
        let all = self.viewers_per_line;
        SeatLimits { all, group: all.saturating_sub((all / 4).max(1)).max(1) }
    }
}

/// What [`Limits::viewers_per_line`] is unless configured.
///
/// Test: `a_line_and_the_relay_have_so_many_viewers`.
pub const MAX_VIEWERS_PER_LINE: usize = 16;

/// The longest frame of a viewer in bytes, its first one and so the longest token included; a longer one ends in
/// [`ViewerProtocol`](shared::close::Close::ViewerProtocol).
///
/// Test: `a_viewer_that_breaks_the_framing_is_closed`.
pub const MAX_VIEWER_FRAME: usize = 4 * 1024;

/// Bytes of a viewer up to the end of its watch, with the eight bytes of that frame's header; more ends in
/// [`ViewerProtocol`](shared::close::Close::ViewerProtocol).
///
/// Test: `a_watch_is_complete_within_so_many_bytes_of_a_viewer_however_they_come`.
pub const MAX_BEFORE_WATCH: usize = MAX_VIEWER_FRAME + 8;

/// A token bucket: so many at once, so many a second.
#[derive(Debug, Clone)]
pub struct Bucket {
    thousandths: i64,
    burst: i64,
    per_second: i64,
    filled: Steady,
}

impl Bucket {
    /// A full bucket at `now`, milliseconds of any steady clock.
    pub fn new(burst: u32, per_second: u32, now: Steady) -> Self {
        let burst = i64::from(burst) * 1_000;
        Self { thousandths: burst, burst, per_second: i64::from(per_second), filled: now }
    }

    /// Takes `amount` out; whether so much was left.
    pub fn take(&mut self, amount: u32, now: Steady) -> bool {
        let elapsed = (now - self.filled).max(0);
        self.filled = now;
        // A thousandth a millisecond for each one a second.
        self.thousandths = self.burst.min(self.thousandths.saturating_add(elapsed.saturating_mul(self.per_second)));
        self.thousandths -= i64::from(amount) * 1_000;
        let enough = self.thousandths >= 0;
        if !enough {
            self.thousandths += i64::from(amount) * 1_000;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_then_its_rate() {
        let at = Steady::from_millis;
        let mut bucket = Bucket::new(3, 2, at(0));
        assert_eq!((0..5).filter(|_| bucket.take(1, at(0))).count(), 3);
        assert_eq!((0..5).filter(|_| bucket.take(1, at(499))).count(), 0);
        assert_eq!((0..5).filter(|_| bucket.take(1, at(1_000))).count(), 2);
        assert_eq!((0..9).filter(|_| bucket.take(1, at(3_600_000))).count(), 3);
        assert!(!bucket.take(4, at(i64::MAX / 4)), "more than the burst never passes");
    }
}
