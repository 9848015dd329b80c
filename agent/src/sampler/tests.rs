use super::*;

const A: LineHandle = LineHandle(1);
const B: LineHandle = LineHandle(2);

fn stream(n: u32) -> StreamId {
    StreamId::for_tests(n)
}

fn reading(line: LineHandle, section: u32, of: u16) -> Reading {
    Reading { line, role: Role::Server, stream: stream(1), section, of }
}

fn take(sampler: &mut Sampler) -> Vec<(u32, u64, u64)> {
    sampler
        .take()
        .map(|(_, samples)| samples.iter().map(|s| (s.line.0, s.download, s.upload)).collect())
        .unwrap_or_default()
}

#[test]
fn a_servers_tx_is_download_and_a_clients_rx() {
    let now = Instant::now();
    let mut sampler = Sampler::default();
    sampler.add(&reading(A, 2, 1), 1_000, 14_780_000, now);
    sampler.add(&Reading { role: Role::Client, ..reading(B, 2, 1) }, 14_780_000, 1_000, now);
    assert_eq!(take(&mut sampler), [(1, 14_780_000, 1_000), (2, 14_780_000, 1_000)]);
    assert!(take(&mut sampler).is_empty());
}

#[test]
fn sessions_of_a_line_are_added_up_and_without_one_there_is_no_sample() {
    let now = Instant::now();
    let mut sampler = Sampler::default();
    sampler.add(&reading(A, 2, 2), 1, 10, now);
    assert!(take(&mut sampler).is_empty(), "half a line");
    sampler.add(&reading(A, 2, 2), 2, 20, now);
    assert!(sampler.due().is_some(), "its tick is over soon");
    assert_eq!(take(&mut sampler), [(1, 30, 3)]);
    sampler.add(&reading(A, 3, 2), 1, 10, now);
    sampler.add(&reading(A, 4, 2), 1, 10, now);
    sampler.add(&reading(A, 4, 2), 2, 20, now);
    assert_eq!(take(&mut sampler), [(1, 30, 3)]);
}

#[test]
fn a_tick_is_over_shortly_after_its_first_row_and_has_its_time() {
    let now = Instant::now();
    let mut sampler = Sampler::default();
    assert_eq!(sampler.due(), None);
    sampler.add(&reading(A, 2, 1), 0, 1, now);
    sampler.add(&reading(B, 2, 1), 0, 1, now + GATHER / 2);
    assert_eq!(sampler.due(), Some(now + GATHER));
    assert!(sampler.holds(stream(1)) && !sampler.holds(stream(2)));
    assert_eq!(sampler.take().map(|(at, samples)| (at, samples.len())), Some((now, 2)));
}

#[test]
fn a_tick_is_over_with_the_last_row_of_every_stream_in_it() {
    let now = Instant::now();
    let mut sampler = Sampler::default();
    sampler.pass(stream(1), false);
    sampler.add(&reading(A, 2, 1), 0, 1, now);
    sampler.pass(stream(2), false);
    sampler.pass(stream(1), true);
    assert!(!sampler.is_complete(), "the second stream's rows are on their way");
    sampler.pass(stream(2), true);
    assert!(sampler.is_complete());
    sampler.pass(stream(1), false);
    assert!(sampler.take().is_some() && !sampler.is_complete());
    sampler.add(&reading(A, 3, 1), 0, 1, now);
    assert!(sampler.is_complete(), "what a tick that is over missed, the next one does not wait for");
}

#[test]
fn zeros_after_traffic_wait_for_the_tables() {
    let now = Instant::now();
    let second = Duration::from_secs(1);
    let mut sampler = Sampler::default();
    assert!(!sampler.add(&reading(A, 2, 1), 0, 5_000_000, now));
    take(&mut sampler);
    assert!(sampler.add(&reading(A, 3, 1), 0, 0, now + second), "the tables are to be read");
    assert!(take(&mut sampler).is_empty());
    // An earlier reading proves nothing.
    assert!(sampler.confirm(now, |_, _| true).is_none());
    let confirmed = sampler.confirm(now + second, |line, from| line == A && from == stream(1));
    assert_eq!(
        confirmed.map(|(at, samples)| (at, samples.to_vec())),
        Some((now + second, vec![Sample { line: A, download: 0, upload: 0 }],))
    );
    assert!(!sampler.add(&reading(A, 4, 1), 0, 0, now + 2 * second), "zero is known by now");
    assert_eq!(take(&mut sampler), [(1, 0, 0)]);
}

#[test]
fn zeros_of_a_session_that_is_gone_never_were() {
    let now = Instant::now();
    let mut sampler = Sampler::default();
    sampler.add(&reading(A, 2, 1), 0, 5_000_000, now);
    take(&mut sampler);
    sampler.add(&reading(A, 3, 1), 0, 0, now);
    assert!(sampler.confirm(now, |_, _| false).is_none());
    assert!(take(&mut sampler).is_empty());
}

