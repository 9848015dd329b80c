//! One line: the reports of agents and, while somebody watches, its samples and viewers.
//!
//! An unwatched line holds its reports and its [`averages`](super::averages). A watched line holds a [`Live`] as well.
//! A line knows no sockets: a viewer takes a seat, leaves a waker, and names a sink for its frames.

mod column;
pub(crate) mod elsewhere;
pub(crate) mod findings;
pub(crate) mod glance;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicI64, AtomicU32};
use std::task::{Context, Poll, Waker};

use parking_lot::{Mutex, MutexGuard};
use shared::close::Close;
use shared::control::WatchRefusal;
use shared::{LineHandle, Response, Username};

use super::audience::{DirectOutcome, DirectWrite, DirectWriter, Joined, Wake, Watcher};
use super::averages::{Average, Averages, Change};
use super::circumstances::Circumstances;
use super::claims::{self, Takeover};
use super::live::{Arrival, LineView, Live, Update};
use super::narrowness::Narrowness;
use super::quiet::Quiet;
use super::report::{self, Report};
use super::status::{Names, ReportedName};
use crate::clock::{Now, Steady};
use crate::limits::SeatLimits;
use crate::lines::agent::Agent;
use crate::net::address_group::AddressGroup;

/// After a sample, the periodic check skips a healthy line for this long, milliseconds. Shorter than the stall timeout.
const REST_MS: i64 = 2_500;

/// One line.
#[derive(Debug)]
pub struct Line {
    username: Username,
    /// The periodic check skips the line until this time.
    rests_until: AtomicI64,
    /// The line's number in the store's days; zero before the first column.
    pub(super) past_number: AtomicU32,
    /// Held for microseconds. A viewer takes one update under it; a publisher pushes one sample and writes the frame to
    /// sleeping viewers without waiting. Wakers are called after it is released.
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    reports: Vec<Report>,
    live: Option<Box<Live>>,
    averages: Option<Box<Averages>>,
    quiet: Quiet,
}

/// The outcome of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Published {
    /// The line shows the sample.
    Shown,
    /// Another session counts for this line, or none is up.
    Standby,
    /// The line has no ring of samples: nobody has watched for a minute.
    Unwatched,
}

impl Line {
    pub(crate) fn new(username: Username) -> Self {
        Self {
            username,
            rests_until: AtomicI64::new(i64::MIN),
            past_number: AtomicU32::new(0),
            inner: Mutex::default(),
        }
    }

    /// Returns the line's username.
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// Takes a report. A newer report replaces the older one of the same end at the same agent. Returns the takeover by the report, or
    /// by another one that counts because of it.
    pub(crate) fn report(&self, report: Report, circumstances: Circumstances<'_>) -> Option<Takeover> {
        self.change(circumstances, |reports| {
            let Some(older) = reports.iter_mut().find(|older| older.is_superseded_by(&report)) else {
                // Nearly every line has one report for life.
                reports.reserve_exact(1);
                return reports.push(report);
            };
            *older = report.steady(older);
        })
    }

    /// Decides again which report counts, after a change of an agent: of its reachability, or of its rights.
    pub(crate) fn settle(&self, circumstances: Circumstances<'_>) -> Option<Takeover> {
        let has_several = self.lock().reports.len() > 1;
        has_several.then(|| self.change(circumstances, |_| {})).flatten()
    }

    /// Takes the narrowness of an agent's changed pattern for the line.
    pub(crate) fn take_claim(
        &self,
        agent: &Arc<Agent>,
        narrowness: Narrowness,
        circumstances: Circumstances<'_>,
    ) -> Option<Takeover> {
        self.change(circumstances, |reports| {
            let of_agent = reports.iter_mut().filter(|report| Arc::ptr_eq(&report.agent, agent));
            of_agent.for_each(|report| report.narrowness = narrowness);
        })
    }

    /// True if an agent with a narrower pattern keeps that agent's report from counting.
    pub(crate) fn holds_back(&self, agent: &Arc<Agent>) -> bool {
        let reports = &self.lock().reports;
        let mut of_agent = reports.iter().filter(|report| Arc::ptr_eq(&report.agent, agent));
        of_agent.any(|report| report::held_back_by(report, reports).is_some())
    }

