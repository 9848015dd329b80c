//! What the relay knows of one agent: its present table of lines, what it reported before, and what has come of it.

mod sequences;

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use shared::control::{Hello, Status};
use shared::{Epoch, LineHandle, Username};

use self::sequences::Sequences;
use super::control::Control;
use crate::agents::registry::Grant;
use crate::agents::uptime::UptimeClock;
use crate::clock::Now;
use crate::limits::Bucket;
use crate::lines::line::Line;
use crate::lines::report::cut;

/// Profile names shared by an agent's lines; beyond it they are not shared.
const MAX_SHARED_PROFILES: usize = 256;

/// What is known of one agent, under its lock.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) uplink: Option<Arc<Control>>,
    /// What the agent's token allowed when that was last applied.
    pub(crate) grant: Option<Arc<Grant>>,
    pub(crate) epoch: Option<Epoch>,
    /// The lines of the present table.
    pub(crate) lines: HashMap<LineHandle, Arc<Line>>,
    /// Those that this run of the agent reported on an earlier uplink.
    pub(crate) retired: Vec<Arc<Line>>,
    /// Those that earlier runs of the agent reported; until the present one has read its router's tables, nobody knows
    /// what became of them.
    pub(crate) previous: Vec<Arc<Line>>,
    /// Those that it did not find there, and when that was seen, oldest first.
    pub(crate) remembered: VecDeque<(i64, Arc<Line>)>,
    /// Lines beyond the agent's patterns.
    pub(crate) refused: HashMap<LineHandle, Username>,
    pub(crate) profiles: HashSet<Arc<str>>,
    pub(crate) received: Sequences,
    pub(crate) clock: UptimeClock,
    pub(crate) adopted: Option<Bucket>,
    /// Whether the table of lines behind the hello has come.
    pub(crate) complete: bool,
    pub(crate) connected: i64,
    /// When the last status came, or the hello.
    pub(crate) heartbeat: i64,
    pub(crate) warned: bool,
    pub(crate) version: String,
    pub(crate) peer: Option<IpAddr>,
    pub(crate) status: Option<Status>,
    pub(crate) batches: u64,
    pub(crate) samples: u64,
    /// Batches of this run that never came and never will.
    pub(crate) batches_lost: u64,
}

impl Ledger {
    /// Begins an uplink; how many batches are lost since the one before.
    pub(crate) fn begin(&mut self, hello: &Hello, control: Arc<Control>, peer: Option<IpAddr>, now: Now) -> u64 {
        self.retire_table();
        let resumed = self.epoch == Some(hello.epoch);
        if !resumed {
            self.previous.append(&mut self.retired);
            dedup(&mut self.previous);
            self.epoch = Some(hello.epoch);
            self.received = Sequences::default();
            self.clock = UptimeClock::default();
            self.batches = 0;
            self.samples = 0;
            self.batches_lost = 0;
        }
        self.received.give_up_below(hello.oldest);
        let missing = self.received.take_lost();
        // Of another relay's time only the agent knows what was acknowledged.
        let lost = if resumed { missing } else { hello.lost };
        self.batches_lost = self.batches_lost.saturating_add(lost);
        self.clock.observe(hello.uptime_ms, now.steady);
        self.uplink = Some(control);
        self.complete = false;
        self.connected = now.steady;
        self.heartbeat = now.steady;
        self.warned = false;
        self.status = None;
        self.version = cut(&hello.version).to_owned();
        self.peer = peer;
        lost
    }

    /// The present table's lines become retired ones.
    fn retire_table(&mut self) {
        self.refused.clear();
        self.retired.extend(std::mem::take(&mut self.lines).into_values());
        dedup(&mut self.retired);
    }

    /// Lines of earlier tables of which nothing is decided yet.
    pub(crate) fn left_behind(&mut self) -> [&mut Vec<Arc<Line>>; 2] {
        [&mut self.retired, &mut self.previous]
    }

    /// Takes every line that the agent ever reported and that is not forgotten.
    pub(crate) fn take_all(&mut self) -> Vec<Arc<Line>> {
        self.retire_table();
        let mut all = std::mem::take(&mut self.retired);
        all.append(&mut self.previous);
        all.extend(std::mem::take(&mut self.remembered).into_iter().map(|(_, line)| line));
        dedup(&mut all);
        all
    }

    /// Takes every line that the agent may not report, however long ago it did.
    pub(crate) fn take_beyond(&mut self, grant: &Grant) -> Vec<Arc<Line>> {
        let is_beyond = |line: &Arc<Line>| !grant.may_report(line.username());
        let mut beyond: Vec<_> = self.lines.extract_if(|_, line| is_beyond(line)).map(|(_, line)| line).collect();
        beyond.extend(self.left_behind().into_iter().flat_map(|left| left.extract_if(.., |line| is_beyond(line))));
        let (remembered, stays) =
            std::mem::take(&mut self.remembered).into_iter().partition(|(_, line)| is_beyond(line));
        self.remembered = stays;
        beyond.extend(VecDeque::into_iter(remembered).map(|(_, line)| line));
        dedup(&mut beyond);
        beyond
    }

    pub(crate) fn share(&mut self, profile: &str) -> Arc<str> {
        if let Some(shared) = self.profiles.get(profile) {
            return Arc::clone(shared);
        }
        let profile: Arc<str> = profile.into();
        if self.profiles.len() >= MAX_SHARED_PROFILES {
            self.profiles.retain(|held| Arc::strong_count(held) > 1);
        }
        if self.profiles.len() < MAX_SHARED_PROFILES {
            self.profiles.insert(Arc::clone(&profile));
        }
        profile
    }
}

fn dedup(lines: &mut Vec<Arc<Line>>) {
    lines.sort_unstable_by_key(|line| Arc::as_ptr(line).addr());
    lines.dedup_by_key(|line| Arc::as_ptr(line).addr());
}
