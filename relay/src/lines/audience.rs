//! The viewers of a line: their positions, their wakers, and their sockets while their tasks sleep.
//!
//! A sleeping viewer has nothing else to write. So the publisher of a sample writes the frame to the viewer's socket:
//! waking ten thousand tasks a second costs more than everything else in the relay. The viewer's task does the rest:
//! frames taken in part, and every update other than the next sample.

use std::fmt::Debug;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::Waker;

use crate::clock::{Now, Steady};
use crate::wire::viewer_frame::{self, TimedSample};
use crate::wire::websocket::{self, PING};

/// Time between two periodic checks of a line, milliseconds.
const CHECK_MS: i64 = 1_000;

/// Frames written by a publisher itself for one batch, some 5 µs each. The viewers' tasks, on all processors, write the
/// rest.
const FRAMES_PER_BATCH: usize = 512;

/// A viewer gets the state again after this silence, milliseconds: a page can then tell a quiet line from a dead connection.
const REPEAT_MS: i64 = 10_000;

/// After this time without a pong, the viewer's task takes over, milliseconds. The task knows when to give up.
const UNANSWERED_MS: i64 = 5_000;

/// Room for one framed sample and a ping, in bytes.
const SAMPLE_ROOM: usize = 96;

/// The socket of a sleeping viewer, as a publisher sees it.
pub(crate) trait ViewerSink: Debug + Send + Sync {
    /// Fetches the stream's memory before a write, so that several fetches run at once.
    fn prefetch(&self);

    /// Writes as much of a frame as the socket takes at once. Never waits.
    fn try_write(&self, frame: &[u8]) -> Written;
}

/// How much of a frame a socket took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The whole frame, and it has left the relay.
    All,
    /// So many bytes. The viewer's task writes and flushes the rest.
    Partly(NonZeroUsize),
    /// No byte.
    Nothing,
}

impl Written {
    /// Returns the outcome of an unfinished write of `bytes` bytes.
    pub(crate) fn unfinished(bytes: usize) -> Self {
        NonZeroUsize::new(bytes).map_or(Self::Nothing, Self::Partly)
    }
}

/// The right to write a sleeping viewer's samples.
#[derive(Debug)]
pub(crate) struct DirectWrite {
    /// The viewer's socket.
    pub(crate) sink: Arc<dyn ViewerSink>,
    /// From this time on, a sample carries a ping.
    pub(crate) ping_due: Option<Steady>,
}

/// The direct writes while the viewer's task slept, as far as the task must know them.
#[derive(Debug, Default)]
pub(crate) struct DirectOutcome {
    /// A frame taken in part.
    pub(crate) partial: Option<PartialFrame>,
    /// The time of a ping.
    pub(crate) pinged: Option<Steady>,
}

/// A frame taken in part by the socket.
#[derive(Debug)]
pub(crate) struct PartialFrame {
    /// The whole frame.
    pub(crate) frame: Arc<[u8]>,
    /// Bytes written.
    pub(crate) written: usize,
}

/// A viewer's position in the line's updates. Viewers have no queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cursor {
    /// The revision of the samples; `None` before the first snapshot.
    pub(super) revision: Option<u32>,
    /// The version of the state.
    pub(super) state: u32,
    /// The count of [`averages begun`](super::averages::Averages::begun).
    pub(super) averages: u32,
    /// Samples of this revision.
    pub(super) position: u64,
}

impl Cursor {
    /// True if both have the same samples and state.
    fn is_level_with(&self, other: &Self) -> bool {
        Self { averages: other.averages, ..*self } == *other
    }
}

/// The viewers of a line. Most lines have one viewer, whose seat costs no other cache miss.
#[derive(Debug, Default)]
pub(super) struct Audience {
    taken: usize,
    first: ViewerSeat,
    others: Vec<ViewerSeat>,
}

impl Audience {
    /// Returns the number of viewers.
    pub(super) fn len(&self) -> usize {
        self.taken
    }

    /// Takes a seat and returns its number.
    pub(super) fn join(&mut self) -> Option<u32> {
        let free = self.iter().position(|seat| !seat.taken);
        let number = u32::try_from(free.unwrap_or(1 + self.others.len())).ok()?;
        if free.is_none() {
            self.others.reserve_exact(1);
            self.others.push(ViewerSeat::default());
        }
        *self.get_mut(number)? = ViewerSeat { taken: true, ..ViewerSeat::default() };
        self.taken += 1;
        Some(number)
    }

