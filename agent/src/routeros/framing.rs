//! Finds sentences in a connection's bytes, in one fixed buffer with bounds of our own. No I/O, no meaning.
//!
//! A sentence is words. A word is a length and as many bytes. A word of no bytes ends the sentence (MikroTik's "API"
//! page). Bytes may arrive in pieces of any size, and an unfinished sentence is no error.
//!
//! A sentence too large for the buffer is cut. Each word keeps the beginning, so the log can name the row. The next
//! sentence is read as ever.

use heapless::Vec;
use mikrotik_rs::proto::codec::{self, Decode};

/// The most words in a whole sentence; a row of `monitor-traffic` has about 20.
pub const MAX_WORDS: usize = 64;

/// The longest whole sentence, in bytes of all words; a row of a table has a few hundred.
pub const MAX_SENTENCE: usize = 64 * 1024;

/// The longest sentence that is passed over, in bytes of all words. Beyond this the connection is dropped.
pub const MAX_PASSED: usize = 1024 * 1024;

/// The kept beginning of each word of a cut sentence, in bytes.
pub const KEPT: usize = 64;

/// The longest prefix of a word.
const PREFIX: usize = 5;

/// One word more than is kept whole: a cut sentence's tag may come last.
const SPANS: usize = MAX_WORDS + 1;

/// The last word of a sentence is empty and has a prefix too.
const CAPACITY: usize = MAX_SENTENCE + KEPT * SPANS + PREFIX * (SPANS + 1);

/// With less free space, the unfinished sentence moves to the front. Reads then stay large.
const LOW_WATER: usize = 4 * 1024;

/// Why bytes are not a sentence. Nothing after them can be trusted: the connection is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// A length with a first byte of 0xF8 or above; the protocol reserves these.
    #[error("router sent the reserved control byte {0:#04x}")]
    ControlByte(u8),
    /// A word above [`MAX_PASSED`].
    #[error("router announced a word of {0} bytes; at most {MAX_PASSED} are read")]
    WordTooLong(u32),
    /// A sentence above [`MAX_PASSED`].
    #[error("router sent a sentence of more than {MAX_PASSED} bytes")]
    SentenceTooLong,
}

/// A word's place in the buffer, counted from the sentence's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    at: u32,
    length: u32,
}

impl Span {
    /// The word's bytes; none for a span of another sentence.
    pub(crate) fn of(self, sentence: &[u8]) -> &[u8] {
        let at = self.at as usize;
        sentence.get(at..at + self.length as usize).unwrap_or_default()
    }
}

/// The words of one sentence, in the receive buffer.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
    cut: bool,
}

impl<'a> Words<'a> {
    /// The words in order of arrival; there is at least one, and none is empty.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let bytes = self.bytes;
        self.spans.iter().map(move |span| span.of(bytes))
    }

    /// True if the sentence was too large: words have only their beginnings, and some may be missing.
    pub const fn is_cut(&self) -> bool {
        self.cut
    }

    /// The first word: the kind of the reply.
    pub fn first(&self) -> &'a [u8] {
        self.spans.first().map_or(&[], |span| span.of(self.bytes))
    }
}

/// Whether a sentence lies ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More bytes are needed.
    Incomplete,
    /// [`Framing::words`] gives a sentence.
    Complete,
}

/// The receive buffer of a connection, and the sentence in progress.
#[derive(Debug)]
pub struct Framing {
    buffer: Box<[u8]>,
    /// First byte of the sentence in progress or, after [`Progress::Complete`], of the complete one.
    start: usize,
    /// First byte behind the last complete word.
    scanned: usize,
    /// First free byte.
    end: usize,
    spans: Vec<Span, SPANS>,
    /// Bytes of words in the sentence in progress, dropped ones included.
    length: usize,
    /// The number of bytes to drop next.
    skipping: usize,
    /// True if the sentence in progress is too large.
    cut: bool,
    complete: bool,
}

impl Framing {
    /// Allocates the buffer, once.
    pub fn new() -> Self {
        Self {
            buffer: vec![0; CAPACITY].into_boxed_slice(),
            start: 0,
            scanned: 0,
            end: 0,
            spans: Vec::new(),
            length: 0,
            skipping: 0,
            cut: false,
            complete: false,
        }
    }

