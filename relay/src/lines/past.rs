//! The days behind a line, in columns of five minutes of a dozen bytes each.
//!
//! A column is made of the averages that agents report anyhow and, where somebody watched, of the responses. Here is what a column
//! holds and how it is packed; [`book`] is where columns are kept.

pub mod book;

use serde::Serialize;
use shared::frame::FrameError;
use shared::frame::varint::{put_varint, take_varint};

use super::averages::Rate;
use crate::clock::UnixMillis;
use crate::wire::response::Measured;

/// How long a column is, in milliseconds.
pub const COLUMN_MS: i64 = 300_000;

/// Columns that are told as one where a reader wants more than two days: half an hour.
const THINNED: usize = 6;
/// The most columns told one by one: two days.
const MOST: usize = 576;

/// The bits of a packed column's head beside the number of its averages.
const PARTS: u8 = 0x1f;
const HAS_RESPONSE: u8 = 0x20;
const HAS_LOSS: u8 = 0x40;

/// Five minutes of one line. Rates are bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// How many averages the column was made of, at most 31.
    pub parts: u8,
    /// The average of the download.
    pub down: u64,
    /// The largest average of the download.
    pub down_most: u64,
    /// The average of the upload.
    pub up: u64,
    /// The largest average of the upload.
    pub up_most: u64,
    /// The median response in microseconds; `None` without an answer.
    pub response: Option<u32>,
    /// Lost probes in percent; `None` where nobody probed.
    pub lost: Option<u8>,
}

/// Columns of one line, one behind the other; `None` is a gap, and for `rtt` and `lost` also a time when nobody watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Past {
    /// How long a column is, in milliseconds.
    pub interval: i64,
    /// When the first begins.
    pub start: UnixMillis,
    /// Averages of the download, bits per second.
    pub down: Vec<Option<u64>>,
    /// Averages of the upload.
    pub up: Vec<Option<u64>>,
    /// Largest averages of the download.
    pub down_most: Vec<Option<u64>>,
    /// Largest averages of the upload.
    pub up_most: Vec<Option<u64>>,
    /// Median responses, microseconds.
    pub rtt: Vec<Option<u32>>,
    /// Lost probes, percent.
    pub lost: Vec<Option<u8>>,
}

impl Column {
    /// Returns the column of these averages and responses; `None` without an average.
    pub(crate) fn of(
        averages: impl Iterator<Item = (u64, u64)>,
        responses: impl Iterator<Item = Measured>,
    ) -> Option<Self> {
        let (mut parts, mut sums, mut most) = (0_u64, (0_u64, 0_u64), (0, 0));
        for (down, up) in averages {
            parts += 1;
            sums = (sums.0.saturating_add(down), sums.1.saturating_add(up));
            most = (most.0.max(down), most.1.max(up));
        }
        let (down, up) = (sums.0.checked_div(parts)?, sums.1.checked_div(parts)?);
        let (mut answers, mut probes) = (Vec::new(), 0_usize);
        for response in responses {
            probes += 1;
            answers.extend(response.micros());
        }
        answers.sort_unstable();
        let lost = (probes > 0).then(|| ((probes - answers.len()) * 100 / probes) as u8);
        Some(Self {
            parts: u8::try_from(parts).unwrap_or(u8::MAX),
            down,
            down_most: most.0,
            up,
            up_most: most.1,
            response: answers.get(answers.len() / 2).copied(),
            lost,
        })
    }

    /// Returns one column in the place of two: a longer one, or one of two relays.
    fn and(&self, other: &Self) -> Self {
        let (mine, others) = (u64::from(self.parts), u64::from(other.parts));
        let whole = (mine + others).max(1);
        let mean = |one: u64, two: u64| {
            let sum = u128::from(one) * u128::from(mine) + u128::from(two) * u128::from(others);
            (sum / u128::from(whole)) as u64
        };
        Self {
            parts: self.parts.saturating_add(other.parts),
            down: mean(self.down, other.down),
            down_most: self.down_most.max(other.down_most),
            up: mean(self.up, other.up),
            up_most: self.up_most.max(other.up_most),
            response: self.response.max(other.response),
            lost: self.lost.max(other.lost),
        }
    }

