//! What a watched line has besides its reports: samples, viewers, the status that they were told, and the source of the samples.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use shared::close::Close;
use shared::control::WatchRefusal;
use shared::{LineHandle, Response, Username};

use super::audience::{Audience, Cursor, DirectOutcome, DirectWrite, DirectWriter, Joined, ViewerSeat, Wake, Watcher};
use super::averages::{Averages, Change};
use super::circumstances::Circumstances;
use super::feed::Feed;
use super::quiet::Quiet;
use super::report::{Report, Standing};
use super::source::{Asked, Source};
use super::status::{Names, Shown, Status, shown};
use crate::clock::{Now, Steady, UnixMillis};
use crate::limits::SeatLimits;
use crate::lines::agent::Agent;
use crate::net::address_group::AddressGroup;
use crate::subscribers::Subscribers;
use crate::wire::viewer_frame::{self, History, LineState, Notice, Snapshot, StateFrame, TimedSample};

/// A viewer that missed more samples gets a snapshot instead of them.
const FAR_BEHIND: u64 = 60;

/// A line without viewers keeps its samples for this time, milliseconds: a page that is refreshed, or that comes back after a
/// restart of the relay, goes on without a hole.
const UNWATCHED_MS: i64 = 60_000;

#[derive(Debug)]
pub(super) struct Live {
    feed: Feed,
    audience: Audience,
    status: Status,
    source: Option<Source>,
    /// True once the samples came from another relay.
    was_elsewhere: bool,
    /// When the last viewer left.
    deserted: Steady,
}

/// The parts of a line beside [`Live`] that a viewer is told of.
#[derive(Clone, Copy)]
pub(super) struct LineView<'a> {
    pub(super) username: &'a Username,
    pub(super) averages: Option<&'a Averages>,
    pub(super) now: Now,
}

/// A sample on its way into a line.
#[derive(Clone, Copy)]
pub(crate) struct Arrival<'a> {
    /// The agent that measured the sample.
    pub(crate) agent: &'a Arc<Agent>,
    /// The line's handle on the agent's uplink.
    pub(crate) handle: LineHandle,
    pub(crate) sample: TimedSample,
    /// What the agent says of the line's response.
    pub(crate) response: Response,
    /// True for a sample from the agent's backlog.
    pub(crate) replayed: bool,
}

/// The next thing that a viewer is told.
#[derive(Debug)]
pub(crate) enum Update {
    /// The newest sample, as one WebSocket frame for all viewers.
    Sample {
        /// When the sample was taken.
        t: UnixMillis,
        frame: Arc<[u8]>,
    },
    /// The samples that the viewer missed.
    Samples(History),
    /// Newer averages.
    Averages(viewer_frame::Averages),
    /// The state changed.
    State(StateFrame),
    /// Everything. The viewer's task adds the viewer's own fields.
    Snapshot(Box<Snapshot>),
    /// The viewer must leave.
    Ended(Close),
}

impl Live {
    pub(super) fn new(now: Now) -> Self {
        Self {
            feed: Feed::default(),
            audience: Audience::default(),
            status: Status::unknown(),
            source: None,
            was_elsewhere: false,
            deserted: now.steady,
        }
    }

    /// Returns the number of viewers that are staff.
    pub(super) fn staff(&self) -> usize {
        self.audience.staff()
    }

    /// Returns the number of other relays that watch the line.
    pub(super) fn relays(&self) -> usize {
        self.audience.relays()
    }

    /// Keeps samples that another relay held, for the next periodic check.
    pub(super) fn complete(&mut self, samples: Vec<TimedSample>) {
        self.feed.complete(samples);
    }

    /// True if viewers are to be told another thing about staff than they were.
    pub(super) fn staff_changed(&self) -> bool {
        self.status.tells_of_staff() != self.audience.has_announced_staff()
    }

    /// Returns the number of viewers.
    pub(super) fn viewers(&self) -> usize {
        self.audience.len()
    }

    /// Gives a viewer a seat; `None` where the line is full.
    pub(super) fn join(&mut self, group: AddressGroup, watcher: Watcher, limits: SeatLimits) -> Option<Joined> {
        let joined = self.audience.join(group, watcher, limits)?;
        if let Some(source) = &mut self.source {
            source.forget_refusal();
        }
        Some(joined)
    }

