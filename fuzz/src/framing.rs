//! RouterOS framing: with any cut of the bytes the sentences are those of mikrotik-rs, a reader of all bytes at once.
//! Of a sentence beyond the bounds, the beginnings of the words are kept.

use agent::routeros::framing::{Framing, FramingError, KEPT, MAX_SENTENCE, MAX_WORDS, Progress};
use mikrotik_rs::proto::codec::{self, Decode};

type Sentence = Vec<Vec<u8>>;

/// A sentence from the framing.
struct Framed {
    words: Sentence,
    is_cut: bool,
}

impl Framed {
    /// True if this is the oracle's sentence, or the right part of one beyond the bounds.
    fn is(&self, whole: &Sentence) -> bool {
        let is_too_large = whole.len() > MAX_WORDS || whole.iter().map(Vec::len).sum::<usize>() > MAX_SENTENCE;
        if !self.is_cut {
            return !is_too_large && self.words == *whole;
        }
        let (first, last) = self.words.split_at(self.words.len().min(MAX_WORDS));
        let begins = |kept: &Vec<u8>, word: &Vec<u8>| kept == word || kept.len() == KEPT && word.starts_with(kept);
        let is_tag = |kept: &Vec<u8>| kept.starts_with(b".tag=") && whole.iter().any(|word| begins(kept, word));
        is_too_large
            && first.len() == whole.len().min(MAX_WORDS)
            && first.iter().zip(whole).all(|(kept, word)| begins(kept, word))
            && last.iter().all(is_tag)
    }
}

/// The first byte is the length of the pieces, the rest is the router's.
pub fn holds(data: &[u8]) {
    let (piece, bytes) = super::pieces(data);
    let (ours, outcome) = read(bytes, piece);
    let (theirs, fine) = oracle(bytes);
    let agree = ours.len() <= theirs.len() && ours.iter().zip(&theirs).all(|(framed, whole)| framed.is(whole));
    let is_all = ours.len() == theirs.len();
    match outcome {
        Ok(()) => assert!(fine && agree && is_all, "the oracle reads other sentences"),
        Err(FramingError::ControlByte(_)) => assert!(!fine && agree && is_all, "the oracle reads on"),
        // Our bounds end the connection; the oracle has none and goes on.
        Err(_) => assert!(agree, "the oracle reads other sentences before the bound"),
    }
}

fn read(bytes: &[u8], piece: usize) -> (Vec<Framed>, Result<(), FramingError>) {
    let mut framing = Framing::new();
    let mut sentences = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let space = framing.space();
        assert!(!space.is_empty(), "nowhere to read to");
        let (taken, later) = rest.split_at(piece.min(rest.len()).min(space.len()));
        space[..taken.len()].copy_from_slice(taken);
        framing.filled(taken.len());
        rest = later;
        loop {
            match framing.advance() {
                Ok(Progress::Complete) => {
                    let words = framing.words();
                    let framed = Framed { words: words.iter().map(<[u8]>::to_vec).collect(), is_cut: words.is_cut() };
                    sentences.push(framed);
                }
                Ok(Progress::Incomplete) => break,
                Err(error) => {
                    assert_eq!(framing.advance(), Err(error), "the error does not stay");
                    return (sentences, Err(error));
                }
            }
        }
    }
    (sentences, Ok(()))
}

fn oracle(bytes: &[u8]) -> (Vec<Sentence>, bool) {
    let mut sentences = Vec::new();
    let mut rest = bytes;
    loop {
        match codec::decode_sentence(rest) {
            Ok(Decode::Complete { value, bytes_consumed }) => {
                if !value.is_empty() {
                    sentences.push(value.words().map(<[u8]>::to_vec).collect());
                }
                rest = &rest[bytes_consumed..];
            }
            Ok(Decode::Incomplete { .. }) => return (sentences, true),
            Err(_) => return (sentences, false),
        }
    }
}