    fn pack(&self, out: &mut Vec<u8>) {
        let head = |has: bool, bit: u8| if has { bit } else { 0 };
        let (responds, loses) = (self.response.is_some(), self.lost.is_some());
        out.push(self.parts.min(PARTS) | head(responds, HAS_RESPONSE) | head(loses, HAS_LOSS));
        for rate in [self.down, self.down_most, self.up, self.up_most] {
            out.extend_from_slice(&Rate::of(rate).bits().to_le_bytes());
        }
        if let Some(response) = self.response {
            put_varint(out, response.into());
        }
        out.extend(self.lost);
    }

    fn unpack(rest: &mut &[u8]) -> Result<Self, FrameError> {
        let head = byte(rest)?;
        let mut rate = || {
            let bits = u16::from_le_bytes([byte(rest)?, byte(rest)?]);
            Ok::<_, FrameError>(Rate::from_bits(bits).value().unwrap_or(0))
        };
        let (down, down_most, up, up_most) = (rate()?, rate()?, rate()?, rate()?);
        let response = if head & HAS_RESPONSE == 0 { None } else { u32::try_from(take_varint(rest)?).ok() };
        let lost = if head & HAS_LOSS == 0 { None } else { Some(byte(rest)?) };
        Ok(Self { parts: head & PARTS, down, down_most, up, up_most, response, lost })
    }
}

fn byte(rest: &mut &[u8]) -> Result<u8, FrameError> {
    let (&first, tail) = rest.split_first().ok_or(FrameError::Truncated)?;
    *rest = tail;
    Ok(first)
}

/// Packs the columns of a shard, by their lines' places in rising order.
fn pack<'a>(columns: impl Iterator<Item = (u32, &'a Column)>) -> Vec<u8> {
    let (mut out, mut last) = (Vec::new(), 0);
    for (place, column) in columns {
        put_varint(&mut out, u64::from(place.wrapping_sub(last)));
        column.pack(&mut out);
        last = place;
    }
    out
}

/// Finds a line's column in a packed shard.
fn find(mut packed: &[u8], wanted: u32) -> Result<Option<Column>, FrameError> {
    let mut place = 0_u64;
    while !packed.is_empty() {
        place = place.saturating_add(take_varint(&mut packed)?);
        let column = Column::unpack(&mut packed)?;
        if place >= u64::from(wanted) {
            return Ok((place == u64::from(wanted)).then_some(column));
        }
    }
    Ok(None)
}

