//! Deliveries to sleeping viewers, and the order of seats.

use futures_util::task::{ArcWake, waker};
use parking_lot::Mutex;

use super::*;
use crate::clock::UnixMillis;

const NOW: Now = Now { steady: Steady::from_millis(50_000), unix: UnixMillis::from_millis(1_795_363_200_000) };
const NEWEST: Cursor = Cursor { revision: Some(3), state: 2, averages: 0, position: 7 };

/// Notes every offered frame, and takes a fixed part of it.
#[derive(Debug)]
struct Fake {
    takes: Written,
    offered: Mutex<Vec<Vec<u8>>>,
}

impl ViewerSink for Fake {
    fn prefetch(&self) {}

    fn try_write(&self, frame: &[u8]) -> Written {
        self.offered.lock().push(frame.to_vec());
        self.takes
    }
}

struct Nobody;

impl ArcWake for Nobody {
    fn wake_by_ref(_: &Arc<Self>) {}
}

struct Table {
    seat: ViewerSeat,
    sink: Arc<Fake>,
    writer: DirectWriter,
}

impl Table {
    /// Returns a sleeping viewer at a position, with the newest sample framed.
    fn new(cursor: Cursor, takes: Written, ping_due: Option<Steady>) -> Self {
        let sink = Arc::new(Fake { takes, offered: Mutex::default() });
        let mut seat = ViewerSeat { taken: true, cursor, ..ViewerSeat::default() };
        let direct = DirectWrite { sink: Arc::clone(&sink) as _, ping_due, response: None };
        seat.sleep(&waker(Arc::new(Nobody)), Some(direct));
        let mut writer = DirectWriter::default();
        writer.begin();
        writer.put(&TimedSample { t: NOW.unix, down: 14_780_000, up: 620_000, ..TimedSample::default() });
        Self { seat, sink, writer }
    }

    fn deliver(&mut self) -> bool {
        self.seat.deliver(&NEWEST, &mut self.writer, NOW)
    }

    fn offers(&self) -> usize {
        self.sink.offered.lock().len()
    }

    fn is_called(&mut self) -> bool {
        self.seat.take_waker(Wake::Behind, &NEWEST).is_some()
    }
}

fn one_behind() -> Cursor {
    Cursor { position: 6, ..NEWEST }
}

#[test]
fn a_viewer_that_waits_for_the_next_sample_gets_it_and_sleeps_on() {
    let mut table = Table::new(one_behind(), Written::All, None);
    assert!(table.deliver());
    assert_eq!(*table.sink.offered.lock(), [table.writer.frame(false).to_vec()]);
    assert_eq!((table.seat.cursor, table.seat.heard), (NEWEST, NOW.steady));
    assert!(!table.is_called());
    assert_eq!(table.writer.take_written(), 1);
    assert!(table.seat.resume().partial.is_none());
}

#[test]
fn who_is_to_be_told_something_else_is_called_instead() {
    let elsewhere = [
        Cursor { position: 5, ..NEWEST },
        Cursor { state: 1, ..one_behind() },
        Cursor { revision: Some(2), ..one_behind() },
        Cursor::default(),
    ];
    for cursor in elsewhere {
        let mut table = Table::new(cursor, Written::All, None);
        assert!(!table.deliver(), "{cursor:?}");
        assert_eq!((table.offers(), table.seat.cursor), (0, cursor));
        assert!(table.is_called(), "{cursor:?}");
    }
    let mut table = Table::new(Cursor { averages: 9, ..one_behind() }, Written::All, None);
    assert!(table.deliver(), "averages are told by themselves");
}

#[test]
fn who_is_busy_is_left_alone() {
    let mut table = Table::new(one_behind(), Written::All, None);
    table.seat.resume();
    assert!(!table.deliver());
    assert_eq!(table.offers(), 0);
    assert!(!table.is_called(), "its task finds the sample by itself");
}

#[test]
fn what_is_left_of_a_frame_is_the_tasks_business() {
    let mut table = Table::new(one_behind(), Written::Nothing, None);
    assert!(!table.deliver());
    assert_eq!(table.seat.cursor, one_behind(), "nothing of it was taken");
    assert!(table.is_called());
    for at in [1, 70] {
        let mut table = Table::new(one_behind(), Written::unfinished(at), None);
        assert!(!table.deliver());
        assert!(table.is_called());
        let partial = table.seat.resume().partial.unwrap();
        assert_eq!((&*partial.frame, partial.written), (table.writer.frame(false), at));
        assert_eq!(table.seat.cursor, NEWEST);
        assert!(table.seat.resume().partial.is_none(), "once");
    }
}

#[test]
fn a_ping_rides_on_the_sample_that_it_is_due_with_and_on_no_other() {
    let mut table = Table::new(one_behind(), Written::All, Some(NOW.steady));
    assert!(table.deliver());
    table.seat.cursor = one_behind();
    assert!(table.deliver());
    let frames = table.sink.offered.lock().clone();
    assert_eq!(frames[0], [frames[1].as_slice(), &PING].concat());
    assert_eq!(table.seat.resume().pinged.map(|ping| ping.at), Some(NOW.steady));
    assert_eq!(table.seat.resume().pinged, None, "once");
    let mut refusing = Table::new(one_behind(), Written::Nothing, Some(NOW.steady));
    refusing.deliver();
    assert_eq!(refusing.seat.resume().pinged, None);
}