    /// Drops those reports of an agent that `forget` names.
    pub(crate) fn forget(
        &self,
        agent: &Arc<Agent>,
        circumstances: Circumstances<'_>,
        forget: impl Fn(&Report) -> bool,
    ) {
        self.change(circumstances, |reports| {
            reports.retain(|report| !(Arc::ptr_eq(&report.agent, agent) && forget(report)));
        });
    }

    /// Turns stale reports of an agent into the memory of an offline line, since `lost` at the latest, unless the
    /// present run reports the line. True if the line is remembered.
    pub(crate) fn remember(&self, agent: &Arc<Agent>, lost: Steady, circumstances: Circumstances<'_>) -> bool {
        let mut is_remembered = false;
        self.change(circumstances, |reports| {
            let is_its = |report: &Report| Arc::ptr_eq(&report.agent, agent);
            let mut is_said = reports.iter().any(|report| is_its(report) && (report.remembered || !report.is_stale()));
            reports.retain_mut(|report| {
                if !is_its(report) || report.remembered || !report.is_stale() {
                    return true;
                }
                // One remembered report is enough.
                report.remember(lost);
                !std::mem::replace(&mut is_said, true)
            });
            is_remembered = reports.iter().any(|report| is_its(report) && report.remembered);
        });
        is_remembered
    }

    /// True if a report of that agent is only remembered.
    pub(crate) fn is_remembered(&self, agent: &Arc<Agent>) -> bool {
        self.lock().reports.iter().any(|report| Arc::ptr_eq(&report.agent, agent) && report.remembered)
    }

    /// Notes that the agent gives no samples of the line.
    pub(crate) fn watch_refused(
        &self,
        agent: &Arc<Agent>,
        handle: LineHandle,
        reason: WatchRefusal,
        at: Circumstances<'_>,
    ) {
        let mut inner = self.lock();
        if let Some(live) = inner.live.as_mut() {
            live.watch_refused(agent, handle, reason, at.now);
        }
        if inner.refresh_state(&self.username, at, false) {
            self.wake_from(inner, Wake::Everyone);
        }
    }

    /// Takes one sample, and writes the frame to sleeping viewers.
    pub(crate) fn publish(
        &self,
        arrival: Arrival<'_>,
        circumstances: Circumstances<'_>,
        delivery: &mut DirectWriter,
    ) -> Published {
        let mut inner = self.lock();
        let Some(live) = inner.live.as_mut() else { return Published::Unwatched };
        if !live.takes(&arrival) {
            return Published::Standby;
        }
        if arrival.replayed {
            live.push_late(arrival.sample);
            self.rests_until.store(i64::MIN, Relaxed);
            return Published::Shown;
        }
        live.prefetch();
        let point = live.push(arrival.sample, circumstances.now);
        let is_outdated = live.state_is_outdated();
        if inner.take_response(arrival.response) || is_outdated {
            inner.refresh_state(&self.username, circumstances, false);
        }
        let Some(live) = inner.live.as_mut() else { return Published::Shown };
        if live.is_well() {
            self.rests_until.store((circumstances.now.steady + REST_MS).as_millis(), Relaxed);
        }
        if live.deliver(&point, delivery, circumstances.now) {
            self.wake_from(inner, Wake::Behind);
        }
        Published::Shown
    }

    /// Takes an average, if the average belongs to the report that counts.
    pub(crate) fn average(
        &self,
        agent: &Arc<Agent>,
        handle: LineHandle,
        average: Average,
        replayed: bool,
        circumstances: Circumstances<'_>,
    ) {
        let mut inner = self.lock();
        let now = circumstances.now.steady;
        let standing = report::standing(&inner.reports, now).and_then(|standing| inner.reports.get(standing.chosen));
        let counts = standing.is_some_and(|chosen| {
            let is_it = chosen.handle == handle && Arc::ptr_eq(&chosen.agent, agent) && !chosen.is_stale();
            is_it && (chosen.sessions > 0 || replayed)
        });
        if !counts {
            return;
        }
        let change = inner.averages.get_or_insert_default().take(average, replayed, now);
        let Some(live) = inner.live.as_mut().filter(|_| change != Change::None) else { return };
        live.averages_changed(change);
        self.rests_until.store(i64::MIN, Relaxed);
        inner.refresh_state(&self.username, circumstances, false);
        self.wake_from(inner, Wake::Everyone);
    }

