//! Lines: what each is now, and why.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use super::answers::Refusals;
use super::caller::{Caller, ReadLines};
use super::context::ApiContext;
use super::path::{Line, parameters};
use crate::clock::UnixMillis;
use crate::net::answers::json_answer;
use crate::net::problem::{Problem, problem};
use crate::operators::explain::Explanation;
use crate::wire::viewer_frame::{Averages, PlanLimits, TimedSample};

/// A line as it is now.
#[derive(Serialize, ToSchema)]
#[schema(as = Line)]
struct LineAnswer {
    /// The username's text form.
    username: String,
    /// `running`, `stalled`, `offline`, `unreachable`, `unknown` or `starting`, as in the viewer API.
    #[schema(example = "running")]
    state: &'static str,
    /// Since when.
    #[schema(value_type = Option<i64>)]
    since: Option<UnixMillis>,
    /// PPPoE sessions of this username that are up.
    sessions: u16,
    /// What else a reader should know: `too_many_watched` or `averages`.
    notice: Option<&'static str>,
    /// The customer's name, from the subscribers file, this API or the router.
    customer: Option<String>,
    /// The package's name, likewise.
    package: Option<String>,
    plan: PlanAnswer,
    /// Open pages and streams of the line.
    viewers: usize,
    /// The last sample; only while somebody watches the line, or did a minute ago.
    sample: Option<SampleAnswer>,
    /// The averages of the last two hours, watched or not.
    averages: Option<AveragesAnswer>,
    /// The relay's clock.
    #[schema(value_type = i64)]
    now: UnixMillis,
}

/// The limits of a plan.
#[derive(Serialize, ToSchema)]
#[schema(as = Plan)]
struct PlanAnswer {
    /// Towards the subscriber; `null` is unknown.
    down: Option<u64>,
    /// From the subscriber.
    up: Option<u64>,
    /// True where the router's queue shares the limits with other lines.
    shared: bool,
}

/// The rates at one instant.
#[derive(Serialize, ToSchema)]
#[schema(as = Sample)]
struct SampleAnswer {
    /// The instant.
    #[schema(value_type = i64)]
    t: UnixMillis,
    /// Towards the subscriber.
    down: u64,
    /// From the subscriber.
    up: u64,
}

/// Averages, one behind the other.
#[derive(Serialize, ToSchema)]
#[schema(as = Averages)]
struct AveragesAnswer {
    /// How long each is, in milliseconds.
    interval: u32,
    /// When the first begins.
    #[schema(value_type = i64)]
    start: UnixMillis,
    /// Towards the subscriber; `null` is a gap.
    down: Vec<Option<u64>>,
    /// From the subscriber.
    up: Vec<Option<u64>>,
}

/// Why a line is as it is.
#[derive(Serialize, ToSchema)]
#[schema(as = Explanation)]
struct ExplanationAnswer {
    /// The username's text form.
    username: String,
    /// The line's state.
    #[schema(example = "offline")]
    state: &'static str,
    /// Since when.
    #[schema(value_type = Option<i64>)]
    since: Option<UnixMillis>,
    /// All that `linelight-relay explain` says, one sentence an element.
    words: Vec<String>,
    /// The last refusals that concern the line.
    refusals: Vec<RefusalAnswer>,
    /// Usernames that may be meant, where no agent reports this one.
    meant: Vec<MeantAnswer>,
    /// The relay's clock.
    #[schema(value_type = i64)]
    now: UnixMillis,
}

/// A refusal.
#[derive(Serialize, ToSchema)]
#[schema(as = Refusal)]
struct RefusalAnswer {
    /// When.
    #[schema(value_type = i64)]
    at: UnixMillis,
    /// What was refused, and why.
    what: String,
}

/// A username that may be meant.
#[derive(Serialize, ToSchema)]
#[schema(as = Meant)]
struct MeantAnswer {
    /// The username's text form.
    username: String,
    /// The customer's name, where known.
    customer: Option<String>,
}

impl From<PlanLimits> for PlanAnswer {
    fn from(PlanLimits { down, up, shared }: PlanLimits) -> Self {
        Self { down, up, shared }
    }
}

impl From<TimedSample> for SampleAnswer {
    fn from(TimedSample { t, down, up, .. }: TimedSample) -> Self {
        Self { t, down, up }
    }
}

impl From<Averages> for AveragesAnswer {
    fn from(Averages { interval, start, down, up }: Averages) -> Self {
        Self { interval, start, down, up }
    }
}

/// Returns what a line is now, with the averages of the last two hours. A username that no agent reports is `unknown`.
#[utoipa::path(
    get,
    path = "/api/v1/lines/{username}",
    tag = "lines",
    operation_id = "readLine",
    params(("username" = String, Path, description = "The username's text form", min_length = 1)),
    responses((status = 200, description = "The line", body = LineAnswer), Refusals),
    security(("key" = ["read"])),
)]
pub(super) async fn read(
    _caller: Caller<ReadLines>,
    State(context): State<Arc<ApiContext>>,
    Line(username): Line,
    uri: Uri,
) -> Result<Response, Problem> {
    parameters(&uri, &[])?;
    let hub = &context.fleet.hub;
    let now = hub.now();
    let found = hub.findings(&username, now);
    let answer = LineAnswer {
        username: username.to_text(),
        state: found.state.state.as_str(),
        since: found.state.since,
        sessions: found.state.sessions,
        notice: found.state.notice.map(|notice| notice.as_str()),
        customer: found.customer.map(String::from),
        package: found.package.map(String::from),
        plan: found.plan.into(),
        viewers: found.viewers,
        sample: found.newest.map(Into::into),
        averages: found.averages.map(Into::into),
        now: now.unix,
    };
    Ok(json_answer(StatusCode::OK, &answer))
}

/// Returns why a line is as it is: the reports of agents, the last refusals, and usernames that may be meant instead.
#[utoipa::path(
    get,
    path = "/api/v1/lines/{username}/explain",
    tag = "lines",
    operation_id = "explainLine",
    params(("username" = String, Path, description = "The username's text form", min_length = 1)),
    responses((status = 200, description = "The explanation", body = ExplanationAnswer), Refusals),
    security(("key" = ["read"])),
)]
pub(super) async fn explain(
    _caller: Caller<ReadLines>,
    State(context): State<Arc<ApiContext>>,
    Line(username): Line,
    uri: Uri,
) -> Result<Response, Problem> {
    parameters(&uri, &[])?;
    // All usernames are gone through: that may take longer than a viewer is to wait.
    let explained = move || Explanation::of(&context.fleet, &username, context.fleet.hub.now());
    let Ok(explanation) = tokio::task::spawn_blocking(explained).await else {
        return Err(problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "fault",
            "The explanation failed; see the relay's log.",
        ));
    };
    Ok(json_answer(StatusCode::OK, &explained_answer(explanation)))
}

fn explained_answer(explanation: Explanation) -> ExplanationAnswer {
    let words =
        explanation.to_string().lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let refusals = explanation.refusals.into_iter().map(|refusal| RefusalAnswer { at: refusal.at, what: refusal.what });
    let meant = explanation.meant.into_iter();
    ExplanationAnswer {
        username: explanation.username,
        state: explanation.state.as_str(),
        since: explanation.since,
        words,
        refusals: refusals.collect(),
        meant: meant.map(|meant| MeantAnswer { username: meant.username, customer: meant.customer }).collect(),
        now: explanation.now,
    }
}
