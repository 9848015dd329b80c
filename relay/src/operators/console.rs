//! The console's requests, below `/console/api`.
//!
//! | rule | where |
//! |---|---|
//! | a change, and a WebSocket, has the relay's own `Origin` | [`door`] |
//! | who asks is known by the session's cookie alone | [`door`] |
//! | a handler says by its arguments who may ask: [`Operator`], [`SignedIn`] or [`Visitor`] | [`visitor`] |
//! | answers are JSON and never kept by a cache; errors are problems (RFC 9457) | `net/problem.rs` |

pub(crate) mod body;
pub mod context;
mod cookie;
mod door;
mod entry;
mod invitation;
mod log;
mod me;
mod people;
mod second_factor;
pub(crate) mod shell;
mod sign_in;
pub(crate) mod visitor;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware;
use axum::routing::{any, get, post};
use http::StatusCode;
use tokio::time::{MissedTickBehavior, interval};

use self::context::{Accounts, ConsoleContext, now};
use crate::lines::hub::Hub;
use crate::net::problem::{Problem, problem};

/// How often sessions are looked through for those whose time is over.
const SWEPT_EVERY: Duration = Duration::from_millis(500);

/// The console's requests, with the desk's behind the same door.
pub(crate) fn routes(context: Arc<ConsoleContext>, desk: Router) -> Router {
    Router::new()
        .route("/console/api/me", get(me::me))
        .route("/console/api/sign-out", post(me::sign_out))
        .route("/console/api/sign-in/once", post(sign_in::once))
        .route("/console/api/sign-in", post(sign_in::by_password))
        .route("/console/api/sign-in/code", post(sign_in::by_code))
        .route("/console/api/sign-in/company", post(sign_in::by_company))
        .route("/console/api/invitation/look", post(invitation::look))
        .route("/console/api/invitation", post(invitation::accept))
        .route("/console/api/password", post(invitation::change))
        .route("/console/api/totp/begin", post(second_factor::begin))
        .route("/console/api/totp/confirm", post(second_factor::confirm))
        .route("/console/api/totp/remove", post(second_factor::remove))
        .route("/console/api/people/{name}/totp/remove", post(second_factor::remove_of))
        .route("/console/api/people", get(people::list).post(people::add))
        .route("/console/api/people/{name}/invite", post(people::invite))
        .route("/console/api/people/{name}/remove", post(people::remove))
        .route("/console/api/people/{name}/role", post(people::set_role))
        .route("/console/api/people/{name}/sign-out", post(people::sign_out))
        .route("/console/api/audit", get(log::entries))
        .route("/console/api/audit.csv", get(log::export))
        .route("/console/api/{*unknown}", any(unknown))
        .with_state(Arc::clone(&context))
        .merge(desk)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(context, door::known))
}

async fn unknown() -> Problem {
    problem(StatusCode::NOT_FOUND, "unknown", "There is nothing at this address.")
}

async fn wrong_method() -> Problem {
    problem(StatusCode::METHOD_NOT_ALLOWED, "method", "This address has no such method: GET reads, POST changes.")
}

/// Ends sessions whose time is over, and tells open streams of every end, for ever.
pub(crate) async fn follow_sessions(accounts: Arc<Accounts>, hub: Arc<Hub>) {
    let mut changes = accounts.sessions.changes();
    let mut ticks = interval(SWEPT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => accounts.sessions.sweep(now()),
            changed = changes.changed() => match changed {
                Ok(()) => hub.wake_viewers(),
                Err(_) => return,
            },
        }
    }
}
