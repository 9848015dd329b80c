//! The person at the console: who it is, and the way out.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::body::Json;
use super::context::{ConsoleContext, now};
use super::cookie;
use super::visitor::SignedIn;
use crate::net::answers::json_answer;
use crate::net::problem::Problem;
use crate::operators::sessions::book;

/// Answers who is signed in, and until when.
pub(super) async fn me(State(context): State<Arc<ConsoleContext>>, SignedIn(operator): SignedIn) -> Response {
    let person = context.accounts.people.get(&operator.name);
    let session = &operator.session;
    let body = json!({
        "name": operator.name,
        "role": operator.role,
        "totp": person.is_some_and(|person| person.totp.is_some()),
        "totp_required": context.settings.require_totp,
        "by": session.way().as_str(),
        "brand": context.brand,
        "announce_support": context.settings.announce_support,
        "idle_until": session.idle_until(),
        "until": session.until(),
    });
    json_answer(StatusCode::OK, &body)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignOut {
    everywhere: bool,
}

/// Ends the session, or all sessions of the person.
pub(super) async fn sign_out(
    State(context): State<Arc<ConsoleContext>>,
    SignedIn(operator): SignedIn,
    Json(SignOut { everywhere }): Json<SignOut>,
) -> Result<Response, Problem> {
    let database = context.database().await?;
    let session = (operator.session.hash(), operator.name.as_str());
    book::sign_out(&database, &operator.actor(), session, everywhere, now()).await?;
    context.changed().await;
    let mut answer = json_answer(StatusCode::OK, &json!({})).into_response();
    answer.headers_mut().extend(cookie::cleared());
    Ok(answer)
}
