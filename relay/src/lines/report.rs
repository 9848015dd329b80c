//! The reports of one line, and the choice among them: the design's table "What a line is", as pure functions.

use std::cmp::Reverse;
use std::sync::Arc;

use shared::LineHandle;
use shared::control::{LineReport, MAX_TEXT, Plan, Role};

use crate::clock::Steady;
use crate::lines::agent::Agent;
use crate::lines::narrowness::Narrowness;
use crate::wire::viewer_frame::LineState;

/// A beginning that moves by less than this has not changed, milliseconds: the relay only maps the agent's clock
/// better.
const SINCE_TOLERANCE_MS: i64 = 2_000;

/// One agent's report of a line. Every line has one, so that its size matters.
#[derive(Debug)]
pub(crate) struct Report {
    /// The agent.
    pub(crate) agent: Arc<Agent>,
    /// The line's handle on that agent's uplink.
    pub(crate) handle: LineHandle,
    /// The [`Agent::table`] of the report. The handle has no meaning in another table.
    pub(crate) table: u32,
    /// The router's end of the session.
    pub(crate) role: Role,
    /// True for the relay's own memory of an offline line: a later run of the agent does not know the line.
    pub(crate) remembered: bool,
    /// The narrowness of the agent's pattern for the line.
    pub(crate) narrowness: Narrowness,
    /// True once the report took the line from another agent that still spoke for it.
    pub(crate) took_over: bool,
    /// True if the plan's limits hold for several lines together.
    shares_plan: bool,
    /// Sessions up.
    pub(crate) sessions: u16,
    /// The beginning of the present condition; [`Steady::MIN`] if unknown.
    since: Steady,
    /// The plan's limits; `u64::MAX` is not known.
    download: u64,
    upload: u64,
    /// The PPP profile's name.
    pub(crate) profile: Option<Arc<str>>,
    /// The secret's comment.
    pub(crate) comment: Option<Box<str>>,
}

impl Report {
    /// Returns a report as it came. `since` is the report's age as a time.
    pub(crate) fn new(
        agent: &Arc<Agent>,
        narrowness: Narrowness,
        said: &LineReport,
        since: Option<Steady>,
        profile: Option<Arc<str>>,
    ) -> Self {
        Self {
            agent: Arc::clone(agent),
            handle: said.line,
            table: agent.table(),
            role: said.role,
            remembered: false,
            narrowness,
            took_over: false,
            shares_plan: said.plan_shared,
            sessions: said.sessions,
            since: since.unwrap_or(Steady::MIN),
            download: said.plan.download.unwrap_or(u64::MAX),
            upload: said.plan.upload.unwrap_or(u64::MAX),
            profile,
            comment: said.comment.as_deref().map(cut).map(Box::from),
        }
    }

    /// Returns the beginning of the present condition.
    pub(crate) fn since(&self) -> Option<Steady> {
        (self.since != Steady::MIN).then_some(self.since)
    }

    /// Returns the plan's limits.
    pub(crate) fn plan(&self) -> Plan {
        let known = |limit: u64| (limit != u64::MAX).then_some(limit);
        Plan { download: known(self.download), upload: known(self.upload) }
    }

    /// True if the plan's limits hold for several lines together.
    pub(crate) fn shares_plan(&self) -> bool {
        self.shares_plan
    }

    /// True if `newer` is a report of the same end at the same agent.
    pub(crate) fn is_superseded_by(&self, newer: &Self) -> bool {
        let same_handle = self.handle == newer.handle && self.table == newer.table;
        Arc::ptr_eq(&self.agent, &newer.agent)
            && (same_handle || (self.is_stale() && (self.remembered || self.role == newer.role)))
    }

    /// Turns the report into a memory: the line went offline at the loss of its agent's last run, or before.
    pub(crate) fn remember(&mut self, lost: Steady) {
        if self.sessions > 0 {
            (self.sessions, self.since) = (0, lost);
        }
        self.remembered = true;
    }

    /// Keeps the older report's times where the difference is too small to be real, and how it came to count.
    pub(crate) fn steady(mut self, older: &Self) -> Self {
        self.took_over = older.took_over;
        if self.sessions == older.sessions
            && self.since.since(older.since).unsigned_abs() < SINCE_TOLERANCE_MS.unsigned_abs()
        {
            self.since = older.since;
        }
        self
    }

    /// True if the report came before the agent's present table.
    pub(crate) fn is_stale(&self) -> bool {
        self.table != self.agent.table()
    }