    /// The buffer for the next bytes. Never empty after [`Progress::Incomplete`].
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end || CAPACITY - self.end < LOW_WATER {
            self.buffer.copy_within(self.start..self.end, 0);
            self.scanned -= self.start;
            self.end -= self.start;
            self.start = 0;
        }
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// Takes the number of bytes put into [`space`](Self::space).
    pub fn filled(&mut self, bytes: usize) {
        self.end = CAPACITY.min(self.end + bytes);
    }

    /// Drops the previous sentence and looks for the next one.
    ///
    /// # Errors
    /// [`FramingError`]; every later call returns the same.
    pub fn advance(&mut self) -> Result<Progress, FramingError> {
        if std::mem::take(&mut self.complete) {
            self.next_sentence();
        }
        loop {
            if !self.skip() {
                return Ok(Progress::Incomplete);
            }
            let rest = self.buffer.get(self.scanned..self.end).unwrap_or_default();
            let Some((length, prefix)) = decode_length(rest)? else { return Ok(Progress::Incomplete) };
            if length == 0 {
                self.scanned += prefix;
                if self.spans.is_empty() {
                    // A sentence without words says nothing.
                    self.next_sentence();
                    continue;
                }
                self.complete = true;
                return Ok(Progress::Complete);
            }
            let present = rest.len();
            let kept = self.kept_of(length)?;
            if present < prefix + kept {
                return Ok(Progress::Incomplete);
            }
            self.take_word(prefix, kept, length as usize);
        }
    }

    /// The complete sentence, after [`Progress::Complete`].
    pub fn words(&self) -> Words<'_> {
        let spans = if self.complete { self.spans.as_slice() } else { &[] };
        Words { bytes: self.buffer.get(self.start..self.scanned).unwrap_or_default(), spans, cut: self.cut }
    }

    fn next_sentence(&mut self) {
        self.start = self.scanned;
        self.spans.clear();
        self.length = 0;
        self.cut = false;
    }

    /// Drops the bytes to be dropped, as far as they arrived. True if none are left.
    fn skip(&mut self) -> bool {
        let present = self.skipping.min(self.end - self.scanned);
        if present > 0 {
            self.buffer.copy_within(self.scanned + present..self.end, self.scanned);
            self.end -= present;
            self.skipping -= present;
        }
        self.skipping == 0
    }

    /// The number of bytes to keep of a word of this length. The decision comes before the bytes: they might not fit.
    fn kept_of(&mut self, length: u32) -> Result<usize, FramingError> {
        let bytes = length as usize;
        if bytes > MAX_PASSED {
            return Err(FramingError::WordTooLong(length));
        }
        if self.length + bytes > MAX_PASSED {
            return Err(FramingError::SentenceTooLong);
        }
        self.cut |= self.length + bytes > MAX_SENTENCE || self.spans.len() >= MAX_WORDS;
        Ok(if self.cut { bytes.min(KEPT) } else { bytes })
    }

    /// Takes a word, or the beginning of one. Of the words beyond [`MAX_WORDS`] only a tag is taken.
    fn take_word(&mut self, prefix: usize, kept: usize, length: usize) {
        let at = self.scanned + prefix;
        let is_tag = self.buffer.get(at..at + kept).is_some_and(|word| word.starts_with(b".tag="));
        let span = Span { at: u32::try_from(at - self.start).unwrap_or(u32::MAX), length: kept as u32 };
        self.length += length;
        if (self.spans.len() < MAX_WORDS || is_tag) && self.spans.push(span).is_ok() {
            self.scanned = at + kept;
            self.skipping = length - kept;
        } else {
            self.skipping = prefix + length;
        }
    }
}

impl Default for Framing {
    fn default() -> Self {
        Self::new()
    }
}

