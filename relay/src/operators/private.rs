//! The private listener's requests: health, metrics, and the relay's knowledge.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use shared::Username;
use tokio::sync::watch;

use super::explain::Explanation;
use super::guard::{Guard, guarded};
use super::likeness;
use crate::agents::fleet::Fleet;
use crate::net::answers::{Segment, accepts, json_answer, not_found, words};

/// The answers are text and JSON: a browser needs nothing to show them.
pub(crate) const PRIVATE_POLICY: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The state of the private listener's requests.
pub(crate) struct PrivateContext {
    /// All agents, and all lines behind them.
    pub(crate) fleet: Arc<Fleet>,
    /// True once the relay stops.
    pub(crate) drain: watch::Receiver<bool>,
}

/// The requests of the private listener.
pub(crate) fn routes(context: PrivateContext, guard: Guard) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/agents", get(agents))
        .route("/explain/{username}", get(explain))
        .route("/search/{text}", get(search))
        .fallback(not_found)
        .with_state(Arc::new(context))
        .layer(middleware::from_fn_with_state(Arc::new(guard), guarded))
}

async fn ready(State(context): State<Arc<PrivateContext>>) -> Response {
    if *context.drain.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    let metrics = &context.fleet.hub.metrics;
    let unusable = [
        (metrics.subscribers_unusable.get(), "the subscribers file"),
        (metrics.store_unusable.get(), "the store"),
        (metrics.shared_files_differ.get(), "a file that relays share"),
    ];
    match unusable.iter().find(|(unusable, _)| *unusable > 0) {
        Some((_, what)) => format!("ready, degraded: {what} cannot be used, see the log\n").into_response(),
        None if metrics.bus_lost.get() > 0 => {
            "ready, degraded: the bus of relays cannot be reached, lines of other relays are not shown, see the log\n"
                .into_response()
        }
        None if metrics.acme_failing.get() > 0 => {
            let next = UNIX_EPOCH + Duration::from_secs(metrics.acme_next_try.get());
            let next = humantime::format_rfc3339_seconds(next);
            format!("ready, degraded: no new certificate by ACME, next try at {next}, see the log\n").into_response()
        }
        None => "ready\n".into_response(),
    }
}

async fn metrics(State(context): State<Arc<PrivateContext>>) -> Response {
    context.fleet.survey();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], context.fleet.hub.metrics.render()).into_response()
}

async fn agents(State(context): State<Arc<PrivateContext>>) -> Response {
    json_answer(StatusCode::OK, &context.fleet.findings(context.fleet.hub.now()))
}

async fn explain(
    State(context): State<Arc<PrivateContext>>,
    Segment(username): Segment,
    headers: HeaderMap,
) -> Response {
    let Ok(username) = Username::from_typed(username.as_bytes()) else {
        return words(StatusCode::BAD_REQUEST, &headers, "That is no username.");
    };
    // All usernames are gone through: that may take longer than a viewer is to wait.
    let explained = move || Explanation::of(&context.fleet, &username, context.fleet.hub.now());
    let Ok(explanation) = tokio::task::spawn_blocking(explained).await else {
        return words(StatusCode::INTERNAL_SERVER_ERROR, &headers, "The explanation failed; see the log.");
    };
    if accepts(&headers, "application/json") {
        return json_answer(StatusCode::OK, &explanation);
    }
    explanation.to_string().into_response()
}

async fn search(State(context): State<Arc<PrivateContext>>, Segment(text): Segment, headers: HeaderMap) -> Response {
    match tokio::task::spawn_blocking(move || likeness::search(&context.fleet.hub, &text)).await {
        Ok(found) => json_answer(StatusCode::OK, &found),
        Err(_) => words(StatusCode::INTERNAL_SERVER_ERROR, &headers, "The search failed; see the log."),
    }
}
