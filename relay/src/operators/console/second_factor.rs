//! Setting up and removing a second factor.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::body::Json;
use super::context::{ConsoleContext, now};
use super::sign_in::known_by;
use super::visitor::{Operator, SignedIn, Visitor};
use crate::net::answers::{Segment, json_answer};
use crate::net::problem::{Problem, problem};
use crate::operators::audit::{Deed, What};
use crate::operators::people::book::AccountChange;
use crate::operators::people::credentials::{Pending, pending};
use crate::operators::sessions::Step;
use crate::operators::{qr, totp};

/// The issuer in people's apps, without a brand.
const PRODUCT: &str = "Linelight";

/// Makes a secret, which is in force after its first code.
pub(super) async fn begin(
    State(context): State<Arc<ConsoleContext>>,
    visitor: Visitor,
    SignedIn(operator): SignedIn,
) -> Result<Response, Problem> {
    if has_totp(&context, &operator) {
        let detail = "There is a second factor already. Please remove it first.";
        return Err(problem(StatusCode::CONFLICT, "taken", detail));
    }
    let secret = totp::fresh()?;
    let uri = totp::uri(&secret, context.brand.as_deref().unwrap_or(PRODUCT), &operator.name);
    let picture = qr::svg(&uri)?;
    let actor = operator.actor();
    let mut account = AccountChange::begin(&context.database().await?, &actor, now()).await?;
    if !account.keep_pending(operator.session.hash(), &secret).await? {
        return Err(visitor.signed_out());
    }
    account.commit_quietly().await?;
    Ok(json_answer(StatusCode::OK, &json!({ "secret": secret, "uri": uri, "qr_svg": picture })))
}

fn has_totp(context: &ConsoleContext, operator: &Operator) -> bool {
    context.accounts.people.get(&operator.name).is_some_and(|person| person.totp.is_some())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Code {
    code: String,
}

/// Puts the second factor in force, and answers the recovery codes, this once. All other sessions end; this browser gets a new one.
pub(super) async fn confirm(
    State(context): State<Arc<ConsoleContext>>,
    visitor: Visitor,
    SignedIn(operator): SignedIn,
    Json(Code { code }): Json<Code>,
) -> Result<Response, Problem> {
    context.attempt(&context.codes_tried, &visitor, &operator.name)?;
    let database = context.database().await?;
    let secret = match pending(&database, operator.session.hash()).await? {
        Pending::Secret(secret) if !has_totp(&context, &operator) => secret,
        Pending::NoSession => return Err(visitor.signed_out()),
        Pending::Secret(_) | Pending::Nothing => {
            let detail = "Please begin with the picture for your app.";
            return Err(problem(StatusCode::CONFLICT, "not-begun", detail));
        }
    };
    let Some(step) = totp::step(&secret, code.trim(), now().as_millis().div_euclid(1_000), 0) else {
        let detail = "The code is wrong. Please look at your app's newest one; its clock has to be right.";
        return Err(problem(StatusCode::UNPROCESSABLE_ENTITY, "wrong", detail));
    };
    let codes = totp::recovery_codes()?;
    let hashes: Vec<_> = codes.iter().map(|code| totp::recovery_hash(code)).collect();
    let actor = operator.actor();
    let mut account = AccountChange::begin(&database, &actor, now()).await?;
    // Of two at once, one is in force.
    if !account.end_session(operator.session.hash()).await? {
        return Err(visitor.signed_out());
    }
    account.set_totp(&operator.name, &secret, step, &hashes).await?;
    let session = account.begin_session(&operator.name, (operator.session.way(), Step::In)).await?;
    account.commit(&Deed::new(What::TotpOn)).await?;
    context.codes_tried.succeeded(visitor.address.into(), &operator.name);
    Ok(context.signed_in(&session, &json!({ "step": "done", "recovery_codes": codes })).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Password {
    password: String,
}

/// Removes the person's own second factor.
pub(super) async fn remove(
    State(context): State<Arc<ConsoleContext>>,
    visitor: Visitor,
    SignedIn(operator): SignedIn,
    Json(Password { password }): Json<Password>,
) -> Result<Response, Problem> {
    if known_by(&context, &visitor, &operator.name, password).await?.is_none() {
        return Err(context.refused(&visitor, &operator.name, "the password is wrong"));
    }
    removed(&context, &operator, &operator.name).await
}

/// Removes somebody's second factor: for an admin, when a phone is lost.
pub(super) async fn remove_of(
    State(context): State<Arc<ConsoleContext>>,
    operator: Operator,
    Segment(name): Segment,
) -> Result<Response, Problem> {
    operator.admin()?;
    operator.is_other(&name)?;
    removed(&context, &operator, &name).await
}

async fn removed(context: &ConsoleContext, operator: &Operator, name: &str) -> Result<Response, Problem> {
    let actor = operator.actor();
    let mut account = AccountChange::begin(&context.database().await?, &actor, now()).await?;
    account.role(name).await?;
    if account.remove_totp(name).await? {
        account.commit(&Deed::new(What::TotpOff).detail(name)).await?;
        context.changed().await;
    }
    Ok(json_answer(StatusCode::OK, &json!({})))
}
