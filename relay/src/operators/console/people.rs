//! People: who has an account. For admins.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::header::ORIGIN;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::body::Json;
use super::context::{ConsoleContext, now};
use super::visitor::Operator;
use crate::net::answers::{Segment, json_answer};
use crate::net::problem::{Problem, problem, sentence};
use crate::operators::people::book::{self, AccountError, FirstSignIn, Removal};
use crate::operators::people::{Person, Role, name};
use crate::operators::tickets::{Kind, Ticket};

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let (status, reason) = match &error {
            AccountError::Store(error) => return Self::store(error),
            AccountError::Unknown => (StatusCode::NOT_FOUND, "unknown"),
            AccountError::Taken => (StatusCode::CONFLICT, "taken"),
            AccountError::LastAdmin => (StatusCode::CONFLICT, "last-admin"),
        };
        problem(status, reason, &sentence(&error.to_string()))
    }
}

/// Answers everybody with an account.
pub(super) async fn list(State(context): State<Arc<ConsoleContext>>, operator: Operator) -> Result<Response, Problem> {
    operator.admin()?;
    let people: Vec<_> = context.accounts.people.all().iter().map(|person| row(person)).collect();
    Ok(json_answer(StatusCode::OK, &json!({ "people": people })))
}

fn row(person: &Person) -> serde_json::Value {
    let by = match (&person.password, person.last_seen) {
        (Some(_), _) => Some("password"),
        (None, Some(_)) => Some("company"),
        (None, None) => None,
    };
    json!({
        "name": person.name,
        "role": person.role,
        "made": person.made,
        "last_seen": person.last_seen,
        "totp": person.totp.is_some(),
        "invited_until": person.invited_until.filter(|until| *until > now()),
        "by": by,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPerson {
    name: String,
    role: Role,
}

/// Adds a person, and answers the address where the password is chosen.
pub(super) async fn add(
    State(context): State<Arc<ConsoleContext>>,
    operator: Operator,
    headers: HeaderMap,
    Json(NewPerson { name: typed, role }): Json<NewPerson>,
) -> Result<Response, Problem> {
    operator.admin()?;
    let name = name(&typed)
        .map_err(|error| problem(StatusCode::UNPROCESSABLE_ENTITY, "name", &sentence(&error.to_string())))?;
    let ticket = Ticket::fresh(Kind::Invitation, now())?;
    let database = context.database().await?;
    book::add(&database, &operator.actor(), (&name, role), FirstSignIn::Invitation(&ticket), now()).await?;
    context.changed().await;
    Ok(invitation(&context, &headers, &ticket))
}

/// Invites a person to choose a new password.
pub(super) async fn invite(
    State(context): State<Arc<ConsoleContext>>,
    operator: Operator,
    Segment(name): Segment,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    operator.admin()?;
    operator.is_other(&name)?;
    let ticket = Ticket::fresh(Kind::Invitation, now())?;
    book::invite(&context.database().await?, &operator.actor(), &name, &ticket, now()).await?;
    context.changed().await;
    Ok(invitation(&context, &headers, &ticket))
}

fn invitation(context: &ConsoleContext, headers: &HeaderMap, ticket: &Ticket) -> Response {
    // Without a public address, the request's origin is the relay's own: the door has looked at it.
    let origin = || headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).map(|origin| format!("{origin}/"));
    let base = context.public_url.as_ref().map(ToString::to_string).or_else(origin).unwrap_or_else(|| "/".to_owned());
    json_answer(StatusCode::OK, &json!({ "url": ticket.address(&base), "expires": ticket.expires }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRole {
    role: Role,
}

/// Gives a person another role.
pub(super) async fn set_role(
    State(context): State<Arc<ConsoleContext>>,
    operator: Operator,
    Segment(name): Segment,
    Json(NewRole { role }): Json<NewRole>,
) -> Result<Response, Problem> {
    operator.admin()?;
    book::set_role(&context.database().await?, &operator.actor(), (&name, role), now()).await?;
    Ok(done(&context).await)
}

/// Removes a person.
pub(super) async fn remove(
    State(context): State<Arc<ConsoleContext>>,
    operator: Operator,
    Segment(name): Segment,
) -> Result<Response, Problem> {
    operator.admin()?;
    book::remove(&context.database().await?, &operator.actor(), &name, Removal::AdminStays, now()).await?;
    Ok(done(&context).await)
}

/// Signs a person out everywhere.
pub(super) async fn sign_out(
    State(context): State<Arc<ConsoleContext>>,
    operator: Operator,
    Segment(name): Segment,
) -> Result<Response, Problem> {
    operator.admin()?;
    book::sign_out(&context.database().await?, &operator.actor(), &name, now()).await?;
    Ok(done(&context).await)
}

async fn done(context: &ConsoleContext) -> Response {
    context.changed().await;
    json_answer(StatusCode::OK, &json!({}))
}
