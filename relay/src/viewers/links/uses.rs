//! When links opened their lines last, since this relay's start: support asks whether the subscriber ever opened one.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::revocations::{Digest, LinkMark};
use crate::clock::UnixMillis;

/// Links remembered, 40 bytes each. When there are more, all are forgotten.
const MOST: usize = 100_000;

/// The last uses of links.
#[derive(Debug, Default)]
pub(super) struct Uses(Mutex<HashMap<Digest, UnixMillis>>);

impl Uses {
    /// Notes that a link opened its line.
    pub(super) fn note(&self, mark: &LinkMark, now: UnixMillis) {
        let mut uses = self.0.lock();
        if uses.len() >= MOST && !uses.contains_key(&mark.link()) {
            uses.clear();
        }
        uses.insert(mark.link(), now);
    }

    /// Returns when a link opened its line last.
    pub(super) fn last(&self, mark: &LinkMark) -> Option<UnixMillis> {
        self.0.lock().get(&mark.link()).copied()
    }
}

#[cfg(test)]
mod tests {
    use shared::Username;

    use super::*;

    #[test]
    fn the_last_use_is_remembered_and_the_memory_bounded() {
        let uses = Uses::default();
        let ali = Username::from_text("ali").unwrap();
        let mark = |id: &str, issued| LinkMark::new(&ali, id, issued);
        uses.note(&mark("1", 5), UnixMillis::from_millis(10));
        uses.note(&mark("1", 5), UnixMillis::from_millis(20));
        assert_eq!(uses.last(&mark("1", 0)), Some(UnixMillis::from_millis(20)), "whenever it was issued");
        assert_eq!(uses.last(&mark("2", 5)), None);
        (0..=MOST).for_each(|n| uses.note(&mark(&format!("n{n}"), 0), UnixMillis::from_millis(30)));
        assert!(uses.0.lock().len() <= MOST);
    }
}
