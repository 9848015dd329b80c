//! The console's page: one HTML file for every address below `/console`, the same for everybody. Its script asks the
//! console's API who is there. Where nobody can have an account there is no console, and the answer says how to get one.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::header::CONTENT_SECURITY_POLICY;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::context::ConsoleContext;
use crate::net::answers::words;
use crate::viewers::page::Page;

/// The console needs its own scripts, styles and connections, forms to itself, and pictures in its own texts. It is never framed.
const CONSOLE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The answer of a relay where nobody has an account.
const NOBODY: &str = "Nobody has an account here yet. On the relay's machine, \
     `linelight-relay operator add NAME --role admin` makes the first one.";

#[derive(Clone)]
struct Shell {
    page: Arc<Page>,
    context: Arc<ConsoleContext>,
}

/// The console's addresses, without its API.
pub(crate) fn routes(page: Arc<Page>, context: Arc<ConsoleContext>) -> Router {
    let shell = Shell { page, context };
    let addresses = ["/console", "/console/", "/console/{*rest}"];
    addresses.into_iter().fold(Router::new(), |router, path| router.route(path, get(document))).with_state(shell)
}

async fn document(State(shell): State<Shell>, headers: HeaderMap) -> Response {
    if !shell.context.can_be_entered() {
        // The command may have made the first account a moment ago.
        shell.context.changed().await;
    }
    let mut response = if shell.context.can_be_entered() {
        shell.page.console(&headers)
    } else {
        words(StatusCode::NOT_FOUND, &headers, NOBODY)
    };
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONSOLE_POLICY));
    response
}
