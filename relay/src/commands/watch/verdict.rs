//! Compares a line's samples with its plan, by the page's thresholds (relay/web/src/verdict.ts). A verdict describes
//! use, and is no speed test.

use crate::wire::viewer_frame::{PlanLimits, TimedSample};

/// How far back a verdict looks, milliseconds.
const LOOK_BACK_MS: i64 = 40_000;
/// The samples of a verdict span at least this time, milliseconds.
const LEAST_MS: i64 = 10_000;
/// A pause of so many intervals between two samples is a gap.
const GAP_INTERVALS: i64 = 3;
/// Percentages of the plan. A shaped line's rate swings around the limit, so a dip of one second does not end a full
/// line.
const FULL: u64 = 90;
const DIP: u64 = 80;
const OVER: u64 = 110;
const BUSY: u64 = 70;
/// Hardly any use: this percentage of the plan, and never more than [`QUIET_MOST`].
const QUIET: u64 = 2;
/// Bits per second.
const QUIET_MOST: u64 = 500_000;

/// A direction of a line's traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Towards the subscriber.
    Download,
    /// From the subscriber.
    Upload,
}

/// How full a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A direction carries much more than its plan: the plan in the records is probably wrong.
    Over(Direction),
    /// A direction has been at its limit for this many seconds.
    Full(Direction, i64),
    /// A direction carries most of its plan, in percent.
    Busy(Direction, u64),
    /// Hardly any use.
    Quiet,
    /// There is room for more.
    Room,
}

impl Direction {
    const BOTH: [Self; 2] = [Self::Download, Self::Upload];

    /// Returns this direction's rate of a sample.
    pub(super) const fn of(self, sample: &TimedSample) -> u64 {
        match self {
            Self::Download => sample.down,
            Self::Upload => sample.up,
        }
    }

    /// Returns this direction's limit of a plan.
    pub(super) fn limit(self, plan: &PlanLimits) -> Option<u64> {
        let limit = match self {
            Self::Download => plan.down,
            Self::Upload => plan.up,
        };
        limit.filter(|limit| *limit > 0)
    }

    /// Returns the direction's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Upload => "upload",
        }
    }
}

/// Judges the newest samples, one each `interval_ms`. Returns `None` without a plan or with too few samples.
pub(super) fn judge(samples: &[TimedSample], interval_ms: i64, plan: &PlanLimits) -> Option<Verdict> {
    let recent = unbroken(samples, interval_ms);
    let limited: Vec<(Direction, u64)> =
        Direction::BOTH.into_iter().filter_map(|direction| Some((direction, direction.limit(plan)?))).collect();
    if limited.is_empty() || span(recent, interval_ms) < LEAST_MS {
        return None;
    }
    let full = limited.iter().filter_map(|&(direction, limit)| full(recent, interval_ms, direction, limit));
    if let Some((_, verdict)) = full.max_by_key(|(milliseconds, _)| *milliseconds) {
        return Some(verdict);
    }
    let busy = limited.iter().map(|&(direction, limit)| (direction, percent(mean(recent, direction), limit)));
    if let Some((direction, share)) = busy.filter(|(_, share)| *share >= BUSY).max_by_key(|(_, share)| *share) {
        return Some(Verdict::Busy(direction, share));
    }
    Some(if is_quiet(recent, plan) { Verdict::Quiet } else { Verdict::Room })
}

/// Returns the time for which a direction has been at its limit, in milliseconds, and the verdict.
fn full(samples: &[TimedSample], interval_ms: i64, direction: Direction, limit: u64) -> Option<(i64, Verdict)> {
    let begin = samples.iter().rposition(|sample| percent(direction.of(sample), limit) < DIP).map_or(0, |dip| dip + 1);
    let run = samples.get(begin..)?;
    let (milliseconds, share) = (span(run, interval_ms), percent(mean(run, direction), limit));
    if milliseconds < LEAST_MS || share < FULL {
        return None;
    }
    let verdict =
        if share > OVER { Verdict::Over(direction) } else { Verdict::Full(direction, milliseconds / 10_000 * 10) };
    Some((milliseconds, verdict))
}