    /// Gives the line a ring of samples. True if the line had none.
    pub(crate) fn activate(&self, circumstances: Circumstances<'_>) -> bool {
        let mut inner = self.lock();
        let newly = inner.live.is_none();
        if newly {
            inner.live = Some(Box::new(Live::new(circumstances.now)));
            inner.refresh_state(&self.username, circumstances, true);
        }
        newly
    }

    /// Takes a viewer's seat at an [activated](Self::activate) line; `None` where the line is full.
    pub(crate) fn join(
        &self,
        (group, watcher): (AddressGroup, Watcher),
        limits: SeatLimits,
        circumstances: Circumstances<'_>,
    ) -> Option<Joined> {
        let mut inner = self.lock();
        let joined = inner.live.as_mut()?.join(group, watcher, limits)?;
        let changed = inner.refresh_state(&self.username, circumstances, false);
        self.wake_from(inner, if changed { Wake::Everyone } else { Wake::Ended });
        Some(joined)
    }

    /// Tells a seat's viewer to leave.
    pub(crate) fn end(&self, seat: u32, close: Close) {
        let mut inner = self.lock();
        if let Some(live) = inner.live.as_mut() {
            live.end(seat, close);
        }
        self.wake_from(inner, Wake::Ended);
    }

    /// Gives the seat back. True if the line may be forgotten.
    pub(crate) fn leave(&self, seat: u32, circumstances: Circumstances<'_>) -> bool {
        let mut inner = self.lock();
        let Some(live) = inner.live.as_mut() else { return inner.is_unused() };
        live.leave(seat, circumstances.now);
        let is_told = live.staff_changed() && inner.refresh_state(&self.username, circumstances, false);
        let is_unused = inner.is_unused();
        if is_told {
            self.wake_from(inner, Wake::Everyone);
        }
        is_unused
    }

    /// Returns the viewer's next update. Without one, the task sleeps: publishers write samples by `direct`, and every
    /// other update wakes the task.
    pub(crate) fn poll(&self, seat: u32, direct: Option<DirectWrite>, now: Now, cx: &Context<'_>) -> Poll<Update> {
        let inner = &mut *self.lock();
        match inner.live.as_mut() {
            Some(live) => {
                let view = LineView { username: &self.username, averages: inner.averages.as_deref(), now };
                live.poll(seat, direct, view, cx)
            }
            None => Poll::Pending,
        }
    }

    /// Hands a viewer's socket back to the viewer's task.
    pub(crate) fn resume(&self, seat: u32) -> DirectOutcome {
        self.lock().live.as_mut().map_or_else(DirectOutcome::default, |live| live.resume(seat))
    }

    /// True if the periodic check may skip the line.
    pub(crate) fn is_at_rest(&self, now: Now) -> bool {
        now.steady.as_millis() < self.rests_until.load(Relaxed)
    }

    /// Fetches the line's memory before a sample, so that several fetches run at once.
    pub(crate) fn prefetch(&self) {
        // A load without a use: stable Rust has no other prefetch.
        std::hint::black_box(self.rests_until.load(Relaxed));
    }

    /// Does the periodic check: stalls the line, merges late samples, repeats the state to quiet viewers, drops samples
    /// that nobody needs. True while the line has samples.
    pub(crate) fn age(&self, circumstances: Circumstances<'_>, names_changed: bool) -> bool {
        let mut inner = self.lock();
        let Some(live) = inner.live.as_mut() else { return false };
        if live.is_unneeded(circumstances.now) {
            inner.live = None;
            return false;
        }
        let merged = live.merge_late();
        let changed = inner.refresh_state(&self.username, circumstances, names_changed) || merged;
        self.wake_from(inner, if changed { Wake::Everyone } else { Wake::Quiet(circumstances.now) });
        true
    }

    /// True if no agent and no viewer knows the line.
    pub(crate) fn is_unused(&self) -> bool {
        self.lock().is_unused()
    }

    /// True if an agent reports the line, or did before it was lost.
    pub(crate) fn is_reported(&self) -> bool {
        !self.lock().reports.is_empty()
    }

