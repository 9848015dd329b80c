//! The encoded batches of the last two minutes, in one fixed ring of bytes, for a relay that comes back.
//!
//! There are two bounds: bytes, and [`BACKLOG_SECONDS`](shared::BACKLOG_SECONDS). Batches leave by size or by age,
//! never by acknowledgement: a restarted relay has lost the acknowledged batches too, and asks for them again.
//! The backlog also numbers the batches. Each reader has a [`Cursor`].
//!
//! How far back 256 KiB reach, with one batch a second (a test computes the figures):
//!
//! | lines watched | seconds kept | bound by |
//! |---|---|---|
//! | 1 | 120 | age |
//! | 100 | 120 | age |
//! | 1,000 | 32 | bytes; 1 MiB keeps all 120 |
//! | 100, and averages of 2,000 reported ones each 30 s | 120 | age |
//! | 100, and averages of 20,000 | 58 | bytes; 1 MiB keeps all 120 |

use std::time::Duration;

use tokio::time::Instant;

use crate::clock::milliseconds;

/// Bytes before each batch in the ring: the length (4 bytes) and the time of the push (8 bytes, milliseconds).
const ENTRY_HEADER: usize = 12;

/// A ring of encoded batches with rising sequence numbers, from 1.
#[derive(Debug)]
pub struct Backlog {
    ring: Box<[u8]>,
    keep: Duration,
    /// Offsets count all bytes ever written; modulo the ring's size they are places in the ring.
    head: u64,
    tail: u64,
    oldest: u64,
    next: u64,
    /// Batch bytes in the ring, without the entries' headers.
    bytes: usize,
    /// The lowest sequence number without an acknowledgement.
    acknowledged: u64,
    /// The number of unacknowledged batches that left the ring and that no relay knows of yet.
    lost: u64,
    /// The first push, the origin of the entries' times.
    origin: Option<Instant>,
}

/// A reader's place: the next sequence number, and the offset of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    sequence: u64,
    offset: u64,
}

impl Cursor {
    /// Returns the sequence number to be read next, or skipped once the batch has left the backlog.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl Backlog {
    /// Allocates a ring of `capacity` bytes; each batch costs 12 bytes on top of the encoded length. Batches older than
    /// `keep` leave with the next push.
    pub fn new(capacity: usize, keep: Duration) -> Self {
        Self {
            ring: vec![0; capacity.max(ENTRY_HEADER)].into_boxed_slice(),
            keep,
            head: 0,
            tail: 0,
            oldest: 1,
            next: 1,
            bytes: 0,
            acknowledged: 1,
            lost: 0,
            origin: None,
        }
    }

    /// The oldest batch's sequence number; equal to [`Backlog::next_sequence`] when there is none.
    pub const fn oldest_sequence(&self) -> u64 {
        self.oldest
    }

    /// Returns the sequence number of the next batch.
    pub const fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Bytes of batches held.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the age of the oldest batch; zero without one.
    pub fn age(&self, now: Instant) -> Duration {
        if self.oldest == self.next { Duration::ZERO } else { self.age_of_entry(self.tail, now) }
    }

    /// Notes an acknowledgement of every batch below `next`. They stay: the next relay has had none.
    pub fn acknowledge(&mut self, next: u64) {
        self.acknowledged = self.acknowledged.max(next.min(self.next));
    }

    /// Returns the number of unacknowledged batches that left the ring, without those already reported.
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Subtracts the lost batches that the agent reported to a relay.
    pub const fn told_lost(&mut self, told: u64) {
        self.lost = self.lost.saturating_sub(told);
    }

    /// Returns the age of the oldest unacknowledged batch; zero without one.
    pub fn unacknowledged_age(&self, now: Instant) -> Duration {
        let oldest = self.cursor(self.acknowledged);
        if oldest.sequence == self.next { Duration::ZERO } else { self.age_of_entry(oldest.offset, now) }
    }

