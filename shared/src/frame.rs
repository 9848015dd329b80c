//! A batch of samples as one binary WebSocket message of the uplink.
//!
//! ```text
//! byte 0      kind: 1 = samples, 2 = averages, 3 = samples with details
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
//! count varints   details only: response, microseconds; 0 = lost, 1 = not measured, 2 = the line answers no probes
//! varint          details only: count of samples with drops
//! so many pairs   details only: place of the sample, as its distance from the one before, and drops a second
//! ```
//!
//! A varint is LEB128, unsigned, at most ten bytes. A typical sample is 8 bytes, the largest legal one 17. A response
//! takes at most 3 bytes more.

mod details;
mod error;
pub mod varint;

use crate::sample::{Detail, Epoch, LineHandle, MAX_RATE, Sample};
use details::Details;
pub use error::FrameError;
use varint::{put_varint, take_varint};

/// The kinds of binary message; a number is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A batch of one-second samples.
    Samples = 1,
    /// A batch of averages over many seconds. An agent sends averages unasked, but only to a relay that accepts them in
    /// its [`Welcome`](crate::control::Welcome).
    Averages = 2,
    /// A batch of one-second samples, each with a [`Detail`]. An agent sends details only to a relay that accepts them
    /// in its [`Welcome`](crate::control::Welcome).
    Detailed = 3,
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

/// Appends the batch to `out`. The samples' handles must rise strictly. Rates above [`MAX_RATE`] become [`MAX_RATE`].
pub fn encode(header: &Header, samples: &[Sample], out: &mut Vec<u8>) {
    encode_as(Kind::Samples, header, None, samples, out);
}

/// Appends a batch of averages to `out`, as [`encode`] does one of samples.
pub fn encode_averages(header: &Header, reach: Reach, averages: &[Sample], out: &mut Vec<u8>) {
    encode_as(Kind::Averages, header, Some(reach), averages, out);
}

/// Appends a batch of samples with details to `out`. There is one detail for each sample, in the same order.
pub fn encode_detailed(header: &Header, samples: &[Sample], details: &[Detail], out: &mut Vec<u8>) {
    debug_assert_eq!(samples.len(), details.len(), "one detail for each sample");
    encode_as(Kind::Detailed, header, None, samples, out);
    details::put(details, out);
}

fn encode_as(kind: Kind, header: &Header, reach: Option<Reach>, samples: &[Sample], out: &mut Vec<u8>) {
    debug_assert!(samples.is_sorted_by(|a, b| a.line < b.line), "handles rise strictly");
    let start = out.len();
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

/// Turns a batch of samples with details into the batch of the samples alone, for a relay without support for details.
/// Leaves any other frame as it is.
pub fn strip_details(frame: &mut Vec<u8>) {
    if frame.first() != Some(&(Kind::Detailed as u8)) {
        return;
    }
    let Ok(batch) = Batch::parse(frame) else { return };
    let (header, samples) = (batch.header, batch.samples().collect::<Vec<_>>());
    frame.clear();
    encode(&header, &samples, frame);
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
    details: Details<'a>,
}

impl<'a> Batch<'a> {
    /// Checks the whole of `bytes`.
    ///
    /// # Errors
    /// [`FrameError`]; only [`FrameError::UnknownKind`] leaves the uplink usable.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let (&kind, rest) = bytes.split_first().ok_or(FrameError::Truncated)?;
        let kind = Kind::of(kind)?;
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
        let reach = if kind == Kind::Averages { Some(take_reach(&mut header)?) } else { None };
        if count > columns.len() / 3 {
            return Err(FrameError::Truncated);
        }
        let mut rest = columns;
        check_handles(&mut rest, count)?;
        let downloads = rest;
        check_rates(&mut rest, count)?;
        let uploads = rest;
        check_rates(&mut rest, count)?;
        let details = if kind == Kind::Detailed { Details::check(&mut rest, count)? } else { Details::default() };
        if !rest.is_empty() {
            return Err(FrameError::Trailing(rest.len()));
        }
        let header = Header {
            epoch: Epoch(u64::from_le_bytes(epoch)),
            sequence,
            uptime_ms,
            replayed: flags & FLAG_REPLAYED != 0,
        };
        Ok(Self { header, reach, count, handles: columns, downloads, uploads, details })
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

impl Batch<'_> {
    /// The details of [`samples`](Self::samples), in the same order. Each is empty in a batch without details.
    pub fn details(&self) -> impl Iterator<Item = Detail> + use<'_> {
        self.details.iter(self.count)
    }
}

impl Kind {
    fn of(byte: u8) -> Result<Self, FrameError> {
        match byte {
            1 => Ok(Self::Samples),
            2 => Ok(Self::Averages),
            3 => Ok(Self::Detailed),
            other => Err(FrameError::UnknownKind(other)),
        }
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

#[cfg(test)]
mod tests;
