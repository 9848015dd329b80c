//! The desk: what the provider's support does at the console. Lines and their search, links and codes, the busiest lines.
//!
//! [`console`](super::console) says who asks, and from which page; here a handler only names an `Operator` among its arguments.

mod busiest;
mod code;
pub(crate) mod context;
mod line;
mod lines;
mod links;
mod live;
pub mod message;
mod past;
mod refused;
mod routers;
mod shown;
mod slow;
mod standings;
mod tries;
mod wall;
pub mod wall_token;
mod watched;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use self::context::DeskContext;

/// The desk's requests, below `/console/api`.
pub(crate) fn routes(context: Arc<DeskContext>) -> Router {
    Router::new()
        .route("/console/api/lines", get(lines::search))
        .route("/console/api/lines/{username}", get(line::details))
        .route("/console/api/lines/{username}/averages", get(line::averages))
        .route("/console/api/lines/{username}/links", post(links::make))
        .route("/console/api/lines/{username}/links/{id}/revoke", post(links::revoke))
        .route("/console/api/lines/{username}/void", post(links::void))
        .route("/console/api/lines/{username}/code", post(code::make))
        .route("/console/api/lines/{username}/slow", post(slow::say_for))
        .route("/console/api/lines/{username}/past", get(past::of_staff))
        .route("/console/api/slow", get(slow::list))
        .route("/console/api/slow/{number}", get(slow::one))
        .route("/console/api/slow/{number}/samples.csv", get(slow::samples))
        .route("/console/api/slow/{number}/answer", post(slow::answer))
        .route("/console/api/slow/{number}/close", post(slow::close))
        .route("/console/api/live", get(live::live))
        .route("/console/api/busiest", get(busiest::of_staff))
        .route("/console/api/wall", get(wall::figures))
        .route("/console/api/wall/token", post(wall::make))
        .route("/console/api/wall/revoke", post(wall::revoke))
        .route("/console/api/routers", get(routers::list).post(routers::add))
        .route("/console/api/routers/{name}", get(routers::one))
        .route("/console/api/routers/{name}/token", post(routers::new_token))
        .route("/console/api/routers/{name}/patterns", post(routers::set_patterns))
        .route("/console/api/routers/{name}/revoke", post(routers::revoke))
        .with_state(context)
}

/// The subscriber's side of a code, of a slow report, and of a line's days.
pub(crate) fn public_routes(context: Arc<DeskContext>) -> Router {
    Router::new()
        .route("/api/v1/code", post(code::redeem))
        .route("/api/v1/lines/{username}/past", get(past::of_viewer))
        .route("/api/v1/lines/{username}/slow", get(slow::newest).post(slow::say))
        .with_state(context)
}
