//! The list of lines: what a search finds, or what the person opened last.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use serde::Serialize;
use shared::Username;
use url::form_urlencoded;

use super::context::DeskContext;
use super::shown::{Matched, Row};
use crate::net::answers::json_answer;
use crate::net::problem::Problem;
use crate::operators::audit::What;
use crate::operators::audit::query::{self, Filter};
use crate::operators::console::visitor::Operator;
use crate::operators::search::{Entry, Found, Query};
use crate::subscribers::Subscriber;

/// Lines of an answer, unless the request says fewer.
const MOST: usize = 50;
/// Entries of the audit log that are looked through for a person's last lines.
const ENTRIES: u32 = 200;
/// The lines that a person opened last, at most.
const LATELY: usize = 20;

#[derive(Debug, Serialize)]
struct Lines {
    /// How many lines are searched.
    total: usize,
    /// How many of them are meant.
    hits: usize,
    lines: Vec<Row>,
}

/// Answers the lines that `q` means or, without any, those that the person opened last.
pub(super) async fn search(
    State(desk): State<Arc<DeskContext>>,
    operator: Operator,
    uri: Uri,
) -> Result<Response, Problem> {
    let (mut text, mut limit) = (String::new(), MOST);
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        match &*name {
            "q" => text = value.into_owned(),
            "limit" => limit = value.parse().unwrap_or(MOST).clamp(1, MOST),
            _ => {}
        }
    }
    desk.search.ready().await;
    let found = if text.trim().is_empty() {
        let total = desk.search.total();
        let lines = opened_last(&desk, &operator).await;
        Found { total, hits: lines.len(), lines: lines.into_iter().take(limit).collect() }
    } else {
        desk.search.find(&text, limit)
    };
    let query = Query::read(&text);
    let lines = found.lines.iter().map(|username| row(&desk, username, &query)).collect();
    Ok(json_answer(StatusCode::OK, &Lines { total: found.total, hits: found.hits, lines }))
}

fn row(desk: &DeskContext, username: &Username, query: &Query) -> Row {
    let matched = desk.hub().subscribers().get(username).and_then(|row| matched(username, &row, query));
    Row::of(username, desk.hub().glance(username), matched)
}

/// Returns the value without which the row would not have been found; `None` where the list shows it anyhow.
fn matched(username: &Username, row: &Subscriber, query: &Query) -> Option<Matched> {
    let shown = Entry { username, customer: row.customer.as_deref(), package: row.package.as_deref(), further: &[] };
    let mut words = shown.words().all();
    if query.is_empty() || query.matches(&words) {
        return None;
    }
    let further = row.further.iter().find(|further| {
        let before = query.count(&words);
        words.extend(Entry::words_of(&further.text));
        query.count(&words) > before
    })?;
    Some(Matched { field: further.column.to_string(), text: further.text.to_string() })
}

/// Returns the lines that a person opened last; none while the store does not answer.
async fn opened_last(desk: &DeskContext, operator: &Operator) -> Vec<Username> {
    let what = Some(What::Watched.as_str().to_owned());
    let filter = Filter { who: Some(operator.name.clone()), what, ..Filter::default() };
    let Ok(database) = desk.console.database().await else { return Vec::new() };
    let Ok(found) = query::find(&database, &filter, ENTRIES).await else { return Vec::new() };
    let mut lines: Vec<Username> = Vec::new();
    for line in found.entries.iter().filter_map(|entry| Username::from_text(entry.line.as_deref()?).ok()) {
        if lines.len() < LATELY && !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use shared::control::Plan;

    use super::*;
    use crate::subscribers::Further;

    #[test]
    fn what_the_list_does_not_show_is_said() {
        let ali = Username::from_text("4446@karoo.example").unwrap();
        let further = |column: &str, text: &str| Further { column: column.into(), text: text.into() };
        let row = Subscriber {
            customer: Some("Protea Motors".into()),
            package: Some("Fibre 50/10".into()),
            plan: Plan::default(),
            further: [further("reference", "PM-1042"), further("phone", "082 555 0199")].into(),
        };
        let said = |query: &str| matched(&ali, &row, &Query::read(query)).map(|matched| matched.field);
        for query in ["pro", "4446", "fibre", "motors 50", "", "nobody"] {
            assert_eq!(said(query), None, "{query}");
        }
        assert_eq!(said("0825550199").as_deref(), Some("phone"));
        assert_eq!(said("protea 1042").as_deref(), Some("reference"));
    }
}