    /// Tells a seat's viewer to leave.
    pub(super) fn end(&mut self, seat: u32, close: Close) {
        self.audience.end(seat, close);
    }

    /// Gives a seat back. The last viewer's ends the watch.
    pub(super) fn leave(&mut self, seat: u32, now: Now) {
        self.audience.leave(seat);
        if self.viewers() == 0 {
            self.deserted = now.steady;
            self.unwatch();
        }
    }

    /// Moves wakers of sleeping viewers into `wakers`. Returns their number.
    pub(super) fn take_wakers(&mut self, group: Wake, wakers: &mut [Option<Waker>]) -> usize {
        let newest = self.cursor();
        self.audience.take_wakers(group, &newest, wakers)
    }

    /// Hands a viewer's socket back to its task.
    pub(super) fn resume(&mut self, seat: u32) -> DirectOutcome {
        self.audience.get_mut(seat).map_or_else(DirectOutcome::default, ViewerSeat::resume)
    }

    /// Returns the viewer's next update. Without one, the viewer's task sleeps; publishers write its samples by `direct`.
    pub(super) fn poll(
        &mut self,
        seat: u32,
        direct: Option<DirectWrite>,
        view: LineView<'_>,
        cx: &Context<'_>,
    ) -> Poll<Update> {
        let Some(held) = self.audience.get_mut(seat) else { return Poll::Pending };
        if let Some(close) = held.ended {
            return Poll::Ready(Update::Ended(close));
        }
        let (told, is_quiet) = (held.cursor, held.is_quiet(view.now));
        let (cursor, update) = self.next(told, view);
        let update = update.or_else(|| is_quiet.then(|| Update::State(self.state(view.now))));
        let Some(seat) = self.audience.get_mut(seat) else { return Poll::Pending };
        seat.cursor = cursor;
        match update {
            Some(update) => {
                seat.wake_up();
                seat.heard = view.now.steady;
                Poll::Ready(update)
            }
            None => {
                seat.sleep(cx.waker(), direct);
                Poll::Pending
            }
        }
    }

    /// Returns the update that follows a cursor, and the cursor after it.
    fn next(&self, mut cursor: Cursor, view: LineView<'_>) -> (Cursor, Option<Update>) {
        let begun = view.averages.map_or(0, Averages::begun);
        let Some(missed) = self.feed.missed_by(&cursor).filter(|missed| *missed <= FAR_BEHIND) else {
            let snapshot = Update::Snapshot(Box::new(self.snapshot(view)));
            return (Cursor { averages: begun, ..self.cursor() }, Some(snapshot));
        };
        if cursor.state != self.status.version() {
            cursor.state = self.status.version();
            return (cursor, Some(Update::State(self.state(view.now))));
        }
        if let Some(averages) = view.averages.filter(|_| cursor.averages != begun) {
            let told = std::mem::replace(&mut cursor.averages, begun);
            return (cursor, Some(Update::Averages(averages.since(told, view.now))));
        }
        cursor.position = self.cursor().position;
        let update = match (missed, self.feed.newest_frame()) {
            (0, _) => None,
            (1, Some((t, newest))) => Some(Update::Sample { t, frame: Arc::clone(newest) }),
            // The cast is lossless: FAR_BEHIND is far less than 2^32.
            _ => Some(Update::Samples(self.feed.last(missed as usize))),
        };
        (cursor, update)
    }

    /// Returns the cursor of a viewer that lacks nothing but averages.
    fn cursor(&self) -> Cursor {
        self.feed.cursor(self.status.version())
    }

    /// True if the line shows this sample: its session counts, and is up or was up when the sample was taken.
    pub(super) fn takes(&self, arrival: &Arrival<'_>) -> bool {
        self.source.as_ref().is_some_and(|source| {
            let is_present = source.names(arrival.agent, arrival.handle)
                && source.table == source.agent.table()
                && (source.is_up || arrival.replayed);
            // The agent has just come from another relay and brings unacknowledged samples. The line does not know of the move yet.
            is_present || (arrival.replayed && source.agent.is_elsewhere() && source.agent.name == arrival.agent.name)
        })
    }