    /// Gives a seat back.
    pub(super) fn leave(&mut self, number: u32) {
        if let Some(seat) = self.get_mut(number)
            && std::mem::take(seat).taken
        {
            self.taken -= 1;
        }
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut ViewerSeat> {
        self.iter_mut().nth(number as usize)
    }

    /// Fetches the sockets' memory of all sleeping viewers.
    pub(super) fn prefetch(&self) {
        let sleeping = self.iter().filter_map(|seat| seat.sleeping.as_ref()?.direct.as_ref());
        sleeping.for_each(|direct| direct.sink.prefetch());
    }

    /// Writes the newest sample to every sleeping viewer without a gap before it. True if a viewer's task must be
    /// woken.
    pub(super) fn deliver(&mut self, newest: &Cursor, writer: &mut DirectWriter, now: Now) -> bool {
        let mut is_incomplete = false;
        for seat in self.iter_mut().filter(|seat| seat.taken) {
            is_incomplete |= !seat.deliver(newest, writer, now);
        }
        is_incomplete
    }

    /// Moves wakers of that group into `wakers`, as many as find room. Returns their number.
    pub(super) fn take_wakers(&mut self, group: Wake, newest: &Cursor, wakers: &mut [Option<Waker>]) -> usize {
        let sleeping = self.iter_mut().filter_map(|seat| seat.take_waker(group, newest));
        // Zipped from the array's side: a waker without room must stay.
        wakers.iter_mut().zip(sleeping).map(|(slot, waker)| *slot = Some(waker)).count()
    }

    fn iter(&self) -> impl Iterator<Item = &ViewerSeat> {
        [&self.first].into_iter().chain(&self.others)
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut ViewerSeat> {
        [&mut self.first].into_iter().chain(&mut self.others)
    }
}

/// A group of sleeping viewers to wake.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wake {
    /// All of them.
    Everyone,
    /// Viewers with a missed update or a partial frame.
    Behind,
    /// Viewers without any frame for almost [`REPEAT_MS`].
    Quiet(Now),
}

/// One viewer's seat.
#[derive(Debug, Default)]
pub(super) struct ViewerSeat {
    taken: bool,
    pub(super) cursor: Cursor,
    sleeping: Option<Sleeping>,
    partial: Option<Box<PartialFrame>>,
    pinged: Option<Steady>,
    /// The time of the last frame.
    pub(super) heard: Steady,
}

/// A sleeping task of a viewer.
#[derive(Debug)]
struct Sleeping {
    waker: Waker,
    direct: Option<DirectWrite>,
}

impl ViewerSeat {
    /// Registers the viewer's task, to be woken for every update except a sample.
    pub(super) fn sleep(&mut self, waker: &Waker, direct: Option<DirectWrite>) {
        match &mut self.sleeping {
            Some(sleeping) => {
                sleeping.waker.clone_from(waker);
                sleeping.direct = direct;
            }
            none => *none = Some(Sleeping { waker: waker.clone(), direct }),
        }
    }

    /// Marks the viewer's task as awake: no publisher writes to the socket.
    pub(super) fn wake_up(&mut self) {
        self.sleeping = None;
    }

    /// Hands the socket back to the viewer's task, with the outcome of all direct writes.
    pub(super) fn resume(&mut self) -> DirectOutcome {
        self.sleeping = None;
        DirectOutcome { partial: self.partial.take().map(|partial| *partial), pinged: self.pinged.take() }
    }

    /// True if the viewer must get the state again before the next periodic check.
    pub(super) fn is_quiet(&self, now: Now) -> bool {
        now.steady - self.heard > REPEAT_MS - CHECK_MS
    }

