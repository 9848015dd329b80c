//! An agent's request: its token, and the upgrade to its uplink.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use shared::UPLINK_SUBPROTOCOL;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::fleet::Fleet;
use super::registry::{Grant, Registry};
use super::uplink::{self, Caller};
use crate::net::answers::{bearer, json_error};
use crate::net::handshake::{Accepted, AcceptedStream, no_upgrade, upgrade};
use crate::net::listener::Connection;
use crate::net::site::Site;

/// The state of the agents' wing.
pub(crate) struct AgentContext {
    /// All agents.
    pub(crate) fleet: Arc<Fleet>,
    /// The rights to report.
    pub(crate) registry: Registry,
    /// Whose address a request has, and whose logins failed.
    pub(crate) site: Arc<Site>,
    /// How often the registry's file is checked for a change.
    pub(crate) reload_every: Duration,
    /// True once the relay stops.
    pub(crate) drain: watch::Receiver<bool>,
}

/// The uplink's door.
pub(crate) fn routes(context: Arc<AgentContext>) -> Router {
    Router::new().route(shared::UPLINK_PATH, get(agent)).with_state(context)
}

async fn agent(
    State(context): State<Arc<AgentContext>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let Some(grant) = grant_of(&context, &headers).await else {
        return refuse_agent(&context, &connection, &headers);
    };
    let caller = Caller { grant, address: context.site.client(&connection, &headers) };
    let serve = move |Accepted { stream, leftover, mut place }| {
        if place.as_mut().is_some_and(|place| !place.become_known()) {
            return;
        }
        match stream {
            AcceptedStream::Plain(stream) => drop(tokio::spawn(async move {
                serve_uplink(stream, leftover, caller, context).await;
                drop(place);
            })),
            AcceptedStream::Tls(stream) => drop(tokio::spawn(async move {
                serve_uplink(*stream, leftover, caller, context).await;
                drop(place);
            })),
        }
    };
    upgrade(request, &connection, Some(UPLINK_SUBPROTOCOL), serve).unwrap_or_else(|error| no_upgrade(error, &headers))
}

async fn serve_uplink<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    leftover: Bytes,
    caller: Caller,
    context: Arc<AgentContext>,
) {
    let config = Some(uplink::websocket_config());
    let socket = WebSocketStream::from_partially_read(stream, leftover.into(), Role::Server, config).await;
    let (registry, fleet, drain) = (context.registry.clone(), Arc::clone(&context.fleet), context.drain.clone());
    drop(context);
    uplink::serve(socket, caller, registry, fleet, drain).await;
}

/// Returns the grant of the agent's token. A fresh token may be in the registry's file and not in memory yet, so an
/// unknown token is looked up again after the next reload: an agent started right after `agent add` must not wait for a
/// minute.
async fn grant_of(context: &AgentContext, headers: &HeaderMap) -> Option<Arc<Grant>> {
    let token = bearer(headers)?.as_bytes();
    let mut changes = context.registry.changes();
    if let Some(grant) = context.registry.authenticate(token) {
        return Some(grant);
    }
    // Whether a reload came or not, the answer is the registry's.
    let _ = timeout(context.reload_every * 2, changes.changed()).await;
    context.registry.authenticate(token)
}

fn refuse_agent(context: &AgentContext, connection: &Connection, headers: &HeaderMap) -> Response {
    context.fleet.hub.metrics.agents_refused.increment();
    let reason = match bearer(headers) {
        Some(_) => "the agent's token is not known here; `linelight-relay agent add` makes one",
        None => "an agent's token is needed, as \"Authorization: Bearer TOKEN\"",
    };
    if !context.site.fail(context.site.client(connection, headers)) {
        return json_error(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_failures",
            "too many failed logins from this address",
        );
    }
    tracing::warn!(reason, "an uplink was refused");
    tracing::debug!(address = ?context.site.client(connection, headers), "an uplink was refused");
    json_error(StatusCode::UNAUTHORIZED, "token_refused", reason)
}