impl Past {
    /// Arranges the columns of a line between two times. Columns of one time, by several writers, are joined.
    pub fn of(columns: &[(UnixMillis, Column)], from: UnixMillis, to: UnixMillis) -> Self {
        let begin = from.as_millis().div_euclid(COLUMN_MS);
        let length = usize::try_from(to.as_millis().div_euclid(COLUMN_MS) - begin + 1).unwrap_or(0);
        let each = if length > MOST { THINNED } else { 1 };
        let begin = begin.div_euclid(each as i64) * each as i64;
        let mut places: Vec<Option<Column>> = vec![None; length.div_ceil(each) + usize::from(each > 1)];
        for (at, column) in columns {
            let place = (at.as_millis().div_euclid(COLUMN_MS) - begin).div_euclid(each as i64);
            let Some(place) = usize::try_from(place).ok().and_then(|place| places.get_mut(place)) else { continue };
            *place = Some(place.map_or(*column, |known| known.and(column)));
        }
        let told = |value: fn(&Column) -> u64| places.iter().map(|place| place.as_ref().map(value)).collect();
        Self {
            interval: COLUMN_MS * each as i64,
            start: UnixMillis::from_millis(begin * COLUMN_MS),
            down: told(|column| column.down),
            up: told(|column| column.up),
            down_most: told(|column| column.down_most),
            up_most: told(|column| column.up_most),
            rtt: places.iter().map(|place| place.and_then(|column| column.response)).collect(),
            lost: places.iter().map(|place| place.and_then(|column| column.lost)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn column(parts: u8, down: u64) -> Column {
        Column { parts, down, down_most: 2 * down, up: down / 2, up_most: down, response: None, lost: None }
    }

    fn at(column: i64) -> UnixMillis {
        UnixMillis::from_millis(1_800_000_000_000 + column * COLUMN_MS)
    }

    #[test]
    fn a_column_is_the_averages_and_the_median_response() {
        let responses = [12_000, 300_000, 11_000].map(Measured::Micros).into_iter().chain([Measured::Lost]);
        let made = Column::of([(10, 1), (30, 3), (20, 8)].into_iter(), responses).unwrap();
        let expected =
            Column { parts: 3, down: 20, down_most: 30, up: 4, up_most: 8, response: Some(12_000), lost: Some(25) };
        assert_eq!(made, expected);
        let silent = Column::of([(10, 1)].into_iter(), [Measured::Lost].into_iter()).unwrap();
        assert_eq!((silent.response, silent.lost), (None, Some(100)));
        let unwatched = Column::of([(10, 1)].into_iter(), std::iter::empty()).unwrap();
        assert_eq!((unwatched.response, unwatched.lost), (None, None));
        assert_eq!(Column::of(std::iter::empty(), [Measured::Lost].into_iter()), None);
    }

    #[test]
    fn gaps_stay_gaps_and_two_writers_are_one_column() {
        let columns =
            [(at(0), column(10, 100)), (at(2), column(2, 300)), (at(2), column(8, 200)), (at(9), column(1, 1))];
        let past = Past::of(&columns, at(0), at(3));
        assert_eq!((past.interval, past.start), (COLUMN_MS, at(0)));
        assert_eq!(past.down, [Some(100), None, Some(220), None]);
        assert_eq!(past.down_most, [Some(200), None, Some(600), None]);
    }

    #[test]
    fn more_than_two_days_are_told_by_half_hours() {
        let week = 7 * 288;
        let columns: Vec<_> = (0..week).map(|nth| (at(nth), column(10, 60))).collect();
        let past = Past::of(&columns, at(0), at(week - 1));
        assert_eq!(past.interval, 6 * COLUMN_MS);
        assert!((336..=338).contains(&past.down.len()), "{}", past.down.len());
        assert_eq!(past.down.iter().flatten().count(), 336 + usize::from(past.start != at(0)));
        assert!(past.down.iter().flatten().all(|down| *down == 60));
    }

    #[test]
    fn twenty_lines_are_some_two_hundred_bytes() {
        let one = column(10, 20_000_000);
        assert_eq!(pack((0..20).map(|place| (place, &one))).len(), 20 * 10);
    }

    proptest! {
        #[test]
        fn what_is_packed_is_found(
            numbers in proptest::collection::btree_set(1_u32..1_000_000, 0..50),
            parts in 1_u8..=31, down in 0_u64..2_000_000_000,
            response in proptest::option::of(1_u32..2_000_000), lost in proptest::option::of(0_u8..=100),
        ) {
            let made = Column { response, lost, ..column(parts, down) };
            let packed = pack(numbers.iter().map(|number| (*number, &made)));
            for number in [0, 500_000, 1_000_000].into_iter().chain(numbers.iter().copied()) {
                let found = find(&packed, number).unwrap();
                prop_assert_eq!(found.is_some(), numbers.contains(&number));
                if let Some(found) = found {
                    prop_assert_eq!((found.parts, found.response, found.lost), (parts, response, lost));
                    prop_assert!(found.down.abs_diff(down) <= down / 1_000);
                }
            }
        }

        #[test]
        fn whatever_the_store_holds_is_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), number: u32) {
            let _ = find(&bytes, number);
        }
    }
}
