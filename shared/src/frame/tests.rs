//! Batches as bytes.

mod details;

use super::*;
use proptest::prelude::*;

fn header(sequence: u64) -> Header {
    Header { epoch: Epoch(0x0123_4567_89ab_cdef), sequence, uptime_ms: 61_000, replayed: false }
}

#[test]
fn a_typical_sample_takes_eight_bytes() {
    let samples: Vec<_> = (0..1_000)
        .map(|n| Sample { line: LineHandle(n), download: 14_780_000 + u64::from(n), upload: 620_000 })
        .collect();
    let mut bytes = Vec::new();
    encode(&header(1), &samples, &mut bytes);
    assert!(bytes.len() <= 8 * samples.len() + 40, "{} bytes for {} samples", bytes.len(), samples.len());
}

#[test]
fn a_longer_header_of_a_later_version_is_skipped() {
    let sample = Sample { line: LineHandle(7), download: 1, upload: 2 };
    let mut bytes = Vec::new();
    encode(&header(1), &[sample], &mut bytes);
    let end = 2 + usize::from(bytes[1]);
    bytes.splice(end..end, [9, 9, 9]);
    bytes[1] += 3;
    assert_eq!(Batch::parse(&bytes).unwrap().samples().collect::<Vec<_>>(), [sample]);
}

#[test]
fn a_claimed_count_costs_no_memory() {
    let mut bytes = Vec::new();
    encode(&header(1), &[], &mut bytes);
    bytes.pop();
    put_varint(&mut bytes, u64::MAX);
    bytes[1] = (bytes.len() - 2) as u8;
    assert_eq!(Batch::parse(&bytes).unwrap_err(), FrameError::Truncated);
}

#[test]
fn rates_above_the_limit_are_clamped_when_sent_and_refused_when_read() {
    let mut bytes = Vec::new();
    encode(&header(1), &[Sample { line: LineHandle(1), download: u64::MAX, upload: 0 }], &mut bytes);
    assert_eq!(Batch::parse(&bytes).unwrap().samples().next().unwrap().download, MAX_RATE);
    let last = bytes.pop().unwrap();
    assert_eq!(last, 0);
    put_varint(&mut bytes, MAX_RATE + 1);
    assert_eq!(Batch::parse(&bytes).unwrap_err(), FrameError::Rate(MAX_RATE + 1));
}

#[test]
fn replayed_is_marked_in_place() {
    let mut bytes = Vec::new();
    encode(&header(5), &[], &mut bytes);
    mark_replayed(&mut bytes);
    assert_eq!(Batch::parse(&bytes).unwrap().header, Header { replayed: true, ..header(5) });
    mark_replayed(&mut []);
}

#[test]
fn averages_are_stripped_for_an_older_relay_and_nothing_else_is() {
    let sample = Sample { line: LineHandle(7), download: 1, upload: 2 };
    let header = Header { replayed: true, ..header(5) };
    let mut averages = Vec::new();
    encode_averages(&header, Reach { span_ms: 30_000, interval_ms: 30_000 }, &[sample], &mut averages);
    strip_averages(&mut averages);
    let mut empty = Vec::new();
    encode(&header, &[], &mut empty);
    assert_eq!(averages, empty);
    let mut samples = Vec::new();
    encode(&header, &[sample], &mut samples);
    let before = samples.clone();
    strip_averages(&mut samples);
    assert_eq!(samples, before);
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_back(
        sequence: u64,
        uptime_ms: u64,
        replayed: bool,
        reach in prop::option::of((any::<u64>(), any::<u64>())),
        rates in prop::collection::btree_map(any::<u32>(), (0..=MAX_RATE, 0..=MAX_RATE), 0..50),
    ) {
        let header = Header { epoch: Epoch(sequence ^ uptime_ms), sequence, uptime_ms, replayed };
        let samples: Vec<_> = rates
            .into_iter()
            .map(|(line, (download, upload))| Sample { line: LineHandle(line), download, upload })
            .collect();
        let reach = reach.map(|(span_ms, interval_ms)| Reach { span_ms, interval_ms });
        let mut bytes = Vec::new();
        let kind = if reach.is_some() { Kind::Averages } else { Kind::Samples };
        encode_as(kind, &header, reach, &samples, &mut bytes);
        let batch = Batch::parse(&bytes).unwrap();
        prop_assert_eq!((batch.header, batch.reach), (header, reach));
        prop_assert_eq!(batch.samples().collect::<Vec<_>>(), samples);
        for cut in 0..bytes.len() {
            prop_assert!(Batch::parse(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0u8..5) {
        if kind > 0 && bytes.len() > 2 {
            bytes[0] = kind;
            bytes[1] %= 32;
        }
        if let Ok(batch) = Batch::parse(&bytes) {
            prop_assert_eq!((batch.samples().count(), batch.details().count()), (batch.len(), batch.len()));
        }
    }
}
