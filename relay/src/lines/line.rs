//! One line: what agents report of it, the ring of its points while it is watched, and its newest update, framed once.
//!
//! A line that nobody watches is its reports and its [`averages`], if its agent tells any; [`live`] is what a watched one has
//! besides. It knows no sockets: viewers take a [`seat`], leave a waker and say where their frames go.

use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use shared::{LineHandle, Username};

use super::audience::{DirectOutcome, DirectWrite, DirectWriter, Wake};
use super::averages::{Average, Averages, Change};
use super::circumstances::Circumstances;
use super::live::{Arrival, LineView, Live, Update};
use super::report::{self, Report};
use super::status;
use crate::clock::Now;
use crate::lines::agent::Agent;
use crate::wire::viewer_frame::{LineState, StateFrame, TimedSample};

/// How long after a sample a line that is well need not be looked at, milliseconds: less than it takes to be stalled.
const REST_MS: i64 = 2_500;

/// One line.
#[derive(Debug)]
pub struct Line {
    username: Username,
    /// Until when, on the steady scale, time alone changes nothing.
    rests_until: AtomicI64,
    /// Held for microseconds: a viewer takes one update, a publisher pushes one point and writes it to those who wait for it,
    /// never waiting itself. Wakers are called without it.
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    reports: Vec<Report>,
    live: Option<Box<Live>>,
    averages: Option<Box<Averages>>,
}

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Published {
    /// It is shown.
    Shown,
    /// Another session counts for this line, or none is up.
    Standby,
    /// Nobody watches the line, nor did a minute ago.
    Unwatched,
}

/// What the operator is told of a line.
pub(crate) struct Findings {
    pub(crate) state: StateFrame,
    pub(crate) viewers: usize,
    pub(crate) reports: Vec<ReportFindings>,
    /// When the last sample came, on the steady scale.
    pub(crate) last_arrival: Option<i64>,
    pub(crate) newest: Option<TimedSample>,
    pub(crate) samples: usize,
}

/// One report, for the operator.
pub(crate) struct ReportFindings {
    pub(crate) agent: Arc<Agent>,
    pub(crate) handle: LineHandle,
    pub(crate) role: shared::control::Role,
    pub(crate) sessions: u16,
    pub(crate) since: Option<i64>,
    pub(crate) unreachable_since: Option<i64>,
    pub(crate) counts: bool,
    pub(crate) watched: bool,
}

impl Line {
    pub(crate) fn new(username: Username) -> Self {
        Self { username, rests_until: AtomicI64::new(i64::MIN), inner: Mutex::default() }
    }

    /// Whose line it is.
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// Takes a report; it replaces the one of the same end at the same agent.
    pub(crate) fn report(&self, report: Report, circumstances: Circumstances<'_>) {
        self.change(circumstances, |reports| {
            let Some(older) = reports.iter_mut().find(|older| older.is_superseded_by(&report)) else {
                // Nearly every line has one report for life.
                reports.reserve_exact(1);
                return reports.push(report);
            };
            *older = report.steady(older);
        });
    }

    /// Takes back the reports of an agent that `forget` names.
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

    /// Keeps what an earlier run of an agent reported as offline, since `lost` at the latest, where the present run says
    /// nothing of the line; whether something is kept.
    pub(crate) fn remember(&self, agent: &Arc<Agent>, lost: i64, circumstances: Circumstances<'_>) -> bool {
        let mut is_remembered = false;
        self.change(circumstances, |reports| {
            let is_its = |report: &Report| Arc::ptr_eq(&report.agent, agent);
            let mut is_said = reports.iter().any(|report| is_its(report) && (report.remembered || !report.is_stale()));
            reports.retain_mut(|report| {
                if !is_its(report) || report.remembered || !report.is_stale() {
                    return true;
                }
                // One report is enough to know the line by.
                report.remember(lost);
                !std::mem::replace(&mut is_said, true)
            });
            is_remembered = reports.iter().any(|report| is_its(report) && report.remembered);
        });
        is_remembered
    }

