//! What comes before every request of the console: the origin of the page that makes it, and the person behind it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::UPGRADE;
use http::{HeaderMap, Method, StatusCode};

use super::context::{ConsoleContext, now};
use super::cookie;
use super::visitor::{Operator, Standing, Visitor};
use crate::net::listener::Connection;
use crate::net::problem::problem;
use crate::operators::secret::Hash;
use crate::operators::sessions::{Session, Step, Way, book};
use crate::store::database::location::Location;

/// A session of another relay of the same store is looked for so often at most.
const LOOKED_FOR_EVERY: Duration = Duration::from_millis(100);

/// Refuses what another page asks for, and notes who asks.
pub(super) async fn known(
    State(context): State<Arc<ConsoleContext>>,
    Extension(connection): Extension<Connection>,
    mut request: Request,
    next: Next,
) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD) && !request.headers().contains_key(UPGRADE);
    if !reads && !context.origins.is_named_own(request.headers()) {
        context.metrics.origins_refused.increment();
        let detail = "Another web page asks for this. Please open the console by its own address.";
        return problem(StatusCode::FORBIDDEN, "other-origin", detail).into_response();
    }
    let company = company(&context, &connection, request.headers());
    let session = session(&context, cookie::shown(request.headers())).await;
    // A session by the company's sign-in lasts while the proxy names the same person.
    let vouched = |session: &Arc<Session>| session.way() == Way::Password || company.as_deref() == Some(session.name());
    let standing = session.filter(vouched).map_or(Standing::SignedOut, |session| standing(&context, session));
    let address = context.site.client(&connection, request.headers());
    request.extensions_mut().insert(Visitor::new(standing, address, company, &context));
    next.run(request).await
}

/// Returns the person whom the company's sign-in names. Anybody can write a header: it counts from a trusted proxy alone.
fn company(context: &ConsoleContext, connection: &Connection, headers: &HeaderMap) -> Option<String> {
    let company = context.settings.company.as_ref().filter(|company| company.is_in(headers))?;
    if !context.site.is_proxy(connection) {
        context.metrics.operator_headers_ignored.increment();
        return None;
    }
    company.name(headers)
}

async fn session(context: &ConsoleContext, hash: Option<Hash>) -> Option<Arc<Session>> {
    let hash = hash?;
    let sessions = &context.accounts.sessions;
    if let Some(session) = sessions.get(&hash, now()) {
        return Some(session);
    }
    if matches!(context.store.location(), Location::File(_)) {
        return None;
    }
    // The person may have signed in at another relay a moment ago.
    context.copies.refresh_after(LOOKED_FOR_EVERY).await;
    sessions.get(&hash, now())
}

/// Returns where a session stands, and notes its use.
fn standing(context: &Arc<ConsoleContext>, session: Arc<Session>) -> Standing {
    let Some(person) = context.accounts.people.get(session.name()) else { return Standing::SignedOut };
    if session.step() == Step::Code {
        return Standing::Half(session);
    }
    let at = now();
    if context.accounts.sessions.touch(&session, at) {
        let (context, session) = (Arc::clone(context), Arc::clone(&session));
        // Without the store, the time of the last request is known to this relay alone.
        drop(tokio::spawn(async move {
            let database = context.store.database().await?;
            book::touch(&database, session.hash(), session.name(), at).await
        }));
    }
    let lacks_second_factor = context.settings.require_totp && session.way() == Way::Password && person.totp.is_none();
    let operator = Operator::new(&person, session);
    if lacks_second_factor { Standing::Enrols(operator) } else { Standing::In(operator) }
}
