//! The knowledge of one line for an operator: as JSON, and as plain text by `Display`.

use std::fmt;

use serde::Serialize;
use shared::Username;
use shared::control::{Role, Status};
use shared::escape::one_line;

use crate::agents::findings::AgentFindings;
use crate::agents::fleet::Fleet;
use crate::clock::{Now, UnixMillis};
use crate::lines::line::findings::ReportFindings;
use crate::lines::refusals::Refusal;
use crate::operators::likeness::{self, Candidate};
use crate::wire::response::{Measured, ResponseWay};
use crate::wire::viewer_frame::{LineState, Notice, PlanLimits, TimedSample};

/// The answer of `/explain/{username}`. Times are the relay's.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The username's text form.
    pub username: String,
    /// The relay's clock.
    pub now: UnixMillis,
    /// The state that viewers see.
    pub state: LineState,
    /// Since when.
    pub since: Option<UnixMillis>,
    /// Sessions up.
    pub sessions: u16,
    /// Milliseconds between samples.
    pub interval: u32,
    /// The plan that viewers see.
    pub plan: PlanLimits,
    /// The notice that viewers see.
    pub notice: Option<Notice>,
    /// Viewers of the line.
    pub viewers: usize,
    /// Viewers of the provider's staff, beside these.
    pub staff: usize,
    /// When the last sample came.
    pub last_arrival: Option<UnixMillis>,
    /// The last sample.
    pub newest: Option<TimedSample>,
    /// Samples held for viewers to come.
    pub points: usize,
    /// The way whose response is measured.
    pub response: Option<ResponseWay>,
    /// The last response in microseconds; `None` is lost, or not measured.
    pub last_response: Option<Measured>,
    /// The response of the quiet line, microseconds.
    pub quiet: Option<u32>,
    /// The agents' reports.
    pub reports: Vec<ReportExplained>,
    /// The last refusals that concern the line.
    pub refusals: Vec<Refusal>,
    /// True if the subscribers file or the API has a row of the username; absent without any row.
    pub in_subscribers: Option<bool>,
    /// Names that may be meant, where no agent reports this one.
    pub meant: Vec<Candidate>,
}

/// One agent's report of the line.
#[derive(Debug, Serialize)]
pub struct ReportExplained {
    /// The agent.
    pub agent: AgentFindings,
    /// The relay that has the agent's uplink, unless this one has; its samples come over the bus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
    /// The line's handle on that agent's uplink.
    pub handle: u32,
    /// The router's end of the session.
    pub role: Role,
    /// Sessions up.
    pub sessions: u16,
    /// Since when, or since when there is none.
    pub since: Option<UnixMillis>,
    /// The time since when the agent or its router does not answer.
    pub unreachable_since: Option<UnixMillis>,
    /// True for the report that viewers see.
    pub counts: bool,
    /// The agent with a narrower pattern that keeps this report from counting.
    pub held_back_by: Option<String>,
    /// True if the report took the line from another agent that still spoke for it.
    pub took_over: bool,
    /// Whether the agent is asked for samples.
    pub watched: bool,
}

impl Explanation {
    /// Collects everything about one line.
    pub fn of(fleet: &Fleet, username: &Username, now: Now) -> Self {
        let hub = &fleet.hub;
        let findings = hub.findings(username, now);
        let explained = |report: ReportFindings| ReportExplained {
            agent: fleet.findings_of(&report.agent, now),
            relay: report.agent.holder().map(|holder| holder.to_string()),
            handle: report.handle.0,
            role: report.role,
            sessions: report.sessions,
            since: report.since,
            unreachable_since: report.unreachable_since,
            counts: report.counts,
            held_back_by: report.held_back_by.map(|name| name.to_string()),
            took_over: report.took_over,
            watched: report.watched,
        };
        let meant = match findings.reports.is_empty() {
            true => likeness::search(hub, &username.to_text()).others,
            false => Vec::new(),
        };
        let table = hub.subscribers().table();
        Self {
            username: username.to_text(),
            now: now.unix,
            state: findings.state.state,
            since: findings.state.since,
            sessions: findings.state.sessions,
            interval: findings.state.interval,
            plan: findings.plan,
            notice: findings.state.notice,
            viewers: findings.viewers,
            staff: findings.staff,
            last_arrival: findings.last_arrival.map(|at| now.unix_of(at)),
            newest: findings.newest,
            points: findings.samples,
            response: findings.state.response,
            last_response: findings.response,
            quiet: findings.state.quiet,
            reports: findings.reports.into_iter().map(explained).collect(),
            refusals: hub.refusals.of(username),
            in_subscribers: (!table.is_empty()).then(|| table.contains(username)),
            meant,
        }
    }

