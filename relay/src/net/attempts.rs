//! Failed logins by address, with a limit for each minute.
//!
//! All requests without a known address share one count, so that nobody gains by hiding an address. Only failures count,
//! and a valid login is never refused: behind carrier NAT every customer has one address, and a neighbour's wrong token
//! must not close somebody's page. The limit ends the reasons given to a guesser, and the log lines.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::address_group::AddressGroup;

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
    /// `None` is shared by the groups without a place.
    windows: HashMap<Option<AddressGroup>, Window>,
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

    /// Counts a failure. True if the group is within the limit.
    pub fn fail(&self, group: AddressGroup, now: Instant) -> bool {
        let mut table = self.table.lock();
        let window = table.window(group, now);
        window.failures = window.failures.saturating_add(1);
        window.failures <= self.limit
    }
}

impl FailedAttempts {
    /// True if the group has no failure left. Counts nothing.
    pub fn is_over(&self, group: AddressGroup, now: Instant) -> bool {
        self.table.lock().window(group, now).failures >= self.limit
    }
}

impl Table {
    fn window(&mut self, group: AddressGroup, now: Instant) -> &mut Window {
        let key = self.has_room(group, now).then_some(group);
        let window = self.windows.entry(key).or_insert(Window { began: now, failures: 0 });
        if now.saturating_duration_since(window.began) >= WINDOW {
            *window = Window { began: now, failures: 0 };
        }
        window
    }

    fn has_room(&mut self, group: AddressGroup, now: Instant) -> bool {
        if self.windows.len() < ADDRESSES || self.windows.contains_key(&Some(group)) {
            return true;
        }
        if self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= WINDOW) {
            self.swept = Some(now);
            self.windows.retain(|_, window| now.saturating_duration_since(window.began) < WINDOW);
        }
        self.windows.len() < ADDRESSES
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn group(text: &str) -> AddressGroup {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn each_address_has_its_own_count_and_a_minute_forgets() {
        let attempts = FailedAttempts::new(2);
        let start = Instant::now();
        let within: Vec<bool> = (0..3).map(|_| attempts.fail(group("203.0.113.7"), start)).collect();
        assert_eq!(within, [true, true, false]);
        assert!(attempts.is_over(group("203.0.113.7"), start) && !attempts.is_over(group("203.0.113.8"), start));
        assert!(attempts.fail(group("203.0.113.8"), start));
        assert!(attempts.fail(group("203.0.113.7"), start + WINDOW));
    }

    #[test]
    fn requests_without_an_address_share_one_count() {
        let attempts = FailedAttempts::new(2);
        let now = Instant::now();
        let within: Vec<bool> = (0..3).map(|_| attempts.fail(AddressGroup::Unknown, now)).collect();
        assert_eq!(within, [true, true, false]);
        assert!(attempts.fail(group("203.0.113.7"), now));
    }

    #[test]
    fn the_table_stays_bounded_and_is_swept() {
        let attempts = FailedAttempts::new(1);
        let now = Instant::now();
        let nth = |n: u32| AddressGroup::V4(Ipv4Addr::from(n));
        for n in 0..20_000 {
            attempts.fail(nth(n), now);
        }
        assert!(attempts.table.lock().windows.len() <= ADDRESSES + 1);
        assert!(!attempts.fail(nth(30_000), now), "those without a place share one");
        assert!(attempts.fail(nth(30_001), now + WINDOW));
        assert_eq!(attempts.table.lock().windows.len(), 1);
    }
}
