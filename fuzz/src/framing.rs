//! RouterOS framing: however the bytes are cut, the sentences are those that mikrotik-rs finds in them at once.

use agent::routeros::framing::{Framing, FramingError, Progress};
use mikrotik_rs::proto::codec::{self, Decode};

type Sentence = Vec<Vec<u8>>;

/// The first byte is the length of the pieces, the rest is the router's.
pub fn holds(data: &[u8]) {
    let (piece, bytes) = super::pieces(data);
    let (ours, outcome) = read(bytes, piece);
    let (theirs, fine) = oracle(bytes);
    match outcome {
        Ok(()) => assert!(fine && ours == theirs, "the oracle reads other sentences"),
        Err(FramingError::ControlByte(_)) => assert!(!fine && ours == theirs, "the oracle reads on"),
        // Our bounds end what the oracle, which has none, goes on with.
        Err(_) => assert!(theirs.starts_with(&ours), "the oracle reads other sentences before the bound"),
    }
}

fn read(bytes: &[u8], piece: usize) -> (Vec<Sentence>, Result<(), FramingError>) {
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
                Ok(Progress::Complete) => sentences.push(framing.words().iter().map(<[u8]>::to_vec).collect()),
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
