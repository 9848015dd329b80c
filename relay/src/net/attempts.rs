//! Failed logins by address, with a limit for each minute.
//!
//! An unknown address, behind a proxy without the header, has no count: one count would stand for everybody. Only
//! failures count, and a valid login is never refused: behind carrier NAT every customer has one address, and a
//! neighbour's wrong token must not close somebody's page. The limit ends the reasons given to a guesser, and the log
//! lines.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a failure counts.
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered at once, 48 bytes each; when there are more, those without a place share one.
const ADDRESSES: usize = 10_000;

/// The failures of the last minute.
#[derive(Debug)]
pub struct FailedAttempts {
    limit: u32,
    // Held for one count; a sweep of the full table is at most once a window.
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// By network; `None` is shared by those without a place.
    windows: HashMap<Option<IpAddr>, Window>,
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    failures: u32,
}

impl FailedAttempts {
    /// Nothing failed yet; `limit` failures of one address within a minute are answered in full.
    pub fn new(limit: u32) -> Self {
        Self { limit, table: Mutex::default() }
    }

    /// Counts a failure. True if the address is within the limit; an unknown address always is.
    pub fn fail(&self, address: Option<IpAddr>, now: Instant) -> bool {
        let Some(address) = address else { return true };
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let window = table.window(network(address), now);
        window.failures = window.failures.saturating_add(1);
        window.failures <= self.limit
    }
}

impl Table {
    fn window(&mut self, network: IpAddr, now: Instant) -> &mut Window {
        let key = self.has_room(network, now).then_some(network);
        let window = self.windows.entry(key).or_insert(Window { began: now, failures: 0 });
        if now.saturating_duration_since(window.began) >= WINDOW {
            *window = Window { began: now, failures: 0 };
        }
        window
    }

    fn has_room(&mut self, network: IpAddr, now: Instant) -> bool {
        if self.windows.len() < ADDRESSES || self.windows.contains_key(&Some(network)) {
            return true;
        }
        if self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= WINDOW) {
            self.swept = Some(now);
            self.windows.retain(|_, window| now.saturating_duration_since(window.began) < WINDOW);
        }
        self.windows.len() < ADDRESSES
    }
}

/// Returns the address's network: the owner of one IPv6 address has the whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn each_address_has_its_own_count_and_a_minute_forgets() {
        let attempts = FailedAttempts::new(2);
        let start = Instant::now();
        let within: Vec<bool> = (0..3).map(|_| attempts.fail(address("203.0.113.7"), start)).collect();
        assert_eq!(within, [true, true, false]);
        assert!(attempts.fail(address("203.0.113.8"), start));
        assert!((0..9).all(|_| attempts.fail(None, start)), "no address, no count");
        assert!(!attempts.fail(address("::ffff:203.0.113.7"), start), "the same address in another form");
        assert!(attempts.fail(address("203.0.113.7"), start + WINDOW));
    }

    #[test]
    fn a_v6_network_is_one_address() {
        let attempts = FailedAttempts::new(1);
        let now = Instant::now();
        assert!(attempts.fail(address("2001:db8::1"), now));
        assert!(!attempts.fail(address("2001:db8::ffff"), now));
        assert!(attempts.fail(address("2001:db8:0:1::1"), now));
    }

    #[test]
    fn the_table_stays_bounded_and_is_swept() {
        let attempts = FailedAttempts::new(1);
        let now = Instant::now();
        let nth = |n: u32| Some(IpAddr::V4(n.into()));
        for n in 0..20_000 {
            attempts.fail(nth(n), now);
        }
        assert!(attempts.table.lock().unwrap().windows.len() <= ADDRESSES + 1);
        assert!(!attempts.fail(nth(30_000), now), "those without a place share one");
        assert!(attempts.fail(nth(30_001), now + WINDOW));
        assert_eq!(attempts.table.lock().unwrap().windows.len(), 1);
    }
}
