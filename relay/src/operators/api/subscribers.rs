//! Subscribers that a billing system enters. Where the subscribers file has a username, the file's row is in use.

mod import;
mod shapes;

use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use serde_json::{Map, Value};
use shared::Username;

use self::import::{Bad, Import, NAMED, Note};
use self::shapes::{BadRows, Page, Replaced, Row, SubscriberAnswer, Values};
use super::answers::{BodyRefusals, ChangeRefusals, ProblemAnswer, Refusals};
use super::body::{self, MediaType};
use super::caller::{Caller, ChangeSubscribers, ReadSubscribers};
use super::context::ApiContext;
use super::path::{Line, flag, parameters, wrong_query};
use crate::net::answers::json_answer;
use crate::net::problem::{Problem, problem};
use crate::operators::audit::{self, Actor, Deed, What};
use crate::store::database::{Change, Topic};
use crate::subscribers::book::{self, Difference};
use crate::subscribers::{Entered, MAX_FILE, Subscriber, Table, json};

/// The subscribers of a page, unless the request says otherwise; and the most.
const USUAL_PAGE: usize = 100;
const MAX_PAGE: usize = 1_000;
/// The time for a body with all subscribers.
const BODY_TIME: Duration = Duration::from_secs(120);
/// How long a second replacement is to wait for the first.
const BUSY_FOR: Duration = Duration::from_secs(5);
/// Media types of one subscriber.
const ONE: [&str; 1] = ["application/json"];
const PATCHES: [&str; 2] = ["application/json", "application/merge-patch+json"];
/// Media types of all subscribers.
const ALL: [&str; 2] = ["application/json", "text/csv"];

/// Returns the subscribers that were entered, page by page. Those of the relay's subscribers file are not among them.
#[utoipa::path(
    get,
    path = "/api/v1/subscribers",
    tag = "subscribers",
    operation_id = "listSubscribers",
    params(
        ("limit" = Option<usize>, Query, description = "The most subscribers of the page; 100 unless said otherwise", minimum = 1, maximum = 1000),
        ("after" = Option<String>, Query, description = "The username before the page: `next` of the page before", min_length = 1),
    ),
    responses((status = 200, description = "The page", body = Page), Refusals),
    security(("key" = ["read"]), ("key" = ["subscribers"])),
)]
pub(super) async fn list(
    _caller: Caller<ReadSubscribers>,
    State(context): State<Arc<ApiContext>>,
    uri: Uri,
) -> Result<Response, Problem> {
    let asked = parameters(&uri, &["limit", "after"])?;
    let limit = match asked.get("limit").map(|limit| limit.parse::<usize>()) {
        None => USUAL_PAGE,
        Some(Ok(limit @ 1..=MAX_PAGE)) => limit,
        Some(_) => return Err(wrong_query(&format!("The parameter limit is a number between 1 and {MAX_PAGE}."))),
    };
    let after = match asked.get("after").map(|after| Username::from_text(after)) {
        None => None,
        Some(Ok(after)) => Some(after),
        Some(Err(_)) => return Err(wrong_query("The parameter after is a username in text form.")),
    };
    let table = context.subscribers().table();
    let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let mut rows = table.entered().range::<Username, _>((from, Bound::Unbounded));
    let page: Vec<_> = rows.by_ref().take(limit).collect();
    let next = rows.next().and_then(|_| page.last()).map(|(username, _)| username.to_text());
    let subscribers = page.into_iter().map(|(username, row)| SubscriberAnswer::new(username, row, &table)).collect();
    Ok(json_answer(StatusCode::OK, &Page { subscribers, next, total: table.entered().len() }))
}

/// Returns a subscriber that was entered.
#[utoipa::path(
    get,
    path = "/api/v1/subscribers/{username}",
    tag = "subscribers",
    operation_id = "readSubscriber",
    params(("username" = String, Path, description = "The username's text form", min_length = 1)),
    responses(
        (status = 200, description = "The subscriber", body = SubscriberAnswer),
        (status = 404, description = "Nobody entered this username", body = ProblemAnswer, content_type = "application/problem+json"),
        Refusals,
    ),
    security(("key" = ["read"]), ("key" = ["subscribers"])),
)]
pub(super) async fn read(
    _caller: Caller<ReadSubscribers>,
    State(context): State<Arc<ApiContext>>,
    Line(username): Line,
    uri: Uri,
) -> Result<Response, Problem> {
    parameters(&uri, &[])?;
    let table = context.subscribers().table();
    let row = table.entered().get(&username).ok_or_else(|| unknown(&table, &username))?;
    Ok(json_answer(StatusCode::OK, &SubscriberAnswer::new(&username, row, &table)))
}

fn unknown(table: &Table, username: &Username) -> Problem {
    let detail = match table.is_in_file(username) {
        true => "Nobody entered this username by the API. The relay's subscribers file has it.",
        false => "Nobody entered this username.",
    };
    problem(StatusCode::NOT_FOUND, "unknown", detail)
}

