//! One uplink's hold on its agent: takes the agent's table of lines, samples and status, and gives them to the lines.

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::MutexGuard;
use shared::close::Close;
use shared::control::{Hello, LineReport, Lines, Status, WatchRefusal, Watches};
use shared::frame::{Batch, FrameError};
use shared::{LineHandle, Username};
use tracing::{debug, info, warn};

use super::control::Control;
use super::fleet::Fleet;
use super::ledger::{Found, Ledger};
use super::member::Member;
use super::registry::Grant;
use crate::clock::{Now, Steady};
use crate::limits::Bucket;
use crate::lines::agent::Agent;
use crate::lines::audience::DirectWriter;
use crate::lines::circumstances::Circumstances;
use crate::lines::hub::Hub;
use crate::lines::line::{Line, Published};
use crate::lines::live::Arrival;
use crate::lines::report::{Report, cut};
use crate::wire::response::Measured;
use crate::wire::viewer_frame::TimedSample;

/// Lines of a batch whose memory is fetched before the first of them is locked.
const PREFETCHED: usize = 16;

/// An uplink's claim to its agent, against another connected run of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The uplink waits: the other run must be asked first.
    IfFree,
    /// The uplink replaces the other run, which does not answer.
    TakeOver,
}

/// The outcome of [`Reporter::attach`].
pub(crate) enum Attached {
    /// The claim succeeded.
    Yes(Reporter),
    /// Another run of the agent is connected from that address, and must be asked first.
    Occupied(Arc<Control>, Option<IpAddr>),
}

/// An agent's present uplink. Dropping it marks the agent as lost.
pub(crate) struct Reporter {
    fleet: Arc<Fleet>,
    member: Arc<Member>,
    control: Arc<Control>,
}

/// The effect of a registry change on an uplink.
pub(crate) enum Revised {
    /// These lines may be reported no longer.
    Refused(Vec<LineHandle>),
    /// The agent may now report a refused line. Only the agent can report the line again.
    Widened,
}

impl Reporter {
    /// Claims the agent for an uplink.
    pub(crate) fn attach(
        fleet: &Arc<Fleet>,
        grant: &Arc<Grant>,
        hello: &Hello,
        peer: Option<IpAddr>,
        claim: Claim,
    ) -> Attached {
        let attached = fleet.with_ledger(&grant.name, |member, mut ledger| {
            if let Some(occupant) = &ledger.uplink {
                if ledger.run.epoch() != Some(hello.epoch) && claim == Claim::IfFree {
                    return Attached::Occupied(Arc::clone(occupant), ledger.run.peer());
                }
                occupant.end(Close::Replaced);
            }
            let reporter = Self { fleet: Arc::clone(fleet), member: Arc::clone(member), control: Arc::default() };
            reporter.begin(&mut ledger, grant, hello, peer);
            Attached::Yes(reporter)
        });
        if matches!(attached, Attached::Yes(_)) {
            fleet.hub.metrics.uplinks.increment();
            fleet.hub.metrics.uplinks_begun.increment();
        }
        attached
    }

    /// Begins the agent's new table of lines.
    fn begin(&self, ledger: &mut Ledger, grant: &Arc<Grant>, hello: &Hello, peer: Option<IpAddr>) {
        let (hub, agent, now) = (self.hub(), self.agent(), self.hub().now());
        agent.begin_table(now.steady);
        agent.watches().begin(agent.table(), hub.limits.watched_per_agent, Arc::clone(&self.control.wake));
        let lost = ledger.begin(hello, Arc::clone(&self.control), peer, now);
        self.member.apply(hub, ledger, grant, now);
        hub.metrics.batches_lost.add(lost);
        // Incomplete tables, and runs without a reading of their router.
        let surplus = ledger.lines.take_surplus(hub.limits.lines_per_agent);
        self.member.forget_stale(hub, surplus, now);
    }

    fn hub(&self) -> &Arc<Hub> {
        &self.fleet.hub
    }

    fn agent(&self) -> &Arc<Agent> {
        &self.member.agent
    }

    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// Returns the lowest missing sequence number, for the welcome; `None` before the epoch's first batch.
    pub(crate) fn missing(&self) -> Option<u64> {
        let ledger = self.member.ledger();
        ledger.received.any().then(|| ledger.received.next())
    }

    /// Returns the whole watch set with its generation.
    pub(crate) fn watched(&self) -> (u64, Vec<LineHandle>) {
        self.agent().watches().all()
    }

    /// Returns the change of the watch set since the last call.
    pub(crate) fn watch_changes(&self) -> Option<Watches> {
        self.agent().watches().take_changes()
    }