    /// Whether a report of that agent is only remembered.
    pub(crate) fn is_remembered(&self, agent: &Arc<Agent>) -> bool {
        self.lock().reports.iter().any(|report| Arc::ptr_eq(&report.agent, agent) && report.remembered)
    }

    /// The agent watches as many lines as it may, without that of `handle`.
    pub(crate) fn watch_refused(&self, agent: &Arc<Agent>, handle: LineHandle, at: Circumstances<'_>) {
        let mut inner = self.lock();
        if let Some(live) = inner.live.as_mut() {
            live.watch_refused(agent, handle, at.now);
        }
        if inner.refresh_state(&self.username, at, false) {
            self.wake_from(inner, Wake::Everyone);
        }
    }

    /// Takes one sample, and writes it to the viewers that wait for it.
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
        if live.state_is_outdated() {
            inner.refresh_state(&self.username, circumstances, false);
        }
        let Some(live) = inner.live.as_mut() else { return Published::Shown };
        if live.is_well() {
            self.rests_until.store(circumstances.now.steady + REST_MS, Relaxed);
        }
        if live.deliver(&point, delivery, circumstances.now) {
            self.wake_from(inner, Wake::Behind);
        }
        Published::Shown
    }

    /// Takes an average of the report that counts.
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

    /// Gives the line a ring of points; whether it had none before.
    pub(crate) fn activate(&self, circumstances: Circumstances<'_>) -> bool {
        let mut inner = self.lock();
        let newly = inner.live.is_none();
        if newly {
            inner.live = Some(Box::new(Live::new(circumstances.now)));
            inner.refresh_state(&self.username, circumstances, true);
        }
        newly
    }

    /// Takes a seat among the viewers of an [activated](Self::activate) line, by its number; `None` when `limit` are taken.
    pub(crate) fn join(&self, limit: usize, circumstances: Circumstances<'_>) -> Option<u32> {
        let mut inner = self.lock();
        let seat = inner.live.as_mut()?.join(limit)?;
        if inner.refresh_state(&self.username, circumstances, false) {
            self.wake_from(inner, Wake::Everyone);
        }
        Some(seat)
    }

    /// Gives the seat back; whether the line may be forgotten.
    pub(crate) fn leave(&self, seat: u32, now: Now) -> bool {
        let mut inner = self.lock();
        if let Some(live) = inner.live.as_mut() {
            live.leave(seat, now);
        }
        inner.is_unused()
    }

    /// The next thing that a viewer's task is to say. Where there is nothing, it waits: samples are written directly where
    /// `direct` says how, and the task is called for everything else.
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

    /// Nothing is written directly to this viewer until it waits again; what was.
    pub(crate) fn resume(&self, seat: u32) -> DirectOutcome {
        self.lock().live.as_mut().map_or_else(DirectOutcome::default, |live| live.resume(seat))
    }

    /// The averages that a page opens with.
    #[cfg(test)]
    pub(crate) fn past(&self, now: Now) -> Option<crate::wire::viewer_frame::Averages> {
        self.lock().averages.as_ref().and_then(|averages| averages.all(now))
    }

    /// Whether time has nothing to do to the line yet: its samples come as they should.
    pub(crate) fn is_at_rest(&self, now: Now) -> bool {
        now.steady < self.rests_until.load(Relaxed)
    }

    /// A sample comes soon: has the line's memory fetched, so that several are on their way at once.
    pub(crate) fn prefetch(&self) {
        // A load that nothing waits for: a prefetch in all but name.
        std::hint::black_box(self.rests_until.load(Relaxed));
    }

    /// What time does to a line: a stalled one, late points, viewers to whom nothing was said for long, a ring that nobody needs
    /// any more. Whether it stays live.
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

    /// Whether neither an agent nor a viewer knows it.
    pub(crate) fn is_unused(&self) -> bool {
        self.lock().is_unused()
    }

    /// Calls every viewer that waits.
    pub(crate) fn wake(&self) {
        self.wake_from(self.lock(), Wake::Everyone);
    }

    /// What the operator is told.
    pub(crate) fn findings(&self, circumstances: Circumstances<'_>) -> Findings {
        let mut inner = self.lock();
        inner.refresh_state(&self.username, circumstances, false);
        let now = circumstances.now;
        let live = inner.live.as_deref();
        let standing = report::standing(&inner.reports, now.steady);
        Findings {
            state: live
                .map_or_else(|| status::idle_state(standing, &inner.reports, circumstances), |live| live.state(now)),
            viewers: live.map_or(0, Live::viewers),
            reports: inner.reports.iter().enumerate().map(|(at, report)| findings(at, report, standing, now)).collect(),
            last_arrival: live.and_then(|live| live.feed().last_arrival()),
            newest: live.and_then(|live| live.feed().newest()),
            samples: live.map_or(0, |live| live.feed().len()),
        }
    }

    fn change(&self, circumstances: Circumstances<'_>, change: impl FnOnce(&mut Vec<Report>)) {
        let mut inner = self.lock();
        change(&mut inner.reports);
        if inner.refresh_state(&self.username, circumstances, true) {
            self.wake_from(inner, Wake::Everyone);
        }
    }

    /// Calls viewers that wait when the lock is given back: a viewer that is called takes it at once.
    fn wake_from<'a>(&'a self, mut inner: MutexGuard<'a, Inner>, called: Wake) {
        /// As many as a line has viewers unless configured; an array, so that nothing is allocated each second.
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
        // A panic under this lock was one viewer's or one agent's; the line goes on.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Decides anew what the line is, whose samples it shows, and who is asked for them; whether viewers see a change.
    fn refresh_state(&mut self, username: &Username, circumstances: Circumstances<'_>, names: bool) -> bool {
        let Some(live) = self.live.as_mut() else { return false };
        let standing = report::standing(&self.reports, circumstances.now.steady);
        let chosen = standing.and_then(|standing| self.reports.get(standing.chosen));
        live.follow(chosen, circumstances.now);
        let renamed = names && live.name(username, chosen, circumstances.subscribers);
        let restated = live.update_state(standing, self.averages.as_deref(), circumstances);
        renamed || restated
    }

    fn is_unused(&self) -> bool {
        self.reports.is_empty() && self.live.as_ref().is_none_or(|live| live.viewers() == 0)
    }
}

