//! What a watched line has besides its reports: points, seats for viewers, and what they were told.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use shared::{LineHandle, Username};

use super::averages::{Averages, Change};
use super::circumstances::Circumstances;
use super::points::{HISTORY_MS, Points};
use super::report::{Report, Standing};
use super::seat::{Called, Cursor, Delivery, Direct, Seat, Seats, Served};
use super::shown::{Names, Shown, shown};
use super::source::{Asked, Source};
use crate::clock::Now;
use crate::lines::agent::Agent;
use crate::subscribers::Subscribers;
use crate::wire::viewer_frame::{self, History, LineState, Notice, Point, Snapshot, StateFrame};

/// A viewer that is further behind gets a snapshot: what it missed is history. In samples.
const FAR_BEHIND: u64 = 60;

/// How long a line without viewers keeps its points, milliseconds, so that a page that is refreshed, or comes back after a
/// restart of the relay, goes on without a hole.
const UNWATCHED_MS: i64 = 60_000;

/// Late points kept until then: two streams' worth of a full history.
const MAX_LATE: usize = 600;

/// A clock that stepped back by more than this, milliseconds, voids the points; by less, time is made to rise.
const STEP_BACK_MS: i64 = 5_000;

#[derive(Debug)]
pub(super) struct Live {
    seats: Seats,
    points: Points,
    /// Points from a backlog, put into their places when the line is next looked at, within a second, lest every batch of
    /// it be a snapshot for everyone.
    late: Vec<Point>,
    /// Whether averages came for times that viewers have already; told then as well.
    late_averages: bool,
    /// The newest point as a WebSocket frame, while a viewer's task is to write it; its JSON begins behind
    /// [`SHORT_HEADER`](crate::wire::websocket::SHORT_HEADER).
    newest: Option<Arc<[u8]>>,
    /// Changes when what viewers have is void.
    revision: u32,
    /// Changes when the state does.
    restated: u32,
    /// Points pushed since the revision began.
    position: u64,
    shown: Shown,
    names: Names,
    source: Option<Source>,
    last_arrival: Option<i64>,
    /// When the line was last seen to come up, on the steady scale; `None` while it is not up.
    up: Option<i64>,
    /// When the last viewer left.
    deserted: i64,
}

/// A sample on its way into a line.
#[derive(Clone, Copy)]
pub(crate) struct Arrival<'a> {
    /// The agent that measured it.
    pub(crate) agent: &'a Arc<Agent>,
    /// The line's name on its uplink.
    pub(crate) handle: LineHandle,
    /// The sample at its time.
    pub(crate) point: Point,
    /// Whether it comes from the agent's backlog.
    pub(crate) replayed: bool,
}

/// What is said next to a viewer.
#[derive(Debug)]
pub(crate) enum Update {
    /// The newest sample, framed once for all: a WebSocket frame.
    Sample(Arc<[u8]>),
    /// What was missed.
    Samples(History),
    /// Newer averages.
    Averages(viewer_frame::Averages),
    /// The state changed.
    State(StateFrame),
    /// All of it; the viewer's own fields are filled in by its task.
    Snapshot(Box<Snapshot>),
}

impl Live {
    pub(super) fn new(now: Now) -> Self {
        let shown = Shown { state: LineState::Unknown, since: None, sessions: 0, interval: 1_000, notice: None };
        Self {
            seats: Seats::default(),
            points: Points::default(),
            late: Vec::new(),
            late_averages: false,
            newest: None,
            revision: 0,
            restated: 0,
            position: 0,
            shown,
            names: Names::default(),
            source: None,
            last_arrival: None,
            up: None,
            deserted: now.steady,
        }
    }

    pub(super) fn viewers(&self) -> usize {
        self.seats.taken()
    }