    /// True if that session's samples are shown.
    pub(super) fn follows(&self, agent: &Arc<Agent>, handle: LineHandle) -> bool {
        self.source.as_ref().is_some_and(|source| source.names(agent, handle))
    }

    /// Adds a live sample, and returns it with the time that it got.
    pub(super) fn push(&mut self, sample: TimedSample, now: Now) -> TimedSample {
        if let Some(source) = self.source.as_mut() {
            source.refused = None;
        }
        self.feed.push(sample, now)
    }

    /// Takes what a live sample says of the line's response. True if another way is measured than before.
    pub(super) fn take_response(&mut self, response: Response) -> bool {
        self.source.as_mut().is_some_and(|source| source.take_response(response))
    }

    /// Keeps a sample from a backlog for the next periodic check.
    pub(super) fn push_late(&mut self, sample: TimedSample) {
        if self.was_elsewhere || self.is_elsewhere() {
            // The other relay may have shown the sample.
            return self.feed.complete(vec![sample]);
        }
        self.feed.push_late(sample);
    }

    fn is_elsewhere(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.agent.is_elsewhere())
    }

    /// Fetches the memory of all sockets that a sample will be written to.
    pub(super) fn prefetch(&self) {
        self.audience.prefetch();
    }

    /// Writes the newest sample to every sleeping viewer. True if a viewer's task must be woken.
    pub(super) fn deliver(&mut self, newest: &TimedSample, writer: &mut DirectWriter, now: Now) -> bool {
        if self.viewers() == 0 {
            return false;
        }
        writer.put(newest);
        let cursor = self.cursor();
        let is_incomplete = self.audience.deliver(&cursor, writer, now);
        if is_incomplete {
            self.feed.keep_frame(writer.frame(false));
        }
        is_incomplete
    }

    /// Notes a change of the line's averages.
    pub(super) fn averages_changed(&mut self, change: Change) {
        self.feed.averages_changed(change);
    }

    /// Puts late samples into their places. True if viewers must drop what they have.
    pub(super) fn merge_late(&mut self) -> bool {
        self.feed.merge_late()
    }

    /// True if a live sample contradicts the state that viewers see.
    pub(super) fn state_is_outdated(&self) -> bool {
        self.status.is_outdated_by_sample()
    }

    /// Shows the samples of the report that counts, and asks the agent for them while somebody watches.
    pub(super) fn follow(&mut self, chosen: Option<&Report>, now: Now) {
        let is_followed = match (&self.source, chosen) {
            (Some(source), Some(report)) => source.is(report),
            (None, None) => true,
            _ => false,
        };
        if !is_followed {
            self.was_elsewhere |= self.is_elsewhere();
            self.unwatch();
            self.source = chosen.map(Source::new);
        }
        if let Some((source, report)) = self.source.as_mut().zip(chosen) {
            source.set_up(report.role, report.sessions > 0);
        }
        if self.viewers() > 0
            && let Some(source) = self.source.as_mut().filter(|source| source.is_due(now))
        {
            source.watch(now);
        }
    }

    /// Notes that the agent gives no samples of the line.
    pub(super) fn watch_refused(&mut self, agent: &Arc<Agent>, handle: LineHandle, reason: WatchRefusal, now: Now) {
        let is_it = |source: &&mut Source| source.names(agent, handle) && source.table == agent.table();
        let Some(source) = self.source.as_mut().filter(is_it) else { return };
        match reason {
            WatchRefusal::TooManyWatched => source.refused_for_number(now),
            WatchRefusal::RouterRefuses => source.refused_by_router(),
            WatchRefusal::UnknownLine | WatchRefusal::Other => {}
        }
    }

    fn unwatch(&mut self) {
        if let Some(source) = self.source.as_mut()
            && source.release()
        {
            source.agent.watches().unwatch(source.table, source.handle);
        }
    }

    /// Looks the line's names up again. True if they changed; viewers then get a snapshot.
    pub(super) fn name(&mut self, username: &Username, chosen: Option<&Report>, subscribers: &Subscribers) -> bool {
        let changed = self.status.set_names(Names::new(username, chosen, subscribers));
        if changed {
            self.feed.begin_revision();
        }
        changed
    }

    /// Decides the state again. True if it changed.
    pub(super) fn update_state(
        &mut self,
        standing: Option<Standing>,
        (averages, quiet): (Option<&Averages>, Quiet),
        circumstances: Circumstances<'_>,
    ) -> bool {
        let now = circumstances.now;
        let interval = self.source.as_ref().map_or(self.status.interval(), |source| source.agent.interval());
        let up = self.status.observe(standing, now);
        let mut shown = shown(standing, interval, circumstances);
        shown.support = self.audience.has_announced_staff();
        if let Some(source) = &self.source {
            shown.notice = source.refused;
            shown.response = source.response;
            shown.quiet = source.response.and_then(|_| quiet.micros());
            shown = self.stalled(shown, source, up, averages, now);
            if shown.state == LineState::Unreachable && source.agent.is_out_of_touch() {
                shown.notice = Some(Notice::OutOfTouch);
            }
        }
        self.status.set(shown)
    }

    /// Returns the state of a running line whose samples were asked for and do not come: averages stand in, or the line is
    /// stalled. Arrivals decide, never the samples' times. A router's refusal is known at once.
    fn stalled(
        &self,
        shown: Shown,
        source: &Source,
        up: Option<Steady>,
        averages: Option<&Averages>,
        now: Now,
    ) -> Shown {
        let Asked::Since(asked) = source.asked else { return shown };
        let last = [self.feed.last_arrival(), up].into_iter().flatten().fold(asked, Steady::max);
        let is_refused = source.is_refused_by_router();
        if shown.state != LineState::Running || (!is_refused && now.steady - last <= patience(shown.interval)) {
            return shown;
        }
        // Averages that stopped with the samples do not stand in: the way to the relay may stall.
        let stands_in = |came: &Steady| *came > last || last == asked;
        match averages.filter(|averages| averages.present(now.steady).is_some_and(|came| stands_in(&came))) {
            Some(averages) => Shown { interval: averages.interval(), notice: Some(Notice::Averages), ..shown },
            None if is_refused => shown,
            None => Shown { state: LineState::Stalled, since: Some(last), ..shown },
        }
    }

    /// Returns the state that viewers see.
    pub(super) fn state(&self, now: Now) -> StateFrame {
        self.status.frame(now)
    }

    fn snapshot(&self, view: LineView<'_>) -> Snapshot {
        let StateFrame { state, since, sessions, interval, now, notice, support, response, quiet } =
            self.state(view.now);
        let Names { customer, package, plan } = self.status.names();
        Snapshot {
            username: view.username.to_text(),
            display: viewer_frame::display(view.username.as_bytes()),
            customer: customer.as_deref().map(str::to_owned),
            package: package.as_deref().map(str::to_owned),
            brand: None,
            plan: *plan,
            state,
            since,
            sessions,
            interval,
            expires: None,
            now,
            history: self.feed.history(now),
            averages: view.averages.and_then(|averages| averages.all(view.now)),
            notice,
            support,
            response,
            quiet,
        }
    }

    /// True if a line whose sample has just come needs no check soon.
    pub(super) fn is_well(&self) -> bool {
        !self.state_is_outdated() && !self.feed.has_late()
    }

    /// True if the line's samples can be dropped.
    pub(super) fn is_unneeded(&self, now: Now) -> bool {
        self.viewers() == 0 && now.steady - self.deserted >= UNWATCHED_MS
    }

    /// Returns the newest rates while samples come.
    pub(super) fn current(&self) -> Option<(u64, u64)> {
        if self.viewers() == 0 || self.state_is_outdated() {
            return None;
        }
        self.feed.newest().map(|newest| (newest.down, newest.up))
    }

    /// Returns the line's samples, for operators.
    pub(super) fn feed(&self) -> &Feed {
        &self.feed
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.unwatch();
    }
}

/// Returns the longest delay of a sample, milliseconds: a page never shows a figure of more than 5 s ago as current.
fn patience(interval: u32) -> i64 {
    3_000 + 2 * i64::from(interval)
}
