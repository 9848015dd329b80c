//! Refusals of `monitor-traffic` for the operator, with remedies. No I/O; time is an argument.

use std::time::Duration;

use tokio::time::Instant;

use super::tables::is_forbidden;
use crate::routeros::dialogue::in_words;

/// The same refusal is logged again after this.
const LOG_PAUSE: Duration = Duration::from_secs(600);

/// A router's words for a missing interface, and for a cancelled command.
const ORDINARY: [&[u8]; 3] = [b"does not match any value of interface", b"no such item", b"interrupted"];

/// The standing refusal, and the last one logged.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    standing: bool,
    logged: Option<(String, Instant)>,
}

impl Refusals {
    /// True while the router's last word on `monitor-traffic` was a refusal.
    pub(super) const fn is_standing(&self) -> bool {
        self.standing
    }

    /// Takes the router's words and logs them. Returns the fault for the status; `None` for a missing interface.
    pub(super) fn note(&mut self, message: &[u8], now: Instant) -> Option<String> {
        if ORDINARY.iter().any(|text| contains(message, text)) {
            return None;
        }
        self.standing = true;
        let fault = explain(message);
        let known = |(text, at): &(String, Instant)| *text == fault && now.saturating_duration_since(*at) < LOG_PAUSE;
        if !self.logged.as_ref().is_some_and(known) {
            tracing::warn!("{fault}");
            self.logged = Some((fault.clone(), now));
        }
        Some(fault)
    }

    /// Ends the refusal: a row came, or the connection is gone.
    pub(super) const fn clear(&mut self) {
        self.standing = false;
    }
}

fn explain(message: &[u8]) -> String {
    let remedy = if is_forbidden(message) {
        "give the user's group the policies read, api and, if that is not enough, test"
    } else {
        "try /interface/monitor-traffic in the router's terminal"
    };
    format!("router refuses monitor-traffic: {}; {remedy}", in_words(message))
}

fn contains(message: &[u8], text: &[u8]) -> bool {
    message.windows(text.len()).any(|part| part == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_its_reason_and_its_remedy_and_an_interface_that_is_gone_none() {
        let now = Instant::now();
        let mut refusals = Refusals::default();
        for ordinary in [&b"input does not match any value of interface"[..], b"no such item (4)", b"interrupted"] {
            assert_eq!(refusals.note(ordinary, now), None);
        }
        assert!(!refusals.is_standing());
        let forbidden = refusals.note(b"not enough permissions (9)", now).unwrap();
        assert!(forbidden.contains("not enough permissions (9); give") && forbidden.contains("test"), "{forbidden}");
        let other = refusals.note(b"failure: out of \x1b[31mmemory", now).unwrap();
        assert!(other.contains("out of  [31mmemory; try /interface"), "{other}");
        assert!(refusals.is_standing());
        refusals.clear();
        assert!(!refusals.is_standing());
    }

    #[test]
    fn the_same_refusal_is_logged_once_in_ten_minutes() {
        let now = Instant::now();
        let mut refusals = Refusals::default();
        let logged = |refusals: &mut Refusals, after| {
            refusals.note(b"not enough permissions (9)", now + after);
            refusals.logged.as_ref().map(|(_, at)| *at - now)
        };
        assert_eq!(logged(&mut refusals, Duration::ZERO), Some(Duration::ZERO));
        assert_eq!(logged(&mut refusals, LOG_PAUSE / 2), Some(Duration::ZERO));
        assert_eq!(logged(&mut refusals, LOG_PAUSE), Some(LOG_PAUSE));
    }
}
