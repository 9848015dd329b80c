//! A viewer's seat before a line: how far it has read, how it is called, and where its frames go while it waits.
//!
//! A viewer that waits has nothing else to write, so that whoever has a sample for it writes the frame itself: waking ten
//! thousand tasks a second cost more than all else that the relay does. A frame that does not go out whole at once, or
//! anything but the next sample, is the business of the viewer's task.

use std::fmt::Debug;
use std::sync::Arc;
use std::task::Waker;

use crate::clock::Now;
use crate::wire::viewer_frame::{self, Point};
use crate::wire::websocket::{self, PING};

/// Between two looks at a line that is not at rest, milliseconds.
const LOOK_MS: i64 = 1_000;

/// Frames written by a publisher itself for one batch, some 5 µs each; what is beyond goes to the viewers' tasks, which
/// all processors share.
const AT_ONCE: usize = 512;

/// A viewer that has heard nothing for so long is told the state again, so that a page can tell a quiet line from a dead
/// connection, milliseconds.
const REPEAT_MS: i64 = 10_000;

/// A ping that is unanswered for so long is the business of the viewer's task, which knows how long is too long, milliseconds.
const UNANSWERED_MS: i64 = 5_000;

/// Room for one framed sample and a ping, in bytes.
const SAMPLE_ROOM: usize = 96;

/// Where a waiting viewer's frames go.
pub(crate) trait Outlet: Debug + Send + Sync {
    /// A frame comes soon: has the stream's memory fetched, so that several are on their way at once.
    fn announce(&self);

    /// Writes as much of a frame as is taken at once; never waits.
    fn offer(&self, frame: &[u8]) -> Taken;
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is out.
    Whole,
    /// So many bytes of it were taken; the rest of it, and getting them out, is left to do.
    Part(usize),
}

/// How a viewer is served while it waits.
#[derive(Debug)]
pub(crate) struct Direct {
    /// Where samples go.
    pub(crate) outlet: Arc<dyn Outlet>,
    /// From then on, on the steady scale, a sample is to carry a ping.
    pub(crate) ping_due: i64,
}

/// What was written to a viewer while it waited.
#[derive(Debug, Default)]
pub(crate) struct Served {
    /// A frame that is written in part.
    pub(crate) begun: Option<Begun>,
    /// When a ping was written, on the steady scale.
    pub(crate) pinged: Option<i64>,
}

/// A frame that is written in part.
#[derive(Debug)]
pub(crate) struct Begun {
    /// All of it.
    pub(crate) frame: Arc<[u8]>,
    /// How much is written.
    pub(crate) at: usize,
}

/// How far a viewer has read: a cursor and not a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cursor {
    /// `None` before it was told anything.
    pub(super) revision: Option<u32>,
    pub(super) restated: u32,
    /// [`Averages::begun`](super::averages::Averages::begun) as of what it was told.
    pub(super) averages: u32,
    pub(super) position: u64,
}

impl Cursor {
    /// Whether the two have been told the same of samples and state.
    fn is_level_with(&self, other: &Self) -> bool {
        Self { averages: other.averages, ..*self } == *other
    }
}

/// A line's seats. Most lines have one viewer, whose seat is not a cache miss away.
#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: usize,
    first: Seat,
    others: Vec<Seat>,
}

impl Seats {
    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// Takes one; its number.
    pub(super) fn take(&mut self) -> Option<u32> {
        let free = self.iter().position(|seat| !seat.taken);
        let number = u32::try_from(free.unwrap_or(1 + self.others.len())).ok()?;
        if free.is_none() {
            self.others.reserve_exact(1);
            self.others.push(Seat::default());
        }
        *self.get_mut(number)? = Seat { taken: true, ..Seat::default() };
        self.taken += 1;
        Some(number)
    }

    /// Gives one back.
    pub(super) fn leave(&mut self, number: u32) {
        if let Some(seat) = self.get_mut(number)
            && std::mem::take(seat).taken
        {
            self.taken -= 1;
        }
    }

