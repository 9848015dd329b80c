//! One line with everything that only the desk sees beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use shared::Username;

use super::context::{DeskContext, username};
use super::refused::Refused;
use super::shown::ShownState;
use crate::clock::UnixMillis;
use crate::net::answers::{Segment, json_answer};
use crate::net::problem::Problem;
use crate::operators::audit::query::{self, Entry as Deed, Filter};
use crate::operators::console::visitor::Operator;
use crate::operators::explain::{Explanation, ReportExplained};
use crate::operators::likeness::Candidate;
use crate::subscribers::Further;
use crate::viewers::links::book::{self, Entry};
use crate::wire::viewer_frame::{Averages, Notice, PlanLimits};

/// Entries of the audit log beside a line.
const DEEDS: u32 = 20;

#[derive(Debug, Serialize)]
struct Details {
    username: String,
    customer: Option<String>,
    package: Option<String>,
    /// The other values of the line's row.
    fields: BTreeMap<String, String>,
    state: ShownState,
    since: Option<UnixMillis>,
    sessions: u16,
    plan: Plan,
    notice: Option<Notice>,
    viewers: usize,
    /// Staff who watch, beside the viewers.
    staff: usize,
    last_arrival: Option<UnixMillis>,
    reports: Vec<Report>,
    refused: Vec<Refused>,
    /// The links, unless the store does not answer.
    links: Option<Vec<Link>>,
    /// Links from before this time are void.
    void_before: Option<UnixMillis>,
    /// Who did what with the line of late.
    watched: Vec<Deed>,
    /// Names that may be meant, where nobody reports this one.
    meant: Vec<Candidate>,
    now: UnixMillis,
}

#[derive(Debug, Serialize)]
struct Plan {
    #[serde(flatten)]
    limits: PlanLimits,
    /// Who says the limits: `subscribers` or `router`.
    from: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Report {
    agent: String,
    /// The router's own name.
    router: Option<String>,
    board: Option<String>,
    routeros: Option<String>,
    role: &'static str,
    sessions: u16,
    since: Option<UnixMillis>,
    unreachable_since: Option<UnixMillis>,
    counts: bool,
    /// Why the report counts, or does not.
    why: String,
}

impl From<ReportExplained> for Report {
    fn from(report: ReportExplained) -> Self {
        let why = why(&report);
        let status = report.agent.status;
        let known =
            |of: fn(&shared::control::Status) -> &Option<String>| status.as_ref().and_then(|status| of(status).clone());
        Self {
            router: known(|status| &status.identity),
            board: known(|status| &status.board),
            routeros: known(|status| &status.routeros),
            agent: report.agent.name,
            role: report.role.as_str(),
            sessions: report.sessions,
            since: report.since,
            unreachable_since: report.unreachable_since,
            counts: report.counts,
            why,
        }
    }
}

/// Returns why a report counts or does not, as one sentence.
fn why(report: &ReportExplained) -> String {
    match (report.unreachable_since, report.counts, report.sessions, &report.held_back_by) {
        (Some(_), ..) => "The agent or its router does not answer.".into(),
        (None, true, ..) => "The session is up here, and this report counts.".into(),
        (None, false, _, Some(other)) => format!("The agent {other} has a narrower pattern for this username."),
        (None, false, 0, None) => "There is no session here now.".into(),
        (None, false, _, None) => {
            "Another report counts: a concentrator's before a home router's, then the newest.".into()
        }
    }
}

/// A link of the line.
#[derive(Debug, Serialize)]
pub(super) struct Link {
    id: String,
    kind: String,
    /// `None` for a link of another maker, such as a portal's.
    made: Option<UnixMillis>,
    by: Option<String>,
    expires: UnixMillis,
    revoked: Option<UnixMillis>,
    /// Since the relay's start.
    last_used: Option<UnixMillis>,
}

impl DeskContext {
    fn link(&self, username: &Username, entry: Entry) -> Link {
        Link {
            last_used: self.viewers.access.last_used(username, &entry.id),
            id: entry.id,
            kind: entry.kind.unwrap_or_else(|| "other".into()),
            made: entry.made.map(at),
            by: entry.maker,
            expires: at(entry.expires),
            revoked: entry.revoked.map(at),
        }
    }
}

/// Returns Unix seconds as the console has them.
pub(super) fn at(seconds: u64) -> UnixMillis {
    UnixMillis::from_millis(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000))
}