#[test]
fn who_does_not_answer_a_ping_is_handed_to_its_task() {
    let mut table = Table::new(one_behind(), Written::All, None);
    table.seat.pinged = Some(SentPing { at: NOW.steady - UNANSWERED_MS + 1, ..SentPing::new(NOW) });
    assert!(table.deliver());
    table.seat.cursor = one_behind();
    table.seat.pinged = Some(SentPing { at: NOW.steady - UNANSWERED_MS, ..SentPing::new(NOW) });
    assert!(!table.deliver());
    assert_eq!(table.offers(), 1);
    assert!(table.is_called());
}

#[test]
fn who_has_heard_nothing_for_long_is_called() {
    let mut table = Table::new(NEWEST, Written::All, None);
    let call_at =
        |table: &mut Table, steady| table.seat.take_waker(Wake::Quiet(Now { steady, ..NOW }), &NEWEST).is_some();
    table.seat.heard = NOW.steady;
    assert!(!call_at(&mut table, NOW.steady + REPEAT_MS - CHECK_MS));
    assert!(call_at(&mut table, NOW.steady + REPEAT_MS - CHECK_MS + 1), "the next look would be too late");
    assert!(!call_at(&mut table, NOW.steady + REPEAT_MS), "it does not wait any more");
}

#[test]
fn beyond_so_many_frames_of_a_batch_tasks_are_called() {
    let mut table = Table::new(one_behind(), Written::All, None);
    for _ in 0..FRAMES_PER_BATCH {
        assert!(table.deliver());
        table.seat.cursor = one_behind();
    }
    assert!(!table.deliver());
    assert_eq!(table.offers(), FRAMES_PER_BATCH);
    assert!(table.is_called());
    table.writer.begin();
    table.seat.sleep(
        &waker(Arc::new(Nobody)),
        Some(DirectWrite { sink: Arc::clone(&table.sink) as _, ping_due: Some(Steady::default()), response: None }),
    );
    assert!(table.deliver(), "the next batch begins anew");
}

const ROOMY: SeatLimits = SeatLimits { all: 16, group: 12 };

fn group(number: u64) -> AddressGroup {
    AddressGroup::V6(number)
}

#[test]
fn seats_are_numbered_and_taken_again() {
    let mut seats = Audience::default();
    let join = |seats: &mut Audience| seats.join(group(1), Watcher::Subscriber, ROOMY).map(|joined| joined.number);
    assert_eq!([join(&mut seats), join(&mut seats), join(&mut seats)], [Some(0), Some(1), Some(2)]);
    seats.leave(0);
    seats.leave(0);
    seats.leave(9);
    assert_eq!(seats.len(), 2);
    assert_eq!([join(&mut seats), join(&mut seats)], [Some(0), Some(3)]);
    assert_eq!((seats.len(), seats.iter().count()), (4, 4));
}

fn ended(seats: &Audience) -> Vec<usize> {
    (0..).zip(seats.iter()).filter(|(_, seat)| seat.ended.is_some()).map(|(number, _)| number).collect()
}

#[test]
fn beyond_its_share_the_oldest_seat_of_a_group_gives_way() {
    let mut seats = Audience::default();
    let limits = SeatLimits { all: 4, group: 2 };
    let join =
        |seats: &mut Audience, of| seats.join(group(of), Watcher::Subscriber, limits).map(|joined| joined.number);
    assert_eq!([1, 1, 2].map(|of| join(&mut seats, of)), [Some(0), Some(1), Some(2)]);
    assert_eq!((join(&mut seats, 1), ended(&seats)), (Some(3), vec![0]));
    seats.leave(0);
    // Seat 0 is the newest now, and seat 1 the oldest.
    assert_eq!((join(&mut seats, 1), ended(&seats)), (Some(0), vec![1]));
    assert_eq!((join(&mut seats, 3), ended(&seats)), (Some(4), vec![1]), "who is told to leave fills no line");
    assert_eq!((join(&mut seats, 4), ended(&seats)), (Some(5), vec![0, 1]), "of the last two the oldest");
    assert_eq!((join(&mut seats, 3), ended(&seats)), (Some(6), vec![0, 1, 4]), "a full line gives no seat more");
    for number in 0..7 {
        seats.leave(number);
    }
    assert_eq!((seats.len(), seats.ended), (0, 0));
}

#[test]
fn a_viewers_own_response_goes_before_the_next_sample_once() {
    let mut table = Table::new(one_behind(), Written::All, None);
    let direct = DirectWrite { sink: Arc::clone(&table.sink) as _, ping_due: None, response: NonZeroU32::new(8_300) };
    table.seat.sleep(&waker(Arc::new(Nobody)), Some(direct));
    assert!(table.deliver());
    let own = websocket::text(br#"{"type":"self","rtt":8300}"#);
    assert_eq!(*table.sink.offered.lock(), [[&own[..], table.writer.frame(false)].concat()]);
    table.seat.cursor = one_behind();
    assert!(table.deliver());
    assert_eq!(table.sink.offered.lock()[1], table.writer.frame(false));
    assert!(table.seat.resume().told_response);
    assert!(!table.seat.resume().told_response);
    let mut refusing = Table::new(one_behind(), Written::Nothing, None);
    let direct = DirectWrite { sink: Arc::clone(&refusing.sink) as _, ping_due: None, response: NonZeroU32::new(1) };
    refusing.seat.sleep(&waker(Arc::new(Nobody)), Some(direct));
    assert!(!refusing.deliver());
    assert!(!refusing.seat.resume().told_response, "the task tells it");
}