/// A word's length, and the size of the length prefix; `None` until the prefix is complete.
fn decode_length(bytes: &[u8]) -> Result<Option<(u32, usize)>, FramingError> {
    match codec::decode_length(bytes) {
        Ok(Decode::Complete { value, .. }) => Ok(Some(value)),
        Ok(Decode::Incomplete { .. }) => Ok(None),
        Err(_) => Err(FramingError::ControlByte(bytes.first().copied().unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Sentences = std::vec::Vec<std::vec::Vec<std::vec::Vec<u8>>>;

    /// Feeds the bytes in pieces of the given lengths, over and over, and collects the whole sentences.
    fn read(bytes: &[u8], pieces: &[usize]) -> (Sentences, Result<(), FramingError>) {
        let mut framing = Framing::new();
        let mut sentences = Sentences::new();
        let mut rest = bytes;
        let mut pieces = pieces.iter().cycle();
        while !rest.is_empty() {
            let space = framing.space();
            assert!(!space.is_empty(), "nowhere to read to");
            let n = (*pieces.next().unwrap()).clamp(1, rest.len()).min(space.len());
            space[..n].copy_from_slice(&rest[..n]);
            framing.filled(n);
            rest = &rest[n..];
            loop {
                match framing.advance() {
                    Ok(Progress::Complete) if framing.words().is_cut() => {}
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

    /// The result of the codec of `mikrotik-rs` for the same bytes, all at once and without bounds.
    fn oracle(bytes: &[u8]) -> (Sentences, bool) {
        let mut sentences = Sentences::new();
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

    fn encode(sentences: &Sentences) -> std::vec::Vec<u8> {
        let mut bytes = std::vec::Vec::new();
        for sentence in sentences {
            sentence.iter().for_each(|word| codec::encode_word(word, &mut bytes));
            codec::encode_terminator(&mut bytes);
        }
        bytes
    }

    fn word() -> impl Strategy<Value = std::vec::Vec<u8>> {
        // Short words, and words around each length with a longer prefix. Several long ones exceed a sentence together.
        let length =
            prop_oneof![16 => 1_usize..40, 4 => 120_usize..136, 2 => 16_370_usize..16_400, 1 => 30_000_usize..40_000];
        (length, any::<u8>()).prop_map(|(n, seed)| (0..n).map(|i| seed.wrapping_add(i as u8)).collect())
    }

    /// The sentences within the bounds.
    fn lawful(sentences: &Sentences) -> Sentences {
        let is_lawful = |sentence: &&std::vec::Vec<std::vec::Vec<u8>>| {
            sentence.len() <= MAX_WORDS && sentence.iter().map(std::vec::Vec::len).sum::<usize>() <= MAX_SENTENCE
        };
        sentences.iter().filter(is_lawful).cloned().collect()
    }

    proptest! {
        #[test]
        fn any_split_gives_the_sentences_that_were_sent_but_those_that_are_too_large(
            sentences in prop::collection::vec(prop::collection::vec(word(), 1..5), 0..12),
            pieces in prop::collection::vec(1_usize..3_000, 1..6),
        ) {
            let bytes = encode(&sentences);
            prop_assert_eq!(read(&bytes, &pieces), (lawful(&sentences), Ok(())));
            prop_assert_eq!(oracle(&bytes), (sentences, true));
        }

        /// Small lengths are likely: the bytes then often form sentences.
        #[test]
        fn any_bytes_are_read_as_the_oracle_reads_them_or_refused(
            bytes in prop::collection::vec(prop_oneof![3 => 0_u8..5, 1 => any::<u8>()], 0..600),
            pieces in prop::collection::vec(1_usize..60, 1..4),
        ) {
            let (ours, outcome) = read(&bytes, &pieces);
            let (theirs, fine) = oracle(&bytes);
            let theirs = lawful(&theirs);
            match outcome {
                Ok(()) => {
                    prop_assert!(fine);
                    prop_assert_eq!(ours, theirs);
                }
                Err(FramingError::ControlByte(_)) => {
                    prop_assert!(!fine);
                    prop_assert_eq!(ours, theirs);
                }
                // The oracle goes on beyond our bounds; up to there both agree.
                Err(_) => prop_assert!(theirs.starts_with(&ours)),
            }
        }
    }

    #[test]
    fn one_byte_at_a_time_is_the_same_sentence() {
        let sentences = vec![vec![b"!re".to_vec(), b".tag=7".to_vec(), b"=name=<pppoe-\xE9>".to_vec()]];
        assert_eq!(read(&encode(&sentences), &[1]), (sentences, Ok(())));
    }

    /// The first sentence, whole or cut.
    fn first_of(sentence: std::vec::Vec<std::vec::Vec<u8>>, after: &[u8]) -> (std::vec::Vec<std::vec::Vec<u8>>, bool) {
        let bytes = [encode(&vec![sentence]), after.to_vec()].concat();
        let (mut framing, mut rest) = (Framing::new(), &bytes[..]);
        while framing.advance() == Ok(Progress::Incomplete) {
            let space = framing.space();
            let n = rest.len().min(space.len()).min(1_000);
            space[..n].copy_from_slice(&rest[..n]);
            framing.filled(n);
            rest = &rest[n..];
        }
        (framing.words().iter().map(<[u8]>::to_vec).collect(), framing.words().is_cut())
    }

    #[test]
    fn each_bound_is_kept_and_what_lies_on_it_passes() {
        let fits = vec![vec![vec![b'x'; MAX_SENTENCE]], vec![vec![b'y'; MAX_SENTENCE / MAX_WORDS]; MAX_WORDS]];
        assert_eq!(read(&encode(&fits), &[1_000]), (fits, Ok(())));
        let next = vec![vec![b"!done".to_vec()]];
        for sentence in [
            vec![vec![b'x'; MAX_SENTENCE + 1]],
            vec![vec![b'x'; MAX_PASSED]],
            vec![vec![b'x'; 1]; MAX_WORDS + 1],
            vec![vec![b'x'; 1]; MAX_PASSED],
            vec![vec![b'x'; MAX_SENTENCE], vec![b'x']],
            // A property test drew this: no word is long, all of them together are.
            vec![vec![b'x'; 16_390]; 4],
        ] {
            let bytes = [encode(&vec![sentence]), encode(&next)].concat();
            for pieces in [&[1_000][..], &[7, 100_000]] {
                assert_eq!(read(&bytes, pieces), (next.clone(), Ok(())), "the next one is whole");
            }
        }
        for (sentence, error) in [
            (vec![vec![b'x'; MAX_PASSED + 1]], FramingError::WordTooLong(MAX_PASSED as u32 + 1)),
            (vec![vec![b'x'; MAX_PASSED], vec![b'x']], FramingError::SentenceTooLong),
        ] {
            assert_eq!(read(&encode(&vec![sentence]), &[1_000]).1, Err(error));
        }
    }

    #[test]
    fn a_sentence_that_is_too_large_keeps_what_names_it() {
        let word = |text: &str| text.as_bytes().to_vec();
        let long = [word("=name=")[..].to_vec(), vec![b'x'; 70_000]].concat();
        let (words, cut) =
            first_of(vec![word("!re"), word("=.id=*1"), long.clone(), word("=user=u"), word(".tag=7")], b"");
        assert_eq!((words.len(), &words[2][..], cut), (5, &long[..KEPT], true));
        assert_eq!((&words[3], &words[4]), (&word("=user=u"), &word(".tag=7")));
        let many = [vec![word("!re")], vec![word("=a=1"); 200], vec![word(".tag=7")]].concat();
        let (words, cut) = first_of(many, b"");
        assert_eq!((words.len(), words.last(), cut), (MAX_WORDS + 1, Some(&word(".tag=7")), true));
    }

    #[test]
    fn a_length_beyond_every_bound_is_refused_before_its_bytes_arrive() {
        assert_eq!(read(&[0xF0, 0xFF, 0xFF, 0xFF, 0xFF], &[9]).1, Err(FramingError::WordTooLong(u32::MAX)));
        assert_eq!(read(&[0xF8], &[9]).1, Err(FramingError::ControlByte(0xF8)));
        // A web server's answer on the wrong port: 'H' announces a word of 72 bytes.
        assert_eq!(read(b"HTTP/1.1 400 Bad Request\r\n", &[9]), (vec![], Ok(())));
    }

    #[test]
    fn empty_sentences_are_passed_over() {
        assert_eq!(read(&[0, 0, 0, 1, b'a', 0, 0], &[2]).0, vec![vec![b"a".to_vec()]]);
    }
}
