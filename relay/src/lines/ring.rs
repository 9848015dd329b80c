//! The last minutes of a watched line, packed: a sample is some nine bytes and not 40, for most lines have one viewer,
//! whose memory this is.

use std::collections::VecDeque;

use crate::clock::UnixMillis;
use crate::wire::response::Measured;
use crate::wire::viewer_frame::TimedSample;

/// How far back the samples go, milliseconds.
pub(crate) const HISTORY_MS: i64 = 5 * 60 * 1_000;

/// Samples of a chunk. A chunk is dropped or rewritten as a whole.
const CHUNK: u16 = 60;

/// The most bytes of a sample: three varints of 64 bits, and two of 32.
const LONGEST: usize = 40;

/// Flags in the low bits of a packed download: the sample has a response, and has drops.
const HAS_RESPONSE: u64 = 1;
const HAS_DROPS: u64 = 2;
const FLAG_BITS: u32 = 2;

/// The packed form of a lost probe. No response is that short.
const LOST: u32 = 0;

/// Room for the newest samples beside the rest of the line, some seven of them.
const TAIL: usize = 63;

/// Growth of a chunk, some fifteen samples: it grows four times a minute, and little room is spare.
const GROWTH: usize = 128;

/// A distance of two samples in one byte, milliseconds.
const USUAL_DISTANCE: i64 = 1_000;

/// Samples by strictly rising time; those older than [`HISTORY_MS`] are forgotten.
#[derive(Debug, Default)]
pub(crate) struct SampleRing {
    sealed: VecDeque<Chunk>,
    /// The last time of the first sealed chunk, if there is one: to look there each second is a cache miss.
    first_ends: UnixMillis,
    open: Chunk,
    tail: Tail,
}

/// The newest samples of the open chunk. They go into the chunk together: a write to the chunk each second is a cache
/// miss.
#[derive(Debug)]
struct Tail {
    length: u8,
    bytes: [u8; TAIL],
}

impl Default for Tail {
    fn default() -> Self {
        Self { length: 0, bytes: [0; TAIL] }
    }
}

/// Samples one after the other, each as varints: the distance in time, zigzag; the download with two flags below it; the
/// upload; the response and the drops, where the flags say so.
#[derive(Debug, Default)]
struct Chunk {
    first: UnixMillis,
    last: UnixMillis,
    count: u16,
    bytes: Vec<u8>,
}

impl SampleRing {
    /// The newest sample's time.
    pub(crate) fn newest(&self) -> Option<UnixMillis> {
        match self.open.count {
            0 => self.sealed.back().map(|chunk| chunk.last),
            _ => Some(self.open.last),
        }
    }

    /// Adds a sample newer than all others. Drops any other one.
    pub(crate) fn push(&mut self, sample: TimedSample) {
        if self.newest().is_some_and(|newest| sample.t <= newest) {
            return;
        }
        if self.tail.room() < LONGEST {
            self.tail.empty_into(&mut self.open.bytes);
        }
        self.open.push(sample, &mut self.tail);
        if self.open.count == CHUNK {
            self.tail.empty_into(&mut self.open.bytes);
            let mut full = std::mem::take(&mut self.open);
            full.bytes.shrink_to_fit();
            self.sealed.push_back(full);
            self.first_ends = self.sealed.front().map_or(UnixMillis::default(), |first| first.last);
        }
        while self.first_ends < sample.t - HISTORY_MS && self.sealed.pop_front().is_some() {
            self.first_ends = self.sealed.front().map_or(UnixMillis::default(), |first| first.last);
        }
    }

    /// The samples, oldest first, none older than [`HISTORY_MS`] before the newest.
    pub(crate) fn iter(&self) -> impl Iterator<Item = TimedSample> {
        let oldest = self.newest().map_or(UnixMillis::MIN, |newest| newest - HISTORY_MS);
        self.all().filter(move |sample| sample.t >= oldest)
    }

    /// The newest `count` samples, oldest first.
    pub(crate) fn last(&self, count: usize) -> impl Iterator<Item = TimedSample> {
        let held: usize = self.sealed.iter().chain([&self.open]).map(|chunk| usize::from(chunk.count)).sum();
        self.all().skip(held.saturating_sub(count))
    }

    /// Puts samples of any order into their places. Keeps the held sample where two have one time. True if any was new.
    pub(crate) fn merge(&mut self, late: Vec<TimedSample>) -> bool {
        let held: Vec<TimedSample> = self.iter().collect();
        let mut all = held.clone();
        all.extend(late);
        // A stable sort: of two samples of one time, the held one stays first.
        all.sort_by_key(|sample| sample.t);
        all.dedup_by_key(|sample| sample.t);
        let changed = all.len() != held.len();
        if changed {
            *self = all.into_iter().fold(Self::default(), |mut samples, sample| {
                samples.push(sample);
                samples
            });
        }
        changed
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn all(&self) -> impl Iterator<Item = TimedSample> {
        self.sealed.iter().flat_map(|chunk| chunk.iter(&[])).chain(self.open.iter(self.tail.filled()))
    }
}

impl Tail {
    fn filled(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    fn room(&self) -> usize {
        TAIL - usize::from(self.length)
    }

    /// Appends a byte. The caller has checked the room.
    fn push(&mut self, byte: u8) {
        self.bytes[usize::from(self.length)] = byte;
        self.length += 1;
    }

    fn empty_into(&mut self, bytes: &mut Vec<u8>) {
        if bytes.capacity() - bytes.len() < self.filled().len() {
            bytes.reserve_exact(GROWTH);
        }
        bytes.extend_from_slice(self.filled());
        self.length = 0;
    }
}

impl Chunk {
    fn push(&mut self, sample: TimedSample, tail: &mut Tail) {
        if self.count == 0 {
            self.first = sample.t;
            self.last = sample.t - USUAL_DISTANCE;
        }
        put_varint(tail, zigzag(sample.t - self.last - USUAL_DISTANCE));
        let has_response = if sample.response.is_some() { HAS_RESPONSE } else { 0 };
        let has_drops = if sample.drops > 0 { HAS_DROPS } else { 0 };
        put_varint(tail, sample.down << FLAG_BITS | has_response | has_drops);
        put_varint(tail, sample.up);
        if let Some(response) = sample.response {
            put_varint(tail, response.micros().unwrap_or(LOST).into());
        }
        if sample.drops > 0 {
            put_varint(tail, sample.drops.into());
        }
        self.last = sample.t;
        self.count += 1;
    }

