use proptest::prelude::*;
use shared::control::Role;

use super::*;
use crate::sessions::tests::{Listed, listing, with_row};

const INTERVAL: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

/// An interface's counters as the router tells them: `.id`, name, rx and tx.
type Told<'a> = (u64, &'a str, u64, u64);

/// The span of the averages in seconds, and each average's handle, download and upload.
type Read = (u64, Vec<(u32, u64, u64)>);

struct Counted {
    averages: Averages,
    lines: LineTable,
    now: Instant,
}

impl Counted {
    fn new(sessions: &[Listed<'_>]) -> Self {
        let mut counted =
            Self { averages: Averages::new(Some(INTERVAL)), lines: LineTable::new(10), now: Instant::now() };
        counted.list(sessions);
        counted
    }

    /// Two lines, `ali` on `*1` and `bob` on `*2`.
    fn of_two() -> Self {
        Self::new(&[server(1, "<ali>", "ali"), server(2, "<bob>", "bob")])
    }

    fn list(&mut self, sessions: &[Listed<'_>]) {
        self.lines.apply(listing(sessions, 10), self.now);
    }

    fn rows(&mut self, rows: &[Told<'_>]) {
        let Self { averages, lines, now } = self;
        for (id, name, rx, tx) in rows {
            let words =
                [format!("=.id=*{id:X}"), format!("=name={name}"), format!("=rx-byte={rx}"), format!("=tx-byte={tx}")];
            with_row(&words.each_ref().map(|word| word.as_bytes()), |row| averages.row(row, lines, *now));
        }
    }

    /// Reads the counters now.
    fn read(&mut self, rows: &[Told<'_>]) -> Option<Read> {
        assert!(self.averages.begin(self.now).is_some(), "none is due");
        self.rows(rows);
        self.done()
    }

    fn done(&mut self) -> Option<Read> {
        let read = self.averages.done(&self.lines, self.now)?;
        assert_eq!((read.at, read.reach.interval_ms), (self.now, 30_000));
        let averages = read.averages.iter().map(|sample| (sample.line.0, sample.download, sample.upload)).collect();
        Some((read.reach.span_ms / 1_000, averages))
    }

    fn begin(&mut self) -> Option<Form> {
        self.averages.begin(self.now)
    }

    fn later(&mut self, seconds: u32) -> &mut Self {
        self.now += SECOND * seconds;
        self
    }
}

const fn server<'a>(id: u64, name: &'a str, user: &'a str) -> Listed<'a> {
    (Role::Server, id, name, user, None, true)
}

#[test]
fn what_two_readings_differ_by_is_an_average_as_the_subscriber_sees_it() {
    let mut counted = Counted::new(&[server(1, "<ali>", "ali"), (Role::Client, 2, "pppoe-out1", "bob", None, true)]);
    assert_eq!(counted.read(&[(1, "<ali>", 1_000, 5_000), (2, "pppoe-out1", 7, 8)]), None, "one reading is no average");
    let read = counted.later(30).read(&[(1, "<ali>", 4_000, 65_000), (2, "pppoe-out1", 3_757, 8)]);
    assert_eq!(read, Some((30, vec![(1, 16_000, 800), (2, 1_000, 0)])));
}

#[test]
fn a_new_session_and_a_counter_that_fell_give_no_spike() {
    let mut counted = Counted::of_two();
    counted.read(&[(1, "<ali>", 1 << 40, 1 << 40), (2, "<bob>", 0, 0)]);
    let ali = |id, bytes| (id, "<ali>", bytes, bytes);
    let bob = |bytes| (2, "<bob>", bytes, bytes);
    let only_bob = |read: Option<Read>| read.unwrap().1.iter().map(|a| a.0).collect::<Vec<_>>();
    assert_eq!(only_bob(counted.later(30).read(&[ali(1, 500), bob(30)])), [2], "it counts anew under its old id");
    assert_eq!(
        only_bob(counted.later(30).read(&[ali(9, 1 << 50), bob(60)])),
        [2],
        "another id, although it counts more"
    );
    assert_eq!(only_bob(counted.later(30).read(&[bob(90)])), [2], "it is missing");
    assert_eq!(only_bob(counted.later(30).read(&[ali(9, 1 << 51), bob(120)])), [2], "and was, at the reading before");
    assert_eq!(counted.later(30).read(&[ali(9, (1 << 51) + 3_750), bob(150)]).unwrap().1[0], (1, 1_000, 1_000));
}

#[test]
fn a_line_has_an_average_when_all_its_sessions_do() {
    let mut counted = Counted::new(&[server(1, "<ali>", "ali"), server(2, "<ali-1>", "ali")]);
    counted.read(&[(1, "<ali>", 0, 0), (2, "<ali-1>", 0, 0)]);
    let read = counted.later(30).read(&[(1, "<ali>", 0, 3_750), (2, "<ali-1>", 3_750, 7_500)]);
    assert_eq!(read, Some((30, vec![(1, 3_000, 1_000)])));
    assert_eq!(counted.later(30).read(&[(1, "<ali>", 0, 3_750)]), None);
}

#[test]
fn of_an_offline_line_and_of_other_interfaces_there_is_none() {
    let mut counted = Counted::new(&[(Role::Server, 1, "pppoe-in1", "ali", None, false), server(2, "<bob>", "bob")]);
    counted.read(&[(1, "pppoe-in1", 0, 0), (2, "<bob>", 0, 0), (3, "ether1", 0, 0)]);
    let read = counted.later(30).read(&[(1, "pppoe-in1", 9, 9), (2, "<bob>", 0, 0), (3, "ether1", 9, 9)]);
    assert_eq!(read, Some((30, vec![(2, 0, 0)])), "of bob it is zero");
}

#[test]
fn readings_keep_to_their_interval_and_a_missed_one_is_reached_over() {
    let mut counted = Counted::of_two();
    let start = counted.now;
    let rows = |bytes| [(1, "<ali>", bytes, bytes)];
    counted.read(&rows(0));
    counted.later(31).read(&rows(30));
    assert_eq!(counted.averages.wake(counted.now), Some(start + 2 * INTERVAL), "a late one makes no later one late");
    counted.later(65);
    assert_eq!(counted.read(&rows(95)).unwrap().0, 65, "the router was away for a reading");
    assert_eq!(counted.averages.wake(counted.now), Some(start + 4 * INTERVAL));
    assert_eq!(counted.later(150).read(&rows(1_000)), None, "a long pause says nothing of its parts");
    assert!(counted.later(30).read(&rows(1_030)).is_some());
}

#[test]
fn a_slow_router_is_left_in_peace_for_longer() {
    let mut counted = Counted::of_two();
    assert!(counted.begin().is_some());
    counted.rows(&[(1, "<ali>", 0, 0)]);
    assert_eq!((counted.averages.wake(counted.now), counted.begin()), (None, None));
    counted.later(10).done();
    assert_eq!(counted.averages.wake(counted.now), Some(counted.now + 4 * 10 * SECOND));
}

#[test]
fn a_reading_that_does_not_come_in_time_or_loses_its_connection_leaves_the_one_before() {
    for loses in [Averages::disconnected, |averages: &mut Averages| averages.asked = None] {
        let mut counted = Counted::of_two();
        counted.read(&[(1, "<ali>", 0, 0)]);
        counted.later(30);
        assert!(counted.begin().is_some());
        counted.rows(&[(1, "<ali>", 99, 99)]);
        loses(&mut counted.averages);
        assert_eq!(counted.later(30).read(&[(1, "<ali>", 7_500, 0)]), Some((60, vec![(1, 0, 1_000)])));
    }
    let mut counted = Counted::of_two();
    assert!(counted.begin().is_some());
    counted.averages.timed_out(counted.now + 10 * SECOND);
    assert!(counted.averages.wake(counted.now).is_some());
}

#[test]
fn the_table_is_asked_for_in_the_form_that_the_router_knows() {
    let mut counted = Counted::of_two();
    assert_eq!(counted.begin(), Some(Form::Stats));
    counted.averages.trap();
    assert_eq!(counted.done(), None);
    assert_eq!(counted.begin(), Some(Form::Plain), "without =stats=, at once");
    counted.rows(&[(1, "<ali>", 0, 0)]);
    counted.done();
    assert_eq!(counted.later(30).begin(), Some(Form::Plain), "what worked is kept");
    counted.averages.trap();
    assert_eq!(counted.done(), None);
    assert_eq!(counted.begin(), None, "a router that refuses both is not asked each time");
    assert_eq!(counted.averages.wake(counted.now), Some(counted.now + REFUSED_PAUSE));
}

#[test]
fn rows_without_counters_lead_to_the_other_form_too() {
    let mut counted = Counted::of_two();
    for form in [Form::Stats, Form::Plain] {
        assert_eq!(counted.begin(), Some(form));
        let Counted { averages, lines, now } = &mut counted;
        with_row(&[b"=.id=*1", b"=name=<ali>"], |row| averages.row(row, lines, *now));
        assert_eq!(counted.done(), None);
    }
    assert_eq!(counted.later(30).begin(), Some(Form::Stats));
}

#[test]
fn switched_off_nothing_is_due() {
    let mut averages = Averages::new(None);
    let now = Instant::now();
    assert_eq!((averages.wake(now), averages.begin(now)), (None, None));
}

#[test]
fn an_average_above_the_largest_rate_is_unknown() {
    let mut counted = Counted::of_two();
    let most = MAX_RATE / 8 * 30;
    counted.read(&[(1, "<ali>", 0, 0), (2, "<bob>", 0, 0)]);
    let read = counted.later(30).read(&[(1, "<ali>", 0, most + 30), (2, "<bob>", most, most)]);
    assert_eq!(read, Some((30, vec![(2, MAX_RATE, MAX_RATE)])));
}

#[test]
fn the_largest_counters_are_no_overflow() {
    let mut counted = Counted::of_two();
    counted.read(&[(1, "<ali>", 0, 0)]);
    counted.later(30).read(&[(1, "<ali>", u64::MAX, u64::MAX), (2, "<bob>", 0, 0)]);
}

proptest! {
    /// An average is never more than the bytes counted since the reading before, whatever counters do.
    #[test]
    fn no_average_is_more_than_was_counted(
        // The router counts under one `.id` or another; `*2` is bob's.
        readings in prop::collection::vec(
            (1u32..200, prop::sample::select(vec![1u64, 3]), 0u64..1_000_000, any::<bool>()),
            1..40,
        ),
    ) {
        let mut counted = Counted::of_two();
        let mut before: Option<(u64, u64, Instant)> = None;
        for (wait, id, bytes, missing) in readings {
            counted.later(wait.max(30));
            if counted.begin().is_none() {
                continue;
            }
            if !missing {
                counted.rows(&[(id, "<ali>", bytes, bytes)]);
            }
            counted.rows(&[(2, "<bob>", 0, 0)]);
            let read = counted.done();
            let ali = read.and_then(|(_, averages)| averages.into_iter().find(|average| average.0 == 1));
            if let Some((_, download, upload)) = ali {
                let (known, counted_then, at) = before.unwrap();
                prop_assert_eq!(known, id);
                let seconds = (counted.now - at).as_secs();
                prop_assert_eq!(download, (bytes - counted_then) * 8 / seconds);
                prop_assert_eq!(upload, download);
            }
            before = (!missing).then_some((id, bytes, counted.now));
        }
    }
}
