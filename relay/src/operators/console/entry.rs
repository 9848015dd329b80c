//! What every way in shares: limits, single-use addresses, and the answer with the session's cookie.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::response::Response;
use http::StatusCode;

use super::context::{ConsoleContext, now};
use super::cookie;
use super::visitor::Visitor;
use crate::net::answers::json_answer;
use crate::net::problem::{Problem, problem, sentence};
use crate::operators::attempts::Attempts;
use crate::operators::audit::{Actor, Deed, What};
use crate::operators::secret::{Hash, Secret};
use crate::operators::tickets::{self, Found, Kind};

/// Who is named in the log for a name that nobody has: what was typed may be a password.
const NOBODY: &str = "(unknown)";

impl ConsoleContext {
    /// Returns a person for the audit log before the sign-in.
    pub(super) fn actor(&self, name: &str, address: Option<IpAddr>) -> Actor {
        match self.accounts.people.get(name) {
            Some(person) => Actor { who: person.name.clone(), role: person.role.as_str(), address },
            None => Actor { who: NOBODY.to_owned(), role: "", address },
        }
    }

    /// Answers that a committed session began.
    pub(super) async fn signed_in(&self, secret: &Secret, body: &serde_json::Value) -> Response {
        self.changed().await;
        let mut answer = json_answer(StatusCode::OK, body);
        answer.headers_mut().extend(cookie::set(secret));
        answer
    }

    /// Counts an attempt of a visitor.
    ///
    /// # Errors
    /// 429 `wait`.
    pub(super) fn attempt(&self, attempts: &Attempts, visitor: &Visitor, name: &str) -> Result<(), Problem> {
        attempts.begin(visitor.address.into(), name, Instant::now()).map_err(|wait| {
            self.metrics.attempts_limited.increment();
            too_many(wait)
        })
    }

    /// Notes a refused sign-in, and answers it.
    pub(super) fn refused(&self, visitor: &Visitor, name: &str, detail: &str) -> Problem {
        let actor = self.actor(name, visitor.address);
        self.audit.note(&actor, Deed::new(What::SignInRefused).detail(detail));
        problem(StatusCode::UNAUTHORIZED, "wrong", &sentence(detail)).wants("Cookie")
    }

    /// Returns whose single-use address it is, and the hash of its secret.
    ///
    /// # Errors
    /// 410 `used`, 404 `unknown` or 429 `wait`.
    pub(super) async fn opened(&self, visitor: &Visitor, token: &str, kind: Kind) -> Result<(String, Hash), Problem> {
        let hash = Hash::of_shown(token).ok_or_else(|| self.no_address(visitor))?;
        match tickets::look(&self.database().await?, hash, kind, now()).await? {
            Found::Good(name) => Ok((name, hash)),
            Found::Over(name) => Err(self.over(&self.actor(&name, visitor.address))),
            Found::Unknown => Err(self.no_address(visitor)),
        }
    }

    /// Refuses a used or ended address, and notes it within the limit of failed logins: two people may have had it.
    pub(super) fn over(&self, actor: &Actor) -> Problem {
        if self.site.fail(actor.address) {
            self.audit.note(actor, Deed::new(What::InvitationRefused).detail("used before, or ended"));
        }
        let detail = "This address was used before, or has ended. Please ask for a new one.";
        problem(StatusCode::GONE, "used", detail)
    }

    /// Refuses what is no address, and counts it for the visitor's address.
    fn no_address(&self, visitor: &Visitor) -> Problem {
        if self.site.fail(visitor.address) {
            let detail = "This address opens nothing. Please open it again exactly as you got it.";
            problem(StatusCode::NOT_FOUND, "unknown", detail)
        } else {
            too_many(Duration::from_secs(60))
        }
    }
}

/// Refuses an attempt too many.
pub(super) fn too_many(wait: Duration) -> Problem {
    let detail = "There were too many tries. Please wait, and try again.";
    problem(StatusCode::TOO_MANY_REQUESTS, "wait", detail).retry_after(wait)
}
