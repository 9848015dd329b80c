use proptest::prelude::*;
use shared::sample::MAX_RATE;

use super::*;
use crate::clock::UnixMillis;

const INTERVAL: i64 = 30_000;
const NOW: Now = Now { steady: Steady::from_millis(1_000_000_000), unix: UnixMillis::from_millis(1_795_363_200_000) };

/// The average of the interval that ended so many seconds before [`NOW`].
fn ago(seconds: i64, down: u64) -> Average {
    Average { end: NOW.steady - seconds * 1_000, span: INTERVAL, interval: INTERVAL, down, up: 7 }
}

fn taken(averages: impl IntoIterator<Item = Average>) -> Averages {
    let mut taken = Averages::default();
    averages.into_iter().for_each(|average| assert_ne!(taken.take(average, false, NOW.steady), Change::None));
    taken
}

fn downs(averages: &Averages) -> Vec<Option<u64>> {
    averages.all(NOW).map(|told| told.down).unwrap_or_default()
}

#[test]
fn two_hours_are_kept_and_no_more() {
    let averages = taken((0..1_000).rev().map(|nth| ago(nth * 30, 1)));
    let told = averages.all(NOW).unwrap();
    assert_eq!((told.interval, told.down.len(), told.up[0]), (30_000, 240, Some(7)));
    assert_eq!(told.start, NOW.unix - 7_200_000);
    assert!(averages.slots.capacity() <= MAX_SLOTS, "{}", averages.slots.capacity());
}

#[test]
fn the_largest_that_a_page_opens_with_is_below_seven_kilobytes() {
    let averages = taken((0..240).rev().map(|nth| Average { up: MAX_RATE, ..ago(nth * 30, MAX_RATE) }));
    let told = viewer_frame::ViewerFrame::Averages(averages.all(NOW).unwrap()).to_json();
    assert!(told.len() < 7_000, "{} bytes", told.len());
}

#[test]
fn memory_is_taken_as_it_fills() {
    let averages = taken([ago(0, 1)]);
    assert!(averages.slots.capacity() <= FIRST_SLOTS, "{}", averages.slots.capacity());
    assert_eq!(downs(&averages), [Some(1)]);
    assert_eq!((downs(&Averages::default()), size_of::<Slot>()), (vec![], 4));
}

#[test]
fn a_missed_average_is_a_gap_unless_the_next_reaches_over_it() {
    let averages = taken([ago(120, 1), ago(60, 2), Average { span: 2 * INTERVAL, ..ago(0, 3) }]);
    assert_eq!(downs(&averages), [Some(1), None, Some(2), Some(3), Some(3)]);
    let averages = taken([ago(120, 1), Average { span: 90 * INTERVAL, ..ago(60, 2) }]);
    assert_eq!(downs(&averages), [Some(1), Some(2), Some(2)], "what is held stays");
}

#[test]
fn readings_that_come_a_little_early_or_late_each_have_their_slot() {
    for off in [-6_000, 6_000] {
        let jittered =
            (0..40).rev().map(|nth| Average { end: ago(nth * 30, 1).end + off * (nth % 3 - 1), ..ago(0, 1) });
        let averages = taken(jittered);
        assert_eq!(downs(&averages), [Some(1); 40], "{off}");
        assert!((averages.end - NOW.steady).abs() < 7_000);
    }
    // An agent's oscillator is off by 100 ppm at most, this one by a hundred times as much.
    let drifting = taken((0..1_000).map(|nth| Average { end: Steady::from_millis(nth * 30_300), ..ago(0, 1) }));
    assert!((drifting.end.as_millis() - 999 * 30_300).abs() < 2_000);
    assert!(drifting.slots.iter().all(|slot| *slot != Slot::GAP));
}

#[test]
fn late_ones_fill_gaps_and_replace_nothing() {
    let mut averages = taken([ago(150, 1), ago(0, 9)]);
    assert_eq!(averages.take(ago(60, 5), true, NOW.steady), Change::Other);
    assert_eq!(averages.take(ago(0, 5), true, NOW.steady), Change::None);
    assert_eq!(averages.take(ago(210, 4), true, NOW.steady), Change::Other, "before the oldest");
    assert_eq!(downs(&averages), [Some(4), None, Some(1), None, None, Some(5), None, Some(9)]);
    assert_eq!(averages.take(ago(10_000, 4), true, NOW.steady), Change::None, "too old");
}

