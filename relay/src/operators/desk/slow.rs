//! "It is slow now": a subscriber, or the desk, pins a line's minute, and the desk answers.
//!
//! The subscriber's two doors take what the line's stream takes: a link or, in open access, a username. Anybody may know a username, so
//! the words of a report are for the desk alone.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::Username;
use shared::close::Close;
use url::form_urlencoded;

use super::context::{DeskContext, username};
use crate::clock::UnixMillis;
use crate::net::answers::{Segment, json_answer};
use crate::net::listener::Connection;
use crate::net::problem::{Problem, problem};
use crate::operators::audit::{self, Actor, Deed, What, csv};
use crate::operators::console::body::Json;
use crate::operators::console::context::now;
use crate::operators::console::visitor::Operator;
use crate::store::database::Change;
use crate::viewers::links::{Admission, Proof};
use crate::viewers::routes::{admit, status_of};
use crate::viewers::slow_reports::{self, Filter, NewReport, Refusal, Report, plain};
use crate::wire::viewer_frame::{History, ViewerFrame};

/// How long a subscriber's page shows a closed report.
const SHOWN_MS: i64 = 7 * 86_400_000;
/// The first row of a report's samples.
const COLUMNS: [&str; 3] = ["time", "download_bits_per_second", "upload_bits_per_second"];

/// The words of whoever reports.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    words: String,
}

/// The desk's answer.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    answer: String,
}

/// A report as its subscriber sees it.
#[derive(Debug, Serialize)]
struct Shown {
    number: i64,
    made: UnixMillis,
    answer: Option<String>,
    closed: Option<UnixMillis>,
}

impl From<Report> for Shown {
    fn from(Report { number, made, answer, closed, .. }: Report) -> Self {
        Self { number, made, answer, closed }
    }
}

/// A report with the line at that moment.
#[derive(Debug, Serialize)]
struct Whole {
    report: Report,
    snapshot: Value,
}

/// Enters the report of a subscriber.
pub(super) async fn say(
    State(desk): State<Arc<DeskContext>>,
    Extension(connection): Extension<Connection>,
    Segment(text): Segment,
    headers: HeaderMap,
    Json(Wanted { words }): Json<Wanted>,
) -> Result<Response, Problem> {
    let address = desk.viewers.site.client(&connection, &headers);
    let admission = desk.subscriber(text, &connection, &headers)?;
    if admission.proof == Proof::Username && !desk.hub().is_reported(&admission.username) {
        return Err(problem(StatusCode::NOT_FOUND, "unknown", "No router reports a line of this name."));
    }
    let actor = Actor { who: "(subscriber)".to_owned(), role: "", address };
    desk.pin(&admission.username, None, &words, &actor).await
}

/// Answers a subscriber's newest report: an open one, or one of the last days.
pub(super) async fn newest(
    State(desk): State<Arc<DeskContext>>,
    Extension(connection): Extension<Connection>,
    Segment(text): Segment,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let admission = desk.reader(text, &connection, &headers)?;
    let filter = Filter { line: Some(admission.username.to_text()), ..Filter::default() };
    let found = slow_reports::find(&desk.console.database().await?, &filter).await?;
    let is_shown = |report: &Report| report.closed.is_none_or(|closed| now().since(closed) < SHOWN_MS);
    let report = found.reports.into_iter().next().filter(is_shown).map(Shown::from);
    Ok(json_answer(StatusCode::OK, &json!({ "report": report })))
}

/// Enters the report of a member of staff.
pub(super) async fn say_for(
    State(desk): State<Arc<DeskContext>>,
    operator: Operator,
    Segment(text): Segment,
    Json(Wanted { words }): Json<Wanted>,
) -> Result<Response, Problem> {
    desk.pin(&username(&text)?, Some(&operator.name), &words, &operator.actor()).await
}

/// Answers the newest reports that `open`, `line` and `before` mean.
pub(super) async fn list(State(desk): State<Arc<DeskContext>>, _: Operator, uri: Uri) -> Result<Response, Problem> {
    let mut filter = Filter::default();
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        match &*name {
            "line" => filter.line = Some(value.into_owned()).filter(|line| !line.is_empty()),
            "open" => filter.open = value == "1",
            "before" => filter.before = Some(value.parse().map_err(|_| unknown())?),
            _ => {}
        }
    }
    Ok(json_answer(StatusCode::OK, &slow_reports::find(&desk.console.database().await?, &filter).await?))
}

/// Answers a report with the line at that moment.
pub(super) async fn one(
    State(desk): State<Arc<DeskContext>>,
    _: Operator,
    Segment(number): Segment,
) -> Result<Response, Problem> {
    let (report, snapshot) = desk.report(&number).await?;
    let snapshot = serde_json::from_str(&snapshot).map_err(|error| Problem::store(&error.into()))?;
    Ok(json_answer(StatusCode::OK, &Whole { report, snapshot }))
}

