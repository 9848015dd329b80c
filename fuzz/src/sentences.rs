//! RouterOS replies: of any words, each is read or is no attribute, and every value found was sent.

use agent::routeros::framing::{Framing, Progress};
use agent::routeros::sentence::{Sentence, decimal, duration, rate};

/// Names of the agent's questions, of each kind of value.
const NAMES: [&str; 8] = [".id", "name", "user", "rx-bits-per-second", "uptime", "dead", ".section", "message"];

/// The bytes are sentences as they come from a router.
pub fn holds(data: &[u8]) {
    let mut framing = Framing::new();
    let taken = data.len().min(framing.space().len());
    framing.space()[..taken].copy_from_slice(&data[..taken]);
    framing.filled(taken);
    while let Ok(Progress::Complete) = framing.advance() {
        let sentence = Sentence::new(framing.words());
        let _ = (sentence.kind(), sentence.message(), sentence.section());
        assert!(sentence.tag().is_none() || sentence.is_tagged());
        for name in NAMES {
            let value = sentence.get(name);
            assert_eq!(value, plainly(framing.words().iter(), name), "{name}");
            assert_eq!(sentence.integer(name), value.and_then(decimal));
            assert_eq!(sentence.rate(name), value.and_then(rate));
            assert_eq!(sentence.duration(name), value.and_then(duration));
            assert!(sentence.text(name).is_none_or(|text| Some(text.as_bytes()) == value));
            assert!(sentence.integer(name).is_none_or(|whole| sentence.rate(name) == Some(whole)));
        }
    }
}

/// The value by another way: the word `=name`, or the rest of a word with the beginning `=name=`.
fn plainly<'a>(words: impl Iterator<Item = &'a [u8]>, name: &str) -> Option<&'a [u8]> {
    let bare = format!("={name}").into_bytes();
    let with_value = format!("={name}=").into_bytes();
    words
        .skip(1)
        .find(|word| *word == bare || word.starts_with(&with_value))
        .map(|word| word.get(with_value.len()..).unwrap_or_default())
}