/// True if neither direction carries anything to speak of, nor did for a moment.
fn is_quiet(samples: &[TimedSample], plan: &PlanLimits) -> bool {
    Direction::BOTH.into_iter().all(|direction| {
        let most = direction.limit(plan).map_or(QUIET_MOST, |limit| QUIET_MOST.min(limit.saturating_mul(QUIET) / 100));
        let peak = samples.iter().map(|sample| direction.of(sample)).max().unwrap_or(0);
        mean(samples, direction) <= most && peak <= most.saturating_mul(3)
    })
}

/// Returns the newest samples of the last [`LOOK_BACK_MS`] without a gap among them.
fn unbroken(samples: &[TimedSample], interval_ms: i64) -> &[TimedSample] {
    let Some(last) = samples.last() else { return samples };
    let mut begin = samples.partition_point(|sample| sample.t <= last.t.saturating_sub(LOOK_BACK_MS));
    let is_gap = |pair: &[TimedSample]| pair[1].t.since(pair[0].t) > interval_ms.saturating_mul(GAP_INTERVALS);
    begin = begin.max(samples.windows(2).rposition(is_gap).map_or(0, |gap| gap + 1));
    samples.get(begin..).unwrap_or_default()
}

/// Returns the time covered by the samples, in milliseconds, including the first sample's interval.
fn span(samples: &[TimedSample], interval_ms: i64) -> i64 {
    match (samples.first(), samples.last()) {
        (Some(first), Some(last)) => last.t.since(first.t).saturating_add(interval_ms),
        _ => 0,
    }
}

fn mean(samples: &[TimedSample], direction: Direction) -> u64 {
    let sum = samples.iter().fold(0u64, |sum, sample| sum.saturating_add(direction.of(sample)));
    sum / (samples.len() as u64).max(1)
}

/// Returns a rate as percentage of a limit above zero.
pub(super) const fn percent(rate: u64, limit: u64) -> u64 {
    rate.saturating_mul(100) / limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixMillis;

    const PLAN: PlanLimits = PlanLimits { down: Some(20_000_000), up: Some(5_000_000), shared: false };

    fn steady(seconds: i64, down: u64, up: u64) -> Vec<TimedSample> {
        let at = |second| UnixMillis::from_millis(second * 1_000);
        (0..seconds).map(|second| TimedSample { t: at(second), down, up, ..TimedSample::default() }).collect()
    }

    #[test]
    fn lines_are_judged_as_on_the_page() {
        for (seconds, down, up, verdict) in [
            (30, 19_800_000, 100_000, Some(Verdict::Full(Direction::Download, 30))),
            (300, 19_800_000, 100_000, Some(Verdict::Full(Direction::Download, 40))),
            (30, 100_000, 4_900_000, Some(Verdict::Full(Direction::Upload, 30))),
            (30, 54_000_000, 100_000, Some(Verdict::Over(Direction::Download))),
            (30, 15_000_000, 100_000, Some(Verdict::Busy(Direction::Download, 75))),
            (30, 5_000_000, 100_000, Some(Verdict::Room)),
            (30, 50_000, 50_000, Some(Verdict::Quiet)),
            (5, 19_800_000, 100_000, None),
        ] {
            assert_eq!(judge(&steady(seconds, down, up), 1_000, &PLAN), verdict, "{seconds} s of {down}/{up}");
        }
        assert_eq!(judge(&steady(30, 1, 1), 1_000, &PlanLimits::default()), None, "no plan, no verdict");
        assert_eq!(judge(&steady(30, 1, 1), 1_000, &PlanLimits { down: Some(0), ..PlanLimits::default() }), None);
        assert_eq!(judge(&[], 1_000, &PLAN), None);
    }

    #[test]
    fn one_dip_does_not_free_a_line_and_a_gap_begins_anew() {
        let mut samples = steady(30, 19_000_000, 0);
        samples[29].down = 16_500_000;
        assert_eq!(judge(&samples, 1_000, &PLAN), Some(Verdict::Full(Direction::Download, 30)));
        samples[15].down = 1_000_000;
        assert_eq!(judge(&samples, 1_000, &PLAN), Some(Verdict::Full(Direction::Download, 10)));
        for sample in &mut samples[25..] {
            sample.t += 60_000;
        }
        assert_eq!(judge(&samples, 1_000, &PLAN), None, "five seconds since the gap");
    }
}