    /// Takes a seat; its number.
    pub(super) fn take_seat(&mut self, limit: usize) -> Option<u32> {
        if self.viewers() >= limit {
            return None;
        }
        let number = self.seats.take()?;
        if let Some(source) = self.source.as_mut().filter(|source| source.is_refused) {
            // Somebody new is worth another question; while the agent is asked, nobody is told that it refuses.
            source.is_refused = false;
            if matches!(source.asked, Asked::Refused(_)) {
                source.asked = Asked::No;
            }
        }
        Some(number)
    }

    pub(super) fn leave_seat(&mut self, seat: u32, now: Now) {
        self.seats.leave(seat);
        if self.viewers() == 0 {
            self.deserted = now.steady;
            self.unwatch();
        }
    }

    /// The wakers of viewers that wait and are called.
    pub(super) fn take_wakers(&mut self, called: Called, wakers: &mut [Option<Waker>]) -> usize {
        let newest = self.cursor();
        let waiting = self.seats.iter_mut().filter_map(|seat| seat.call(called, &newest));
        // Zipped from the array's side: a waker that finds no room must not be taken.
        wakers.iter_mut().zip(waiting).map(|(slot, waker)| *slot = Some(waker)).count()
    }

    pub(super) fn resume(&mut self, seat: u32) -> Served {
        self.seats.get_mut(seat).map_or_else(Served::default, Seat::resume)
    }