    /// Returns the names of a line that an agent reports.
    pub(crate) fn reported_name(&self, circumstances: Circumstances<'_>) -> Option<ReportedName> {
        let inner = self.lock();
        let chosen = inner.reports.get(report::standing(&inner.reports, circumstances.now.steady)?.chosen);
        Some(Names::new(&self.username, chosen, circumstances.subscribers).reported(self.username.clone()))
    }

    /// Wakes every sleeping viewer.
    pub(crate) fn wake(&self) {
        self.wake_from(self.lock(), Wake::Everyone);
    }

    fn change(&self, circumstances: Circumstances<'_>, change: impl FnOnce(&mut Vec<Report>)) -> Option<Takeover> {
        let mut inner = self.lock();
        let before = inner.reports.first().map(|report| Arc::clone(&report.agent));
        change(&mut inner.reports);
        let takeover = claims::settle(&mut inner.reports, before.as_ref(), circumstances.now.steady);
        if inner.refresh_state(&self.username, circumstances, true) {
            self.wake_from(inner, Wake::Everyone);
        }
        takeover
    }

    /// Wakes a group of sleeping viewers after the lock is released: a viewer's task takes the lock at once.
    fn wake_from<'a>(&'a self, mut inner: MutexGuard<'a, Inner>, called: Wake) {
        /// The default limit of viewers. An array, so that nothing is allocated each second.
        const AT_ONCE: usize = crate::limits::MAX_VIEWERS_PER_LINE;
        let mut wakers = [const { None }; AT_ONCE];
        loop {
            let found = inner.live.as_mut().map_or(0, |live| live.take_wakers(called, &mut wakers));
            drop(inner);
            wakers.iter_mut().filter_map(Option::take).for_each(Waker::wake);
            if found < AT_ONCE {
                return;
            }
            inner = self.lock();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic under this lock belonged to one viewer or one agent; the line goes on.
        self.inner.lock()
    }
}

impl Inner {
    /// Decides the line's state, its source and the watch again. True if viewers see a change.
    fn refresh_state(&mut self, username: &Username, circumstances: Circumstances<'_>, names: bool) -> bool {
        let Some(live) = self.live.as_mut() else { return false };
        let standing = report::standing(&self.reports, circumstances.now.steady);
        let chosen = standing.and_then(|standing| self.reports.get(standing.chosen));
        live.follow(chosen, circumstances.now);
        let renamed = names && live.name(username, chosen, circumstances.subscribers);
        let restated = live.update_state(standing, (self.averages.as_deref(), self.quiet), circumstances);
        renamed || restated
    }

    /// Takes what a live sample says of the response. True if viewers are to be told by the state.
    fn take_response(&mut self, response: Response) -> bool {
        let is_other_way = self.live.as_mut().is_some_and(|live| live.take_response(response));
        let is_other_quiet = matches!(response, Response::Micros(micros) if self.quiet.take(micros));
        is_other_way || is_other_quiet
    }

    fn is_unused(&self) -> bool {
        self.reports.is_empty() && self.live.as_ref().is_none_or(|live| live.viewers() == 0)
    }
}

#[cfg(test)]
mod tests {
    use crate::lines::hub::seats::SeatRequest;
    use crate::tests::stage::{Stage, live, name, seconds};

    #[tokio::test(start_paused = true)]
    async fn a_line_that_is_well_rests_and_no_other() {
        let stage = Stage::new();
        let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
        let mut viewer = stage.viewer("ali").await;
        viewer.snapshot().await;
        let seat = stage.hub.join(&SeatRequest::of(&name("ali"))).unwrap();
        let is_at_rest = || seat.line.is_at_rest(stage.hub.now());
        assert!(!is_at_rest(), "no sample has come");
        agent.samples(&[(1, 1, 1)]).await;
        viewer.sample().await;
        assert!(is_at_rest());
        seconds(3).await;
        assert!(!is_at_rest(), "samples may be late");
        agent.samples(&[(1, 1, 1)]).await;
        viewer.sample().await;
        assert!(is_at_rest());
        let before = agent.uptime() - 60_000;
        agent.batch(agent.sequence, before, true, &[(1, 1, 1)]).await;
        agent.sequence += 1;
        agent.samples(&[(1, 1, 1)]).await;
        viewer.sample().await;
        assert!(!is_at_rest(), "a late point is to find its place");
    }
}
