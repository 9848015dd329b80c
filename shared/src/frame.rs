//! A batch of samples as one binary WebSocket message of the uplink.
//!
//! ```text
//! byte 0      kind: 1 = samples, 2 = averages
//! byte 1      length of the header that follows, in bytes; a reader skips what it does not know
//! byte 2      flags: bit 0 = sent again from the backlog
//! byte 3..11  epoch, little-endian
//! varint      sequence number, from 1
//! varint      the agent's monotonic uptime at the tick, milliseconds
//! varint      count of samples
//! varint      averages only: how far each reaches back, milliseconds
//! varint      averages only: how far apart they are taken, milliseconds
//!             (header ends where byte 1 says)
//! count varints   handles: the first as it is, each other as its distance from the one before, at least 1
//! count varints   download, bits per second
//! count varints   upload, bits per second
//! ```
//!
//! A varint is LEB128, unsigned, at most ten bytes. A typical sample is 8 bytes, the largest legal one 17.

use crate::sample::{Epoch, LineHandle, MAX_RATE, Sample};

/// The kinds of binary message; a number is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A batch of one-second samples.
    Samples = 1,
    /// A batch of averages over many seconds. An agent sends averages unasked, but only to a relay that accepts them in
    /// its [`Welcome`](crate::control::Welcome).
    Averages = 2,
}

/// The maximum size of a sample, in bytes: three varints for a distance of 32 bits and two rates of [`MAX_RATE`].
pub const MAX_SAMPLE_BYTES: usize = 17;

const FLAG_REPLAYED: u8 = 1;
const FLAGS_AT: usize = 2;
/// Kind, header length, flags, epoch.
const FIXED: usize = 11;

/// The fields before a batch's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The agent's run.
    pub epoch: Epoch,
    /// Counts batches within the epoch, from 1, without holes.
    pub sequence: u64,
    /// The agent's monotonic uptime when the router's tick arrived, in milliseconds.
    pub uptime_ms: u64,
    /// True if the agent sends the batch from the backlog, perhaps again. The batch's delay then says nothing about the
    /// clock.
    pub replayed: bool,
}

/// The period and the interval of the averages in a batch of [`Kind::Averages`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// How far each reaches back from the batch's uptime, in milliseconds.
    pub span_ms: u64,
    /// The time between two averages of an undisturbed agent, in milliseconds.
    pub interval_ms: u64,
}

/// The reason for rejecting a frame. The receiver closes the uplink, because it can trust no later frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The bytes end before the batch does.
    #[error("sample frame is cut short")]
    Truncated,
    /// The first byte names a kind unknown to this version. The receiver skips the frame: a newer agent may send such a
    /// kind.
    #[error("sample frame has unknown kind {0}")]
    UnknownKind(u8),
    /// The header's length field is smaller than the fixed part.
    #[error("sample frame has a header of {0} bytes, too short")]
    HeaderLength(u8),
    /// A varint is longer than ten bytes or more than 64 bits.
    #[error("sample frame has an overlong varint")]
    Varint,
    /// The handles do not rise, or exceed 32 bits.
    #[error("sample frame's handles do not rise")]
    HandleOrder,
    /// A rate is above [`MAX_RATE`].
    #[error("sample frame has a rate of {0} bit/s, above the limit")]
    Rate(u64),
    /// Bytes are left after the last sample.
    #[error("sample frame has {0} bytes too many")]
    Trailing(usize),
}

/// Appends the batch to `out`. The samples' handles must rise strictly. Rates above [`MAX_RATE`] become [`MAX_RATE`].
pub fn encode(header: &Header, samples: &[Sample], out: &mut Vec<u8>) {
    encode_as(header, None, samples, out);
}

/// Appends a batch of averages to `out`, as [`encode`] does one of samples.
pub fn encode_averages(header: &Header, reach: Reach, averages: &[Sample], out: &mut Vec<u8>) {
    encode_as(header, Some(reach), averages, out);
}

fn encode_as(header: &Header, reach: Option<Reach>, samples: &[Sample], out: &mut Vec<u8>) {
    debug_assert!(samples.is_sorted_by(|a, b| a.line < b.line), "handles rise strictly");
    let start = out.len();
    let kind = if reach.is_some() { Kind::Averages } else { Kind::Samples };
    out.extend_from_slice(&[kind as u8, 0, if header.replayed { FLAG_REPLAYED } else { 0 }]);
    out.extend_from_slice(&header.epoch.0.to_le_bytes());
    put_varint(out, header.sequence);
    put_varint(out, header.uptime_ms);
    put_varint(out, samples.len() as u64);
    if let Some(reach) = reach {
        put_varint(out, reach.span_ms);
        put_varint(out, reach.interval_ms);
    }
    // Five varints of at most ten bytes each: the length always fits.
    out[start + 1] = (out.len() - start - 2) as u8;
    let mut previous = 0;
    for sample in samples {
        put_varint(out, u64::from(sample.line.0.wrapping_sub(previous)));
        previous = sample.line.0;
    }
    samples.iter().for_each(|sample| put_varint(out, sample.download.min(MAX_RATE)));
    samples.iter().for_each(|sample| put_varint(out, sample.upload.min(MAX_RATE)));
}