/// Answers everything about a line, and notes that the person opened it.
pub(super) async fn details(
    State(desk): State<Arc<DeskContext>>,
    operator: Operator,
    Segment(text): Segment,
) -> Result<Response, Problem> {
    let username = username(&text)?;
    desk.note_watching(&operator, &username);
    let hub = desk.hub();
    // All usernames may be gone through: that may take longer than a viewer is to wait.
    let (fleet, of, now) = (Arc::clone(&desk.fleet), username.clone(), hub.now());
    let explained = tokio::task::spawn_blocking(move || Explanation::of(&fleet, &of, now)).await;
    let explanation = explained.map_err(|error| anyhow::anyhow!(error))?;
    let glance = hub.glance(&username);
    let row = hub.subscribers().get(&username);
    let further = row.as_ref().map(|row| &row.further[..]).unwrap_or_default();
    let field = |Further { column, text }: &Further| (column.to_string(), text.to_string());
    let (links, void_before, watched) = desk.of_store(&username).await;
    Ok(json_answer(
        StatusCode::OK,
        &Details {
            username: username.to_text(),
            fields: further.iter().map(field).collect(),
            state: ShownState::of(&glance),
            since: glance.state.since,
            sessions: glance.state.sessions,
            plan: Plan { limits: glance.plan, from: glance.plan_source.map(|source| source.as_str()) },
            notice: glance.state.notice,
            customer: glance.customer.map(String::from),
            package: glance.package.map(String::from),
            viewers: explanation.viewers,
            staff: explanation.staff,
            last_arrival: explanation.last_arrival,
            reports: explanation.reports.into_iter().map(Report::from).collect(),
            refused: explanation.refusals.into_iter().rev().map(Refused::from).collect(),
            links,
            void_before,
            watched,
            meant: explanation.meant,
            now: explanation.now,
        },
    ))
}

impl DeskContext {
    /// Returns what the store knows of a line; nothing while it does not answer, for a caller waits.
    async fn of_store(&self, username: &Username) -> (Option<Vec<Link>>, Option<UnixMillis>, Vec<Deed>) {
        let Ok(database) = self.console.database().await else { return (None, None, Vec::new()) };
        let filter = Filter { line: Some(username.to_text()), ..Filter::default() };
        let watched = query::find(&database, &filter, DEEDS).await.map(|found| found.entries).unwrap_or_default();
        match book::of_line(&database, username).await {
            Ok(book) => {
                let links = book.links.into_iter().map(|entry| self.link(username, entry)).collect();
                (Some(links), book.void_before.map(at), watched)
            }
            Err(_) => (None, None, watched),
        }
    }
}

#[derive(Debug, Serialize)]
struct Past {
    /// Oldest first; `None` is a gap.
    points: Vec<Option<Point>>,
    /// The length of each, seconds.
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct Point {
    /// When it ends.
    at: UnixMillis,
    down: u64,
    up: u64,
}

impl From<Averages> for Past {
    fn from(Averages { interval, start, down, up }: Averages) -> Self {
        let ends = (1..).map(|nth: i64| start.saturating_add(nth.saturating_mul(interval.into())));
        let points = down.into_iter().zip(up).zip(ends);
        let point = |((down, up), at): ((Option<u64>, Option<u64>), _)| Some(Point { at, down: down?, up: up? });
        Self { points: points.map(point).collect(), seconds: f64::from(interval) / 1_000.0 }
    }
}

/// Answers the averages of the last two hours.
pub(super) async fn averages(
    State(desk): State<Arc<DeskContext>>,
    _: Operator,
    Segment(text): Segment,
) -> Result<Response, Problem> {
    let username = username(&text)?;
    let past = desk.hub().averages(&username).map(Past::from);
    Ok(json_answer(StatusCode::OK, &past.unwrap_or(Past { points: Vec::new(), seconds: 30.0 })))
}