    /// Appends the batch numbered [`Backlog::next_sequence`], after dropping old batches by age and for room. A batch
    /// larger than the whole ring is dropped with all earlier ones; the number stays used and leaves a hole.
    pub fn push(&mut self, now: Instant, batch: &[u8]) {
        let origin = *self.origin.get_or_insert(now);
        self.expire(now);
        self.next += 1;
        let Some(length) = u32::try_from(batch.len()).ok().filter(|_| batch.len() + ENTRY_HEADER <= self.ring.len())
        else {
            self.forget_all();
            return;
        };
        while self.ring.len() - self.used() < ENTRY_HEADER + batch.len() {
            self.forget_oldest();
        }
        self.write(&length.to_le_bytes());
        self.write(&milliseconds(now.saturating_duration_since(origin)).to_le_bytes());
        self.write(batch);
        self.bytes += batch.len();
    }

    /// Drops batches above the age limit.
    pub fn expire(&mut self, now: Instant) {
        while self.oldest < self.next && self.age_of_entry(self.tail, now) > self.keep {
            self.forget_oldest();
        }
    }

    /// Returns a cursor at `sequence`, or at the nearest present or coming batch.
    pub fn cursor(&self, sequence: u64) -> Cursor {
        let mut cursor = Cursor { sequence: self.oldest, offset: self.tail };
        while cursor.sequence < sequence.min(self.next) {
            cursor = self.after(cursor);
        }
        cursor
    }

    /// Reads the batch at the cursor into the cleared `out`, and moves the cursor to the next one. A cursor whose
    /// batch has left moves to the oldest. Returns the sequence number, or nothing at the end.
    pub fn read(&self, cursor: &mut Cursor, out: &mut Vec<u8>) -> Option<u64> {
        if cursor.sequence < self.oldest {
            *cursor = Cursor { sequence: self.oldest, offset: self.tail };
        }
        if cursor.sequence >= self.next {
            return None;
        }
        let sequence = cursor.sequence;
        let start = cursor.offset + ENTRY_HEADER as u64;
        *cursor = self.after(*cursor);
        let (first, second) = self.slices(start, (cursor.offset - start) as usize);
        out.clear();
        out.extend_from_slice(first);
        out.extend_from_slice(second);
        Some(sequence)
    }

    fn after(&self, cursor: Cursor) -> Cursor {
        let length = u32::from_le_bytes(self.array(cursor.offset));
        Cursor { sequence: cursor.sequence + 1, offset: cursor.offset + ENTRY_HEADER as u64 + u64::from(length) }
    }

    fn age_of_entry(&self, offset: u64, now: Instant) -> Duration {
        let pushed = Duration::from_millis(u64::from_le_bytes(self.array(offset + 4)));
        self.origin.map_or(Duration::ZERO, |origin| now.saturating_duration_since(origin).saturating_sub(pushed))
    }

    fn forget_oldest(&mut self) {
        let next = self.after(Cursor { sequence: self.oldest, offset: self.tail });
        self.bytes -= (next.offset - self.tail) as usize - ENTRY_HEADER;
        self.lost += u64::from(self.oldest >= self.acknowledged);
        self.oldest = next.sequence;
        self.tail = next.offset;
    }

    fn forget_all(&mut self) {
        self.lost += self.next.saturating_sub(self.oldest.max(self.acknowledged));
        self.oldest = self.next;
        self.tail = self.head;
        self.bytes = 0;
    }

    const fn used(&self) -> usize {
        (self.head - self.tail) as usize
    }

    fn place(&self, offset: u64) -> usize {
        (offset % self.ring.len() as u64) as usize
    }

    fn write(&mut self, bytes: &[u8]) {
        let place = self.place(self.head);
        let (first, second) = bytes.split_at(bytes.len().min(self.ring.len() - place));
        self.ring[place..place + first.len()].copy_from_slice(first);
        self.ring[..second.len()].copy_from_slice(second);
        self.head += bytes.len() as u64;
    }

