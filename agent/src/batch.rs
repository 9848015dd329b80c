//! Makes a numbered, encoded batch of the samples of one tick, and puts the batch into the backlog. No I/O.

use shared::frame::{self, Header, Reach};
use shared::{Detail, Epoch, Sample};
use tokio::time::Instant;

use crate::handover::Handover;

/// The most samples in one batch: at 17 bytes a sample the largest batch stays below
/// [`MAX_UPLINK_FRAME`](shared::MAX_UPLINK_FRAME). A tick with more becomes several batches.
pub const SAMPLES_PER_BATCH: usize = 15_000;

/// The most samples with details in one batch: at 17 bytes a sample, 3 for its response and 7 for its drops the largest
/// batch stays below the same limit.
const DETAILED_PER_BATCH: usize = 9_000;

/// The most averages in one batch, about 16 KB: on a slow uplink a live second waits behind at most one such batch.
pub const AVERAGES_PER_BATCH: usize = 2_000;

/// Numbers and encodes the batches of one run of the agent; all batches share a buffer.
#[derive(Debug)]
pub struct Batcher {
    epoch: Epoch,
    bytes: Vec<u8>,
    details: Vec<Detail>,
}

impl Batcher {
    /// Starts the epoch; the first batch has the backlog's next sequence number.
    pub const fn new(epoch: Epoch) -> Self {
        Self { epoch, bytes: Vec::new(), details: Vec::new() }
    }

    /// Puts a tick's samples into the backlog and wakes the uplink's task. The samples come in any order and are sorted
    /// here. Of two samples of one line one counts; the sampler gives no such two. No samples make an empty batch: the
    /// router is alive.
    pub fn close(&mut self, handover: &Handover, now: Instant, samples: &mut [Sample]) {
        let count = sort_and_merge(samples);
        let uptime_ms = handover.uptime_ms(now);
        if count == 0 {
            self.push(handover, now, |header, out| frame::encode(header, &[], out), uptime_ms);
        }
        if self.take_details(handover, &samples[..count]) {
            self.push_detailed(handover, now, &samples[..count], uptime_ms);
        } else {
            for chunk in samples[..count].chunks(SAMPLES_PER_BATCH) {
                self.push(handover, now, |header, out| frame::encode(header, chunk, out), uptime_ms);
            }
        }
        handover.to_uplink.notify_one();
    }

    /// Puts averages of the time `at` into the backlog, and wakes the uplink's task. Averages come by rising handle.
    pub fn close_averages(&mut self, handover: &Handover, at: Instant, reach: Reach, averages: &[Sample]) {
        let uptime_ms = handover.uptime_ms(at);
        for chunk in averages.chunks(AVERAGES_PER_BATCH) {
            self.push(handover, at, |header, out| frame::encode_averages(header, reach, chunk, out), uptime_ms);
        }
        handover.to_uplink.notify_one();
    }

    /// Takes what waits for these samples. Returns true if there is anything.
    fn take_details(&mut self, handover: &Handover, samples: &[Sample]) -> bool {
        let mut pending = handover.pending.borrow_mut();
        self.details.clear();
        self.details.extend(samples.iter().map(|sample| pending.take(sample.line)));
        self.details.iter().any(|detail| *detail != Detail::default())
    }

    fn push_detailed(&mut self, handover: &Handover, now: Instant, samples: &[Sample], uptime_ms: u64) {
        let details = std::mem::take(&mut self.details);
        for (samples, details) in samples.chunks(DETAILED_PER_BATCH).zip(details.chunks(DETAILED_PER_BATCH)) {
            self.push(handover, now, |header, out| frame::encode_detailed(header, samples, details, out), uptime_ms);
        }
        self.details = details;
    }

    fn push(&mut self, handover: &Handover, now: Instant, encode: impl Fn(&Header, &mut Vec<u8>), uptime_ms: u64) {
        let mut backlog = handover.backlog.borrow_mut();
        let header = Header { epoch: self.epoch, sequence: backlog.next_sequence(), uptime_ms, replayed: false };
        self.bytes.clear();
        encode(&header, &mut self.bytes);
        backlog.push(now, &self.bytes);
    }
}