/// Enters a subscriber, or replaces one.
#[utoipa::path(
    put,
    path = "/api/v1/subscribers/{username}",
    tag = "subscribers",
    operation_id = "putSubscriber",
    params(("username" = String, Path, description = "The username's text form", min_length = 1)),
    request_body = Values,
    responses(
        (status = 200, description = "The subscriber is as it is to be", body = SubscriberAnswer),
        Refusals, BodyRefusals, ChangeRefusals,
    ),
    security(("key" = ["subscribers"])),
)]
pub(super) async fn put(
    caller: Caller<ChangeSubscribers>,
    State(context): State<Arc<ApiContext>>,
    Line(username): Line,
    request: Request,
) -> Result<Response, Problem> {
    parameters(request.uri(), &[])?;
    let object = body::object(request, &ONE).await?;
    let row = changed(Subscriber::default(), &username, &object)?;
    let (mut change, version) = begin(&context).await?;
    if book::one(&mut change, &username).await?.is_none() && book::is_full(&mut change).await? {
        return Err(unfit("There are as many subscribers as the relay takes."));
    }
    book::put(&mut change, version, &username, &row).await?;
    finish(
        &context,
        change,
        &caller.actor(),
        Deed::new(What::SubscribersChanged).line(username.to_text()).detail("entered"),
    )
    .await?;
    Ok(answer(&context, &username, &row))
}

/// Changes the values that the body names; `null` removes one (RFC 7396).
#[utoipa::path(
    patch,
    path = "/api/v1/subscribers/{username}",
    tag = "subscribers",
    operation_id = "patchSubscriber",
    params(("username" = String, Path, description = "The username's text form", min_length = 1)),
    request_body(content((Values = "application/merge-patch+json"), (Values = "application/json"))),
    responses(
        (status = 200, description = "The subscriber is as it is to be", body = SubscriberAnswer),
        (status = 404, description = "Nobody entered this username", body = ProblemAnswer, content_type = "application/problem+json"),
        Refusals, BodyRefusals, ChangeRefusals,
    ),
    security(("key" = ["subscribers"])),
)]
pub(super) async fn patch(
    caller: Caller<ChangeSubscribers>,
    State(context): State<Arc<ApiContext>>,
    Line(username): Line,
    request: Request,
) -> Result<Response, Problem> {
    parameters(request.uri(), &[])?;
    let object = body::object(request, &PATCHES).await?;
    let (mut change, version) = begin(&context).await?;
    let before = book::one(&mut change, &username).await?;
    let before = before.ok_or_else(|| unknown(&context.subscribers().table(), &username))?;
    let row = changed(before, &username, &object)?;
    book::put(&mut change, version, &username, &row).await?;
    finish(
        &context,
        change,
        &caller.actor(),
        Deed::new(What::SubscribersChanged).line(username.to_text()).detail("changed"),
    )
    .await?;
    Ok(answer(&context, &username, &row))
}

/// Removes a subscriber. The line itself goes on.
#[utoipa::path(
    delete,
    path = "/api/v1/subscribers/{username}",
    tag = "subscribers",
    operation_id = "removeSubscriber",
    params(("username" = String, Path, description = "The username's text form", min_length = 1)),
    responses(
        (status = 204, description = "The subscriber is removed"),
        (status = 404, description = "Nobody entered this username", body = ProblemAnswer, content_type = "application/problem+json"),
        Refusals, ChangeRefusals,
    ),
    security(("key" = ["subscribers"])),
)]
pub(super) async fn remove(
    caller: Caller<ChangeSubscribers>,
    State(context): State<Arc<ApiContext>>,
    Line(username): Line,
    uri: Uri,
) -> Result<Response, Problem> {
    parameters(&uri, &[])?;
    let (mut change, version) = begin(&context).await?;
    if book::one(&mut change, &username).await?.is_none() {
        return Err(unknown(&context.subscribers().table(), &username));
    }
    book::remove(&mut change, version, &username).await?;
    finish(
        &context,
        change,
        &caller.actor(),
        Deed::new(What::SubscribersChanged).line(username.to_text()).detail("removed"),
    )
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Replaces all subscribers that were entered, as one change: all or none. One bad row refuses the whole, and each bad row is named.
#[utoipa::path(
    put,
    path = "/api/v1/subscribers",
    tag = "subscribers",
    operation_id = "replaceSubscribers",
    params(
        ("dry_run" = Option<bool>, Query, description = "Says what would be done, and does nothing"),
        ("allow_empty" = Option<bool>, Query, description = "Takes a body without rows, which removes all subscribers"),
    ),
    request_body(
        content((Vec<Row> = "application/json"), (String = "text/csv")),
        description = "At most 64 MiB. CSV is read as the relay's subscribers file is: its first row names the columns.",
    ),
    responses(
        (status = 200, description = "What was done, or would be", body = Replaced),
        (status = 409, description = "Another replacement is under way", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 422, description = "Rows are bad, or there are none. Nothing was changed", body = BadRows, content_type = "application/problem+json"),
        Refusals, (status = 408, description = "The body did not come in time", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemAnswer, content_type = "application/problem+json"),
        (status = 415, description = "The body is of another media type", body = ProblemAnswer, content_type = "application/problem+json"),
        ChangeRefusals,
    ),
    security(("key" = ["subscribers"])),
)]
pub(super) async fn replace_all(
    caller: Caller<ChangeSubscribers>,
    State(context): State<Arc<ApiContext>>,
    request: Request,
) -> Result<Response, Problem> {
    let asked = parameters(request.uri(), &["dry_run", "allow_empty"])?;
    let (dry_run, allow_empty) = (flag(&asked, "dry_run")?, flag(&asked, "allow_empty")?);
    let media_type = MediaType::of(request.headers());
    if !ALL.contains(&media_type.name.as_str()) {
        return Err(body::wrong_type(&ALL));
    }
    let _turn = context.replacing.try_acquire().map_err(|_| {
        let detail = "Another replacement of all subscribers is under way.";
        problem(StatusCode::CONFLICT, "busy", detail).retry_after(BUSY_FOR)
    })?;
    let content = body::whole(request, usize::try_from(MAX_FILE).unwrap_or(usize::MAX), BODY_TIME).await?;
    // 100,000 rows take long enough to make a viewer wait.
    let read = tokio::task::spawn_blocking(move || Import::read(&content, &media_type));
    let Ok(import) = read.await else {
        return Err(problem(StatusCode::INTERNAL_SERVER_ERROR, "fault", "The reading failed; see the relay's log."));
    };
    let Import { rows, bad, notes } = import?;
    if !bad.is_empty() {
        return Err(bad_rows(&bad));
    }
    if rows.is_empty() && !allow_empty {
        return Err(unfit("The body has no rows, which would remove all subscribers. allow_empty=true does that."));
    }
    let difference = replace(&context, &caller.actor(), &rows, dry_run).await?;
    Ok(json_answer(StatusCode::OK, &replaced(&context, &rows, difference, notes, dry_run)))
}

