//! Who calls: the key of a request, and whether the key may do what the request asks for.
//!
//! The key is judged before path, query and body are read. An unknown key and a revoked one are refused alike. Both count for their
//! address as failed logins do; a right key is never refused for that.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;

use super::context::ApiContext;
use super::keys::{Key, Scope, book};
use crate::clock::unix_seconds;
use crate::net::answers::bearer;
use crate::net::listener::Connection;
use crate::net::origin::Judgement;
use crate::net::problem::{Problem, problem};
use crate::operators::audit::{Actor, Deed, What};

/// How long an address with too many wrong keys is to wait.
const WAIT: Duration = Duration::from_secs(60);

/// A right that some scopes have.
pub(super) trait Right {
    /// Any of these is enough.
    const SCOPES: &'static [Scope];
}

macro_rules! rights {
    ($($(#[doc = $doc:literal])+ $name:ident = $($scope:ident)|+;)+) => {
        $($(#[doc = $doc])+ pub(super) struct $name;
        impl Right for $name {
            const SCOPES: &'static [Scope] = &[$(Scope::$scope),+];
        })+
    };
}

rights! {
    /// To read lines.
    ReadLines = Read;
    /// To read the subscribers that were entered.
    ReadSubscribers = Read | Subscribers;
    /// To change them.
    ChangeSubscribers = Subscribers;
    /// To read the links of a line.
    ReadLinks = Read | Links;
    /// To make and revoke them.
    ChangeLinks = Links;
}

/// A caller with a right.
pub(super) struct Caller<R> {
    key: Arc<Key>,
    address: Option<IpAddr>,
    right: PhantomData<R>,
}

impl<R> Caller<R> {
    /// Returns the caller for the audit log.
    pub(super) fn actor(&self) -> Actor {
        actor(&self.key, self.address)
    }
}

fn actor(key: &Key, address: Option<IpAddr>) -> Actor {
    Actor { who: format!("(key {})", key.name), role: "key", address }
}

impl<R: Right> FromRequestParts<Arc<ApiContext>> for Caller<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, context: &Arc<ApiContext>) -> Result<Self, Problem> {
        let connection = parts.extensions.get::<Connection>();
        let address = connection.and_then(|connection| context.site.client(connection, &parts.headers));
        if context.origins.judge(&parts.headers) != Judgement::Own {
            context.fleet.hub.metrics.origins_refused.increment();
            let detail = "A web page of another origin asks. The API is for programs: call it from your server.";
            return Err(problem(StatusCode::FORBIDDEN, "other-origin", detail));
        }
        let key = bearer(&parts.headers).and_then(|shown| context.keys.find(shown));
        let key = key.ok_or_else(|| refuse(context, address))?;
        if let Some(connection) = connection {
            connection.become_known();
        }
        let now = unix_seconds(SystemTime::now());
        if !key.scopes.include_any(R::SCOPES) {
            return Err(out_of_scope(context, &key, address, R::SCOPES, now));
        }
        context.fleet.hub.metrics.api_requests.increment();
        note_use(context, &key, now);
        Ok(Self { key, address, right: PhantomData })
    }
}

/// Counts a request without a key in force, and returns its refusal.
fn refuse(context: &ApiContext, address: Option<IpAddr>) -> Problem {
    context.fleet.hub.metrics.api_refused.increment();
    if context.site.fail(address) {
        let detail = "A key in force is needed, as Authorization: Bearer KEY. `linelight-relay key add` makes one.";
        return problem(StatusCode::UNAUTHORIZED, "key", detail).wants("Bearer");
    }
    let detail = "Too many requests without a key in force came from this address.";
    problem(StatusCode::TOO_MANY_REQUESTS, "wait", detail).retry_after(WAIT)
}

fn out_of_scope(context: &ApiContext, key: &Key, address: Option<IpAddr>, wanted: &[Scope], now: u64) -> Problem {
    context.fleet.hub.metrics.api_refused.increment();
    let wanted: Vec<&str> = wanted.iter().map(|scope| scope.as_str()).collect();
    let wanted = wanted.join(" or ");
    if key.is_refused(now) {
        let deed = Deed::new(What::KeyRefused).detail(format!("has {}, needs {wanted}", key.scopes));
        context.audit.note(&actor(key, address), deed);
    }
    let detail = format!("This key may not do that: the scope {wanted} is needed.");
    problem(StatusCode::FORBIDDEN, "scope", &detail)
}

fn note_use(context: &Arc<ApiContext>, key: &Arc<Key>, now: u64) {
    if !key.is_used(now) {
        return;
    }
    let (context, key) = (Arc::clone(context), Arc::clone(key));
    // Without the store, the last use stays as it was.
    drop(tokio::spawn(async move { book::touch(&context.store.database().await?, &key, now).await }));
}
