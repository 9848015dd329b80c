//! The ways in: a password, the code of a second factor, a single-use address, and the company's sign-in.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::body::Json;
use super::context::{ConsoleContext, now};
use super::entry::too_many;
use super::visitor::{Half, Visitor};
use crate::net::problem::{Problem, problem};
use crate::operators::audit::{Actor, Deed, What};
use crate::operators::passwords;
use crate::operators::people::book::{AccountChange, AccountError};
use crate::operators::people::credentials::used_step;
use crate::operators::people::{self, Person};
use crate::operators::secret::Secret;
use crate::operators::sessions::{Step, Way};
use crate::operators::tickets::Kind;
use crate::operators::totp;

/// The answer to a wrong name, and to a wrong password.
const WRONG: &str = "the name or the password is wrong";
/// The answer to a code that does not open.
const WRONG_CODE: &str = "the code is wrong, or was used before";
/// The pause that is asked of a visitor for whose password no turn came.
const BUSY: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    name: String,
    password: String,
}

/// Signs in by name and password.
pub(super) async fn by_password(
    State(context): State<Arc<ConsoleContext>>,
    visitor: Visitor,
    Json(Credentials { name, password }): Json<Credentials>,
) -> Result<Response, Problem> {
    // What is no name is nobody's, and takes the same way.
    let name = people::name(&name).unwrap_or_default();
    let person = known_by(&context, &visitor, &name, password.clone()).await?;
    let person = person.ok_or_else(|| context.refused(&visitor, &name, WRONG))?;
    let renewed = renewed(&context, &visitor, &person, password).await;
    let step = if person.totp.is_some() { Step::Code } else { Step::In };
    let actor = context.actor(&name, visitor.address);
    let mut account = AccountChange::begin(&context.database().await?, &actor, now()).await?;
    let known = person.password.as_deref().unwrap_or_default();
    if !account.has_password(&name, known, person.totp.as_deref()).await? {
        return Err(context.refused(&visitor, &name, WRONG));
    }
    if let Some(hash) = renewed {
        account.renew_hash(&name, known, &hash).await?;
    }
    let secret = account.begin_session(&name, (Way::Password, step)).await?;
    let deed = match step {
        Step::In => Deed::new(What::SignedIn).detail("password"),
        Step::Code => Deed::new(What::SecondFactorAsked),
    };
    account.commit(&deed).await?;
    Ok(at_step(&context, &secret, step).await)
}

/// Returns the person of a name and a password; `None` if either is wrong, in the same time.
pub(super) async fn known_by(
    context: &ConsoleContext,
    visitor: &Visitor,
    name: &str,
    password: String,
) -> Result<Option<Arc<Person>>, Problem> {
    context.attempt(&context.passwords_tried, visitor, name)?;
    let person = context.accounts.people.get(name);
    let hash = person.as_ref().and_then(|person| person.password.clone());
    let verified = context.passwords.verify(visitor.address.into(), password, hash).await;
    if !verified.map_err(|_| too_many(BUSY))? {
        return Ok(None);
    }
    context.passwords_tried.succeeded(visitor.address.into(), name);
    Ok(person)
}

/// Returns a new hash of a right password whose hash is of an older release. Without a turn, the next sign-in has another chance.
async fn renewed(context: &ConsoleContext, visitor: &Visitor, person: &Person, password: String) -> Option<String> {
    let is_old = person.password.as_deref().is_some_and(passwords::is_outdated);
    if !is_old {
        return None;
    }
    context.passwords.hash(visitor.address.into(), password).await.ok()
}