async fn replace(context: &ApiContext, actor: &Actor, rows: &Entered, dry_run: bool) -> Result<Difference, Problem> {
    if dry_run {
        return Ok(book::would_replace(&context.database().await?, rows).await?);
    }
    let (mut change, version) = begin(context).await?;
    let difference = book::replace(&mut change, version, rows).await?;
    let Difference { added, changed, removed, .. } = difference;
    let detail = format!("all: {added} added, {changed} changed, {removed} removed");
    finish(context, change, actor, Deed::new(What::SubscribersChanged).detail(detail)).await?;
    Ok(difference)
}

fn replaced(context: &ApiContext, rows: &Entered, difference: Difference, notes: Vec<Note>, dry_run: bool) -> Replaced {
    let table = context.subscribers().table();
    let file_wins = rows.keys().filter(|username| table.is_in_file(username)).count();
    if file_wins > 0 && !dry_run {
        tracing::warn!(
            subscribers = file_wins,
            "subscribers entered by the API are not in use: the file of --subscribers has their usernames, and wins"
        );
    }
    let Difference { added, changed, unchanged, removed } = difference;
    Replaced { dry_run, rows: rows.len(), added, changed, unchanged, removed, file_wins, notes }
}

fn bad_rows(bad: &[Bad]) -> Problem {
    let named: Vec<&Bad> = bad.iter().take(NAMED).collect();
    let detail = format!("{} of the rows are bad. Nothing was changed.", bad.len());
    problem(StatusCode::UNPROCESSABLE_ENTITY, "bad-rows", &detail)
        .with("bad_rows", bad.len())
        .with("rows", serde_json::to_value(named).unwrap_or_default())
}

fn unfit(detail: &str) -> Problem {
    problem(StatusCode::UNPROCESSABLE_ENTITY, "content", detail)
}

/// Returns a row with the values of an object. The object may repeat the username of the path.
fn changed(before: Subscriber, username: &Username, object: &Map<String, Value>) -> Result<Subscriber, Problem> {
    let repeated = object.get("username");
    if repeated.is_some_and(|repeated| *repeated != Value::String(username.to_text())) {
        return Err(unfit("The username of the body is not that of the address."));
    }
    json::patched(before, object).map_err(|error| unfit(&format!("The body is no subscriber: {error}.")))
}

async fn begin(context: &ApiContext) -> Result<(Change, i64), Problem> {
    let mut change = context.database().await?.begin().await?;
    let version = change.raise(Topic::Subscribers).await?;
    Ok((change, version))
}

/// Ends a change with its entry, and takes the change into memory.
async fn finish(context: &ApiContext, change: Change, actor: &Actor, deed: Deed) -> Result<(), Problem> {
    audit::commit(change, actor, &deed, SystemTime::now().into()).await?;
    context.changed().await;
    Ok(())
}

fn answer(context: &ApiContext, username: &Username, row: &Subscriber) -> Response {
    let table = context.subscribers().table();
    if table.is_in_file(username) {
        // Usernames are logged at DEBUG only.
        tracing::warn!(
            "a subscriber entered by the API is not in use: the file of --subscribers has the username, and wins"
        );
        tracing::debug!(%username, "the subscriber that is not in use");
    }
    json_answer(StatusCode::OK, &SubscriberAnswer::new(username, row, &table))
}
