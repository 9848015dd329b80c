//! Choosing a password: by an invitation, or in place of the old one.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::body::Json;
use super::context::{ConsoleContext, now};
use super::entry::too_many;
use super::sign_in::{at_step, known_by};
use super::visitor::{Operator, Visitor};
use crate::net::answers::json_answer;
use crate::net::problem::{Problem, problem};
use crate::operators::audit::{Deed, What};
use crate::operators::passwords;
use crate::operators::people::book::AccountChange;
use crate::operators::sessions::{Step, Way};
use crate::operators::tickets::Kind;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    token: String,
}

/// Answers whom an invitation is for.
pub(super) async fn look(
    State(context): State<Arc<ConsoleContext>>,
    visitor: Visitor,
    Json(Shown { token }): Json<Shown>,
) -> Result<Response, Problem> {
    let (name, _) = context.opened(&visitor, &token, Kind::Invitation).await?;
    // The person may be newer than the copy in memory.
    context.changed().await;
    let role = context.accounts.people.get(&name).map(|person| person.role);
    Ok(json_answer(StatusCode::OK, &json!({ "name": name, "role": role })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chosen {
    token: String,
    password: String,
}

/// Sets the password of an invited person, and signs in. Where there is a second factor, it is still wanted.
pub(super) async fn accept(
    State(context): State<Arc<ConsoleContext>>,
    visitor: Visitor,
    Json(Chosen { token, password }): Json<Chosen>,
) -> Result<Response, Problem> {
    let (name, ticket) = context.opened(&visitor, &token, Kind::Invitation).await?;
    let hash = hashed(&context, &visitor, &name, password).await?;
    context.changed().await;
    let actor = context.actor(&name, visitor.address);
    let mut account = AccountChange::begin(&context.database().await?, &actor, now()).await?;
    if account.take_ticket(ticket, Kind::Invitation).await?.is_none() {
        return Err(context.over(&actor));
    }
    account.set_password(&name, &hash).await?;
    let step = if account.has_totp(&name).await? { Step::Code } else { Step::In };
    let secret = account.begin_session(&name, (Way::Password, step)).await?;
    account.commit(&Deed::new(What::PasswordChanged).detail("by invitation")).await?;
    Ok(at_step(&context, &secret, step).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    old: String,
    new: String,
}

/// Gives the person a new password. All other sessions end; this browser gets a new one.
pub(super) async fn change(
    State(context): State<Arc<ConsoleContext>>,
    visitor: Visitor,
    operator: Operator,
    Json(Change { old, new }): Json<Change>,
) -> Result<Response, Problem> {
    let name = &operator.name;
    if known_by(&context, &visitor, name, old).await?.is_none() {
        return Err(context.refused(&visitor, name, "the old password is wrong"));
    }
    let hash = hashed(&context, &visitor, name, new).await?;
    let actor = operator.actor();
    let mut account = AccountChange::begin(&context.database().await?, &actor, now()).await?;
    // The session may have ended while the passwords took their time: somebody else has changed them.
    if !account.end_session(operator.session.hash()).await? {
        return Err(visitor.signed_out());
    }
    account.set_password(name, &hash).await?;
    let secret = account.begin_session(name, (operator.session.way(), Step::In)).await?;
    account.commit(&Deed::new(What::PasswordChanged)).await?;
    Ok(at_step(&context, &secret, Step::In).await)
}

async fn hashed(context: &ConsoleContext, visitor: &Visitor, name: &str, password: String) -> Result<String, Problem> {
    passwords::check(&password, name).map_err(|error| {
        problem(StatusCode::UNPROCESSABLE_ENTITY, "password", &format!("Please choose another one: {error}."))
    })?;
    let hashed = context.passwords.hash(visitor.address.into(), password).await;
    hashed.map_err(|_| too_many(std::time::Duration::from_secs(10)))
}