    /// Returns the time since when nobody can confirm the report; `None` while agent and router
    /// answer.
    pub(crate) fn unreachable_since(&self, now: Steady) -> Option<Steady> {
        // A remembered report holds until the agent says otherwise.
        let table = if self.remembered { self.agent.table() } else { self.table };
        self.agent.unreachable_since(table, now)
    }
}

/// Cuts an agent's text to the longest one allowed.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

/// The conclusion from a line's reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The index of the report that counts. Viewers see its samples.
    pub(crate) chosen: usize,
    /// Running, offline or unreachable. The samples decide whether a running line is stalled.
    pub(crate) state: LineState,
    /// Since when.
    pub(crate) since: Option<Steady>,
    /// Sessions up.
    pub(crate) sessions: u16,
}

/// Returns the agent that keeps a report from counting: one with a narrower pattern and a report of the same role.
pub(crate) fn held_back_by<'a>(report: &Report, reports: &'a [Report]) -> Option<&'a Arc<Agent>> {
    if reports.len() < 2 || report.agent.shares_lines() {
        return None;
    }
    let of_role = reports.iter().filter(|other| other.role == report.role);
    let narrowest = of_role.max_by_key(|other| other.narrowness)?;
    (narrowest.narrowness > report.narrowness).then_some(&narrowest.agent)
}

/// Chooses the report that counts; `None` without any report.
///
/// Reports that a narrower pattern [holds back](held_back_by) do not count. A live session on a reachable agent comes first. Among
/// those, the concentrator's own comes before the client's, because both are the same traffic; then comes the newest. Without a live
/// session, the line is offline if any agent that knew it is reachable, and unreachable otherwise.
pub(crate) fn standing(reports: &[Report], now: Steady) -> Option<Standing> {
    let counts = |(_, report): &(usize, &Report)| held_back_by(report, reports).is_none();
    let rank = |(at, report): &(usize, &Report)| {
        let reachable = report.unreachable_since(now).is_none();
        let live = reachable && report.sessions > 0;
        // The first of equals, so that the choice does not flap.
        (live, reachable, report.role == Role::Server, report.since, Reverse(*at))
    };
    let (chosen, report) = reports.iter().enumerate().filter(counts).max_by_key(rank)?;
    let lost = || reports.iter().filter_map(|report| report.unreachable_since(now)).max();
    let (state, since, sessions) = match (report.unreachable_since(now), report.sessions) {
        (Some(_), _) => (LineState::Unreachable, lost(), 0),
        (None, 0) => (LineState::Offline, report.since(), 0),
        (None, sessions) => (LineState::Running, report.since(), sessions),
    };
    Some(Standing { chosen, state, since, sessions })
}

/// Agents and reports for tests.
#[cfg(test)]
pub(super) mod made {
    use shared::Username;

    use super::*;

    pub(in crate::lines) fn agent(name: &str) -> Arc<Agent> {
        let agent = Arc::new(Agent::new(name.into()));
        agent.begin_table(Steady::from_millis(0));
        agent
    }

    /// Returns a report of the line "ali" by a pattern of so many letters; `0` stands for the pattern of every line.
    pub(in crate::lines) fn report(agent: &Arc<Agent>, part: usize, role: Role, sessions: u16, since: i64) -> Report {
        let said = LineReport {
            line: LineHandle(1),
            username: Username::from_text("ali").unwrap(),
            role,
            sessions,
            age_ms: None,
            profile: None,
            plan: Plan::default(),
            plan_shared: false,
            comment: None,
        };
        let narrowness = if part == 0 { Narrowness::ANY } else { Narrowness::of_part(part) };
        Report::new(agent, narrowness, &said, Some(Steady::from_millis(since)), None)
    }
}

#[cfg(test)]
mod tests {
    use super::made::{self, agent};
    use super::*;
    use crate::lines::agent::UNREACHABLE_AFTER_MS;

    fn at(milliseconds: i64) -> Steady {
        Steady::from_millis(milliseconds)
    }

    fn report(agent: &Arc<Agent>, role: Role, sessions: u16, since: i64) -> Report {
        made::report(agent, 0, role, sessions, since)
    }

    fn found(reports: &[Report], now: i64) -> (usize, LineState, Option<i64>, u16) {
        let standing = standing(reports, at(now)).unwrap();
        (standing.chosen, standing.state, standing.since.map(Steady::as_millis), standing.sessions)
    }