impl Findings {
    /// Of a line that neither an agent nor a viewer knows.
    pub(crate) fn none(circumstances: Circumstances<'_>) -> Self {
        let state = status::idle_state(None, &[], circumstances);
        Self { state, viewers: 0, reports: Vec::new(), last_arrival: None, newest: None, samples: 0 }
    }
}

fn findings(at: usize, report: &Report, standing: Option<report::Standing>, now: Now) -> ReportFindings {
    ReportFindings {
        agent: Arc::clone(&report.agent),
        handle: report.handle,
        role: report.role,
        sessions: report.sessions,
        since: report.since().map(|since| now.unix_of(since)),
        unreachable_since: report.unreachable_since(now.steady).map(|since| now.unix_of(since)),
        counts: standing.is_some_and(|standing| standing.chosen == at && standing.state == LineState::Running),
        watched: !report.is_stale() && report.agent.watches().contains(report.handle),
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::stage::{Stage, live, name, seconds};

    #[tokio::test(start_paused = true)]
    async fn a_line_that_is_well_rests_and_no_other() {
        let stage = Stage::new();
        let mut agent = stage.agent("a", 1, vec![live(1, "ali")]).await;
        let mut viewer = stage.viewer("ali").await;
        viewer.snapshot().await;
        let seat = stage.hub.join(&name("ali")).unwrap();
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
