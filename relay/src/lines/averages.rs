//! The averages of a line over the last two hours, watched or not, in four bytes each.
//!
//! A slot is one interval of the agent. A slot's place is its time: only the newest slot's end is kept. A slot without
//! an average is a gap. A rate is eleven bits and a shift, off by 0.05 % at most.
//!
//! Memory: nothing before the first average, some 150 bytes for the first ten minutes, then 1 KB.

use std::collections::VecDeque;
use std::ops::Range;

use crate::clock::{Now, Steady};
use crate::wire::viewer_frame;

/// Slots kept: two hours of half minutes.
pub(crate) const MAX_SLOTS: usize = 240;

/// Slots of memory taken first. When they are full, all are taken: to grow little by little leaves as much in holes.
const FIRST_SLOTS: usize = 20;

/// The range of an agent's interval, milliseconds. Values beyond are clamped.
const INTERVALS: std::ops::RangeInclusive<i64> = 1_000..=600_000;

/// An average is the present one for an interval and this long, milliseconds.
const LATE_MS: i64 = 3_000;

/// An average for a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Average {
    /// The end of the averaged time.
    pub(crate) end: Steady,
    /// The length of the averaged time, milliseconds.
    pub(crate) span: i64,
    /// The agent's interval, milliseconds.
    pub(crate) interval: i64,
    /// Towards the subscriber, bits per second.
    pub(crate) down: u64,
    /// From the subscriber.
    pub(crate) up: u64,
}

/// The effect of an average on viewers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// None: viewers have the average.
    None,
    /// There are new slots at the end.
    Newer,
    /// There are others than before.
    Other,
}

/// A line's averages, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Averages {
    slots: VecDeque<Slot>,
    /// When the newest slot ends.
    end: Steady,
    /// The arrival of the last average without a delay.
    arrived: Steady,
    /// A slot's length, milliseconds.
    interval: u32,
    /// Slots added at the end so far. A viewer's cursor holds this number.
    begun: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    down: Rate,
    up: Rate,
}

/// A rate in two bytes: five bits of shift over eleven of value, or a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate(u16);

impl Averages {
    /// Takes an average that arrived at `now`.
    pub(crate) fn take(&mut self, average: Average, replayed: bool, now: Steady) -> Change {
        let interval = average.interval.clamp(*INTERVALS.start(), *INTERVALS.end());
        if !replayed {
            self.arrived = now;
        }
        let is_other = !self.slots.is_empty() && i64::from(self.interval) != interval;
        // The clamp keeps the interval within 32 bits.
        self.interval = interval as u32;
        if is_other {
            self.slots.clear();
        }
        let change = self.place(average, interval);
        if is_other { Change::Other } else { change }
    }

    fn place(&mut self, average: Average, interval: i64) -> Change {
        let slot = Slot { down: Rate::of(average.down), up: Rate::of(average.up) };
        let reach = slots_of(average.span, interval).clamp(1, MAX_SLOTS as i64) as usize;
        let off = average.end.since(self.end);
        let steps = slots_of(off, interval);
        if self.slots.is_empty() || steps > MAX_SLOTS as i64 {
            self.slots.clear();
            self.end = average.end;
            return self.append(reach, reach, slot);
        }
        if steps <= 0 {
            return self.fill(steps.unsigned_abs(), reach, slot);
        }
        // Readings are an interval apart, and a little early or late: the slots follow slowly.
        self.end = self.end + steps * interval + (off - steps * interval) / 4;
        self.append(steps as usize, reach, slot)
    }

    /// Adds `new` slots at the end, and writes the average into the last `reach`.
    fn append(&mut self, new: usize, reach: usize, slot: Slot) -> Change {
        for nth in (0..new).rev() {
            if self.slots.len() == MAX_SLOTS {
                self.slots.pop_front();
            }
            self.make_room();
            self.slots.push_back(if nth < reach { slot } else { Slot::GAP });
            self.begun = self.begun.wrapping_add(1);
        }
        Change::Newer
    }

    /// Fills the gaps among `reach` slots before the newest slot's end, `back` slots earlier.
    fn fill(&mut self, back: u64, reach: usize, slot: Slot) -> Change {
        let Some(back) = usize::try_from(back).ok().filter(|back| *back < MAX_SLOTS) else { return Change::None };
        let mut change = Change::None;
        for nth in back..(back + reach).min(MAX_SLOTS) {
            while self.slots.len() <= nth {
                self.make_room();
                self.slots.push_front(Slot::GAP);
            }
            let place = self.slots.len() - 1 - nth;
            if let Some(gap) = self.slots.get_mut(place).filter(|slot| **slot == Slot::GAP) {
                *gap = slot;
                change = Change::Other;
            }
        }
        change
    }

