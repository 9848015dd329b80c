//! Coming in by a single-use address.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::body::Json;
use super::context::{ConsoleContext, now};
use super::cookie;
use super::visitor::Visitor;
use crate::net::answers::json_answer;
use crate::net::problem::{Problem, problem};
use crate::operators::audit::{Actor, Deed, What};
use crate::operators::people::book::AccountChange;
use crate::operators::secret::{Hash, Secret};
use crate::operators::sessions::{Step, Way, book};
use crate::operators::tickets::{self, Found, Kind};

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
    let database = context.database().await?;
    let (name, hash) = opened(&context, &visitor, &token, Kind::SignIn).await?;
    let actor = context.actor(&name, visitor.address);
    let mut account = AccountChange::begin(&database, &actor, now()).await?;
    if tickets::take(&mut account.change, hash, Kind::SignIn, account.now).await?.is_none() {
        return Err(over(&context, &actor));
    }
    let secret = begin_session(&mut account, &name, (Way::Password, Step::In)).await?;
    account.commit(&Deed::new(What::SignedIn).detail("single-use address")).await?;
    Ok(context.signed_in(&secret, "done").await)
}

/// Returns whose address it is, and the hash of its secret.
pub(super) async fn opened(
    context: &ConsoleContext,
    visitor: &Visitor,
    token: &str,
    kind: Kind,
) -> Result<(String, Hash), Problem> {
    let hash = Hash::of_shown(token).ok_or_else(|| context.no_address(visitor))?;
    match tickets::look(&context.database().await?, hash, kind, now()).await? {
        Found::Good(name) => Ok((name, hash)),
        Found::Over(name) => Err(over(context, &context.actor(&name, visitor.address))),
        Found::Unknown => Err(context.no_address(visitor)),
    }
}

/// Refuses a used or ended address, and notes it: two people may have had it.
pub(super) fn over(context: &ConsoleContext, actor: &Actor) -> Problem {
    context.audit.note(actor, Deed::new(What::InvitationRefused).detail("used before, or ended"));
    let detail = "This address was used before, or has ended. Please ask for a new one.";
    problem(StatusCode::GONE, "used", detail)
}

/// Adds a session to a change. Returns the secret for the cookie.
pub(super) async fn begin_session(
    account: &mut AccountChange<'_>,
    name: &str,
    (way, step): (Way, Step),
) -> anyhow::Result<Secret> {
    let secret = Secret::fresh()?;
    let now = account.now;
    let row = crate::operators::sessions::Row {
        hash: secret.hash(),
        name: name.to_owned(),
        way,
        step,
        made: now,
        last_used: now,
    };
    book::add(&mut account.change, &row).await?;
    Ok(secret)
}

impl ConsoleContext {
    /// Returns a person for the audit log before the sign-in.
    pub(super) fn actor(&self, name: &str, address: Option<std::net::IpAddr>) -> Actor {
        let role = self.accounts.people.get(name).map_or("", |person| person.role.as_str());
        Actor { who: name.to_owned(), role, address }
    }

    /// Answers that a committed session began.
    pub(super) async fn signed_in(&self, secret: &Secret, step: &str) -> Response {
        self.changed().await;
        let mut answer = json_answer(StatusCode::OK, &json!({ "step": step }));
        answer.headers_mut().extend(cookie::set(secret));
        answer
    }

    /// Refuses what is no address, and counts it for the visitor's address.
    fn no_address(&self, visitor: &Visitor) -> Problem {
        if self.site.fail(visitor.address) {
            let detail = "This address opens nothing. Please open it again exactly as you got it.";
            problem(StatusCode::NOT_FOUND, "unknown", detail)
        } else {
            let detail = "Too many tries from your address. Please wait a minute.";
            problem(StatusCode::TOO_MANY_REQUESTS, "wait", detail).retry_after(std::time::Duration::from_secs(60))
        }
    }
}
