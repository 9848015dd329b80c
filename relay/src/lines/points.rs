//! The last minutes of a watched line, packed: a point is some nine bytes and not 24, for most lines have one viewer,
//! whose memory this is.

use std::collections::VecDeque;

use crate::wire::viewer_frame::Point;

/// How far back the points go, milliseconds.
pub(crate) const HISTORY_MS: i64 = 5 * 60 * 1_000;

/// Points of a chunk: what is forgotten and rewritten at once.
const CHUNK: u16 = 60;

/// The most bytes of a point: three varints of 64 bits.
const LONGEST: usize = 30;

/// Room for the newest points beside the rest of the line, some seven of them.
const TAIL: usize = 63;

/// Bytes by which a chunk grows, some fifteen points: four times a minute and not at each doubling, and little is spare.
const GROWTH: usize = 128;

/// The distance of two points that takes one byte, milliseconds.
const USUAL_DISTANCE: i64 = 1_000;

/// Points by strictly rising time; those older than [`HISTORY_MS`] are forgotten.
#[derive(Debug, Default)]
pub(crate) struct Points {
    sealed: VecDeque<Chunk>,
    /// The last time of the first sealed chunk, if there is one: to look there each second is a cache miss.
    first_ends: i64,
    open: Chunk,
    tail: Tail,
}

/// The newest points of the open chunk, which go into it together: to go there each second is a cache miss, too.
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

/// Points one after the other, each as three varints: its time's distance, zigzag, then its rates.
#[derive(Debug, Default)]
struct Chunk {
    first: i64,
    last: i64,
    count: u16,
    bytes: Vec<u8>,
}

impl Points {
    /// The newest point's time.
    pub(crate) fn newest(&self) -> Option<i64> {
        match self.open.count {
            0 => self.sealed.back().map(|chunk| chunk.last),
            _ => Some(self.open.last),
        }
    }

    /// Adds a point that is newer than all; another one is left out.
    pub(crate) fn push(&mut self, point: Point) {
        if self.newest().is_some_and(|newest| point.t <= newest) {
            return;
        }
        if self.tail.room() < LONGEST {
            self.tail.empty_into(&mut self.open.bytes);
        }
        self.open.push(point, &mut self.tail);
        if self.open.count == CHUNK {
            self.tail.empty_into(&mut self.open.bytes);
            let mut full = std::mem::take(&mut self.open);
            full.bytes.shrink_to_fit();
            self.sealed.push_back(full);
            self.first_ends = self.sealed.front().map_or(0, |first| first.last);
        }
        while self.first_ends < point.t - HISTORY_MS && self.sealed.pop_front().is_some() {
            self.first_ends = self.sealed.front().map_or(0, |first| first.last);
        }
    }

    /// The points, oldest first, none older than [`HISTORY_MS`] before the newest.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Point> {
        let oldest = self.newest().map_or(i64::MIN, |newest| newest - HISTORY_MS);
        self.all().filter(move |point| point.t >= oldest)
    }

    /// The newest `count` points, oldest first.
    pub(crate) fn last(&self, count: usize) -> impl Iterator<Item = Point> {
        let held: usize = self.sealed.iter().chain([&self.open]).map(|chunk| usize::from(chunk.count)).sum();
        self.all().skip(held.saturating_sub(count))
    }

    /// Puts points of any order into their places; whether any was new. A time that is held already stays as it is.
    pub(crate) fn merge(&mut self, late: Vec<Point>) -> bool {
        let held: Vec<Point> = self.iter().collect();
        let mut all = held.clone();
        all.extend(late);
        // A stable sort: of two points of one time, the held one stays first.
        all.sort_by_key(|point| point.t);
        all.dedup_by_key(|point| point.t);
        let changed = all.len() != held.len();
        if changed {
            *self = all.into_iter().fold(Self::default(), |mut points, point| {
                points.push(point);
                points
            });
        }
        changed
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn all(&self) -> impl Iterator<Item = Point> {
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

    /// Appends a byte; the caller knows that there is room.
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
    fn push(&mut self, point: Point, tail: &mut Tail) {
        if self.count == 0 {
            self.first = point.t;
            self.last = point.t - USUAL_DISTANCE;
        }
        put_varint(tail, zigzag(point.t - self.last - USUAL_DISTANCE));
        put_varint(tail, point.down);
        put_varint(tail, point.up);
        self.last = point.t;
        self.count += 1;
    }

    /// Its points; of the open chunk, the last ones stand in the tail.
    fn iter<'a>(&'a self, mut tail: &'a [u8]) -> impl Iterator<Item = Point> + 'a {
        let mut rest = &self.bytes[..];
        let mut t = self.first - USUAL_DISTANCE;
        (0..self.count).map(move |_| {
            if rest.is_empty() {
                rest = std::mem::take(&mut tail);
            }
            t += unzigzag(take_varint(&mut rest)) + USUAL_DISTANCE;
            Point { t, down: take_varint(&mut rest), up: take_varint(&mut rest) }
        })
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

/// Reads what [`put_varint`] wrote.
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

    fn point(t: i64) -> Point {
        Point { t, down: 14_780_000 + t as u64 % 1_000, up: 620_000 }
    }

    fn held(seconds: impl IntoIterator<Item = i64>) -> Points {
        let mut points = Points::default();
        seconds.into_iter().for_each(|second| points.push(point(second * 1_000)));
        points
    }

    fn seconds(points: impl Iterator<Item = Point>) -> Vec<i64> {
        points.map(|point| point.t / 1_000).collect()
    }

    #[test]
    fn five_minutes_are_held_and_no_more() {
        let points = held(0..10_000);
        assert_eq!(seconds(points.iter()), (9_699..10_000).collect::<Vec<_>>());
        assert_eq!(seconds(points.last(3)), [9_997, 9_998, 9_999]);
        assert!(points.sealed.len() <= 7);
    }

    #[test]
    fn five_minutes_of_a_lively_line_are_three_kilobytes() {
        let points = held(0..10_000);
        let chunks = points.sealed.iter().chain([&points.open]);
        let bytes: usize = chunks.map(|chunk| chunk.bytes.capacity() + size_of::<Chunk>()).sum();
        assert!(bytes <= 3_600, "{bytes} bytes");
    }

    #[test]
    fn time_rises_strictly() {
        let mut points = held([5, 6]);
        points.push(Point { t: 6_000, down: 1, up: 1 });
        points.push(Point { t: 5_500, down: 1, up: 1 });
        assert_eq!(seconds(points.iter()), [5, 6]);
    }

    #[test]
    fn late_points_fill_a_hole() {
        let mut points = held((0..10).chain(20..100));
        assert!(points.merge((8..22).rev().map(|second| Point { up: 7, ..point(second * 1_000) }).collect()));
        assert_eq!(seconds(points.iter()), (0..100).collect::<Vec<_>>());
        assert_eq!(points.iter().filter(|point| point.up == 7).count(), 10, "what was held stays as it is");
        assert!(!points.merge(vec![point(3_000)]));
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_read_back(
            steps in prop::collection::vec((1i64..10_000_000_000, 0u64..1 << 40, any::<u64>()), 0..200),
            start in 0i64..1 << 45,
        ) {
            let mut points = Points::default();
            let mut all = Vec::new();
            let mut t = start;
            for (step, down, up) in steps {
                t += step;
                let point = Point { t, down, up };
                points.push(point);
                all.push(point);
            }
            all.retain(|point| point.t >= t - HISTORY_MS);
            prop_assert_eq!(points.iter().collect::<Vec<_>>(), all);
        }
    }
}