    fn slices(&self, offset: u64, length: usize) -> (&[u8], &[u8]) {
        let place = self.place(offset);
        let first = length.min(self.ring.len() - place);
        (&self.ring[place..place + first], &self.ring[..length - first])
    }

    fn array<const N: usize>(&self, offset: u64) -> [u8; N] {
        let (first, second) = self.slices(offset, N);
        let mut out = [0; N];
        out[..first.len()].copy_from_slice(first);
        out[first.len()..].copy_from_slice(second);
        out
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;
    use shared::{BACKLOG_SECONDS, Epoch, LineHandle, Sample};

    use super::*;

    const KEEP: Duration = Duration::from_secs(BACKLOG_SECONDS);

    #[test]
    fn what_leaves_unacknowledged_is_counted_until_a_relay_is_told() {
        let start = Instant::now();
        let mut backlog = Backlog::new(1_024, KEEP);
        (0..10).for_each(|second| backlog.push(start + Duration::from_secs(second), b"batch"));
        backlog.acknowledge(4);
        backlog.acknowledge(2);
        assert_eq!(backlog.unacknowledged_age(start + Duration::from_secs(9)), Duration::from_secs(6), "the fourth");
        backlog.expire(start + KEEP + Duration::from_secs(6));
        assert_eq!((backlog.oldest_sequence(), backlog.lost()), (7, 3), "4, 5 and 6; 1 to 3 were had");
        backlog.told_lost(2);
        backlog.push(start + KEEP, &[0; 2_000]);
        assert_eq!((backlog.oldest_sequence(), backlog.lost()), (12, 1 + 5), "7 to 10, and the one that is too large");
    }

    fn read_all(backlog: &Backlog, mut cursor: Cursor) -> Vec<(u64, Vec<u8>)> {
        let mut out = Vec::new();
        std::iter::from_fn(|| backlog.read(&mut cursor, &mut out).map(|sequence| (sequence, out.clone()))).collect()
    }

    /// Returns the seconds kept by a ring of `capacity` bytes: one batch of `lines` a second, and averages of
    /// `reported` lines each 30 s, nine in ten with nearly empty rates.
    fn seconds_kept(capacity: usize, lines: u32, reported: u32) -> u64 {
        let start = Instant::now();
        let mut backlog = Backlog::new(capacity, KEEP);
        let busy = |n: u32| Sample { line: LineHandle(n), download: 14_780_000 + u64::from(n), upload: 620_000 };
        let idle = |n: u32| Sample { line: LineHandle(n), download: 1_200, upload: 900 };
        let samples: Vec<_> = (0..lines).map(busy).collect();
        let averages: Vec<_> = (0..reported).map(|n| if n % 10 == 0 { busy(n) } else { idle(n) }).collect();
        let reach = shared::frame::Reach { span_ms: 30_000, interval_ms: 30_000 };
        for second in 0..1_000 {
            let header = |sequence| shared::frame::Header {
                epoch: Epoch(7),
                sequence,
                uptime_ms: 86_400_000 + second * 1_000,
                replayed: false,
            };
            let mut bytes = Vec::new();
            shared::frame::encode(&header(backlog.next_sequence()), &samples, &mut bytes);
            backlog.push(start + Duration::from_secs(second), &bytes);
            for chunk in averages.chunks(crate::batch::AVERAGES_PER_BATCH).filter(|_| second % 30 == 0) {
                bytes.clear();
                shared::frame::encode_averages(&header(backlog.next_sequence()), reach, chunk, &mut bytes);
                backlog.push(start + Duration::from_secs(second), &bytes);
            }
        }
        backlog.age(start + Duration::from_secs(999)).as_secs()
    }

    #[test]
    fn its_length_in_seconds_is_what_the_table_above_says() {
        let capacity = 256 * 1024;
        assert_eq!([1, 100, 1_000].map(|lines| seconds_kept(capacity, lines, 0)), [120, 120, 31]);
        assert_eq!(seconds_kept(1024 * 1024, 1_000, 0), 120);
        assert_eq!([2_000, 20_000].map(|reported| seconds_kept(capacity, 100, reported)), [120, 58]);
        assert_eq!(seconds_kept(1024 * 1024, 100, 20_000), 120);
    }

    #[test]
    fn a_cursor_reads_on_from_where_it_was_and_skips_what_has_left() {
        let now = Instant::now();
        let mut backlog = Backlog::new(64, KEEP);
        let mut cursor = backlog.cursor(0);
        let mut out = Vec::new();
        assert_eq!(backlog.read(&mut cursor, &mut out), None);
        backlog.push(now, b"one");
        assert_eq!((backlog.read(&mut cursor, &mut out), out.as_slice()), (Some(1), b"one".as_slice()));
        for text in ["two", "three", "four", "five", "six", "seven"] {
            backlog.push(now, text.as_bytes());
        }
        assert_eq!(backlog.oldest_sequence(), 4);
        assert_eq!((backlog.read(&mut cursor, &mut out), out.as_slice()), (Some(4), b"four".as_slice()));
        assert_eq!(cursor.sequence(), 5);
        assert_eq!(read_all(&backlog, backlog.cursor(7)), [(7, b"seven".to_vec())]);
        assert_eq!(read_all(&backlog, backlog.cursor(99)), []);
    }

    #[test]
    fn what_is_too_old_leaves_even_though_there_is_room() {
        let now = Instant::now();
        let mut backlog = Backlog::new(1_024, KEEP);
        backlog.push(now, b"old");
        backlog.push(now + Duration::from_secs(60), b"newer");
        backlog.expire(now + KEEP);
        assert_eq!(backlog.oldest_sequence(), 1);
        backlog.expire(now + KEEP + Duration::from_millis(1));
        assert_eq!((backlog.oldest_sequence(), backlog.next_sequence(), backlog.bytes()), (2, 3, 5));
        backlog.expire(now + 2 * KEEP);
        assert_eq!((backlog.oldest_sequence(), backlog.bytes()), (3, 0));
    }

    #[test]
    fn a_batch_larger_than_the_ring_takes_its_number_and_no_room() {
        let now = Instant::now();
        let mut backlog = Backlog::new(64, KEEP);
        backlog.push(now, b"one");
        backlog.push(now, &[0; 64]);
        backlog.push(now, b"three");
        assert_eq!(read_all(&backlog, backlog.cursor(1)), [(3, b"three".to_vec())]);
    }

    proptest! {
        #[test]
        fn it_holds_the_newest_batches_that_fit(
            capacity in 12usize..200,
            pushes in prop::collection::vec((0u64..50, prop::collection::vec(any::<u8>(), 0..60)), 0..60),
        ) {
            let mut now = Instant::now();
            let mut backlog = Backlog::new(capacity, KEEP);
            let mut model = VecDeque::new();
            for (wait, bytes) in pushes {
                now += Duration::from_secs(wait);
                backlog.push(now, &bytes);
                model.push_back((backlog.next_sequence() - 1, now, bytes));
                while model.iter().map(|(_, _, bytes)| bytes.len() + ENTRY_HEADER).sum::<usize>() > capacity
                    || model.front().is_some_and(|(_, pushed, _)| now - *pushed > KEEP)
                {
                    model.pop_front();
                }
                let expected: Vec<_> = model.iter().map(|(sequence, _, bytes)| (*sequence, bytes.clone())).collect();
                prop_assert_eq!(read_all(&backlog, backlog.cursor(0)), expected);
                let bytes: usize = model.iter().map(|(_, _, bytes)| bytes.len()).sum();
                prop_assert_eq!(backlog.bytes(), bytes);
            }
        }
    }
}