/// Sorts by handle, in place and without allocation, keeps one of two samples of one line, for a frame holds none twice,
/// and returns how many are left at the front.
fn sort_and_merge(samples: &mut [Sample]) -> usize {
    samples.sort_unstable_by_key(|sample| sample.line);
    let mut kept = 0;
    for nth in 0..samples.len() {
        if kept > 0 && samples[kept - 1].line == samples[nth].line {
            kept -= 1;
        }
        samples[kept] = samples[nth];
        kept += 1;
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::LineHandle;
    use shared::frame::{Batch, MAX_SAMPLE_BYTES};

    use super::*;
    use crate::backlog::Backlog;
    use crate::handover::WatchSet;
    use crate::sessions::LineTable;

    fn sample(line: u32, download: u64) -> Sample {
        Sample { line: LineHandle(line), download, upload: 1 }
    }

    fn handover() -> Handover {
        let backlog = Backlog::new(1024 * 1024, Duration::from_secs(120));
        Handover::new(LineTable::new(10), backlog, WatchSet::new(10), Instant::now())
    }

    fn encoded(handover: &Handover) -> Vec<Vec<u8>> {
        let backlog = handover.backlog.borrow();
        let mut cursor = backlog.cursor(0);
        std::iter::from_fn(|| {
            let mut out = Vec::new();
            backlog.read(&mut cursor, &mut out).map(|_| out)
        })
        .collect()
    }

    fn batches(handover: &Handover) -> Vec<(Header, Vec<Sample>)> {
        let backlog = handover.backlog.borrow();
        let mut cursor = backlog.cursor(0);
        let mut out = Vec::new();
        std::iter::from_fn(|| {
            backlog.read(&mut cursor, &mut out)?;
            let batch = Batch::parse(&out).unwrap();
            Some((batch.header, batch.samples().collect()))
        })
        .collect()
    }

    #[test]
    fn samples_are_sorted_and_one_of_two_counts() {
        let handover = handover();
        let mut batcher = Batcher::new(Epoch(9));
        let at = handover.started + Duration::from_millis(1_500);
        batcher.close(&handover, at, &mut [sample(7, 70), sample(3, 30), sample(7, 70), sample(1, 10)]);
        batcher.close(&handover, at, &mut []);
        let header = |sequence| Header { epoch: Epoch(9), sequence, uptime_ms: 1_500, replayed: false };
        let expected = [(header(1), vec![sample(1, 10), sample(3, 30), sample(7, 70)]), (header(2), vec![])];
        assert_eq!(batches(&handover), expected);
    }

    #[test]
    fn details_go_with_the_next_sample_of_their_line() {
        use shared::Response;
        let handover = handover();
        let mut batcher = Batcher::new(Epoch(9));
        handover.pending.borrow_mut().note(LineHandle(3), Response::Micros(12_000));
        handover.pending.borrow_mut().note_drops(LineHandle(7), 4);
        (0..2).for_each(|_| batcher.close(&handover, handover.started, &mut [sample(7, 70), sample(3, 30)]));
        let details: Vec<Vec<Detail>> =
            encoded(&handover).iter().map(|bytes| Batch::parse(bytes).unwrap().details().collect()).collect();
        let micros = Detail { response: Response::Micros(12_000), drops: 0 };
        let drops = Detail { response: Response::NotMeasured, drops: 4 };
        assert_eq!(details, [vec![micros, drops], vec![Detail::default(); 2]]);
        assert_eq!(encoded(&handover)[1][0], shared::frame::Kind::Samples as u8, "without details as ever");
    }

    #[test]
    fn the_largest_detailed_batch_stays_below_the_uplinks_bound() {
        let samples: Vec<_> = (1..=DETAILED_PER_BATCH as u32)
            .map(|n| Sample { line: LineHandle(n << 18), download: u64::MAX, upload: u64::MAX })
            .collect();
        let details = vec![Detail { response: shared::Response::Micros(u32::MAX), drops: u32::MAX }; samples.len()];
        let header = Header { epoch: Epoch(9), sequence: u64::MAX, uptime_ms: u64::MAX, replayed: false };
        let mut bytes = Vec::new();
        frame::encode_detailed(&header, &samples[..], &details, &mut bytes);
        assert!(bytes.len() <= shared::MAX_UPLINK_FRAME, "{} bytes", bytes.len());
    }

    #[test]
    fn the_largest_batch_stays_below_the_uplinks_bound() {
        let handover = handover();
        let mut samples: Vec<_> = (0..SAMPLES_PER_BATCH as u32 + 1)
            .map(|n| Sample { line: LineHandle(n * 200_000), download: u64::MAX, upload: u64::MAX })
            .collect();
        Batcher::new(Epoch(1)).close(&handover, handover.started, &mut samples);
        assert_eq!(batches(&handover).iter().map(|(_, samples)| samples.len()).collect::<Vec<_>>(), [15_000, 1]);
        let backlog = handover.backlog.borrow();
        let mut out = Vec::new();
        backlog.read(&mut backlog.cursor(1), &mut out);
        assert!(out.len() <= shared::MAX_UPLINK_FRAME, "{} bytes", out.len());
        assert!(out.len() <= SAMPLES_PER_BATCH * MAX_SAMPLE_BYTES + 64);
    }
}