    pub(super) fn get(&self, number: u32) -> Option<&Seat> {
        self.iter().nth(number as usize)
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Seat> {
        self.iter_mut().nth(number as usize)
    }

    /// Announces a frame to all who wait for one.
    pub(super) fn announce(&self) {
        let waiting = self.iter().filter_map(|seat| seat.waiting.as_ref()?.direct.as_ref());
        waiting.for_each(|direct| direct.outlet.announce());
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Seat> {
        [&self.first].into_iter().chain(&self.others)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Seat> {
        [&mut self.first].into_iter().chain(&mut self.others)
    }
}

/// Which of the viewers that wait are called.
#[derive(Debug, Clone, Copy)]
pub(super) enum Called {
    /// All of them.
    Everyone,
    /// Those who have something to do.
    Behind,
    /// Those who have heard nothing for long.
    Quiet(Now),
}

#[derive(Debug, Default)]
pub(super) struct Seat {
    pub(super) taken: bool,
    pub(super) cursor: Cursor,
    waiting: Option<Waiting>,
    begun: Option<Box<Begun>>,
    pinged: Option<i64>,
    /// When it was last told anything, on the steady scale.
    pub(super) heard: i64,
}

#[derive(Debug)]
struct Waiting {
    waker: Waker,
    direct: Option<Direct>,
}

impl Seat {
    /// The viewer's task is called when there is something to say, unless it was said directly.
    pub(super) fn wait(&mut self, waker: &Waker, direct: Option<Direct>) {
        match &mut self.waiting {
            Some(waiting) => {
                waiting.waker.clone_from(waker);
                waiting.direct = direct;
            }
            none => *none = Some(Waiting { waker: waker.clone(), direct }),
        }
    }

    /// The viewer does not wait any more.
    pub(super) fn be_busy(&mut self) {
        self.waiting = None;
    }

    /// The viewer's task writes by itself until it waits again, and first what is left of a frame.
    pub(super) fn resume(&mut self) -> Served {
        self.waiting = None;
        Served { begun: self.begun.take().map(|begun| *begun), pinged: self.pinged.take() }
    }

    /// Whether it has heard nothing for so long that it is told something before it is looked at again.
    pub(super) fn is_quiet(&self, now: Now) -> bool {
        now.steady - self.heard > REPEAT_MS - LOOK_MS
    }

    /// Writes the sample that leads to `newest`, if the viewer is just before it; whether there is nothing left to do.
    pub(super) fn deliver(&mut self, newest: &Cursor, delivery: &mut Delivery, now: Now) -> bool {
        let Some(Waiting { direct: Some(direct), .. }) = &mut self.waiting else { return false };
        let before = Cursor { position: newest.position - 1, ..*newest };
        let is_answered = self.pinged.is_none_or(|pinged| now.steady - pinged < UNANSWERED_MS);
        if !self.cursor.is_level_with(&before) || !is_answered || delivery.left == 0 {
            return false;
        }
        let is_ping_due = now.steady >= direct.ping_due;
        let frame = delivery.frame(is_ping_due);
        let taken = direct.outlet.offer(frame);
        if taken == Taken::Part(0) {
            return false;
        }
        if let Taken::Part(at) = taken {
            self.begun = Some(Box::new(Begun { frame: frame.into(), at }));
        }
        if is_ping_due {
            direct.ping_due = i64::MAX;
            self.pinged = Some(now.steady);
        }
        delivery.left -= 1;
        delivery.written += 1;
        self.cursor.position = newest.position;
        self.heard = now.steady;
        self.begun.is_none()
    }

    /// The waker of a viewer that waits, if it is one of those who are called.
    pub(super) fn call(&mut self, called: Called, newest: &Cursor) -> Option<Waker> {
        let is_called = match called {
            Called::Everyone => true,
            Called::Behind => self.begun.is_some() || !self.cursor.is_level_with(newest),
            Called::Quiet(now) => self.is_quiet(now),
        };
        self.waiting.take_if(|_| is_called).map(|waiting| waiting.waker)
    }
}

/// What a publisher writes to waiting viewers while it takes one batch; kept, lest each sample allocate.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// A framed sample and a ping behind it.
    bytes: Vec<u8>,
    left: usize,
    written: u64,
}

impl Delivery {
    /// Begins a batch.
    pub(crate) fn begin(&mut self) {
        self.left = AT_ONCE;
    }

    /// Frames written since this was last asked.
    pub(crate) fn take_written(&mut self) -> u64 {
        std::mem::take(&mut self.written)
    }

    /// Makes a sample the frame that is delivered.
    pub(super) fn put(&mut self, point: &Point) {
        self.bytes.clear();
        self.bytes.reserve(SAMPLE_ROOM);
        websocket::put_short_text(&mut self.bytes, |out| viewer_frame::put_sample(out, point));
        self.bytes.extend_from_slice(&PING);
    }

    /// The frame, with a ping or without.
    pub(super) fn frame(&self, with_ping: bool) -> &[u8] {
        let length = self.bytes.len() - if with_ping { 0 } else { PING.len() };
        &self.bytes[..length]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::task::{ArcWake, waker};

    use super::*;

    const NOW: Now = Now { steady: 50_000, unix: 1_795_363_200_000 };
    const NEWEST: Cursor = Cursor { revision: Some(3), restated: 2, averages: 0, position: 7 };

    /// Notes what it is offered, and takes so much of it.
    #[derive(Debug)]
    struct Fake {
        takes: Taken,
        offered: Mutex<Vec<Vec<u8>>>,
    }

    impl Outlet for Fake {
        fn announce(&self) {}

        fn offer(&self, frame: &[u8]) -> Taken {
            self.offered.lock().unwrap().push(frame.to_vec());
            self.takes
        }
    }

    struct Nobody;

    impl ArcWake for Nobody {
        fn wake_by_ref(_: &Arc<Self>) {}
    }

    struct Table {
        seat: Seat,
        outlet: Arc<Fake>,
        delivery: Delivery,
    }

    impl Table {
        /// A viewer that waits at a position, a sample that leads to the newest, and a ping that is due then.
        fn new(cursor: Cursor, takes: Taken, ping_due: i64) -> Self {
            let outlet = Arc::new(Fake { takes, offered: Mutex::default() });
            let mut seat = Seat { taken: true, cursor, ..Seat::default() };
            let direct = Direct { outlet: Arc::clone(&outlet) as _, ping_due };
            seat.wait(&waker(Arc::new(Nobody)), Some(direct));
            let mut delivery = Delivery::default();
            delivery.begin();
            delivery.put(&Point { t: NOW.unix, down: 14_780_000, up: 620_000 });
            Self { seat, outlet, delivery }
        }

        fn deliver(&mut self) -> bool {
            self.seat.deliver(&NEWEST, &mut self.delivery, NOW)
        }

        fn offers(&self) -> usize {
            self.outlet.offered.lock().unwrap().len()
        }

        fn is_called(&mut self) -> bool {
            self.seat.call(Called::Behind, &NEWEST).is_some()
        }
    }

    fn one_behind() -> Cursor {
        Cursor { position: 6, ..NEWEST }
    }

    #[test]
    fn a_viewer_that_waits_for_the_next_sample_gets_it_and_sleeps_on() {
        let mut table = Table::new(one_behind(), Taken::Whole, i64::MAX);
        assert!(table.deliver());
        assert_eq!(*table.outlet.offered.lock().unwrap(), [table.delivery.frame(false).to_vec()]);
        assert_eq!((table.seat.cursor, table.seat.heard), (NEWEST, NOW.steady));
        assert!(!table.is_called());
        assert_eq!(table.delivery.take_written(), 1);
        assert!(table.seat.resume().begun.is_none());
    }

    #[test]
    fn who_is_to_be_told_something_else_is_called_instead() {
        let elsewhere = [
            Cursor { position: 5, ..NEWEST },
            Cursor { restated: 1, ..one_behind() },
            Cursor { revision: Some(2), ..one_behind() },
            Cursor::default(),
        ];
        for cursor in elsewhere {
            let mut table = Table::new(cursor, Taken::Whole, i64::MAX);
            assert!(!table.deliver(), "{cursor:?}");
            assert_eq!((table.offers(), table.seat.cursor), (0, cursor));
            assert!(table.is_called(), "{cursor:?}");
        }
        let mut table = Table::new(Cursor { averages: 9, ..one_behind() }, Taken::Whole, i64::MAX);
        assert!(table.deliver(), "averages are told by themselves");
    }

    #[test]
    fn who_is_busy_is_left_alone() {
        let mut table = Table::new(one_behind(), Taken::Whole, i64::MAX);
        table.seat.resume();
        assert!(!table.deliver());
        assert_eq!(table.offers(), 0);
        assert!(!table.is_called(), "its task finds the sample by itself");
    }

    #[test]
    fn what_is_left_of_a_frame_is_the_tasks_business() {
        let mut table = Table::new(one_behind(), Taken::Part(0), i64::MAX);
        assert!(!table.deliver());
        assert_eq!(table.seat.cursor, one_behind(), "nothing of it was taken");
        assert!(table.is_called());
        for at in [1, 70] {
            let mut table = Table::new(one_behind(), Taken::Part(at), i64::MAX);
            assert!(!table.deliver());
            assert!(table.is_called());
            let begun = table.seat.resume().begun.unwrap();
            assert_eq!((&*begun.frame, begun.at), (table.delivery.frame(false), at));
            assert_eq!(table.seat.cursor, NEWEST);
            assert!(table.seat.resume().begun.is_none(), "once");
        }
    }

    #[test]
    fn a_ping_rides_on_the_sample_that_it_is_due_with_and_on_no_other() {
        let mut table = Table::new(one_behind(), Taken::Whole, NOW.steady);
        assert!(table.deliver());
        table.seat.cursor = one_behind();
        assert!(table.deliver());
        let frames = table.outlet.offered.lock().unwrap().clone();
        assert_eq!(frames[0], [frames[1].as_slice(), &PING].concat());
        assert_eq!(table.seat.resume().pinged, Some(NOW.steady));
        assert_eq!(table.seat.resume().pinged, None, "once");
        let mut refusing = Table::new(one_behind(), Taken::Part(0), NOW.steady);
        refusing.deliver();
        assert_eq!(refusing.seat.resume().pinged, None);
    }

    #[test]
    fn who_does_not_answer_a_ping_is_handed_to_its_task() {
        let mut table = Table::new(one_behind(), Taken::Whole, i64::MAX);
        table.seat.pinged = Some(NOW.steady - UNANSWERED_MS + 1);
        assert!(table.deliver());
        table.seat.cursor = one_behind();
        table.seat.pinged = Some(NOW.steady - UNANSWERED_MS);
        assert!(!table.deliver());
        assert_eq!(table.offers(), 1);
        assert!(table.is_called());
    }

    #[test]
    fn who_has_heard_nothing_for_long_is_called() {
        let mut table = Table::new(NEWEST, Taken::Whole, i64::MAX);
        let call_at =
            |table: &mut Table, steady| table.seat.call(Called::Quiet(Now { steady, ..NOW }), &NEWEST).is_some();
        table.seat.heard = NOW.steady;
        assert!(!call_at(&mut table, NOW.steady + REPEAT_MS - LOOK_MS));
        assert!(call_at(&mut table, NOW.steady + REPEAT_MS - LOOK_MS + 1), "the next look would be too late");
        assert!(!call_at(&mut table, NOW.steady + REPEAT_MS), "it does not wait any more");
    }

    #[test]
    fn beyond_so_many_frames_of_a_batch_tasks_are_called() {
        let mut table = Table::new(one_behind(), Taken::Whole, i64::MAX);
        for _ in 0..AT_ONCE {
            assert!(table.deliver());
            table.seat.cursor = one_behind();
        }
        assert!(!table.deliver());
        assert_eq!(table.offers(), AT_ONCE);
        assert!(table.is_called());
        table.delivery.begin();
        table.seat.wait(&waker(Arc::new(Nobody)), Some(Direct { outlet: Arc::clone(&table.outlet) as _, ping_due: 0 }));
        assert!(table.deliver(), "the next batch begins anew");
    }

    #[test]
    fn seats_are_numbered_and_taken_again() {
        let mut seats = Seats::default();
        assert_eq!([seats.take(), seats.take(), seats.take()], [Some(0), Some(1), Some(2)]);
        seats.leave(0);
        seats.leave(0);
        seats.leave(9);
        assert_eq!(seats.taken(), 2);
        assert_eq!([seats.take(), seats.take()], [Some(0), Some(3)]);
        assert_eq!((seats.taken(), seats.iter().count()), (4, 4));
    }
}