#[test]
fn after_long_silence_it_begins_anew_and_what_is_old_is_not_told() {
    let averages = taken([ago(9_000, 1), ago(0, 2)]);
    assert_eq!(downs(&averages), [Some(2)]);
    assert_eq!(downs(&taken([ago(7_300, 1)])), []);
    let averages = taken((240..480).rev().map(|nth| ago(nth * 30 - 3_600, 1)));
    assert_eq!(downs(&averages).len(), 120, "an hour of it is too old by now");
}

#[test]
fn another_interval_begins_anew() {
    let mut averages = taken([ago(30, 1), ago(0, 2)]);
    let other = Average { interval: 10_000, span: 10_000, ..ago(0, 3) };
    assert_eq!(averages.take(other, false, NOW.steady), Change::Other);
    assert_eq!((downs(&averages), averages.interval()), (vec![Some(3)], 10_000));
}

#[test]
fn a_reader_gets_what_it_has_not() {
    let mut averages = taken([ago(60, 1), ago(30, 2)]);
    let read = averages.begun();
    averages.take(ago(0, 3), false, NOW.steady);
    let told = averages.since(read, NOW);
    assert_eq!((told.start, told.down), (NOW.unix - INTERVAL, vec![Some(3)]));
    assert_eq!(averages.since(0, NOW), averages.all(NOW).unwrap());
}

#[test]
fn the_present_one_is_one_that_has_just_come() {
    let mut averages = Averages::default();
    assert_eq!(averages.present(NOW.steady), None);
    averages.take(ago(600, 1), true, NOW.steady);
    assert_eq!(averages.present(NOW.steady), None, "what comes from a backlog is past");
    averages.take(ago(0, 1), false, NOW.steady);
    assert_eq!(averages.present(NOW.steady + 62_000), Some(NOW.steady));
    assert_eq!(averages.present(NOW.steady + 63_000), None);
}

#[test]
fn absurd_numbers_are_brought_in() {
    let mut averages = Averages::default();
    for end in [NOW.steady, NOW.steady - crate::clock::LONGEST_MS, NOW.steady, Steady::default()] {
        for (span, interval) in [(0, 0), (i64::MAX, i64::MAX), (-1, -1)] {
            averages.take(Average { end, span, interval, down: u64::MAX, up: 0 }, false, NOW.steady);
            assert!(averages.slots.len() <= MAX_SLOTS);
            averages.all(NOW);
        }
    }
}

proptest! {
    #[test]
    fn a_rate_is_off_by_half_a_thousandth_at_most(rate in prop_oneof![0..=MAX_RATE, 0..10_000u64]) {
        let kept = Rate::of(rate).value().unwrap();
        prop_assert!(kept.abs_diff(rate) * 2_000 <= rate, "{} is kept as {}", rate, kept);
    }

    #[test]
    fn whatever_comes_each_slot_is_what_came_for_it(
        comes in prop::collection::vec((0i64..400, 1u64..2_000, any::<bool>()), 1..300),
    ) {
        let mut averages = Averages::default();
        let mut all = std::collections::BTreeMap::new();
        let mut newest = None;
        for (slot, down, replayed) in comes {
            averages.take(ago((400 - slot) * 30, down), replayed, NOW.steady);
            let is_kept = newest.is_none_or(|newest| slot > newest - MAX_SLOTS as i64);
            if newest.is_some_and(|newest| slot - newest > MAX_SLOTS as i64) {
                all.clear();
            }
            if is_kept {
                all.entry(slot).or_insert(down);
            }
            newest = newest.max(Some(slot));
            let oldest = newest.unwrap() - MAX_SLOTS as i64 + 1;
            let first = all.range(oldest..).next().map_or(0, |(first, _)| *first);
            let expected: Vec<_> = (first..=newest.unwrap()).map(|slot| all.get(&slot).copied()).collect();
            let held: Vec<_> = averages.slots.iter().map(|slot| slot.down.value()).skip_while(Option::is_none).collect();
            prop_assert_eq!(held, expected);
        }
    }
}
