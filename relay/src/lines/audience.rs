//! The viewers of a line: their positions, their wakers, and their sockets while their tasks sleep.
//!
//! A sleeping viewer has nothing else to write. So the publisher of a sample writes the frame to the viewer's socket:
//! waking ten thousand tasks a second costs more than everything else in the relay. The viewer's task does the rest:
//! frames taken in part, and every update other than the next sample.

use std::fmt::Debug;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::task::Waker;

use shared::close::Close;
use tokio::time::Instant;

use crate::clock::{Now, Steady};
use crate::limits::SeatLimits;
use crate::net::address_group::AddressGroup;
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
const SAMPLE_ROOM: usize = 128;

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
    /// The viewer's own response, microseconds: told before the next sample.
    pub(crate) response: Option<NonZeroU32>,
}

/// The direct writes while the viewer's task slept, as far as the task must know them.
#[derive(Debug, Default)]
pub(crate) struct DirectOutcome {
    /// A frame taken in part.
    pub(crate) partial: Option<PartialFrame>,
    /// The last ping.
    pub(crate) pinged: Option<SentPing>,
    /// True if the viewer's own response was told.
    pub(crate) told_response: bool,
}

/// A ping on its way, by two clocks: deadlines need milliseconds, a viewer's response microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SentPing {
    /// When the ping was written.
    pub(crate) at: Steady,
    /// The same.
    pub(crate) left: Instant,
}

impl SentPing {
    /// Returns a ping written at this moment, which is `now`.
    pub(crate) fn new(now: Now) -> Self {
        Self { at: now.steady, left: Instant::now() }
    }
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

/// Who watches a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Watcher {
    /// A subscriber, or somebody with their link.
    #[default]
    Subscriber,
    /// Somebody of the provider's staff, who always finds a seat.
    Support {
        /// True if the other viewers are told.
        announced: bool,
    },
    /// Another relay, for its own viewers.
    Relay,
}

/// A seat that was just taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Joined {
    /// The seat's number.
    pub(crate) number: u32,
    /// The seat that ends for it.
    pub(crate) displaces: Option<Displaced>,
}

/// A seat that ends for a newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Displaced {
    /// The oldest seat of the newcomer's own group.
    OldestOfGroup,
    /// Of the seats that were taken last, the oldest.
    Latecomer,
}

impl Displaced {
    /// Returns the words for operators.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::OldestOfGroup => {
                "the oldest seat of an address ended: the address had as many of the line as it may have"
            }
            Self::Latecomer => "a latecomer's seat ended for a newcomer's: the line has as many viewers as it may have",
        }
    }
}

impl Watcher {
    fn is_staff(self) -> bool {
        matches!(self, Self::Support { .. })
    }

    fn is_announced(self) -> bool {
        self == Self::Support { announced: true }
    }
}

/// The viewers of a line. Most lines have one viewer, whose seat costs no other cache miss.
#[derive(Debug, Default)]
pub(super) struct Audience {
    taken: usize,
    /// Taken seats whose viewers are told to leave.
    ended: usize,
    /// Seats of staff that are announced, and all of staff.
    announced: usize,
    staff: usize,
    /// Seats of other relays.
    relays: usize,
    /// Seats taken so far.
    joined: u32,
    first: ViewerSeat,
    others: Vec<ViewerSeat>,
}

impl Audience {
    /// Returns the number of viewers, with those that are told to leave.
    pub(super) fn len(&self) -> usize {
        self.taken
    }

    /// Returns the number of viewers that are staff.
    pub(super) fn staff(&self) -> usize {
        self.staff
    }

    /// Returns the number of seats of other relays.
    pub(super) fn relays(&self) -> usize {
        self.relays
    }

    /// True while somebody of the staff watches whose presence is told.
    pub(super) fn has_announced_staff(&self) -> bool {
        self.announced > 0
    }

    /// Takes a seat; `None` where the line is full and has no latecomers. Beyond a group's share, and in a full line, the oldest seat of the
    /// group ends. A full line lets another group's newcomer in for a latecomer: whoever fills a line from many addresses keeps
    /// nobody out, and does not drive away who was there before.
    pub(super) fn join(&mut self, group: AddressGroup, watcher: Watcher, limits: SeatLimits) -> Option<Joined> {
        let own = self.iter().filter(|seat| seat.is_held_by(group)).count();
        let is_full = self.taken - self.ended - self.relays >= limits.all;
        let displaces = if own >= limits.group || (is_full && own > 0) {
            self.end_oldest(group);
            Some(Displaced::OldestOfGroup)
        } else if is_full && watcher == Watcher::Subscriber {
            self.end_latecomer(limits.all.saturating_sub(limits.group))?;
            Some(Displaced::Latecomer)
        } else {
            None
        };
        Some(Joined { number: self.take_seat(group, watcher)?, displaces })
    }

