//! Refusals of a line's links for the desk: what happened, and the one thing to do.

use serde::Serialize;

use crate::clock::UnixMillis;
use crate::lines::refusals::Refusal;

/// A refusal as the desk sees it.
#[derive(Debug, Serialize)]
pub(super) struct Refused {
    at: UnixMillis,
    what: String,
    /// How often.
    times: u32,
    remedy: &'static str,
}

/// Words of refusals, with their remedies. The first that fits counts.
const REMEDIES: [(&str, &str); 9] = [
    ("has expired", "Make a new link and send it."),
    ("was revoked", "Somebody revoked this link. If the subscriber should see the line, make a new one."),
    ("is older than", "The line's older links were made void. Make a new link and send it."),
    ("is not valid yet", "Set the clocks of the relay and of the link's maker, or wait."),
    ("as many viewers", "Ask the subscriber to close other open pages of this line."),
    ("oldest seat", "Nothing is wrong: one household had the line open too often, and the oldest page ended."),
    ("another line", "The subscriber opened a link of another line. Make a link of this one and send it."),
    ("viewer refused", "The link was made wrongly, by a portal perhaps. Send one from here, and mend the portal."),
    ("report", "Look at the router's patterns: they say which usernames its agent may report."),
];

impl From<Refusal> for Refused {
    fn from(Refusal { at, what, times, .. }: Refusal) -> Self {
        let remedy = REMEDIES
            .iter()
            .find(|(words, _)| what.contains(words))
            .map_or("See docs/faults.md.", |(_, remedy)| *remedy);
        Self { at, what, times, remedy }
    }
}

#[cfg(test)]
mod tests {
    use shared::Username;

    use super::*;
    use crate::viewers::links::Denial;

    #[test]
    fn each_refusal_of_a_link_has_a_remedy_of_its_own() {
        let ali = || Username::from_text("ali").unwrap();
        let denials = [
            Denial::Expired(ali()),
            Denial::Revoked(ali()),
            Denial::Void(ali()),
            Denial::TooEarly(ali()),
            Denial::OtherLine(ali()),
            Denial::Endless(ali()),
        ];
        let remedies: Vec<&str> = denials
            .iter()
            .map(|denial| {
                let what = denial.to_string();
                let at = UnixMillis::from_millis(0);
                Refused::from(Refusal { at, username: "ali".into(), what, times: 1 }).remedy
            })
            .collect();
        for (at, remedy) in remedies.iter().enumerate() {
            assert!(!remedy.contains("faults.md") && !remedies[..at].contains(remedy), "{remedy}");
        }
    }
}
