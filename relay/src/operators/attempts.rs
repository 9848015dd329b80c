//! Attempts to sign in, limited by address and by name.
//!
//! An address has some attempts a minute. A name that many addresses try leaves each address a few attempts. So whoever is
//! at an address that tried nothing wrong is never refused, however many others guess. An attempt counts from its beginning: a
//! thousand at once are a thousand. One that succeeds is not counted.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::net::address_group::AddressGroup;

/// How long an attempt of an address counts.
const MINUTE: Duration = Duration::from_secs(60);
/// How long an attempt at a name counts.
const QUARTER: Duration = Duration::from_secs(15 * 60);
/// How long an attempt counts for the limit of a name by day.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The counts of one kind at once, some 60 bytes each. A table that is full of younger ones begins anew: whoever has so many addresses
/// gains next to nothing, and nobody else is refused.
const ENTRIES: usize = 50_000;

/// How many attempts are answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    /// Of one address within a minute, at all names.
    pub(crate) address: u32,
    /// At one name within a quarter of an hour, before addresses are limited by `pair`.
    pub(crate) calm: u32,
    /// Of one address at one name within a quarter of an hour, once the name is not calm.
    pub(crate) pair: u32,
    /// At one name within a quarter of an hour, of all addresses.
    pub(crate) name: u32,
    /// At one name within a day, of all addresses.
    pub(crate) day: u32,
}

/// For passwords, and for recovery codes, which nobody can guess.
pub(crate) const PASSWORDS: Allowance = Allowance { address: 10, calm: 30, pair: 3, name: u32::MAX, day: u32::MAX };
/// For the codes of a second factor, behind the right password. Of a million codes three are right: 100 guesses a day are right once
/// in nine years. Recovery codes open meanwhile.
pub(crate) const CODES: Allowance = Allowance { address: 10, calm: 0, pair: 5, name: 30, day: 100 };

/// Attempts of the last minutes.
pub(crate) struct Attempts {
    allowance: Allowance,
    // Held for one count.
    table: Mutex<Table>,
}

struct Table {
    addresses: Windows<AddressGroup>,
    names: Windows<String>,
    days: Windows<String>,
    pairs: Windows<(AddressGroup, String)>,
}

impl Attempts {
    /// Returns a table without attempts.
    pub(crate) fn new(allowance: Allowance) -> Self {
        let table = Table {
            addresses: Windows::new(MINUTE),
            names: Windows::new(QUARTER),
            days: Windows::new(DAY),
            pairs: Windows::new(QUARTER),
        };
        Self { allowance, table: Mutex::new(table) }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// The time until the next one, for an attempt too many. It is not counted.
    pub(crate) fn begin(&self, group: AddressGroup, name: &str, now: Instant) -> Result<(), Duration> {
        let Allowance { address, calm, pair, name: all, day } = self.allowance;
        let mut table = self.table.lock();
        let (key, owned) = ((group, name.to_owned()), name.to_owned());
        table.addresses.is_below(&group, address, now)?;
        table.names.is_below(&owned, all, now)?;
        table.days.is_below(&owned, day, now)?;
        if table.names.is_below(&owned, calm, now).is_err() {
            table.pairs.is_below(&key, pair, now)?;
        }
        table.addresses.add(group, now);
        table.names.add(owned.clone(), now);
        table.days.add(owned, now);
        table.pairs.add(key, now);
        Ok(())
    }

    /// Takes back the count of an attempt that was right.
    pub(crate) fn succeeded(&self, group: AddressGroup, name: &str) {
        let mut table = self.table.lock();
        table.addresses.take_back(&group);
        table.names.take_back(&name.to_owned());
        table.days.take_back(&name.to_owned());
        table.pairs.take_back(&(group, name.to_owned()));
    }
}

/// Counts within a time that begins with the first.
struct Windows<K> {
    length: Duration,
    windows: HashMap<K, (Instant, u32)>,
}

impl<K: Hash + Eq> Windows<K> {
    fn new(length: Duration) -> Self {
        Self { length, windows: HashMap::new() }
    }

    /// Returns the rest of the window, for a full one.
    fn is_below(&self, key: &K, limit: u32, now: Instant) -> Result<(), Duration> {
        let (age, count) = self
            .windows
            .get(key)
            .map_or((Duration::ZERO, 0), |(began, count)| (now.saturating_duration_since(*began), *count));
        let left = self.length.saturating_sub(age);
        if left.is_zero() || count < limit { Ok(()) } else { Err(left) }
    }