    /// Takes line reports. Returns the handles of those beyond the agent's patterns.
    ///
    /// # Errors
    /// [`Close::Replaced`] after another uplink has claimed the agent.
    pub(crate) fn report(&self, lines: &Lines, grant: &Grant, now: Now) -> Result<Vec<LineHandle>, Close> {
        let mut ledger = self.ledger()?;
        ledger.run.clock.observe(lines.uptime_ms, now.steady);
        let known = ledger.run.clock.steady(lines.uptime_ms, now.steady);
        let held_back = ledger.run.held_back;
        let refused = lines.lines.iter().filter(|said| !self.take_report(&mut ledger, said, known, grant, now));
        let refused: Vec<_> = refused.map(|said| said.line).collect();
        self.count_held_back(&ledger, held_back);
        self.hub().metrics.reports.add(lines.lines.len() as u64);
        self.hub().metrics.reports_refused.add(refused.len() as u64);
        if !refused.is_empty() && !std::mem::replace(&mut ledger.run.is_warned, true) {
            warn!(
                agent = &*self.agent().name,
                refused = refused.len(),
                "agent reports lines that it may not; widen its patterns by `linelight-relay agent`, or narrow what it sees"
            );
        }
        Ok(refused)
    }

    /// The table of lines behind a hello is complete.
    ///
    /// # Errors
    /// [`Close::Replaced`].
    pub(crate) fn table_complete(&self, now: Now) -> Result<(), Close> {
        let mut ledger = self.ledger()?;
        ledger.run.has_table = true;
        // The same run reports everything again that still exists. Another run may still be reading its router's
        // tables.
        let retired = ledger.lines.take_retired();
        self.member.forget_stale(self.hub(), retired, now);
        info!(
            agent = &*self.agent().name,
            version = ledger.run.version(),
            lines = ledger.lines.len(),
            "agent connected"
        );
        Ok(())
    }

    /// The agent forgot lines.
    ///
    /// # Errors
    /// [`Close::Replaced`].
    pub(crate) fn gone(&self, lines: &[LineHandle], now: Now) -> Result<(), Close> {
        let mut ledger = self.ledger()?;
        for handle in lines {
            self.remove(&mut ledger, *handle, now);
        }
        Ok(())
    }

    /// Takes a batch in place.
    ///
    /// # Errors
    /// [`Close::ProtocolError`] or [`Close::Replaced`].
    pub(crate) fn batch(&self, bytes: &[u8], now: Now, writer: &mut DirectWriter) -> Result<(), Close> {
        let batch = match Batch::parse(bytes) {
            Ok(batch) => batch,
            // A frame of a newer agent, for newer relays.
            Err(FrameError::UnknownKind(_)) => return Ok(()),
            Err(error) => {
                warn!(agent = &*self.agent().name, %error, "uplink closed: its sample frame is not understood");
                return Err(Close::ProtocolError);
            }
        };
        let mut ledger = self.ledger()?;
        if ledger.run.epoch() != Some(batch.header.epoch) {
            warn!(agent = &*self.agent().name, "uplink closed: a batch of another epoch than its hello's");
            return Err(Close::ProtocolError);
        }
        self.hub().metrics.batches.increment();
        let is_new = ledger.received.insert(batch.header.sequence);
        self.count_lost(&mut ledger);
        if !is_new {
            self.hub().metrics.batches_doubled.increment();
            return Ok(());
        }
        if !batch.header.replayed {
            ledger.run.clock.observe(batch.header.uptime_ms, now.steady);
        }
        if let Some(reach) = batch.reach {
            self.average(&ledger, &batch, reach, now);
            return Ok(());
        }
        ledger.received.count_samples(batch.len() as u64);
        self.hub().metrics.samples.add(batch.len() as u64);
        self.publish(&mut ledger, &batch, now, writer);
        Ok(())
    }

