//! A pattern of usernames: one username, `*`, `*SUFFIX` (as in `*@realm`) or `PREFIX*`.
//!
//! A pattern is in the text form of usernames. A `*` at the beginning or the end stands for any bytes; a username's own
//! `*` is written `%2A`. Patterns are compared byte for byte, case and all.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use shared::Username;
use shared::username::{MAX_USERNAME, escape, unescape};

use crate::lines::narrowness::Narrowness;

/// A set of usernames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// Every one.
    Any,
    /// One alone.
    Exactly(Username),
    /// All usernames with these first bytes.
    Prefix(Box<[u8]>),
    /// All usernames with these last bytes.
    Suffix(Box<[u8]>),
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// No characters at all.
    #[error("pattern is empty; \"*\" stands for every username")]
    Empty,
    /// A wildcard elsewhere than at one end.
    #[error(
        "pattern {0:?} has a * inside or at both ends; it may stand at one end, and a username's own * is written %2A"
    )]
    Wildcard(String),
    /// Not the text form.
    #[error("pattern {text:?} is not in text form; write it as {canonical:?}")]
    NotCanonical {
        /// The given text.
        text: String,
        /// The acceptable spelling.
        canonical: String,
    },
    /// Longer than any username.
    #[error("pattern has {0} bytes; a username has at most {MAX_USERNAME}")]
    TooLong(usize),
}

impl Pattern {
    /// Whether a username fits.
    pub fn matches(&self, username: &Username) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(one) => one == username,
            Self::Prefix(bytes) => username.as_bytes().starts_with(bytes),
            Self::Suffix(bytes) => username.as_bytes().ends_with(bytes),
        }
    }

    /// Returns how few usernames fit: `*` is the widest pattern, one username the narrowest, and between them the one with more bytes
    /// beside its `*` is narrower.
    pub fn narrowness(&self) -> Narrowness {
        match self {
            Self::Any => Narrowness::ANY,
            Self::Prefix(bytes) | Self::Suffix(bytes) => Narrowness::of_part(bytes.len()),
            Self::Exactly(_) => Narrowness::ONE,
        }
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let literal = text.strip_prefix('*').or_else(|| text.strip_suffix('*')).unwrap_or(text);
        if literal.contains('*') {
            return Err(PatternError::Wildcard(text.to_owned()));
        }
        let bytes = unescape(literal);
        let canonical = literal_text(&bytes);
        if canonical != literal {
            let canonical = text.replace(literal, &canonical);
            return Err(PatternError::NotCanonical { text: text.to_owned(), canonical });
        }
        match bytes.len() {
            0 => Err(PatternError::Empty),
            1..=MAX_USERNAME if text.starts_with('*') => Ok(Self::Suffix(bytes.into())),
            1..=MAX_USERNAME if text.ends_with('*') => Ok(Self::Prefix(bytes.into())),
            n => Username::from_bytes(&bytes).map(Self::Exactly).map_err(|_| PatternError::TooLong(n)),
        }
    }
}

/// Bytes in the text form of usernames, with `*` escaped too.
fn literal_text(bytes: &[u8]) -> String {
    escape(bytes).replace('*', "%2A")
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exactly(one) => f.write_str(&literal_text(one.as_bytes())),
            Self::Prefix(bytes) => write!(f, "{}*", literal_text(bytes)),
            Self::Suffix(bytes) => write!(f, "*{}", literal_text(bytes)),
        }
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_matches_what_it_says_and_nothing_else() {
        // Usernames in text form: `caf%E9` is four bytes, `%2525` is written for the bytes `%25`.
        for (pattern, fits, others) in [
            ("*", &["ali", "%E9", "*"][..], &[][..]),
            ("ali", &["ali"], &["alice", "Ali", "al", "xali"]),
            (
                "*@karoo.example",
                &["ali@karoo.example", "@karoo.example"],
                &["ali@Karoo.example", "a@karoo.example.com"],
            ),
            ("cust-*", &["cust-", "cust-1"], &["Cust-1", "1cust-"]),
            ("caf%E9", &["caf%E9"], &["café", "caf%25E9"]),
            ("*%25", &["50%25"], &["50%2525"]),
            ("%2A", &["*"], &["a", "%252A"]),
            ("a%2Ab*", &["a*b", "a*bc"], &["axb"]),
        ] {
            let parsed: Pattern = pattern.parse().unwrap();
            assert_eq!(parsed.to_string(), pattern, "it is written as it was read");
            for username in fits {
                assert!(parsed.matches(&Username::from_text(username).unwrap()), "{pattern} fits {username}");
            }
            for username in others {
                assert!(!parsed.matches(&Username::from_text(username).unwrap()), "{pattern} does not fit {username}");
            }
        }
    }

    #[test]
    fn narrower_is_what_fits_fewer() {
        let narrowness = |text: &str| text.parse::<Pattern>().unwrap().narrowness();
        for pair in ["*", "c*", "*.example", "*@a.example", "ali"].windows(2) {
            assert!(narrowness(pair[0]) < narrowness(pair[1]), "{pair:?}");
        }
        assert_eq!(narrowness("*@north"), narrowness("*@south"));
        assert!(narrowness(&format!("{}*", "x".repeat(255))) < narrowness("a"));
    }

    #[test]
    fn what_is_not_a_pattern_says_why() {
        assert_eq!("".parse::<Pattern>(), Err(PatternError::Empty));
        for text in ["a*b", "*a*", "**", "a**"] {
            assert!(matches!(text.parse::<Pattern>(), Err(PatternError::Wildcard(_))), "{text}");
        }
        let Err(PatternError::NotCanonical { canonical, .. }) = "50%*".parse::<Pattern>() else { panic!() };
        assert_eq!(canonical, "50%25*");
        assert!(canonical.parse::<Pattern>().is_ok(), "the remedy is accepted");
        assert!(matches!("x".repeat(256).parse::<Pattern>(), Err(PatternError::TooLong(256))));
    }
}