/// Answers a report's samples, as CSV.
pub(super) async fn samples(
    State(desk): State<Arc<DeskContext>>,
    _: Operator,
    Segment(number): Segment,
) -> Result<Response, Problem> {
    let (report, snapshot) = desk.report(&number).await?;
    let history = match serde_json::from_str(&snapshot).map_err(|error| Problem::store(&error.into()))? {
        ViewerFrame::Snapshot(snapshot) => snapshot.history,
        _ => History::default(),
    };
    let mut text = String::new();
    csv::row(&mut text, COLUMNS);
    for ((t, down), up) in history.t.into_iter().zip(history.down).zip(history.up) {
        let time = humantime::format_rfc3339_millis(t.into()).to_string();
        csv::row(&mut text, [&*time, &*down.to_string(), &*up.to_string()]);
    }
    let name = format!("attachment; filename=\"linelight-slow-{}.csv\"", report.number);
    let headers = [(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((headers, text).into_response())
}

/// Answers a report in one line, which the subscriber's page shows.
pub(super) async fn answer(
    State(desk): State<Arc<DeskContext>>,
    operator: Operator,
    Segment(number): Segment,
    Json(Answer { answer }): Json<Answer>,
) -> Result<Response, Problem> {
    let (number, answer) = (number_of(&number)?, plain(&answer));
    if answer.is_empty() {
        return Err(problem(StatusCode::BAD_REQUEST, "empty", "An answer has at least one word."));
    }
    let (mut change, _) = slow_reports::begin(&desk.console.database().await?).await?;
    let line = slow_reports::answer(&mut change, number, (&answer, &operator.name), now()).await?;
    desk.end(change, line, number, What::SlowAnswered, &operator).await
}

/// Closes a report.
pub(super) async fn close(
    State(desk): State<Arc<DeskContext>>,
    operator: Operator,
    Segment(number): Segment,
) -> Result<Response, Problem> {
    let number = number_of(&number)?;
    let (mut change, _) = slow_reports::begin(&desk.console.database().await?).await?;
    let line = slow_reports::close(&mut change, number, &operator.name, now()).await?;
    desk.end(change, line, number, What::SlowClosed, &operator).await
}

impl DeskContext {
    /// Admits a subscriber to the line of a path.
    fn subscriber(&self, text: String, connection: &Connection, headers: &HeaderMap) -> Result<Admission, Problem> {
        let address = self.viewers.site.client(connection, headers);
        admit(&self.viewers, text, headers).map_err(|denial| refused(self.viewers.deny(&denial, address)))
    }

    /// Admits a subscriber who reads of the store, unless the address has asked too often.
    pub(super) fn reader(
        &self,
        text: String,
        connection: &Connection,
        headers: &HeaderMap,
    ) -> Result<Admission, Problem> {
        let admission = self.subscriber(text, connection, headers)?;
        if !self.reads.begin(self.viewers.site.client(connection, headers)) {
            let detail = "Too many requests from your address. Please wait a minute.";
            return Err(problem(StatusCode::TOO_MANY_REQUESTS, "wait", detail).retry_after(Duration::from_secs(60)));
        }
        Ok(admission)
    }

    /// Enters a report with the line as it is now.
    async fn pin(
        &self,
        username: &Username,
        maker: Option<&str>,
        words: &str,
        actor: &Actor,
    ) -> Result<Response, Problem> {
        let snapshot = ViewerFrame::Snapshot(Box::new(self.hub().pinned(username, self.hub().now()))).to_json();
        let snapshot = String::from_utf8_lossy(&snapshot);
        let words = plain(words);
        let report = NewReport { username, maker, words: &words, snapshot: &snapshot };
        let made = now();
        let (mut change, number) = slow_reports::begin(&self.console.database().await?).await?;
        if let Err(refusal) = slow_reports::enter(&mut change, number, &report, made).await? {
            change.abandon().await?;
            return Err(too_many(refusal));
        }
        let deed = Deed::new(What::SlowReported).line(username.to_text()).detail(number.to_string());
        audit::commit(change, actor, &deed, made).await?;
        self.reported.notify_one();
        Ok(json_answer(StatusCode::CREATED, &Shown { number, made, answer: None, closed: None }))
    }

    async fn report(&self, number: &str) -> Result<(Report, String), Problem> {
        let number = number_of(number)?;
        slow_reports::one(&self.console.database().await?, number).await?.ok_or_else(unknown)
    }

    /// Ends a change of a report with its entry in the audit log.
    async fn end(
        &self,
        change: Change,
        line: Option<String>,
        number: i64,
        what: What,
        operator: &Operator,
    ) -> Result<Response, Problem> {
        let Some(line) = line else {
            change.abandon().await?;
            return Err(unknown());
        };
        let deed = Deed::new(what).line(line).detail(number.to_string());
        audit::commit(change, &operator.actor(), &deed, now()).await?;
        Ok(json_answer(StatusCode::OK, &json!({})))
    }
}

fn number_of(text: &str) -> Result<i64, Problem> {
    text.parse().map_err(|_| unknown())
}

fn unknown() -> Problem {
    problem(StatusCode::NOT_FOUND, "unknown", "No open report has this number.")
}

/// Returns the refusal of a viewer as a problem.
fn refused(close: Close) -> Problem {
    let detail = "This link opens no line here. Please ask your provider for a new one.";
    problem(status_of(close), close.name(), detail).wants("Bearer")
}

fn too_many(refusal: Refusal) -> Problem {
    let (status, reason, detail) = match refusal {
        Refusal::Open => (StatusCode::CONFLICT, "open", "Your provider has an open report of this line already."),
        Refusal::LineHadEnough => (StatusCode::TOO_MANY_REQUESTS, "line", "This line has had three reports today."),
        Refusal::RelayHadEnough => {
            (StatusCode::TOO_MANY_REQUESTS, "relay", "Many lines are reported now. Your provider knows.")
        }
    };
    problem(status, reason, detail)
}