/// Answers that a session began, and what it lacks.
pub(super) async fn at_step(context: &ConsoleContext, secret: &Secret, step: Step) -> Response {
    let step = match step {
        Step::In => "done",
        Step::Code => "code",
    };
    context.signed_in(secret, &json!({ "step": step })).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Code {
    code: String,
}

/// Brings a session behind its second factor, by a code or a recovery code.
pub(super) async fn by_code(
    State(context): State<Arc<ConsoleContext>>,
    visitor: Visitor,
    Half(session): Half,
    Json(Code { code }): Json<Code>,
) -> Result<Response, Problem> {
    let (name, code) = (session.name(), code.trim());
    let by_app = totp::is_code(code);
    let attempts = if by_app { &context.codes_tried } else { &context.passwords_tried };
    context.attempt(attempts, &visitor, name)?;
    let database = context.database().await?;
    let secret = context.accounts.people.get(name).and_then(|person| person.totp.clone()).unwrap_or_default();
    let used = used_step(&database, name).await?;
    let step = totp::step(&secret, code, now().as_millis().div_euclid(1_000), used);
    if by_app && step.is_none() {
        return Err(context.refused(&visitor, name, WRONG_CODE));
    }
    let actor = context.actor(name, visitor.address);
    let mut account = AccountChange::begin(&database, &actor, now()).await?;
    let is_right = match step {
        Some(step) => account.use_step(name, &secret, step).await?,
        None => account.use_recovery_code(name, totp::recovery_hash(code)).await?,
    };
    if !is_right || !account.end_session(session.hash()).await? {
        return Err(context.refused(&visitor, name, WRONG_CODE));
    }
    let secret = account.begin_session(name, (Way::Password, Step::In)).await?;
    let detail = if by_app { "password and code" } else { "password and recovery code" };
    account.commit(&Deed::new(What::SignedIn).detail(detail)).await?;
    attempts.succeeded(visitor.address.into(), name);
    Ok(at_step(&context, &secret, Step::In).await)
}

/// The secret of a single-use address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    token: String,
}

/// Signs in by a single-use address that a command made. Whoever can run commands on the machine needs no second factor.
pub(super) async fn once(
    State(context): State<Arc<ConsoleContext>>,
    visitor: Visitor,
    Json(Shown { token }): Json<Shown>,
) -> Result<Response, Problem> {
    let (name, hash) = context.opened(&visitor, &token, Kind::SignIn).await?;
    let actor = context.actor(&name, visitor.address);
    let mut account = AccountChange::begin(&context.database().await?, &actor, now()).await?;
    if account.take_ticket(hash, Kind::SignIn).await?.is_none() {
        return Err(context.over(&actor));
    }
    let secret = account.begin_session(&name, (Way::Password, Step::In)).await?;
    account.commit(&Deed::new(What::SignedIn).detail("single-use address")).await?;
    Ok(at_step(&context, &secret, Step::In).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Signs in whom the reverse proxy names. The company's sign-in asked for the second factor, if it wants one.
pub(super) async fn by_company(
    State(context): State<Arc<ConsoleContext>>,
    visitor: Visitor,
    Json(Nothing {}): Json<Nothing>,
) -> Result<Response, Problem> {
    let Some(name) = visitor.company.clone() else {
        let detail = "Nobody vouches for you here. Please sign in by name and password.";
        return Err(problem(StatusCode::UNAUTHORIZED, "signed-out", detail).wants("Cookie"));
    };
    let default_role = context.settings.company.as_ref().and_then(|company| company.default_role);
    let database = context.database().await?;
    let actor = Actor { who: name.clone(), ..context.actor(&name, visitor.address) };
    let mut account = AccountChange::begin(&database, &actor, now()).await?;
    if let Some(role) = default_role {
        account.ensure(&name, role).await?;
    }
    // The store is asked, not the copy in memory: the person may have been added a moment ago.
    match account.role(&name).await {
        Ok(_) => {}
        Err(AccountError::Unknown) => {
            context.audit.note(&actor, Deed::new(What::SignInRefused).detail("company sign-in without an account"));
            let detail = "Your company's sign-in knows you, but you have no account here. Please ask an admin for one.";
            return Err(problem(StatusCode::FORBIDDEN, "no-account", detail));
        }
        Err(error) => return Err(error.into()),
    }
    let secret = account.begin_session(&name, (Way::Company, Step::In)).await?;
    account.commit(&Deed::new(What::SignedIn).detail("company")).await?;
    Ok(at_step(&context, &secret, Step::In).await)
}