    const NOW: i64 = 1_000_000;

    #[test]
    fn no_report_is_no_standing() {
        assert_eq!(standing(&[], at(NOW)), None);
    }

    #[test]
    fn one_live_session() {
        let a = agent("a");
        assert_eq!(found(&[report(&a, Role::Server, 1, 5)], NOW), (0, LineState::Running, Some(5), 1));
    }

    #[test]
    fn the_concentrator_counts_and_not_the_home_router() {
        let (a, home) = (agent("a"), agent("home"));
        let reports = [report(&home, Role::Client, 1, 900), report(&a, Role::Server, 1, 5)];
        assert_eq!(found(&reports, NOW), (1, LineState::Running, Some(5), 1), "though the client's is newer");
        let reports = [report(&home, Role::Client, 1, 900), report(&a, Role::Server, 0, 950)];
        assert_eq!(found(&reports, NOW), (0, LineState::Running, Some(900), 1), "the only live one");
    }

    #[test]
    fn several_sessions_on_one_agent_come_summed_with_their_count() {
        let a = agent("a");
        assert_eq!(found(&[report(&a, Role::Server, 2, 5)], NOW), (0, LineState::Running, Some(5), 2));
    }

    #[test]
    fn a_line_that_moves_is_where_its_newest_session_is() {
        let (a, b) = (agent("a"), agent("b"));
        let reports = [report(&a, Role::Server, 1, 5), report(&b, Role::Server, 1, 6)];
        assert_eq!(found(&reports, NOW), (1, LineState::Running, Some(6), 1));
        let reports = [report(&a, Role::Server, 1, 6), report(&b, Role::Server, 1, 6)];
        assert_eq!(found(&reports, NOW).0, 0, "of equals the first");
    }

    #[test]
    fn the_reachable_agent_counts() {
        let (a, b) = (agent("a"), agent("b"));
        let reports = [report(&a, Role::Server, 1, 5), report(&b, Role::Client, 1, 4)];
        a.uplink_lost(at(NOW - UNREACHABLE_AFTER_MS));
        assert_eq!(found(&reports, NOW), (1, LineState::Running, Some(4), 1));
        let reports = [report(&a, Role::Server, 1, 5), report(&b, Role::Client, 0, 4)];
        assert_eq!(found(&reports, NOW), (1, LineState::Offline, Some(4), 0));
    }

    #[test]
    fn offline_since_it_went_down() {
        let a = agent("a");
        assert_eq!(found(&[report(&a, Role::Server, 0, 7)], NOW), (0, LineState::Offline, Some(7), 0));
    }

    #[test]
    fn unreachable_since_the_last_agent_that_knew_it_was_lost() {
        let (a, b) = (agent("a"), agent("b"));
        let reports = [report(&a, Role::Server, 1, 5), report(&b, Role::Server, 1, 4)];
        a.uplink_lost(at(NOW - 60_000));
        b.router_changed(false, at(NOW - 9_000));
        assert_eq!(found(&reports, NOW), (0, LineState::Unreachable, Some(NOW - 9_000), 0));
    }

    #[test]
    fn a_blip_of_the_uplink_is_no_outage() {
        let a = agent("a");
        let reports = [report(&a, Role::Server, 1, 5)];
        a.uplink_lost(at(NOW));
        assert_eq!(found(&reports, NOW + UNREACHABLE_AFTER_MS - 1).1, LineState::Running);
        assert_eq!(found(&reports, NOW + UNREACHABLE_AFTER_MS).1, LineState::Unreachable);
    }

    #[test]
    fn another_run_of_the_agent_takes_its_report_over() {
        let a = agent("a");
        let old = report(&a, Role::Server, 1, 5_000);
        assert!(old.is_superseded_by(&report(&a, Role::Client, 1, 5_000)), "one handle is one report");
        let moved = |role| {
            let mut newer = report(&a, role, 1, 5_400);
            newer.handle = LineHandle(9);
            newer
        };
        assert!(!old.is_superseded_by(&moved(Role::Server)), "two handles of one table are two reports");
        a.begin_table(at(0));
        assert!(old.is_superseded_by(&moved(Role::Server)));
        assert!(!old.is_superseded_by(&moved(Role::Client)));
        assert_eq!(moved(Role::Server).steady(&old).since(), Some(at(5_000)));
        assert_eq!(report(&a, Role::Server, 2, 5_400).steady(&old).since(), Some(at(5_400)));
    }
}