    fn take_seat(&mut self, group: AddressGroup, watcher: Watcher) -> Option<u32> {
        let free = self.iter().position(|seat| !seat.taken);
        let number = u32::try_from(free.unwrap_or(1 + self.others.len())).ok()?;
        if free.is_none() {
            self.others.reserve_exact(1);
            self.others.push(ViewerSeat::default());
        }
        self.joined = self.joined.wrapping_add(1);
        let joined = self.joined;
        *self.get_mut(number)? = ViewerSeat { taken: true, group, watcher, joined, ..ViewerSeat::default() };
        self.taken += 1;
        self.staff += usize::from(watcher.is_staff());
        self.relays += usize::from(watcher == Watcher::Relay);
        self.announced += usize::from(watcher.is_announced());
        Some(number)
    }

    fn end_oldest(&mut self, group: AddressGroup) {
        let held = self.iter().zip(0..).filter(|(seat, _)| seat.is_held_by(group));
        if let Some((_, number)) = held.min_by_key(|(seat, _)| seat.joined) {
            self.end(number, Close::OpenedElsewhere);
        }
    }

    /// Ends the oldest of the subscribers' `latecomers` seats that were taken last; `None` for no such seat.
    fn end_latecomer(&mut self, latecomers: usize) -> Option<()> {
        let may_end = |seat: &ViewerSeat| seat.taken && seat.ended.is_none() && seat.watcher == Watcher::Subscriber;
        let held = self.iter().zip(0..).filter(|(seat, _)| may_end(seat));
        let mut held: Vec<(u32, u32)> = held.map(|(seat, number)| (seat.joined, number)).collect();
        held.sort_unstable();
        let (_, number) = *held.get(held.len().saturating_sub(latecomers))?;
        self.end(number, Close::LineFull);
        Some(())
    }

    /// Tells a seat's viewer to leave. The seat counts for no limit any longer.
    pub(super) fn end(&mut self, number: u32, close: Close) {
        if let Some(seat) = self.get_mut(number).filter(|seat| seat.taken && seat.ended.is_none()) {
            seat.ended = Some(close);
            self.ended += 1;
        }
    }

    /// Gives a seat back.
    pub(super) fn leave(&mut self, number: u32) {
        let Some(seat) = self.get_mut(number).filter(|seat| seat.taken) else { return };
        let left = std::mem::take(seat);
        self.taken -= 1;
        self.ended -= usize::from(left.ended.is_some());
        self.staff -= usize::from(left.watcher.is_staff());
        self.relays -= usize::from(left.watcher == Watcher::Relay);
        self.announced -= usize::from(left.watcher.is_announced());
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
    /// Viewers that are told to leave.
    Ended,
    /// Viewers with a missed update or a partial frame.
    Behind,
    /// Viewers without any frame for almost [`REPEAT_MS`].
    Quiet(Now),
}

/// One viewer's seat.
#[derive(Debug, Default)]
pub(super) struct ViewerSeat {
    taken: bool,
    watcher: Watcher,
    /// Why the viewer must leave.
    pub(super) ended: Option<Close>,
    /// The place in the order of joining.
    joined: u32,
    group: AddressGroup,
    pub(super) cursor: Cursor,
    sleeping: Option<Sleeping>,
    partial: Option<Box<PartialFrame>>,
    pinged: Option<SentPing>,
    told_response: bool,
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
    fn is_held_by(&self, group: AddressGroup) -> bool {
        self.taken && self.ended.is_none() && self.group == group && self.watcher != Watcher::Relay
    }

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
        DirectOutcome {
            partial: self.partial.take().map(|partial| *partial),
            pinged: self.pinged.take(),
            told_response: std::mem::take(&mut self.told_response),
        }
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
        let is_answered = self.pinged.is_none_or(|pinged| now.steady - pinged.at < UNANSWERED_MS);
        if !self.cursor.is_level_with(&before) || !is_answered || writer.left == 0 {
            return false;
        }
        let is_ping_due = direct.ping_due.is_some_and(|due| now.steady >= due);
        let frame = writer.frame_behind(direct.response, is_ping_due);
        match direct.sink.try_write(frame) {
            Written::Nothing => return false,
            Written::Partly(written) => {
                self.partial = Some(Box::new(PartialFrame { frame: frame.into(), written: written.get() }));
            }
            Written::All => {}
        }
        self.told_response |= direct.response.take().is_some();
        if is_ping_due {
            direct.ping_due = None;
            self.pinged = Some(SentPing::new(now));
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
            Wake::Ended => self.ended.is_some(),
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
    /// The same behind one viewer's own response.
    own: Vec<u8>,
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

    /// Returns the frame behind a viewer's own response, if there is one.
    fn frame_behind(&mut self, response: Option<NonZeroU32>, with_ping: bool) -> &[u8] {
        let Some(micros) = response else { return self.frame(with_ping) };
        let mut own = std::mem::take(&mut self.own);
        own.clear();
        websocket::put_short_text(&mut own, |out| viewer_frame::put_viewer_response(out, micros.get()));
        own.extend_from_slice(self.frame(with_ping));
        self.own = own;
        &self.own
    }

    /// Returns the frame, with a ping or without.
    pub(super) fn frame(&self, with_ping: bool) -> &[u8] {
        let length = self.bytes.len() - if with_ping { 0 } else { PING.len() };
        &self.bytes[..length]
    }
}

#[cfg(test)]
mod tests;
