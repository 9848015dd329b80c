//! An agent's reported lines: in its present table, and before.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use shared::{LineHandle, Username};

use crate::agents::registry::Grant;
use crate::clock::Steady;
use crate::lines::line::Line;

/// Shared profile names of an agent's lines. Beyond this number every line has a copy.
const MAX_SHARED_PROFILES: usize = 256;

/// An agent's reported lines.
#[derive(Debug, Default)]
pub(crate) struct ReportedLines {
    /// The present table.
    present: HashMap<LineHandle, Arc<Line>>,
    /// Lines of this run's tables before the present one.
    retired: Vec<Arc<Line>>,
    /// Lines of earlier runs. Nobody knows their fate before the present run has read its router's tables.
    previous: Vec<Arc<Line>>,
    /// Lines of earlier runs without a trace in the present run, oldest first, each with the time of that finding.
    remembered: VecDeque<(Steady, Arc<Line>)>,
    /// Lines beyond the agent's patterns.
    refused: HashMap<LineHandle, Username>,
    profiles: HashSet<Arc<str>>,
}

/// The meaning of a handle in a batch.
pub(crate) enum Found<'a> {
    /// A line of the present table.
    Line(&'a Arc<Line>),
    /// A line beyond the agent's patterns.
    Refused,
    /// A handle without a report.
    Unknown,
}

impl ReportedLines {
    /// Returns the number of lines in the present table.
    pub(crate) fn len(&self) -> usize {
        self.present.len()
    }

    /// Returns the number of lines beyond the agent's patterns.
    pub(crate) fn refused_len(&self) -> usize {
        self.refused.len()
    }

    /// Returns a line of the present table.
    pub(crate) fn get(&self, handle: LineHandle) -> Option<&Arc<Line>> {
        self.present.get(&handle)
    }

    /// Returns the meaning of a handle.
    pub(crate) fn find(&self, handle: LineHandle) -> Found<'_> {
        match self.present.get(&handle) {
            Some(line) => Found::Line(line),
            None if self.refused.contains_key(&handle) => Found::Refused,
            None => Found::Unknown,
        }
    }

    /// Returns the lines of the present table.
    pub(crate) fn present(&self) -> impl Iterator<Item = &Arc<Line>> {
        self.present.values()
    }

    /// Returns every line, of whichever table.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Line>> {
        let before = self.retired.iter().chain(&self.previous).chain(self.remembered.iter().map(|(_, line)| line));
        self.present.values().chain(before)
    }

    /// Returns the handles of the present table whose lines the agent may not report.
    pub(crate) fn beyond(&self, grant: &Grant) -> Vec<LineHandle> {
        let beyond =
            |(handle, line): (&LineHandle, &Arc<Line>)| (!grant.may_report(line.username())).then_some(*handle);
        self.present.iter().filter_map(beyond).collect()
    }

    /// True if the agent may now report a refused line.
    pub(crate) fn has_pardoned(&self, grant: &Grant) -> bool {
        self.refused.values().any(|username| grant.may_report(username))
    }

    /// Adds a line to the present table.
    pub(crate) fn insert(&mut self, handle: LineHandle, line: Arc<Line>) {
        self.present.insert(handle, line);
    }

    /// Takes a line out of the present table.
    pub(crate) fn remove(&mut self, handle: LineHandle) -> Option<Arc<Line>> {
        self.refused.remove(&handle);
        self.present.remove(&handle)
    }

    /// Remembers a line beyond the agent's patterns, within `limit`.
    pub(crate) fn refuse(&mut self, handle: LineHandle, username: Username, limit: usize) {
        if self.refused.len() < limit {
            self.refused.insert(handle, username);
        }
    }

    /// Turns the present table's lines into retired ones.
    pub(super) fn retire_table(&mut self) {
        self.refused.clear();
        self.retired.extend(std::mem::take(&mut self.present).into_values());
        dedup(&mut self.retired);
    }

    /// Turns the last run's lines into those of an earlier run.
    pub(super) fn begin_run(&mut self) {
        self.previous.append(&mut self.retired);
        dedup(&mut self.previous);
    }

    /// Takes the retired lines: the present table of the same run says nothing of them.
    pub(crate) fn take_retired(&mut self) -> Vec<Arc<Line>> {
        std::mem::take(&mut self.retired)
    }

    /// Takes the lines of earlier runs.
    pub(crate) fn take_previous(&mut self) -> Vec<Arc<Line>> {
        std::mem::take(&mut self.previous)
    }

    /// Takes the undecided lines of earlier tables, if more than `limit`.
    pub(crate) fn take_surplus(&mut self, limit: usize) -> Vec<Arc<Line>> {
        let undecided = [&mut self.retired, &mut self.previous].into_iter();
        undecided.filter(|lines| lines.len() > limit).flat_map(std::mem::take).collect()
    }

    /// Takes one line remembered since before `since`, oldest first.
    pub(crate) fn pop_remembered(&mut self, since: Steady) -> Option<Arc<Line>> {
        self.remembered.pop_front_if(|(at, _)| *at <= since).map(|(_, line)| line)
    }

    /// Remembers a line without a trace in the present run.
    pub(crate) fn remember(&mut self, line: Arc<Line>, now: Steady) {
        self.remembered.push_back((now, line));
    }

    /// Drops remembered lines unless `is_kept` is true for them. Returns the number of the rest.
    pub(crate) fn retain_remembered(&mut self, is_kept: impl Fn(&Arc<Line>) -> bool) -> usize {
        self.remembered.retain(|(_, line)| is_kept(line));
        self.remembered.len()
    }

    /// Takes every line.
    pub(crate) fn take_all(&mut self) -> Vec<Arc<Line>> {
        self.retire_table();
        let mut all = std::mem::take(&mut self.retired);
        all.append(&mut self.previous);
        all.extend(std::mem::take(&mut self.remembered).into_iter().map(|(_, line)| line));
        dedup(&mut all);
        all
    }

    /// Takes all lines beyond the agent's patterns, of whichever table.
    pub(crate) fn take_beyond(&mut self, grant: &Grant) -> Vec<Arc<Line>> {
        let is_beyond = |line: &Arc<Line>| !grant.may_report(line.username());
        let mut beyond: Vec<_> = self.present.extract_if(|_, line| is_beyond(line)).map(|(_, line)| line).collect();
        for undecided in [&mut self.retired, &mut self.previous] {
            beyond.extend(undecided.extract_if(.., |line| is_beyond(line)));
        }
        let (remembered, kept) =
            std::mem::take(&mut self.remembered).into_iter().partition(|(_, line)| is_beyond(line));
        self.remembered = kept;
        beyond.extend(VecDeque::into_iter(remembered).map(|(_, line)| line));
        dedup(&mut beyond);
        beyond
    }

    /// Returns one copy of a profile's name for all lines of that profile.
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