    fn add(&mut self, key: K, now: Instant) {
        if self.windows.len() >= ENTRIES {
            let length = self.length;
            self.windows.retain(|_, (began, _)| now.saturating_duration_since(*began) < length);
            if self.windows.len() >= ENTRIES {
                self.windows.clear();
            }
        }
        let window = self.windows.entry(key).or_insert((now, 0));
        if now.saturating_duration_since(window.0) >= self.length {
            *window = (now, 0);
        }
        window.1 = window.1.saturating_add(1);
    }

    fn take_back(&mut self, key: &K) {
        if let Some((_, count)) = self.windows.get_mut(key) {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn group(number: u32) -> AddressGroup {
        AddressGroup::V4(Ipv4Addr::from(number))
    }

    fn answered(attempts: &Attempts, group: AddressGroup, name: &str, now: Instant) -> usize {
        (0..100).filter(|_| attempts.begin(group, name, now).is_ok()).count()
    }

    #[test]
    fn an_address_has_ten_attempts_a_minute_whatever_the_names() {
        let (attempts, now) = (Attempts::new(PASSWORDS), Instant::now());
        let answered = |now| (0..100).filter(|n| attempts.begin(group(1), &n.to_string(), now).is_ok()).count();
        assert_eq!(answered(now), 10);
        let wait = attempts.begin(group(1), "thandi", now + Duration::from_secs(20)).unwrap_err();
        assert_eq!(wait, Duration::from_secs(40));
        assert!(attempts.begin(group(2), "thandi", now).is_ok());
        assert_eq!(answered(now + MINUTE), 10);
    }

    #[test]
    fn a_name_under_attack_leaves_every_new_address_its_attempts() {
        let (attempts, now) = (Attempts::new(PASSWORDS), Instant::now());
        assert_eq!(answered(&attempts, group(1), "thandi", now), 10);
        assert_eq!(answered(&attempts, group(2), "thandi", now), 10);
        assert_eq!(answered(&attempts, group(3), "thandi", now), 10);
        for newcomer in 4..2_000 {
            assert_eq!(answered(&attempts, group(newcomer), "thandi", now), 3);
        }
        assert_eq!(answered(&attempts, group(1), "thandi", now + MINUTE), 0, "three were had");
        assert_eq!(answered(&attempts, group(1), "bob", now + MINUTE), 10);
        assert_eq!(answered(&attempts, group(5), "thandi", now + QUARTER), 10);
    }

    #[test]
    fn what_was_right_is_not_counted() {
        let (attempts, now) = (Attempts::new(PASSWORDS), Instant::now());
        for _ in 0..100 {
            attempts.begin(group(1), "thandi", now).unwrap();
            attempts.succeeded(group(1), "thandi");
        }
    }

    #[test]
    fn codes_have_a_limit_by_name_however_many_addresses() {
        let (attempts, now) = (Attempts::new(CODES), Instant::now());
        assert_eq!(answered(&attempts, group(1), "thandi", now), 5);
        let others: usize = (2..1_000).map(|number| answered(&attempts, group(number), "thandi", now)).sum();
        assert_eq!(others, 25);
    }

    #[test]
    fn codes_have_a_limit_by_day_however_patient_the_guesser() {
        let (attempts, start) = (Attempts::new(CODES), Instant::now());
        let of_quarter = |number: u32| answered(&attempts, group(number), "thandi", start + number * QUARTER);
        let first_day: usize = (0..96).map(of_quarter).sum();
        assert_eq!(first_day, 100);
        assert_eq!(of_quarter(96), 5, "the next day");
    }

    #[test]
    fn the_table_stays_bounded() {
        let (attempts, now) = (Attempts::new(PASSWORDS), Instant::now());
        for number in 0..120_000 {
            attempts.begin(group(number), &number.to_string(), now).unwrap();
        }
        let table = attempts.table.lock();
        assert!(table.addresses.windows.len() <= ENTRIES && table.names.windows.len() <= ENTRIES);
        assert!(table.pairs.windows.len() <= ENTRIES && table.days.windows.len() <= ENTRIES);
    }
}
