//! The RouterOS API's framing as the router speaks it: length prefixes, words, sentences. No I/O.
//!
//! Written from MikroTik's description (API page, "API words") and on purpose not shared with the agent, so that one
//! cannot hide the other's mistakes.

/// The longest sentence accepted once logged in, in bytes: keeps a mistaken client from filling this process.
pub const MAX_SENTENCE: usize = 1 << 20;

/// The longest sentence accepted before login, in bytes; RouterOS has such a limit and does not publish the number.
pub const MAX_SENTENCE_BEFORE_LOGIN: usize = 4096;

/// Why the bytes of a client are not sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// A first byte of 0xF8 or above: reserved control bytes.
    #[error("control byte {0:#04x} is reserved")]
    Reserved(u8),
    /// More bytes than the given limit.
    #[error("sentence is longer than {0} bytes")]
    TooLong(usize),
}

/// Appends the length prefix for a word of `length` bytes.
pub fn encode_length(length: u32, out: &mut Vec<u8>) {
    let bytes = length.to_be_bytes();
    match length {
        0..0x80 => out.push(bytes[3]),
        0x80..0x4000 => out.extend([bytes[2] | 0x80, bytes[3]]),
        0x4000..0x20_0000 => out.extend([bytes[1] | 0xC0, bytes[2], bytes[3]]),
        0x20_0000..0x1000_0000 => out.extend([bytes[0] | 0xE0, bytes[1], bytes[2], bytes[3]]),
        _ => {
            out.push(0xF0);
            out.extend(bytes);
        }
    }
}

/// Appends one word: its length prefix and its bytes.
pub fn encode_word(word: &[u8], out: &mut Vec<u8>) {
    encode_length(u32::try_from(word.len()).unwrap_or(u32::MAX), out);
    out.extend_from_slice(word);
}

/// Encodes a sentence: the words and a zero-length word at the end.
pub fn encode_sentence<W: AsRef<[u8]>>(words: impl IntoIterator<Item = W>) -> Vec<u8> {
    let mut out = Vec::new();
    for word in words {
        encode_word(word.as_ref(), &mut out);
    }
    out.push(0);
    out
}

/// Reads a length prefix: the length and the prefix's own size in bytes, or `None` for more bytes.
///
/// # Errors
/// [`FramingError::Reserved`] for a first byte of 0xF8 and above.
pub fn decode_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, FramingError> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let (size, mask) = match first {
        0x00..=0x7F => (1, 0x7F),
        0x80..=0xBF => (2, 0x3F),
        0xC0..=0xDF => (3, 0x1F),
        0xE0..=0xEF => (4, 0x0F),
        0xF0..=0xF7 => (5, 0x00),
        _ => return Err(FramingError::Reserved(first)),
    };
    let Some(rest) = bytes.get(1..size) else { return Ok(None) };
    let length = rest.iter().fold(usize::from(first & mask), |length, &byte| (length << 8) | usize::from(byte));
    Ok(Some((length, size)))
}

/// Collects bytes as they arrive and hands out whole sentences.
#[derive(Debug, Default)]
pub struct SentenceReader {
    buffer: Vec<u8>,
}

impl SentenceReader {
    /// Takes bytes, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The words of the next whole sentence, or `None` for more bytes. Empty sentences are skipped, as RouterOS does.
    ///
    /// # Errors
    /// [`FramingError`]; the connection cannot go on afterwards.
    pub fn next_sentence(&mut self, limit: usize) -> Result<Option<Vec<Vec<u8>>>, FramingError> {
        loop {
            let Some((words, used)) = decode_sentence(&self.buffer, limit)? else { return Ok(None) };
            self.buffer.drain(..used);
            if !words.is_empty() {
                return Ok(Some(words));
            }
        }
    }
}

/// The words of a sentence and the sentence's size in bytes.
type Decoded = (Vec<Vec<u8>>, usize);

fn decode_sentence(bytes: &[u8], limit: usize) -> Result<Option<Decoded>, FramingError> {
    let (mut words, mut at) = (Vec::new(), 0);
    loop {
        let Some((length, size)) = decode_length(&bytes[at..])? else { return Ok(None) };
        if length > limit || at + size + length > limit {
            return Err(FramingError::TooLong(limit));
        }
        at += size;
        if length == 0 {
            return Ok(Some((words, at)));
        }
        let Some(word) = bytes.get(at..at + length) else { return Ok(None) };
        words.push(word.to_vec());
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_size_at_its_edges() {
        for length in [0, 0x7F, 0x80, 0x3FFF, 0x4000, 0x1F_FFFF, 0x20_0000, 0xFFF_FFFF, 0x1000_0000, 0xFFFF_FFFF_u32] {
            let mut bytes = Vec::new();
            encode_length(length, &mut bytes);
            let decoded = decode_length(&bytes).expect("not reserved").expect("whole");
            assert_eq!(decoded, (length as usize, bytes.len()), "{length:#x}");
            assert_eq!(decode_length(&bytes[..bytes.len() - 1]), Ok(None), "{length:#x} cut short");
        }
        assert_eq!(decode_length(&[0xF8]), Err(FramingError::Reserved(0xF8)));
    }

    #[test]
    fn a_sentence_cut_at_every_byte_is_the_same_sentence() {
        let words = [b"/login".to_vec(), vec![b'x'; 200], b"=a=".to_vec()];
        let mut reader = SentenceReader::default();
        let bytes = encode_sentence(&words);
        for (at, byte) in bytes.iter().enumerate() {
            reader.push(&[*byte]);
            let sentence = reader.next_sentence(MAX_SENTENCE).expect("well formed");
            assert_eq!(sentence.is_some(), at + 1 == bytes.len());
        }
        reader.push(&[0, 0]);
        reader.push(&bytes);
        assert_eq!(reader.next_sentence(MAX_SENTENCE).expect("well formed"), Some(words.to_vec()));
    }

    #[test]
    fn a_sentence_over_the_limit_is_refused_before_it_is_whole() {
        let mut reader = SentenceReader::default();
        reader.push(&[0xF0, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert_eq!(reader.next_sentence(4096), Err(FramingError::TooLong(4096)));
    }
}