    /// The lowest sequence number still missing.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.member.ledger().received.next()
    }

    /// The agent does not carry watches out.
    ///
    /// # Errors
    /// [`Close::Replaced`].
    pub(crate) fn watch_refused(&self, lines: &[LineHandle], reason: WatchRefusal, now: Now) -> Result<(), Close> {
        let ledger = self.ledger()?;
        for handle in lines {
            if reason != WatchRefusal::RouterRefuses {
                self.agent().watches().refused(*handle);
            }
            let Some(line) = ledger.lines.get(*handle) else { continue };
            self.hub().metrics.watches_refused.increment();
            let what = match reason {
                WatchRefusal::TooManyWatched => "watch refused by the agent: it watches as many lines as it may",
                WatchRefusal::UnknownLine => "watch refused by the agent: it does not know the line's handle",
                WatchRefusal::RouterRefuses => {
                    "no samples: the router takes the line's interface in monitor-traffic neither by .id nor by name; \
                     rename the interface or the PPP secret, without a comma; the agent's log names it"
                }
                WatchRefusal::Other => "watch refused by the agent, for a reason of a later version",
            };
            self.hub().refuse(line.username(), what);
            line.watch_refused(self.agent(), *handle, reason, self.hub().circumstances(now));
        }
        Ok(())
    }

    /// Takes the agent's status.
    ///
    /// # Errors
    /// [`Close::Replaced`].
    pub(crate) fn status(&self, mut status: Status, now: Now) -> Result<(), Close> {
        let mut ledger = self.ledger()?;
        ledger.run.clock.observe(status.uptime_ms, now.steady);
        if let Some(oldest) = status.oldest {
            ledger.received.give_up_below(oldest);
            self.count_lost(&mut ledger);
        }
        let since = now.past(now.steady.saturating_sub_unsigned(status.router_age_ms));
        self.agent().router_changed(status.router_reachable, since);
        let has_new_interval = self.agent().set_interval(status.interval_ms);
        let was_reachable = ledger.run.status().is_none_or(|before| before.router_reachable);
        if was_reachable != status.router_reachable {
            let fault = status.fault.as_deref().unwrap_or("none");
            info!(agent = &*self.agent().name, reachable = status.router_reachable, fault, "agent's router");
        }
        let words = [&mut status.fault, &mut status.identity, &mut status.routeros, &mut status.board];
        for text in words.into_iter().chain([&mut status.response_fault]) {
            text.iter_mut().for_each(|text| text.truncate(cut(text).len()));
        }
        if status.router_reachable && !status.lines_pending && ledger.run.has_table {
            self.member.adopt_missing_lines(self.hub(), &mut ledger, now);
        }
        let changed = has_new_interval || was_reachable != status.router_reachable;
        ledger.run.set_status(status, now);
        if changed {
            self.refresh_states(&ledger, now);
        }
        Ok(())
    }

    /// Applies a change of the agent's patterns.
    ///
    /// # Errors
    /// [`Close::Replaced`].
    pub(crate) fn revise(&self, grant: &Arc<Grant>, now: Now) -> Result<Revised, Close> {
        let mut ledger = self.ledger()?;
        if ledger.lines.has_pardoned(grant) {
            return Ok(Revised::Widened);
        }
        let refused = ledger.lines.beyond(grant);
        for handle in &refused {
            if let Some(line) = self.remove(&mut ledger, *handle, now) {
                self.refuse(&mut ledger, *handle, line.username().clone());
            }
        }
        self.member.apply(self.hub(), &mut ledger, grant, now);
        Ok(Revised::Refused(refused))
    }

    /// Forgets the agent: its token was revoked.
    pub(crate) fn revoke(self) {
        let (fleet, member) = (Arc::clone(&self.fleet), Arc::clone(&self.member));
        drop(self);
        fleet.forget(&member, fleet.hub.now());
    }

    fn ledger(&self) -> Result<MutexGuard<'_, Ledger>, Close> {
        let ledger = self.member.ledger();
        if ledger.uplink.as_ref().is_some_and(|uplink| Arc::ptr_eq(uplink, &self.control)) {
            return Ok(ledger);
        }
        Err(Close::Replaced)
    }

    /// Whether the agent may make this report.
    fn take_report(&self, ledger: &mut Ledger, said: &LineReport, known: Steady, grant: &Grant, now: Now) -> bool {
        let Some(narrowness) = grant.claim(&said.username) else {
            self.refuse(ledger, said.line, said.username.clone());
            return false;
        };
        if ledger.lines.len() >= self.hub().limits.lines_per_agent && ledger.lines.get(said.line).is_none() {
            self.hub().refuse(&said.username, "report refused: the agent reports as many lines as it may");
            return false;
        }
        if ledger.lines.get(said.line).is_some_and(|line| *line.username() != said.username) {
            self.remove(ledger, said.line, now);
        }
        let since = said.age_ms.map(|age| now.past(known.saturating_sub_unsigned(age)));
        let profile = said.profile.as_deref().map(cut).map(|profile| ledger.lines.share(profile));
        let report = Report::new(self.agent(), narrowness, said, since, profile);
        let circumstances = self.hub().circumstances(now);
        let line = self.hub().report(&said.username, report, circumstances);
        ledger.run.held_back += u64::from(line.holds_back(self.agent()));
        ledger.lines.insert(said.line, line);
        true
    }

    /// Counts the reports that are held back, beyond the `before` of this uplink.
    fn count_held_back(&self, ledger: &Ledger, before: u64) {
        let held_back = ledger.run.held_back - before;
        self.hub().metrics.reports_held_back.add(held_back);
        if held_back > 0 && before == 0 {
            warn!(
                agent = &*self.agent().name,
                held_back,
                "agent reports lines of agents with narrower patterns, and does not count there; narrow its patterns, or see shares_lines"
            );
        }
    }

    fn refuse(&self, ledger: &mut Ledger, handle: LineHandle, username: Username) {
        debug!(agent = &*self.agent().name, %username, "report refused: beyond the agent's patterns");
        self.hub().refuse(&username, format!("report refused: beyond the patterns of agent {}", self.agent().name));
        ledger.lines.refuse(handle, username, self.hub().limits.lines_per_agent);
    }

    /// Counts batches given up since the last call.
    fn count_lost(&self, ledger: &mut Ledger) {
        self.hub().metrics.batches_lost.add(ledger.received.take_lost());
    }

    fn remove(&self, ledger: &mut Ledger, handle: LineHandle, now: Now) -> Option<Arc<Line>> {
        let line = ledger.lines.remove(handle)?;
        let is_it = |report: &Report| report.handle == handle && !report.is_stale();
        self.member.forget(self.hub(), &line, now, is_it);
        Some(line)
    }

    fn refresh_states(&self, ledger: &Ledger, now: Now) {
        for line in ledger.lines.present() {
            self.hub().settle(line, self.hub().circumstances(now));
            line.age(self.hub().circumstances(now), false);
        }
    }

    /// Gives a batch's samples to their lines. The memory of [`PREFETCHED`] lines is fetched at once.
    fn publish(&self, ledger: &mut Ledger, batch: &Batch<'_>, now: Now, writer: &mut DirectWriter) {
        let t = now.unix_of(now.past(ledger.run.clock.steady(batch.header.uptime_ms, now.steady)));
        let Ledger { lines, adopted, .. } = ledger;
        let mut known = batch.samples().zip(batch.details()).fuse().filter_map(|(sample, detail)| {
            match lines.find(sample.line) {
                Found::Line(line) => {
                    line.prefetch();
                    return Some((sample, detail, line));
                }
                Found::Refused => self.hub().metrics.samples_refused.increment(),
                Found::Unknown => self.hub().metrics.samples_unknown.increment(),
            }
            None
        });
        let circumstances = self.hub().circumstances(now);
        writer.begin();
        let mut group = [const { None }; PREFETCHED];
        while fill(&mut group, &mut known) {
            for (sample, detail, line) in group.iter().flatten() {
                let (response, drops) = (Measured::of(detail.response), detail.drops);
                self.count_response(response);
                let arrival = Arrival {
                    agent: self.agent(),
                    handle: sample.line,
                    sample: TimedSample { t, down: sample.download, up: sample.upload, response, drops },
                    response: detail.response,
                    replayed: batch.header.replayed,
                };
                self.publish_or_adopt(line, arrival, adopted, circumstances, writer);
            }
        }
        let written = writer.take_written();
        if written > 0 {
            self.hub().metrics.frames_sent.add(written);
            self.hub().metrics.sample_age.observe(self.hub().now().unix - t, written);
        }
    }

    fn count_response(&self, response: Option<Measured>) {
        match response {
            Some(Measured::Micros(_)) => self.hub().metrics.probes_answered.increment(),
            Some(Measured::Lost) => self.hub().metrics.probes_lost.increment(),
            None => {}
        }
    }

    /// Gives one sample to its line. An unwatched line gets a ring of samples, within the agent's budget: a viewer may
    /// have lost its connection for a moment.
    fn publish_or_adopt(
        &self,
        line: &Arc<Line>,
        arrival: Arrival<'_>,
        adopted: &mut Option<Bucket>,
        circumstances: Circumstances<'_>,
        writer: &mut DirectWriter,
    ) {
        if line.publish(arrival, circumstances, writer) != Published::Unwatched {
            return;
        }
        let limit = self.hub().limits.adopted_per_agent;
        let bucket = adopted.get_or_insert_with(|| Bucket::new(limit, limit.div_ceil(60), circumstances.now.steady));
        if bucket.take(1, circumstances.now.steady) {
            self.hub().adopt(line, circumstances.now);
            line.publish(arrival, circumstances, writer);
        }
    }
}

/// Fills an array from an iterator. True if at least one item came.
fn fill<T, const N: usize>(group: &mut [Option<T>; N], items: &mut impl Iterator<Item = T>) -> bool {
    group.fill_with(|| items.next());
    group[0].is_some()
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.hub().metrics.uplinks.decrement();
        let Ok(mut ledger) = self.ledger() else { return };
        ledger.uplink = None;
        self.agent().uplink_lost(self.hub().now().steady);
        self.agent().watches().end();
    }
}

mod averages;
#[cfg(test)]
mod tests;