    /// Writes the newest sample to a sleeping viewer with everything before it. True if nothing is left to do for the
    /// viewer.
    fn deliver(&mut self, newest: &Cursor, writer: &mut DirectWriter, now: Now) -> bool {
        let Some(Sleeping { direct: Some(direct), .. }) = &mut self.sleeping else { return false };
        let before = Cursor { position: newest.position - 1, ..*newest };
        let is_answered = self.pinged.is_none_or(|pinged| now.steady - pinged < UNANSWERED_MS);
        if !self.cursor.is_level_with(&before) || !is_answered || writer.left == 0 {
            return false;
        }
        let is_ping_due = direct.ping_due.is_some_and(|due| now.steady >= due);
        let frame = writer.frame(is_ping_due);
        match direct.sink.try_write(frame) {
            Written::Nothing => return false,
            Written::Partly(written) => {
                self.partial = Some(Box::new(PartialFrame { frame: frame.into(), written: written.get() }));
            }
            Written::All => {}
        }
        if is_ping_due {
            direct.ping_due = None;
            self.pinged = Some(now.steady);
        }
        writer.left -= 1;
        writer.written += 1;
        self.cursor.position = newest.position;
        self.heard = now.steady;
        self.partial.is_none()
    }

    /// Takes the waker of a sleeping viewer in that group.
    fn take_waker(&mut self, group: Wake, newest: &Cursor) -> Option<Waker> {
        let is_in_group = match group {
            Wake::Everyone => true,
            Wake::Behind => self.partial.is_some() || !self.cursor.is_level_with(newest),
            Wake::Quiet(now) => self.is_quiet(now),
        };
        self.sleeping.take_if(|_| is_in_group).map(|sleeping| sleeping.waker)
    }
}

/// A publisher's frame and budget while it takes one batch. One for each uplink, so that no sample allocates.
#[derive(Debug, Default)]
pub(crate) struct DirectWriter {
    /// A framed sample with a ping behind it.
    bytes: Vec<u8>,
    left: usize,
    written: u64,
}

impl DirectWriter {
    /// Begins a batch.
    pub(crate) fn begin(&mut self) {
        self.left = FRAMES_PER_BATCH;
    }

    /// Returns the number of frames written since the last call.
    pub(crate) fn take_written(&mut self) -> u64 {
        std::mem::take(&mut self.written)
    }

    /// Frames a sample for the next deliveries.
    pub(super) fn put(&mut self, sample: &TimedSample) {
        self.bytes.clear();
        self.bytes.reserve(SAMPLE_ROOM);
        websocket::put_short_text(&mut self.bytes, |out| viewer_frame::put_sample(out, sample));
        self.bytes.extend_from_slice(&PING);
    }

    /// Returns the frame, with a ping or without.
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
            self.offered.lock().unwrap().push(frame.to_vec());
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
            let direct = DirectWrite { sink: Arc::clone(&sink) as _, ping_due };
            seat.sleep(&waker(Arc::new(Nobody)), Some(direct));
            let mut writer = DirectWriter::default();
            writer.begin();
            writer.put(&TimedSample { t: NOW.unix, down: 14_780_000, up: 620_000 });
            Self { seat, sink, writer }
        }

        fn deliver(&mut self) -> bool {
            self.seat.deliver(&NEWEST, &mut self.writer, NOW)
        }

        fn offers(&self) -> usize {
            self.sink.offered.lock().unwrap().len()
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
        assert_eq!(*table.sink.offered.lock().unwrap(), [table.writer.frame(false).to_vec()]);
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
        let frames = table.sink.offered.lock().unwrap().clone();
        assert_eq!(frames[0], [frames[1].as_slice(), &PING].concat());
        assert_eq!(table.seat.resume().pinged, Some(NOW.steady));
        assert_eq!(table.seat.resume().pinged, None, "once");
        let mut refusing = Table::new(one_behind(), Written::Nothing, Some(NOW.steady));
        refusing.deliver();
        assert_eq!(refusing.seat.resume().pinged, None);
    }

    #[test]
    fn who_does_not_answer_a_ping_is_handed_to_its_task() {
        let mut table = Table::new(one_behind(), Written::All, None);
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
            Some(DirectWrite { sink: Arc::clone(&table.sink) as _, ping_due: Some(Steady::default()) }),
        );
        assert!(table.deliver(), "the next batch begins anew");
    }

    #[test]
    fn seats_are_numbered_and_taken_again() {
        let mut seats = Audience::default();
        assert_eq!([seats.join(), seats.join(), seats.join()], [Some(0), Some(1), Some(2)]);
        seats.leave(0);
        seats.leave(0);
        seats.leave(9);
        assert_eq!(seats.len(), 2);
        assert_eq!([seats.join(), seats.join()], [Some(0), Some(3)]);
        assert_eq!((seats.len(), seats.iter().count()), (4, 4));
    }
}
