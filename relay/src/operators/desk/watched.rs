//! Which lines were opened lately, so that the audit log has each once and not each reload.

use std::collections::HashMap;

use parking_lot::Mutex;
use shared::Username;

use crate::clock::Steady;
use crate::operators::secret::Hash;

/// A line that is opened again within this time is not noted again, milliseconds.
const LATELY_MS: i64 = 10 * 60 * 1_000;
/// When more are remembered, the old ones are forgotten first.
const SWEPT_FROM: usize = 1_000;

/// Openings of the last ten minutes.
#[derive(Debug, Default)]
pub(super) struct WatchedLately {
    // Held for one lookup; a sweep happens at most once for a thousand openings.
    openings: Mutex<Openings>,
}

#[derive(Debug, Default)]
struct Openings {
    noted: HashMap<(Hash, Username), Steady>,
    sweep_at: usize,
}

impl WatchedLately {
    /// True if the session has not opened the line in the last ten minutes.
    pub(super) fn is_news(&self, session: &Hash, username: &Username, now: Steady) -> bool {
        let mut openings = self.openings.lock();
        let is_late = |noted: Steady| now - noted >= LATELY_MS;
        if openings.noted.len() >= openings.sweep_at.max(SWEPT_FROM) {
            openings.noted.retain(|_, noted| !is_late(*noted));
            openings.sweep_at = 2 * openings.noted.len();
        }
        let noted = openings.noted.entry((*session, username.clone()));
        match noted {
            std::collections::hash_map::Entry::Occupied(noted) if !is_late(*noted.get()) => false,
            other => {
                other.insert_entry(now);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_opens_a_line_once_in_ten_minutes() {
        let (lately, one, other) = (WatchedLately::default(), Hash::of(b"1"), Hash::of(b"2"));
        let (ali, bob) = (Username::from_text("ali").unwrap(), Username::from_text("bob").unwrap());
        let at = Steady::from_millis;
        assert!(
            lately.is_news(&one, &ali, at(0))
                && lately.is_news(&one, &bob, at(0))
                && lately.is_news(&other, &ali, at(0))
        );
        assert!(!lately.is_news(&one, &ali, at(LATELY_MS - 1)) && lately.is_news(&one, &ali, at(LATELY_MS)));
        assert!(!lately.is_news(&one, &ali, at(2 * LATELY_MS - 1)));
    }

    #[test]
    fn old_openings_are_forgotten() {
        let lately = WatchedLately::default();
        for n in 0..5_000_i64 {
            let username = Username::from_text(&format!("line-{n}")).unwrap();
            assert!(lately.is_news(&Hash::of(b"1"), &username, Steady::from_millis(n * LATELY_MS / 100)));
        }
        assert!(lately.openings.lock().noted.len() <= SWEPT_FROM + 100);
    }
}
