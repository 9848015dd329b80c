//! The last refusals, for operators: why a link, a report or a watch was turned away.

use std::collections::VecDeque;

use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use shared::Username;

use crate::clock::{Now, UnixMillis};

/// Refusals kept, some 200 bytes each.
const MAX_REFUSALS: usize = 1_024;

/// One refusal.
#[derive(Debug, Clone, Serialize)]
pub struct Refusal {
    /// When.
    pub at: UnixMillis,
    /// The line's username in text form.
    pub username: String,
    /// What was refused, and why.
    pub what: String,
    /// How often, as far as remembered.
    pub times: u32,
}

/// The last refusals of the relay, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<VecDeque<Refusal>>);

impl Refusals {
    /// Remembers a refusal. A repeated one replaces the earlier one.
    pub(crate) fn remember(&self, username: &Username, what: String, now: Now) {
        let mut refusal = Refusal { at: now.unix, username: username.to_text(), what, times: 1 };
        let mut refusals = self.lock();
        refusals.retain(|before| {
            let is_again = (&before.username, &before.what) == (&refusal.username, &refusal.what);
            refusal.times = if is_again { before.times.saturating_add(1) } else { refusal.times };
            !is_again
        });
        if refusals.len() == MAX_REFUSALS {
            refusals.pop_front();
        }
        refusals.push_back(refusal);
    }

    /// Returns the refusals of one line, oldest first.
    pub(crate) fn of(&self, username: &Username) -> Vec<Refusal> {
        let text = username.to_text();
        self.lock().iter().filter(|refusal| refusal.username == text).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Refusal>> {
        self.0.lock()
    }
}
