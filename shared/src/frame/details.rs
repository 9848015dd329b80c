//! The columns behind the rates in a batch of [`Kind::Detailed`](super::Kind::Detailed).

use super::error::FrameError;
use super::varint::{put_varint, take_varint};
use crate::sample::{Detail, MAX_DROPS, MAX_RESPONSE_US, MIN_RESPONSE_US, Response};

/// Codes of the column of responses below [`MIN_RESPONSE_US`].
const LOST: u64 = 0;
const NOT_MEASURED: u64 = 1;
const SILENT: u64 = 2;

/// The checked columns of a batch; empty for a batch without details.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Details<'a> {
    responses: &'a [u8],
    drops: &'a [u8],
}

/// Appends the columns. Figures beyond their limits become the limits.
pub(super) fn put(details: &[Detail], out: &mut Vec<u8>) {
    details.iter().for_each(|detail| put_varint(out, code(detail.response)));
    let dropping = || details.iter().zip(0u64..).filter(|(detail, _)| detail.drops > 0);
    put_varint(out, dropping().count() as u64);
    let mut previous = 0;
    for (detail, place) in dropping() {
        put_varint(out, place - previous);
        put_varint(out, u64::from(detail.drops.min(MAX_DROPS)));
        previous = place;
    }
}

impl<'a> Details<'a> {
    /// Takes the columns of `count` samples off `rest`, and checks them.
    pub(super) fn check(rest: &mut &'a [u8], count: usize) -> Result<Self, FrameError> {
        let responses = *rest;
        for _ in 0..count {
            let code = take_varint(rest)?;
            if code > u64::from(MAX_RESPONSE_US) {
                return Err(FrameError::Response(code));
            }
        }
        let drops = *rest;
        check_drops(rest, count as u64)?;
        Ok(Self { responses, drops })
    }

    /// The details of `count` samples.
    pub(super) fn iter(self, count: usize) -> impl Iterator<Item = Detail> + use<'a> {
        let Self { mut responses, mut drops } = self;
        let mut left = take_varint(&mut drops).unwrap_or(0);
        let mut next = take_place(&mut left, &mut drops, 0);
        (0..count as u64).map(move |place| {
            let response = take_varint(&mut responses).map_or(Response::NotMeasured, decoded);
            if next != Some(place) {
                return Detail { response, drops: 0 };
            }
            let dropped = take_varint(&mut drops).map_or(0, |dropped| dropped as u32);
            next = take_place(&mut left, &mut drops, place);
            Detail { response, drops: dropped }
        })
    }
}

fn take_place(left: &mut u64, drops: &mut &[u8], previous: u64) -> Option<u64> {
    *left = left.checked_sub(1)?;
    take_varint(drops).ok().map(|distance| previous.saturating_add(distance))
}

fn check_drops(rest: &mut &[u8], count: u64) -> Result<(), FrameError> {
    let dropping = take_varint(rest)?;
    let mut place = None::<u64>;
    // As many turns as there are bytes, however large a count the bytes claim.
    for _ in 0..dropping {
        let distance = take_varint(rest)?;
        let rises = place.is_none() || distance > 0;
        let next = place.unwrap_or(0).checked_add(distance).filter(|next| rises && *next < count);
        place = Some(next.ok_or(FrameError::Drops)?);
        let dropped = take_varint(rest)?;
        if dropped == 0 || dropped > u64::from(MAX_DROPS) {
            return Err(FrameError::Drops);
        }
    }
    Ok(())
}

fn code(response: Response) -> u64 {
    match response {
        Response::Lost => LOST,
        Response::NotMeasured => NOT_MEASURED,
        Response::Silent => SILENT,
        Response::Micros(micros) => u64::from(micros.clamp(MIN_RESPONSE_US, MAX_RESPONSE_US)),
    }
}

/// The caller has checked that the code is at most [`MAX_RESPONSE_US`].
fn decoded(code: u64) -> Response {
    match code {
        LOST => Response::Lost,
        NOT_MEASURED => Response::NotMeasured,
        SILENT => Response::Silent,
        micros => Response::Micros(micros as u32),
    }
}