#[test]
fn a_quiet_line_may_fall_to_zero_without_a_question() {
    let now = Instant::now();
    let mut sampler = Sampler::default();
    sampler.add(&reading(A, 2, 1), 500, 900, now);
    take(&mut sampler);
    assert!(!sampler.add(&reading(A, 3, 1), 0, 0, now));
    assert_eq!(take(&mut sampler), [(1, 0, 0)]);
}

#[test]
fn a_rate_above_the_largest_is_unknown_and_not_the_largest() {
    use crate::sessions::tests::with_row;
    for (rx, tx, rates_of) in [
        (MAX_RATE, MAX_RATE, Some((MAX_RATE, MAX_RATE))),
        (MAX_RATE + 1, 5, None),
        (5, MAX_RATE + 1, None),
        (u64::MAX, u64::MAX, None),
    ] {
        let words = [format!("=rx-bits-per-second={rx}"), format!("=tx-bits-per-second={tx}")];
        with_row(&words.each_ref().map(|word| word.as_bytes()), |row| assert_eq!(rates(row), rates_of));
    }
    let now = Instant::now();
    let mut sampler = Sampler::default();
    sampler.add(&reading(A, 2, 2), 1, MAX_RATE, now);
    sampler.add(&reading(A, 2, 2), 1, 1, now);
    sampler.add(&reading(B, 2, 1), 1, MAX_RATE, now);
    assert_eq!(take(&mut sampler), [(2, MAX_RATE, 1)], "two sessions together");
}

#[test]
fn what_is_forgotten_leaves_nothing_behind() {
    let now = Instant::now();
    let mut sampler = Sampler::default();
    sampler.add(&reading(A, 2, 1), 0, 5_000_000, now);
    sampler.add(&reading(B, 2, 2), 0, 1, now);
    sampler.forget(|line| line == B);
    assert!(take(&mut sampler).is_empty());
    assert!(sampler.last.is_empty());
    sampler.clear();
    assert!(sampler.gathered.is_empty() && sampler.due().is_none());
}

/// A line with traffic until `now`, and then a row of zeros each second up to `seconds`.
fn zeros_for(sampler: &mut Sampler, seconds: std::ops::RangeInclusive<u32>, now: Instant) -> Vec<usize> {
    let shown = seconds.map(|second| {
        sampler.add(&reading(A, 2 + second, 1), 0, 0, now + Duration::from_secs(second.into()));
        take(sampler).len()
    });
    shown.collect()
}

#[test]
fn zeros_wait_for_a_slow_reading_that_began_after_the_first_of_them() {
    let now = Instant::now();
    let at = |seconds| now + Duration::from_secs(seconds);
    for still_there in [true, false] {
        let mut sampler = Sampler::default();
        sampler.add(&reading(A, 2, 1), 0, 5_000_000, now);
        take(&mut sampler);
        assert_eq!(zeros_for(&mut sampler, 1..=4, now), [0; 4]);
        assert!(sampler.confirm(at(0), |_, _| true).is_none(), "it began before the doubt");
        assert_eq!(zeros_for(&mut sampler, 5..=8, now), [0; 4]);
        let settled = sampler.confirm(at(5), |_, _| still_there).map(|(at, samples)| (at, samples.to_vec()));
        let zero = Sample { line: A, download: 0, upload: 0 };
        assert_eq!(settled, still_there.then(|| (at(8), vec![zero])));
        let after = zeros_for(&mut sampler, 9..=10, now);
        assert_eq!(after, if still_there { [1; 2] } else { [0; 2] });
    }
}

#[test]
fn zeros_of_a_line_that_no_stream_feeds_any_more_are_forgotten() {
    let now = Instant::now();
    let mut sampler = Sampler::default();
    for line in [A, B] {
        sampler.add(&reading(line, 2, 1), 0, 5_000_000, now);
    }
    take(&mut sampler);
    for line in [A, B] {
        assert!(sampler.add(&reading(line, 3, 1), 0, 0, now));
    }
    sampler.deny(|line, _| line == B);
    let right = sampler.confirm(now, |_, _| true).map(|(_, samples)| samples.to_vec());
    assert_eq!(right, Some(vec![Sample { line: B, download: 0, upload: 0 }]));
}

#[test]
fn zeros_that_the_tables_neither_confirm_nor_deny_are_believed_in_the_end() {
    let now = Instant::now();
    let mut sampler = Sampler::default();
    sampler.add(&reading(A, 2, 1), 0, 5_000_000, now);
    take(&mut sampler);
    assert_eq!(zeros_for(&mut sampler, 1..=17, now), [&[0; 15][..], &[1; 2]].concat());
}