    fn make_room(&mut self) {
        if self.slots.len() == self.slots.capacity() {
            let room = if self.slots.is_empty() { FIRST_SLOTS } else { MAX_SLOTS };
            self.slots.reserve_exact(room.saturating_sub(self.slots.len()).max(1));
        }
    }

    /// Counts the slots added at the end, and wraps.
    pub(crate) fn begun(&self) -> u32 {
        self.begun
    }

    /// Returns the arrival of the newest average, if that is the line's present one.
    pub(crate) fn present(&self, now: Steady) -> Option<Steady> {
        let patience = 2 * i64::from(self.interval) + LATE_MS;
        (!self.slots.is_empty() && now - self.arrived < patience).then_some(self.arrived)
    }

    /// Returns the newest average, if that is the line's present one.
    pub(crate) fn newest(&self, now: Steady) -> Option<(u64, u64)> {
        self.present(now)?;
        let Slot { down, up } = *self.slots.back()?;
        Some((down.value()?, up.value()?))
    }

    /// A slot's length, milliseconds.
    pub(crate) fn interval(&self) -> u32 {
        self.interval
    }

    /// Returns the averages of the last two hours; `None` without any.
    pub(crate) fn all(&self, now: Now) -> Option<viewer_frame::Averages> {
        let kept = MAX_SLOTS as i64 * i64::from(self.interval);
        let age = now.steady - self.end;
        let old = if age >= kept { MAX_SLOTS as i64 } else { slots_of(age, i64::from(self.interval).max(1)).max(0) };
        let first = (self.slots.len() + old as usize).saturating_sub(MAX_SLOTS);
        let first = (first..self.slots.len()).find(|nth| self.slots.get(*nth) != Some(&Slot::GAP))?;
        Some(self.told(first..self.slots.len(), now))
    }

    /// Returns the slots after the first `begun`.
    pub(crate) fn since(&self, begun: u32, now: Now) -> viewer_frame::Averages {
        let missed = (self.begun.wrapping_sub(begun) as usize).min(self.slots.len());
        self.told(self.slots.len() - missed..self.slots.len(), now)
    }

    /// Returns the rates of the averages that end after `from` and by `to`, oldest first, without gaps.
    pub(crate) fn between(&self, from: Steady, to: Steady) -> impl Iterator<Item = (u64, u64)> {
        let newest = self.slots.len() as i64 - 1;
        let ends = move |nth: usize| self.end - (newest - nth as i64) * i64::from(self.interval);
        let slots = self.slots.iter().enumerate().filter(move |(nth, _)| ends(*nth) > from && ends(*nth) <= to);
        slots.filter_map(|(_, slot)| slot.down.value().zip(slot.up.value()))
    }

    fn told(&self, slots: Range<usize>, now: Now) -> viewer_frame::Averages {
        let length = slots.len() as i64 * i64::from(self.interval);
        let slots = || self.slots.range(slots.clone());
        viewer_frame::Averages {
            interval: self.interval,
            start: now.unix_of(self.end - length),
            down: slots().map(|slot| slot.down.value()).collect(),
            up: slots().map(|slot| slot.up.value()).collect(),
        }
    }
}

/// How many slots a time is, to the nearest.
fn slots_of(time: i64, interval: i64) -> i64 {
    time.saturating_add(interval / 2).div_euclid(interval)
}

impl Slot {
    const GAP: Self = Self { down: Rate::GAP, up: Rate::GAP };
}

impl Rate {
    const BITS: u32 = 11;
    /// A gap. No rate has this value.
    const GAP: Self = Self(u16::MAX);

    /// The nearest to a rate of at most [`MAX_RATE`](shared::sample::MAX_RATE) bits per second.
    pub(crate) fn of(rate: u64) -> Self {
        let rate = rate.min(shared::sample::MAX_RATE);
        let shift = (u64::BITS - rate.leading_zeros()).saturating_sub(Self::BITS);
        let value = (rate + ((1 << shift) >> 1)) >> shift;
        // Rounded up to twelve bits, the last is a zero.
        let (value, shift) = if value >> Self::BITS == 0 { (value, shift) } else { (value >> 1, shift + 1) };
        Self((shift << Self::BITS) as u16 | value as u16)
    }

    /// Returns the two bytes.
    pub(crate) fn bits(self) -> u16 {
        self.0
    }

    /// Returns the rate of two bytes.
    pub(crate) fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Returns the rate in bits per second; `None` for a gap.
    pub(crate) fn value(self) -> Option<u64> {
        let value = u64::from(self.0) & ((1 << Self::BITS) - 1);
        (self != Self::GAP).then_some(value << (self.0 >> Self::BITS))
    }
}

#[cfg(test)]
mod tests;
