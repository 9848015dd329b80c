//! Agents of other relays, as agents of this relay's lines: their reports, their samples, and what is watched of them.

use std::collections::HashMap;
use std::sync::Arc;

use shared::frame::Batch;
use shared::{LineHandle, Username};
use tokio::sync::Notify;

use super::messages::{Claim, ClaimedReport, Past, RelayId};
use crate::agents::uptime::UptimeClock;
use crate::clock::Steady;
use crate::lines::agent::Agent;
use crate::lines::audience::DirectWriter;
use crate::lines::averages::Average;
use crate::lines::hub::Hub;
use crate::lines::line::Line;
use crate::lines::live::Arrival;
use crate::lines::narrowness::Narrowness;
use crate::lines::report::{Report, cut};
use crate::wire::response::Measured;
use crate::wire::viewer_frame::TimedSample;

/// A line that the agent's present owner does not report is forgotten after this time, milliseconds.
const LEFT_OVER_MS: i64 = 15_000;

/// All such agents, by their names.
pub(super) struct Followed {
    hub: Arc<Hub>,
    members: HashMap<Arc<str>, Member>,
    /// Maps each relay's steady time to this one's.
    clocks: HashMap<RelayId, UptimeClock>,
    /// Notified when the watches of one of them change.
    pub(super) wake: Arc<Notify>,
    writer: DirectWriter,
}

struct Member {
    agent: Arc<Agent>,
    /// The owner.
    holder: RelayId,
    lines: HashMap<LineHandle, Arc<Line>>,
    /// Lines of the tables before, until the present owner reports them or does not.
    left_over: Vec<Arc<Line>>,
    followed: Steady,
}