    fn ago(&self, at: Option<UnixMillis>) -> Ago {
        Ago(at.map(|at| self.now.since(at)))
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "line      {}", one_line(&self.username))?;
        let state = self.state.as_str();
        writeln!(f, "state     {state}, since {}, sessions {}", self.ago(self.since), self.sessions)?;
        if let Some(notice) = self.notice {
            writeln!(f, "notice    {}", notice.as_str())?;
        }
        self.write_plan(f)?;
        writeln!(f, "viewers   {}, staff {}", self.viewers, self.staff)?;
        write!(
            f,
            "samples   last {}, {} held, one each {} ms",
            self.ago(self.last_arrival),
            self.points,
            self.interval
        )?;
        match self.newest {
            Some(point) => writeln!(f, "; {} bit/s down, {} bit/s up", point.down, point.up)?,
            None => writeln!(f)?,
        }
        self.write_response(f)?;
        if self.reports.is_empty() {
            writeln!(f, "reports   none: no connected agent sees this username, or none may report it")?;
        }
        for report in &self.reports {
            self.write_report(f, report)?;
        }
        for refusal in &self.refusals {
            writeln!(f, "refusal   {}: {}", self.ago(Some(refusal.at)), one_line(&refusal.what))?;
        }
        if self.in_subscribers == Some(false) {
            writeln!(
                f,
                "names     not in the subscribers file, and not entered by the API: the page shows no customer, package or plan of it"
            )?;
        }
        for Candidate { username, likeness, customer } in &self.meant {
            let customer = customer.as_ref().map(|name| format!(", {}", one_line(name))).unwrap_or_default();
            writeln!(f, "meant?    {}{customer} ({})", one_line(username), likeness.words())?;
        }
        Ok(())
    }
}

impl Explanation {
    fn write_plan(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlanLimits { down, up, shared } = self.plan;
        if down.is_none() && up.is_none() {
            return Ok(());
        }
        let limit = |limit: Option<u64>| limit.map_or("?".to_owned(), |limit| limit.to_string());
        let shared = if shared { "; the router's queue shares it with other lines" } else { "" };
        writeln!(f, "plan      {} bit/s down, {} bit/s up{shared}", limit(down), limit(up))
    }

    fn write_response(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.response {
            None => return Ok(()),
            Some(ResponseWay::Silent) => {
                return writeln!(f, "response  not known: the subscriber's router answers no probes");
            }
            Some(ResponseWay::Router) => "the provider's router to the subscriber's and back",
            Some(ResponseWay::Provider) => "the subscriber's router to this relay and back",
        };
        match self.last_response {
            Some(Measured::Micros(micros)) => write!(f, "response  {way} in {micros} us")?,
            Some(Measured::Lost) => write!(f, "response  {way}: the last probe was lost")?,
            None => write!(f, "response  {way}: none in the last minutes")?,
        }
        match self.quiet {
            Some(quiet) => writeln!(f, "; quiet {quiet} us"),
            None => writeln!(f),
        }
    }

