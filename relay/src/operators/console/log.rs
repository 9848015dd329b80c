//! The audit log at the console: for admins as a whole, for support their own deeds and those of one line.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{StatusCode, Uri};
use url::form_urlencoded;

use super::context::ConsoleContext;
use super::visitor::Operator;
use crate::clock::UnixMillis;
use crate::net::answers::json_answer;
use crate::net::problem::{Problem, problem};
use crate::operators::audit::csv;
use crate::operators::audit::query::{self, Entry, Filter, MOST};
use crate::operators::people::Role;
use crate::store::database::Database;

/// The entries of an answer, unless the request says otherwise.
const USUAL: u32 = 100;
/// The first row of the export.
const COLUMNS: [&str; 8] = ["id", "time", "who", "role", "address", "what", "line", "detail"];

/// What a request asks for.
struct Asked {
    filter: Filter,
    limit: u32,
}

impl Asked {
    fn of(uri: &Uri, operator: &Operator) -> Result<Self, Problem> {
        let mut asked = Self { filter: Filter::default(), limit: USUAL };
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            let text = || Some(value.to_string()).filter(|value| !value.is_empty());
            match &*name {
                "who" => asked.filter.who = text(),
                "line" => asked.filter.line = text(),
                "what" => asked.filter.what = text(),
                "before" => asked.filter.before = Some(value.parse().map_err(|_| not_a_number("before"))?),
                "limit" => asked.limit = value.parse().map_err(|_| not_a_number("limit"))?,
                _ => {}
            }
        }
        if operator.role == Role::Support && asked.filter.line.is_none() {
            asked.filter.who = Some(operator.name.clone());
        }
        Ok(asked)
    }
}

fn not_a_number(name: &str) -> Problem {
    problem(StatusCode::BAD_REQUEST, "bad-request", &format!("{name} has to be a whole number."))
}

/// Answers the newest entries that fit.
pub(super) async fn entries(
    State(context): State<Arc<ConsoleContext>>,
    operator: Operator,
    uri: Uri,
) -> Result<Response, Problem> {
    let Asked { filter, limit } = Asked::of(&uri, &operator)?;
    Ok(json_answer(StatusCode::OK, &query::find(&context.database().await?, &filter, limit).await?))
}

/// Answers all entries that fit, as CSV.
pub(super) async fn export(
    State(context): State<Arc<ConsoleContext>>,
    operator: Operator,
    uri: Uri,
) -> Result<Response, Problem> {
    let Asked { filter, .. } = Asked::of(&uri, &operator)?;
    let mut header = String::new();
    csv::row(&mut header, COLUMNS);
    let pages = stream::unfold(Some((context.database().await?, filter, header)), |state| async {
        let (database, filter, text) = state?;
        Some(page(database, filter, text).await)
    });
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"linelight-audit.csv\""),
    ];
    Ok((headers, Body::from_stream(pages)).into_response())
}

type Pages = Option<(Database, Filter, String)>;

/// Returns the next rows behind `text`, and what follows them. A failure cuts the answer off, so that nobody takes it for whole.
async fn page(database: Database, mut filter: Filter, mut text: String) -> (anyhow::Result<String>, Pages) {
    let found = match query::find(&database, &filter, MOST).await {
        Ok(found) => found,
        Err(error) => return (Err(error), None),
    };
    found.entries.iter().for_each(|entry| row(&mut text, entry));
    filter.before = found.entries.last().map(|entry| entry.id);
    (Ok(text), found.more.then(|| (database, filter, String::new())))
}

fn row(out: &mut String, entry: &Entry) {
    let Entry { id, at, who, role, address, what, line, detail } = entry;
    let (address, line) = (address.as_deref().unwrap_or_default(), line.as_deref().unwrap_or_default());
    csv::row(out, [&id.to_string(), &*time(*at), who, role, address, what, line, detail]);
}

/// Returns a time as `2026-11-29T09:30:00Z`.
fn time(at: UnixMillis) -> String {
    humantime::format_rfc3339_seconds(at.into()).to_string()
}