impl Followed {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self {
            hub,
            members: HashMap::new(),
            clocks: HashMap::new(),
            wake: Arc::default(),
            writer: DirectWriter::default(),
        }
    }

    /// Returns the number of lines that agents of other relays report here.
    pub(super) fn lines(&self) -> usize {
        self.members.values().map(|member| member.lines.len()).sum()
    }

    /// A message of another relay came that was sent at this moment of its steady time.
    pub(super) fn heard(&mut self, from: &RelayId, uptime_ms: u64) {
        let now = self.hub.now().steady;
        if let Some(clock) = self.clocks.get_mut(from) {
            return clock.observe(uptime_ms, now);
        }
        let mut clock = UptimeClock::default();
        clock.observe(uptime_ms, now);
        self.clocks.insert(from.clone(), clock);
    }

    /// Forgets the clocks of relays that are gone.
    pub(super) fn keep_clocks_of(&mut self, is_there: impl Fn(&RelayId) -> bool) {
        self.clocks.retain(|id, _| is_there(id));
    }

    /// An agent has this owner from now on.
    pub(super) fn follow(&mut self, name: &Arc<str>, (holder, address): (RelayId, &str), claim: &Claim, told: Steady) {
        let now = self.hub.now();
        let member = self.members.entry(Arc::clone(name)).or_insert_with(|| Member {
            agent: Arc::new(Agent::elsewhere(Arc::clone(name))),
            holder: holder.clone(),
            lines: HashMap::new(),
            left_over: Vec::new(),
            followed: now.steady,
        });
        let agent = &member.agent;
        agent.set_holder(address.into());
        agent.set_out_of_touch(false);
        agent.begin_table(now.steady);
        agent.watches().begin(agent.table(), self.hub.limits.watched_per_agent, Arc::clone(&self.wake));
        member.left_over.extend(member.lines.drain().map(|(_, line)| line));
        member.holder = holder;
        member.followed = now.steady;
        member.take_state(claim, told);
    }

    /// The state of an agent changed.
    pub(super) fn refresh(&mut self, name: &Arc<str>, claim: &Claim, told: Steady) {
        let now = self.hub.now();
        let Some(member) = self.members.get(name) else { return };
        if member.take_state(claim, told) {
            for line in member.lines.values() {
                self.hub.settle(line, self.hub.circumstances(now));
                line.age(self.hub.circumstances(now), false);
            }
        }
    }

    /// Nobody can confirm what the agent's owner said.
    pub(super) fn lost(&mut self, name: &Arc<str>, since: Steady, is_out_of_touch: bool) {
        if let Some(member) = self.members.get(name) {
            member.agent.set_out_of_touch(is_out_of_touch);
            member.agent.uplink_lost(since);
            member.agent.watches().end();
        }
    }

    /// The agent reports a line.
    pub(super) fn report(&mut self, name: &Arc<str>, report: &ClaimedReport, told: Steady) {
        let now = self.hub.now();
        let Some(member) = self.members.get_mut(name) else { return };
        let ClaimedReport { narrowness, report: said, .. } = report;
        let since = said.age_ms.map(|age| now.past(told.saturating_sub_unsigned(age)));
        let profile = said.profile.as_deref().map(cut).map(Arc::from);
        let report = Report::new(&member.agent, Narrowness::of_number(*narrowness), said, since, profile);
        let line = self.hub.report(&said.username, report, self.hub.circumstances(now));
        member.left_over.retain(|left| !Arc::ptr_eq(left, &line));
        if let Some(before) = member.lines.insert(said.line, Arc::clone(&line)).filter(|old| !Arc::ptr_eq(old, &line)) {
            self.hub.forget_reports(&member.agent, &before, now, |_| true);
        }
    }

    /// The agent reports a line no more.
    pub(super) fn gone(&mut self, name: &Arc<str>, username: &Username) {
        let now = self.hub.now();
        let Some(member) = self.members.get_mut(name) else { return };
        let lines: Vec<_> = member.lines.extract_if(|_, line| line.username() == username).collect();
        for (_, line) in lines {
            self.hub.forget_reports(&member.agent, &line, now, |_| true);
        }
    }

    /// No other relay owns the agent.
    pub(super) fn release(&mut self, name: &Arc<str>) {
        let now = self.hub.now();
        let Some(member) = self.members.remove(name) else { return };
        member.agent.uplink_lost(now.steady);
        member.agent.watches().end();
        for line in member.lines.into_values().chain(member.left_over) {
            self.hub.forget_reports(&member.agent, &line, now, |_| true);
        }
    }

    /// Forgets lines that the present owners do not report.
    pub(super) fn forget_left_over(&mut self) {
        let now = self.hub.now();
        for member in self.members.values_mut() {
            if member.left_over.is_empty() || now.steady.since(member.followed) < LEFT_OVER_MS {
                continue;
            }
            for line in std::mem::take(&mut member.left_over) {
                self.hub.forget_reports(&member.agent, &line, now, Report::is_stale);
            }
        }
    }

    /// Returns the watch sets that changed.
    pub(super) fn changed_watches(&self) -> Vec<(Arc<str>, Vec<LineHandle>)> {
        let changed = self.members.iter().filter_map(|(name, member)| {
            let mut watches = member.agent.watches();
            watches.take_changes()?;
            Some((Arc::clone(name), watches.all().1))
        });
        changed.collect()
    }

    /// Takes a frame of the agent's owner.
    pub(super) fn frame(&mut self, name: &Arc<str>, batch: &Batch<'_>) {
        let now = self.hub.now();
        let Some(member) = self.members.get_mut(name) else { return };
        let Some(clock) = self.clocks.get(&member.holder) else { return };
        let t = now.unix_of(now.past(clock.steady(batch.header.uptime_ms, now.steady)));
        self.writer.begin();
        for (sample, detail) in batch.samples().zip(batch.details()) {
            let Some(line) = member.lines.get(&sample.line) else {
                self.hub.metrics.samples_unknown.increment();
                continue;
            };
            let arrival = Arrival {
                agent: &member.agent,
                handle: sample.line,
                sample: TimedSample {
                    t,
                    down: sample.download,
                    up: sample.upload,
                    response: Measured::of(detail.response),
                    drops: detail.drops,
                },
                response: detail.response,
                replayed: false,
            };
            line.publish(arrival, self.hub.circumstances(now), &mut self.writer);
        }
        let written = self.writer.take_written();
        if written > 0 {
            self.hub.metrics.frames_sent.add(written);
            self.hub.metrics.sample_age.observe(self.hub.now().unix - t, written);
        }
    }

    /// Takes the past of a line.
    pub(super) fn past(&mut self, name: &Arc<str>, past: &Past, uptime_ms: u64) {
        let now = self.hub.now();
        let Some(member) = self.members.get(name) else { return };
        let Some(clock) = self.clocks.get(&member.holder) else { return };
        let said = now.past(clock.steady(uptime_ms, now.steady));
        let Some(line) = member.lines.get(&past.line) else { return };
        let samples = past.history.samples().map(|sample| TimedSample {
            t: now.unix_of(said).saturating_sub(past.now.since(sample.t).max(0)),
            ..sample
        });
        line.complete(&member.agent, past.line, samples.collect());
        let Some(averages) = &past.averages else { return };
        let interval = i64::from(averages.interval);
        let start = said.saturating_sub(past.now.since(averages.start));
        for (nth, (down, up)) in (1..).zip(averages.down.iter().zip(&averages.up)) {
            let (Some(down), Some(up)) = (*down, *up) else { continue };
            let average =
                Average { end: now.past(start.saturating_add(nth * interval)), span: interval, interval, down, up };
            line.average(&member.agent, past.line, average, false, self.hub.circumstances(now));
        }
    }
}

impl Member {
    /// Takes the state of the agent. True if it changed.
    fn take_state(&self, claim: &Claim, told: Steady) -> bool {
        let since = |age: u64| told.saturating_sub_unsigned(age);
        let router = claim.router_lost_ms.map(since);
        let has_changed = self.agent.router_lost().is_some() != router.is_some();
        if has_changed {
            self.agent.router_changed(router.is_none(), router.unwrap_or(told));
        }
        self.agent.set_shares_lines(claim.shares_lines);
        self.agent.set_interval(claim.interval_ms) || has_changed
    }
}