/// Marks an encoded batch as sent from the backlog, in place.
pub fn mark_replayed(frame: &mut [u8]) {
    if let Some(flags) = frame.get_mut(FLAGS_AT) {
        *flags |= FLAG_REPLAYED;
    }
}

/// Turns a batch of averages into an empty batch of samples with the same header, for a relay without support for
/// averages. The relay thus sees no hole in the sequence numbers. Leaves any other frame as it is.
pub fn strip_averages(frame: &mut Vec<u8>) {
    let Ok(Batch { header, reach: Some(_), .. }) = Batch::parse(frame) else { return };
    frame.clear();
    encode(&header, &[], frame);
}

/// One checked batch, read in place: nothing is allocated, however large a count the bytes claim.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// The fields before the samples.
    pub header: Header,
    /// The period of the averages; `None` for samples.
    pub reach: Option<Reach>,
    count: usize,
    handles: &'a [u8],
    downloads: &'a [u8],
    uploads: &'a [u8],
}

impl<'a> Batch<'a> {
    /// Checks the whole of `bytes`.
    ///
    /// # Errors
    /// [`FrameError`]; only [`FrameError::UnknownKind`] leaves the uplink usable.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let (&kind, rest) = bytes.split_first().ok_or(FrameError::Truncated)?;
        let is_averages = match kind {
            kind if kind == Kind::Samples as u8 => false,
            kind if kind == Kind::Averages as u8 => true,
            kind => return Err(FrameError::UnknownKind(kind)),
        };
        let (&length, rest) = rest.split_first().ok_or(FrameError::Truncated)?;
        let (mut header, columns) = rest.split_at_checked(usize::from(length)).ok_or(FrameError::Truncated)?;
        if header.len() < FIXED - 2 {
            return Err(FrameError::HeaderLength(length));
        }
        let flags = header[0];
        let mut epoch = [0; 8];
        epoch.copy_from_slice(&header[1..9]);
        header = &header[9..];
        let sequence = take_varint(&mut header)?;
        let uptime_ms = take_varint(&mut header)?;
        let count = usize::try_from(take_varint(&mut header)?).map_err(|_| FrameError::Truncated)?;
        let reach = if is_averages { Some(take_reach(&mut header)?) } else { None };
        if count > columns.len() / 3 {
            return Err(FrameError::Truncated);
        }
        let mut rest = columns;
        check_handles(&mut rest, count)?;
        let downloads = rest;
        check_rates(&mut rest, count)?;
        let uploads = rest;
        check_rates(&mut rest, count)?;
        if !rest.is_empty() {
            return Err(FrameError::Trailing(rest.len()));
        }
        let header = Header {
            epoch: Epoch(u64::from_le_bytes(epoch)),
            sequence,
            uptime_ms,
            replayed: flags & FLAG_REPLAYED != 0,
        };
        Ok(Self { header, reach, count, handles: columns, downloads, uploads })
    }

    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        self.count
    }

    /// True if the batch has no samples: a tick of a living router without watched lines.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The samples, by rising handle.
    pub fn samples(&self) -> impl Iterator<Item = Sample> + use<'a> {
        let (mut handles, mut downloads, mut uploads) = (self.handles, self.downloads, self.uploads);
        let mut previous = 0u32;
        (0..self.count).map_while(move |_| {
            previous = previous.wrapping_add(take_varint(&mut handles).ok()? as u32);
            Some(Sample {
                line: LineHandle(previous),
                download: take_varint(&mut downloads).ok()?,
                upload: take_varint(&mut uploads).ok()?,
            })
        })
    }
}

fn take_reach(rest: &mut &[u8]) -> Result<Reach, FrameError> {
    Ok(Reach { span_ms: take_varint(rest)?, interval_ms: take_varint(rest)? })
}

fn check_handles(rest: &mut &[u8], count: usize) -> Result<(), FrameError> {
    let mut previous = 0u64;
    for nth in 0..count {
        let distance = take_varint(rest)?;
        let handle = previous.checked_add(distance).ok_or(FrameError::HandleOrder)?;
        if handle > u64::from(u32::MAX) || (nth > 0 && distance == 0) {
            return Err(FrameError::HandleOrder);
        }
        previous = handle;
    }
    Ok(())
}

fn check_rates(rest: &mut &[u8], count: usize) -> Result<(), FrameError> {
    for _ in 0..count {
        let rate = take_varint(rest)?;
        if rate > MAX_RATE {
            return Err(FrameError::Rate(rate));
        }
    }
    Ok(())
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_varint(rest: &mut &[u8]) -> Result<u64, FrameError> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or(FrameError::Truncated)?;
        *rest = tail;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return Err(FrameError::Varint);
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(FrameError::Varint)
}

#[cfg(test)]
mod tests {
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
            encode_as(&header, reach, &samples, &mut bytes);
            let batch = Batch::parse(&bytes).unwrap();
            prop_assert_eq!((batch.header, batch.reach), (header, reach));
            prop_assert_eq!(batch.samples().collect::<Vec<_>>(), samples);
            for cut in 0..bytes.len() {
                prop_assert!(Batch::parse(&bytes[..cut]).is_err());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0u8..4) {
            if kind > 0 && bytes.len() > 2 {
                bytes[0] = kind;
                bytes[1] %= 32;
            }
            if let Ok(batch) = Batch::parse(&bytes) {
                prop_assert_eq!(batch.samples().count(), batch.len());
            }
        }
    }
}
