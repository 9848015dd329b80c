//! The place of each row.

use super::*;

#[test]
fn rows_without_names_or_sections_are_told_apart_by_order() {
    let mut router = MonitoredRouter::new(3);
    router.watch(0..3);
    let id = router.running[0].id;
    let lines: Vec<_> = (0..3).map(|user| router.line(user)).collect();
    let mut rows = |name: Option<&[u8]>| {
        router.now += SECOND;
        (0..3).map(|_| router.monitor.row(id, name, None, router.now).and_then(|row| row.reading)).collect::<Vec<_>>()
    };
    assert_eq!(rows(None), [None, None, None], "the warm-up");
    for section in 2..4 {
        let readings: Vec<_> = rows(None).into_iter().flatten().collect();
        assert_eq!(readings.iter().map(|reading| reading.line).collect::<Vec<_>>(), lines);
        assert!(readings.iter().all(|reading| reading.section == section));
    }
    assert_eq!(rows(Some(b"stranger")), [None, None, None]);
}

/// Returns the lines of the counting rows of a stream with `u0` and `u1`. A row is a name, a section's number and its
/// arrival in milliseconds.
fn lines_of(rows: &[(&str, Option<u64>, u64)]) -> Vec<usize> {
    let mut router = MonitoredRouter::new(2);
    router.watch(0..2);
    let (id, start) = (router.running[0].id, router.now);
    let lines = [router.line(0), router.line(1)];
    let readings = rows.iter().filter_map(|(name, section, at)| {
        let now = start + Duration::from_millis(*at);
        let row = router.monitor.row(id, Some(name.as_bytes()), *section, now)?;
        lines.iter().position(|line| Some(*line) == row.reading.map(|reading| reading.line))
    });
    readings.collect()
}

#[test]
fn a_row_that_comes_twice_in_a_section_counts_once() {
    let (a, b) = ("<u0-0>", "<u1-1>");
    let rows = |number: fn(u64) -> Option<u64>, order: &[(&'static str, u64, u64)]| {
        lines_of(&order.iter().map(|(name, section, at)| (*name, number(*section), *at)).collect::<Vec<_>>())
    };
    // Doubled at once, after the section's end, and a millisecond into the next one.
    for order in [
        [(a, 0, 0), (b, 0, 0), (a, 1, 1_000), (a, 1, 1_000), (b, 1, 1_000), (b, 1, 1_000)],
        [(a, 0, 0), (b, 0, 0), (a, 1, 1_000), (b, 1, 1_000), (a, 1, 1_001), (b, 1, 1_001)],
    ] {
        assert_eq!(rows(Some, &order), [0, 1], "{order:?}");
        assert_eq!(rows(|_| None, &order), [0, 1], "{order:?} without numbers");
    }
    let late = [(a, 0, 0), (b, 0, 0), (a, 1, 1_000), (b, 1, 1_000), (a, 2, 2_000), (b, 1, 2_000), (b, 2, 2_000)];
    assert_eq!(rows(Some, &late), [0, 1, 0, 1], "a row of the section before");
    let wraps = [(a, 8, 0), (b, 8, 0), (a, 9, 1_000), (b, 9, 1_000), (a, 0, 2_000), (b, 0, 2_000)];
    assert_eq!(rows(Some, &wraps), [0, 1, 0, 1], "a number that begins anew is no late row");
}