    pub(super) fn poll(
        &mut self,
        seat: u32,
        waits: (Option<Direct>, &Context<'_>),
        (username, averages): (&Username, Option<&Averages>),
        now: Now,
    ) -> Poll<Update> {
        let Some((told, is_quiet)) = self.seats.get(seat).map(|seat| (seat.cursor, seat.is_quiet(now))) else {
            return Poll::Pending;
        };
        let (cursor, news) = self.next(told, username, averages, now);
        let update = news.or_else(|| is_quiet.then(|| Update::State(self.state(now))));
        let Some(seat) = self.seats.get_mut(seat) else { return Poll::Pending };
        seat.cursor = cursor;
        if let Some(update) = update {
            seat.be_busy();
            seat.heard = now.steady;
            return Poll::Ready(update);
        }
        let (direct, cx) = waits;
        seat.wait(cx.waker(), direct);
        Poll::Pending
    }

    /// What a viewer that has read so far is told next, and how far it has read then.
    fn next(
        &self,
        mut cursor: Cursor,
        username: &Username,
        averages: Option<&Averages>,
        now: Now,
    ) -> (Cursor, Option<Update>) {
        let begun = averages.map_or(0, Averages::begun);
        let behind = self.position.wrapping_sub(cursor.position);
        if cursor.revision != Some(self.revision) || behind > FAR_BEHIND {
            let averages = averages.and_then(|averages| averages.all(now));
            let snapshot = Snapshot { averages, ..self.snapshot(username, now) };
            return (Cursor { averages: begun, ..self.cursor() }, Some(Update::Snapshot(Box::new(snapshot))));
        }
        if cursor.restated != self.restated {
            cursor.restated = self.restated;
            return (cursor, Some(Update::State(self.state(now))));
        }
        if let Some(averages) = averages.filter(|_| cursor.averages != begun) {
            let told = std::mem::replace(&mut cursor.averages, begun);
            return (cursor, Some(Update::Averages(averages.since(told, now))));
        }
        cursor.position = self.position;
        let update = match (behind, &self.newest) {
            (0, _) => None,
            (1, Some(newest)) => Some(Update::Sample(Arc::clone(newest))),
            // The cast is lossless: FAR_BEHIND is far less than 2^32.
            _ => Some(Update::Samples(self.points.last(behind as usize).collect())),
        };
        (cursor, update)
    }

    /// Where a viewer is that has been told everything but averages.
    fn cursor(&self) -> Cursor {
        Cursor { revision: Some(self.revision), restated: self.restated, averages: 0, position: self.position }
    }

    /// Whether the sample is of the session whose samples are shown; one that is up, unless it tells of before.
    pub(super) fn takes(&self, arrival: &Arrival<'_>) -> bool {
        self.source.as_ref().is_some_and(|source| {
            source.names(arrival.agent, arrival.handle)
                && source.table == source.agent.table()
                && (source.is_up || arrival.replayed)
        })
    }

    /// Takes a live sample; the point that it became.
    pub(super) fn push(&mut self, mut point: Point, now: Now) -> Point {
        self.last_arrival = Some(now.steady);
        if let Some(source) = self.source.as_mut() {
            source.is_refused = false;
        }
        point.t = point.t.min(now.unix);
        match self.points.newest() {
            Some(newest) if newest - point.t > STEP_BACK_MS => {
                self.points.clear();
                self.begin_revision();
            }
            Some(newest) => point.t = point.t.max(newest + 1),
            None => {}
        }
        self.points.push(point);
        self.position += 1;
        self.newest = None;
        point
    }

    /// A point comes at once, and is written to everybody who waits for it.
    pub(super) fn announce(&self) {
        self.seats.announce();
    }

    /// Writes the newest point to everybody who waits for it; whether somebody is left to be called.
    pub(super) fn deliver(&mut self, newest: &Point, delivery: &mut Delivery, now: Now) -> bool {
        if self.viewers() == 0 {
            return false;
        }
        delivery.put(newest);
        let cursor = self.cursor();
        let mut left = 0;
        for seat in self.seats.iter_mut().filter(|seat| seat.taken) {
            left += usize::from(!seat.deliver(&cursor, delivery, now));
        }
        if left > 0 {
            self.newest = Some(delivery.frame(false).into());
        }
        left > 0
    }

    pub(super) fn keep_for_later(&mut self, point: Point) {
        if self.late.len() < MAX_LATE {
            self.late.push(point);
        }
    }

    /// Averages came, or what viewers have of them is void.
    pub(super) fn averages_changed(&mut self, change: Change) {
        self.late_averages |= change == Change::Other;
    }

    /// Whether what viewers have is void, for something came late.
    pub(super) fn merge_late(&mut self) -> bool {
        let mut merged = std::mem::take(&mut self.late_averages);
        if !self.late.is_empty() {
            merged |= self.points.merge(std::mem::take(&mut self.late));
        }
        if merged {
            self.begin_revision();
        }
        merged
    }

    /// Whether a sample came for a line that is shown as anything but running, or as refused.
    pub(super) fn state_is_outdated(&self) -> bool {
        self.shown.state != LineState::Running || self.shown.notice.is_some()
    }

    /// Shows the samples of the report that counts, and asks for them while there is somebody to see them.
    pub(super) fn follow(&mut self, chosen: Option<&Report>, now: Now) {
        let is_followed = match (&self.source, chosen) {
            (Some(source), Some(report)) => source.is(report),
            (None, None) => true,
            _ => false,
        };
        if !is_followed {
            self.unwatch();
            self.source = chosen.map(Source::new);
        }
        if let Some((source, report)) = self.source.as_mut().zip(chosen) {
            source.is_up = report.sessions > 0;
        }
        if self.viewers() > 0
            && let Some(source) = self.source.as_mut().filter(|source| source.is_due(now))
        {
            source.watch(now);
        }
    }

    pub(super) fn watch_refused(&mut self, agent: &Arc<Agent>, handle: LineHandle, now: Now) {
        let is_it = |source: &&mut Source| source.names(agent, handle) && source.table == agent.table();
        if let Some(source) = self.source.as_mut().filter(is_it) {
            source.refuse(now);
        }
    }

    fn unwatch(&mut self) {
        if let Some(source) = self.source.as_mut()
            && source.release()
        {
            source.agent.watches().unwatch(source.table, source.handle);
        }
    }

    /// Whether the names changed; then what viewers have is void.
    pub(super) fn name(&mut self, username: &Username, chosen: Option<&Report>, subscribers: &Subscribers) -> bool {
        let names = Names::new(username, chosen, subscribers);
        let changed = self.names != names;
        if changed {
            self.names = names;
            self.begin_revision();
        }
        changed
    }

    /// Whether the state changed.
    pub(super) fn update_state(
        &mut self,
        standing: Option<Standing>,
        averages: Option<&Averages>,
        circumstances: Circumstances<'_>,
    ) -> bool {
        let interval = self.source.as_ref().map_or(self.shown.interval, |source| source.agent.interval());
        let is_up = standing.is_some_and(|standing| standing.state == LineState::Running);
        self.up = is_up.then(|| self.up.unwrap_or(circumstances.now.steady));
        let shown = self.stalled(shown(standing, interval, circumstances), averages, circumstances.now);
        let changed = self.shown != shown;
        if changed {
            self.shown = shown;
            self.restated = self.restated.wrapping_add(1);
        }
        changed
    }

    /// A running line whose samples were asked for and do not come is stalled; judged by arrival, never by their time.
    /// Where averages come meanwhile, they stand in.
    fn stalled(&self, mut shown: Shown, averages: Option<&Averages>, now: Now) -> Shown {
        let Some(source) = &self.source else { return shown };
        if source.is_refused {
            shown.notice = Some(Notice::TooManyWatched);
        }
        if let Asked::Since(asked) = source.asked
            && shown.state == LineState::Running
        {
            let last = [self.last_arrival, self.up].into_iter().flatten().fold(asked, i64::max);
            if now.steady - last > patience(shown.interval) {
                // With none since the last sample, it may be the way here that stalls.
                let stands_in = |came: &i64| *came > last || last == asked;
                let standing_in =
                    averages.filter(|averages| averages.present(now.steady).is_some_and(|came| stands_in(&came)));
                shown = match standing_in {
                    Some(averages) => Shown { interval: averages.interval(), notice: Some(Notice::Averages), ..shown },
                    None => Shown { state: LineState::Stalled, since: Some(last), ..shown },
                };
            }
        }
        shown
    }

    pub(super) fn state(&self, now: Now) -> StateFrame {
        self.shown.frame(now)
    }

    fn snapshot(&self, username: &Username, now: Now) -> Snapshot {
        let StateFrame { state, since, sessions, interval, now: at, notice } = self.state(now);
        let Names { customer, package, plan } = &self.names;
        Snapshot {
            username: username.to_text(),
            display: viewer_frame::display(username.as_bytes()),
            customer: customer.as_deref().map(str::to_owned),
            package: package.as_deref().map(str::to_owned),
            brand: None,
            plan: *plan,
            state,
            since,
            sessions,
            interval,
            expires: None,
            now: at,
            history: self.points.iter().filter(|point| point.t >= at - HISTORY_MS).collect(),
            averages: None,
            notice,
        }
    }

    /// Whether a line whose sample has just come has nothing else to do soon.
    pub(super) fn is_well(&self) -> bool {
        !self.state_is_outdated() && self.late.is_empty() && !self.late_averages
    }

    pub(super) fn is_unneeded(&self, now: Now) -> bool {
        self.viewers() == 0 && now.steady - self.deserted >= UNWATCHED_MS
    }

    pub(super) fn last_arrival(&self) -> Option<i64> {
        self.last_arrival
    }

    pub(super) fn newest(&self) -> Option<Point> {
        self.points.last(1).next()
    }

    pub(super) fn points(&self) -> usize {
        self.points.iter().count()
    }

    fn begin_revision(&mut self) {
        self.revision = self.revision.wrapping_add(1);
        self.position = 0;
        self.newest = None;
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.unwatch();
    }
}

/// How long samples may be late, milliseconds: a page shows no figure that is older than 5 s as current.
fn patience(interval: u32) -> i64 {
    3_000 + 2 * i64::from(interval)
}
