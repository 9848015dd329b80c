//! Who asks: a handler's argument. Without the right, the handler is not called.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;

use super::context::ConsoleContext;
use crate::net::problem::{Problem, problem};
use crate::operators::audit::Actor;
use crate::operators::people::{Person, Role};
use crate::operators::sessions::Session;
use crate::viewers::links::lease::Lease;

/// A person who is signed in, with the second factor where one is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    /// The person's name.
    pub(crate) name: String,
    /// What the person may do.
    pub(crate) role: Role,
    /// The session.
    pub(crate) session: Arc<Session>,
    /// The person's address, where known.
    pub(crate) address: Option<IpAddr>,
}

impl Operator {
    pub(super) fn new(person: &Person, session: Arc<Session>) -> Self {
        Self { name: person.name.clone(), role: person.role, session, address: None }
    }

    /// Lets admins alone pass.
    ///
    /// # Errors
    /// 403 `role`.
    pub(crate) fn admin(&self) -> Result<(), Problem> {
        match self.role {
            Role::Admin => Ok(()),
            Role::Support => Err(problem(StatusCode::FORBIDDEN, "role", "Only an admin may do this.")),
        }
    }

    /// Refuses what an admin does for others without a password. For oneself the password is asked for: a browser left alone, or a
    /// stolen session, must not become an account for good.
    ///
    /// # Errors
    /// 403 `own`.
    pub(super) fn is_other(&self, name: &str) -> Result<(), Problem> {
        if name != self.name {
            return Ok(());
        }
        let detail = "For your own account, use Account in the console, which asks for your password. Without a password, \
                      ask another admin, or run `linelight-relay operator` on the relay's machine.";
        Err(problem(StatusCode::FORBIDDEN, "own", detail))
    }

    /// Returns the person for the audit log.
    pub(crate) fn actor(&self) -> Actor {
        Actor { who: self.name.clone(), role: self.role.as_str(), address: self.address }
    }

    /// Returns the lease of a stream that lives by the session. Ends within a second of the session.
    pub(crate) fn lease(&self) -> Lease {
        Lease::of_session(self.session.ended())
    }
}

/// A person who is signed in, perhaps without the second factor that is wanted.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn(pub(crate) Operator);

/// A session between password and second factor.
#[derive(Debug, Clone)]
pub(super) struct Half(pub(super) Arc<Session>);

/// Where a request's session stands.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    /// No session, or one that has ended.
    SignedOut,
    /// The password was right, the second factor's code is missing.
    Half(Arc<Session>),
    /// Signed in, and has to set up a second factor before all else.
    Enrols(Operator),
    /// Signed in.
    In(Operator),
}

/// Anybody.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    standing: Standing,
    /// The visitor's address, where known.
    pub(crate) address: Option<IpAddr>,
    /// The person whom the company's sign-in names.
    pub(super) company: Option<String>,
    has_accounts: bool,
}

impl Visitor {
    pub(super) fn new(
        mut standing: Standing,
        address: Option<IpAddr>,
        company: Option<String>,
        context: &ConsoleContext,
    ) -> Self {
        if let Standing::Enrols(operator) | Standing::In(operator) = &mut standing {
            operator.address = address;
        }
        Self { standing, address, company, has_accounts: !context.accounts.people.is_empty() }
    }

    /// True if the visitor came with a session that has ended since.
    pub(super) fn is_over(&self) -> bool {
        match &self.standing {
            Standing::SignedOut => false,
            Standing::Half(session) => session.has_ended(),
            Standing::Enrols(operator) | Standing::In(operator) => operator.session.has_ended(),
        }
    }

    /// Returns the refusal of whoever is not signed in.
    pub(super) fn signed_out(&self) -> Problem {
        problem(StatusCode::UNAUTHORIZED, "signed-out", "Please sign in.")
            .wants("Cookie")
            .with("accounts", self.has_accounts)
            .with("company_sign_in", self.company.is_some())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let missing = || problem(StatusCode::INTERNAL_SERVER_ERROR, "fault", "The relay has a fault; see its log.");
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Half {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let visitor = Visitor::from_request_parts(parts, state).await?;
        match visitor.standing {
            Standing::Half(session) => Ok(Self(session)),
            _ => Err(visitor.signed_out()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let visitor = Visitor::from_request_parts(parts, state).await?;
        match visitor.standing {
            Standing::In(operator) | Standing::Enrols(operator) => Ok(Self(operator)),
            Standing::SignedOut | Standing::Half(_) => Err(visitor.signed_out()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let visitor = Visitor::from_request_parts(parts, state).await?;
        match visitor.standing {
            Standing::In(operator) => Ok(operator),
            Standing::Enrols(_) => {
                let detail = "A second factor is wanted of everybody here. Please set one up first.";
                Err(problem(StatusCode::FORBIDDEN, "enrol", detail))
            }
            Standing::SignedOut | Standing::Half(_) => Err(visitor.signed_out()),
        }
    }
}