    fn write_report(&self, f: &mut fmt::Formatter<'_>, report: &ReportExplained) -> fmt::Result {
        let ReportExplained { agent, handle, sessions, .. } = report;
        let role = report.role.as_str();
        let standing = match (report.unreachable_since, report.counts, report.sessions) {
            (Some(_), ..) => "unreachable",
            (None, true, _) if report.took_over => "counts, taken from an agent that still spoke for the line",
            (None, true, _) => "counts",
            (None, false, 0) => "no session",
            (None, false, _) => "stands by",
        };
        let watch = if report.watched { "watched" } else { "not watched" };
        writeln!(
            f,
            "report    agent {}, handle {handle}: {role}, sessions {sessions} since {}, {standing}, {watch}",
            one_line(&agent.name),
            self.ago(report.since),
        )?;
        if let Some(holder) = &report.relay {
            writeln!(f, "  way     relay {}, over the bus; ask that relay about the agent", one_line(holder))?;
            return Ok(());
        }
        if let Some(narrower) = &report.held_back_by {
            let narrower = one_line(narrower);
            writeln!(
                f,
                "  pattern does not count: that of agent {narrower} is narrower; see shares_lines in agents.json"
            )?;
        }
        agent.write(f, self.now)
    }
}

impl AgentFindings {
    /// Writes the agent's condition and its last words about its router. `now` is the relay's clock.
    pub(crate) fn write(&self, f: &mut impl fmt::Write, now: UnixMillis) -> fmt::Result {
        let ago = |at: Option<UnixMillis>| Ago(at.map(|at| now.since(at)));
        match (self.connected_since, self.lost_since) {
            (Some(since), _) => {
                write!(f, "  uplink  connected {}, heard {}", ago(Some(since)), ago(self.heartbeat))?;
            }
            (None, lost) => write!(f, "  uplink  lost {}", ago(lost))?,
        }
        writeln!(
            f,
            ", version {}, lines {} (refused {}), watched {}, batches {} (lost {})",
            one_line(&self.version),
            self.lines,
            self.refused_lines,
            self.watched,
            self.batches,
            self.batches_lost
        )?;
        self.write_claims(f)?;
        let Some(status) = &self.status else { return Ok(()) };
        write_router(f, status)?;
        if let Some(fault) = &status.response_fault {
            writeln!(f, "  probes  {}", one_line(fault))?;
        }
        writeln!(
            f,
            "  agent   sessions {}, watched {}, streams {}, one sample each {} ms, tables read {}, backlog {} bytes of {} s, \
             unacknowledged for {} s",
            status.sessions,
            status.watched,
            status.streams,
            status.interval_ms,
            Ago(status.table_age_ms.and_then(|age| i64::try_from(age).ok())),
            status.backlog_bytes,
            status.backlog_age_ms / 1_000,
            status.unacknowledged_ms.unwrap_or(0) / 1_000
        )
    }

    /// Writes where the agent and others speak for the same lines.
    fn write_claims(&self, f: &mut impl fmt::Write) -> fmt::Result {
        let Self { taken, held_back, .. } = self;
        if *taken > 0 {
            writeln!(f, "  lines   took {taken} for which another agent still spoke")?;
        }
        if *held_back > 0 {
            writeln!(
                f,
                "  lines   {held_back} reports did not count: agents with narrower patterns report the same lines"
            )?;
        }
        Ok(())
    }
}

fn write_router(f: &mut impl fmt::Write, status: &Status) -> fmt::Result {
    let identity = status.identity.as_deref().unwrap_or("?");
    let reachable = if status.router_reachable { "answers" } else { "does not answer" };
    write!(f, "  router  {} {reachable} since {}", one_line(identity), Ago(i64::try_from(status.router_age_ms).ok()))?;
    for known in [&status.board, &status.routeros].into_iter().flatten() {
        write!(f, ", {}", one_line(known))?;
    }
    if let Some(load) = status.cpu_load {
        write!(f, ", cpu {load} %")?;
    }
    if let Some(round_trip) = status.round_trip_us {
        write!(f, ", API in {round_trip} us")?;
    }
    match &status.fault {
        Some(fault) => writeln!(f, "; {}", one_line(fault)),
        None => writeln!(f),
    }
}

/// How long ago something was, milliseconds, for people.
struct Ago(Option<i64>);

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.map(|ago| ago.max(0) / 1_000) {
            None => f.write_str("(not known)"),
            Some(seconds @ 0..120) => write!(f, "{seconds} s ago"),
            Some(seconds @ 120..7_200) => write!(f, "{} min ago", seconds / 60),
            Some(seconds @ 7_200..172_800) => write!(f, "{} h ago", seconds / 3_600),
            Some(seconds) => write!(f, "{} days ago", seconds / 86_400),
        }
    }
}