    /// Returns the chunk's samples. The open chunk's last ones stand in the tail.
    fn iter<'a>(&'a self, mut tail: &'a [u8]) -> impl Iterator<Item = TimedSample> + 'a {
        let mut rest = &self.bytes[..];
        let mut t = self.first - USUAL_DISTANCE;
        (0..self.count).map(move |_| {
            if rest.is_empty() {
                rest = std::mem::take(&mut tail);
            }
            t += unzigzag(take_varint(&mut rest)) + USUAL_DISTANCE;
            let (flagged, up) = (take_varint(&mut rest), take_varint(&mut rest));
            let response = (flagged & HAS_RESPONSE != 0).then(|| unpacked(take_varint(&mut rest)));
            let drops = if flagged & HAS_DROPS != 0 { take_varint(&mut rest) as u32 } else { 0 };
            TimedSample { t, down: flagged >> FLAG_BITS, up, response, drops }
        })
    }
}

/// The cast is lossless: 32 bits were put.
fn unpacked(micros: u64) -> Measured {
    match micros as u32 {
        LOST => Measured::Lost,
        micros => Measured::Micros(micros),
    }
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

fn put_varint(out: &mut Tail, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a varint of [`put_varint`].
fn take_varint(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let Some((&byte, tail)) = rest.split_first() else { break };
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(t: i64) -> TimedSample {
        let (t, down) = (UnixMillis::from_millis(t), 14_780_000 + t as u64 % 1_000);
        TimedSample { t, down, up: 620_000, ..TimedSample::default() }
    }

    fn held(seconds: impl IntoIterator<Item = i64>) -> SampleRing {
        let mut samples = SampleRing::default();
        seconds.into_iter().for_each(|second| samples.push(sample(second * 1_000)));
        samples
    }

    fn seconds(samples: impl Iterator<Item = TimedSample>) -> Vec<i64> {
        samples.map(|sample| sample.t.as_millis() / 1_000).collect()
    }

    #[test]
    fn five_minutes_are_held_and_no_more() {
        let samples = held(0..10_000);
        assert_eq!(seconds(samples.iter()), (9_699..10_000).collect::<Vec<_>>());
        assert_eq!(seconds(samples.last(3)), [9_997, 9_998, 9_999]);
        assert!(samples.sealed.len() <= 7);
    }

    #[test]
    fn five_minutes_of_a_lively_line_are_three_kilobytes() {
        let samples = held(0..10_000);
        let chunks = samples.sealed.iter().chain([&samples.open]);
        let bytes: usize = chunks.map(|chunk| chunk.bytes.capacity() + size_of::<Chunk>()).sum();
        assert!(bytes <= 3_600, "{bytes} bytes");
    }

    #[test]
    fn time_rises_strictly() {
        let mut samples = held([5, 6]);
        samples.push(TimedSample { down: 1, up: 1, ..sample(6_000) });
        samples.push(TimedSample { down: 1, up: 1, ..sample(5_500) });
        assert_eq!(seconds(samples.iter()), [5, 6]);
    }

    #[test]
    fn late_points_fill_a_hole() {
        let mut samples = held((0..10).chain(20..100));
        assert!(samples.merge((8..22).rev().map(|second| TimedSample { up: 7, ..sample(second * 1_000) }).collect()));
        assert_eq!(seconds(samples.iter()), (0..100).collect::<Vec<_>>());
        assert_eq!(samples.iter().filter(|sample| sample.up == 7).count(), 10, "what was held stays as it is");
        assert!(!samples.merge(vec![sample(3_000)]));
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_read_back(
            steps in prop::collection::vec(
                (1i64..10_000_000_000, 0u64..1 << 40, any::<u64>(), prop::option::of(any::<u32>()), any::<u32>()),
                0..200,
            ),
            start in 0i64..1 << 45,
        ) {
            let mut samples = SampleRing::default();
            let mut all = Vec::new();
            let mut t = UnixMillis::from_millis(start);
            for (step, down, up, micros, drops) in steps {
                t += step;
                let sample = TimedSample { t, down, up, response: micros.map(|micros| unpacked(micros.into())), drops };
                samples.push(sample);
                all.push(sample);
            }
            all.retain(|sample| sample.t >= t - HISTORY_MS);
            prop_assert_eq!(samples.iter().collect::<Vec<_>>(), all);
        }
    }
}
