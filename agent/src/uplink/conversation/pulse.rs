//! The response of a home router's line: the uplink goes over the line itself, so a ping of the uplink each second, and its pong,
//! measure the line. Pure: time is an argument.

use heapless::Deque;
use shared::Response;
use shared::sample::{MAX_RESPONSE_US, MIN_RESPONSE_US};
use tokio::time::Instant;

use crate::response::{EACH, LOST_AFTER};

/// The most pings on their way: one a second, for two seconds, and one that is late.
const ON_THE_WAY: usize = 4;

/// The payload of a ping.
pub(super) type Payload = [u8; 8];

/// Pings of an uplink, one a second.
#[derive(Debug)]
pub(super) struct Pulse {
    due: Instant,
    number: u64,
    sent: Deque<(Payload, Instant), ON_THE_WAY>,
}

impl Pulse {
    pub(super) const fn new(now: Instant) -> Self {
        Self { due: now, number: 0, sent: Deque::new() }
    }

    /// True if it is time for [`next`](Self::next).
    pub(super) fn is_due(&self, now: Instant) -> bool {
        now >= self.due
    }

    /// Returns the next ping's payload.
    pub(super) fn next(&mut self, now: Instant) -> Option<Payload> {
        self.due = now + EACH;
        self.number += 1;
        let payload = self.number.to_be_bytes();
        self.sent.push_back((payload, now)).ok().map(|()| payload)
    }

    /// Forgets the pings on their way: nobody watches the line.
    pub(super) fn rest(&mut self, now: Instant) {
        self.due = now + EACH;
        self.sent.clear();
    }

    /// Takes a pong. Pongs come in the order of their pings.
    pub(super) fn ponged(&mut self, payload: &[u8], now: Instant) -> Option<Response> {
        let nth = self.sent.iter().position(|(sent, _)| sent == payload)?;
        let (_, at) = (0..=nth).filter_map(|_| self.sent.pop_front()).last()?;
        let taken = now.saturating_duration_since(at);
        let micros = u32::try_from(taken.as_micros()).unwrap_or(MAX_RESPONSE_US);
        Some(if taken >= LOST_AFTER {
            Response::Lost
        } else {
            Response::Micros(micros.clamp(MIN_RESPONSE_US, MAX_RESPONSE_US))
        })
    }

    /// Takes the next ping without a pong in time. Call again until there is none.
    pub(super) fn expired(&mut self, now: Instant) -> Option<Response> {
        let (_, at) = self.sent.front()?;
        if now.saturating_duration_since(*at) < LOST_AFTER {
            return None;
        }
        self.sent.pop_front();
        Some(Response::Lost)
    }

    /// Returns the next time to look.
    pub(super) const fn deadline(&self) -> Instant {
        self.due
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_pong_measures_its_ping_and_a_missing_one_is_a_loss() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pulse = Pulse::new(start);
        let first = pulse.next(at(0)).unwrap();
        assert!(!pulse.is_due(at(999)) && pulse.is_due(at(1_000)));
        assert_eq!(pulse.ponged(&first, at(31)), Some(Response::Micros(31_000)));
        assert_eq!(pulse.ponged(&first, at(32)), None, "doubled");
        assert_eq!(pulse.ponged(&[], at(32)), None, "the pong of another ping");
        let second = pulse.next(at(1_000)).unwrap();
        assert_ne!(first, second);
        assert_eq!(pulse.expired(at(2_999)), None);
        assert_eq!(pulse.expired(at(3_000)), Some(Response::Lost));
        assert_eq!(pulse.ponged(&second, at(3_100)), None, "late");
        pulse.next(at(4_000));
        pulse.rest(at(4_500));
        assert_eq!(pulse.expired(at(9_000)), None);
    }
}
