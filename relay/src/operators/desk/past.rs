//! The days behind a line, for whoever may see the line.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use shared::Username;
use url::form_urlencoded;

use super::context::{DeskContext, username};
use crate::lines::past::{Past, book};
use crate::net::answers::{Segment, json_answer};
use crate::net::listener::Connection;
use crate::net::problem::{Problem, problem};
use crate::operators::console::context::now;
use crate::operators::console::visitor::Operator;

/// The hours of an answer, unless the request says otherwise; and the most.
const USUAL: i64 = 24;
const MOST: i64 = 31 * 24;

/// Answers the days of a line to a viewer.
pub(super) async fn of_viewer(
    State(desk): State<Arc<DeskContext>>,
    Extension(connection): Extension<Connection>,
    Segment(text): Segment,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let admission = desk.reader(text, &connection, &headers)?;
    desk.past(&admission.username, &uri).await
}

/// Answers the days of a line to staff.
pub(super) async fn of_staff(
    State(desk): State<Arc<DeskContext>>,
    _: Operator,
    Segment(text): Segment,
    uri: Uri,
) -> Result<Response, Problem> {
    desk.past(&username(&text)?, &uri).await
}

impl DeskContext {
    async fn past(&self, username: &Username, uri: &Uri) -> Result<Response, Problem> {
        let mut hours = USUAL;
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            if name == "hours" {
                hours = value.parse().ok().filter(|hours| (1..=MOST).contains(hours)).ok_or_else(too_many)?;
            }
        }
        let to = now();
        let from = to.saturating_sub(hours * 3_600_000);
        let past: Past = book::read(&self.console.database().await?, username, from, to).await?;
        Ok(json_answer(StatusCode::OK, &past))
    }
}

fn too_many() -> Problem {
    problem(StatusCode::BAD_REQUEST, "hours", "hours is a whole number from 1 to 744.")
}
