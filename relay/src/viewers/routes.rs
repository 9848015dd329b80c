//! A viewer's requests.
//!
//! | path | answer |
//! |---|---|
//! | `/`, `/line/{username}` | the page, the same for everybody |
//! | `/?username=NAME` | leads to `/line/NAME`: the old system's bookmarks |
//! | `/assets/…`, `/manifest.webmanifest` | the page's parts |
//! | `/embed`, `/embed/{username}`, `/embed.js` | the same for a frame of a portal ([`embed`](super::embed)) |
//! | `/api/v1/live` | a viewer's WebSocket |
//! | `/api/v1/lines/{username}/live` | the same as server-sent events |
//!
//! In access by link, a viewer's WebSocket takes any `Origin`. The token in the first frame decides what the viewer sees, and no
//! browser sends a token by itself, as it does a cookie: a foreign page gains nothing. In `open` access [`foreign`](super::foreign)
//! asks for the origin.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, StatusCode, Uri};
use serde_json::json;
use shared::Username;
use shared::close::Close;

use super::context::ViewerContext;
use super::embed;
use super::foreign::{ForeignPages, of_known_page};
use super::links::{Admission, Denial, Mode, WatchRequest};
use super::page::{self, Page};
use super::viewer;
use crate::net::answers::{Segment, accepts, bearer, error_answer, missing, words};
use crate::net::handshake::{Accepted, AcceptedStream, no_upgrade, upgrade};
use crate::net::listener::Connection;
use crate::net::origin::{Origin, Origins};

/// The page and the viewer API. `origins` may read lines without a token; pages of `portals` may frame the widget.
pub(crate) fn routes(context: Arc<ViewerContext>, page: Arc<Page>, origins: Origins, portals: &[Origin]) -> Router {
    let lines = Router::new().route("/api/v1/live", get(live)).route("/api/v1/lines/{username}/live", get(events));
    let lines = match context.access.mode() {
        Mode::Link => lines,
        Mode::Open => {
            let pages = ForeignPages::new(origins, Arc::clone(&context.hub));
            lines.layer(middleware::from_fn_with_state(pages, of_known_page))
        }
    };
    lines
        .route("/", get(root))
        .route("/line/{username}", get(page_by_name))
        .route("/assets/{name}", get(asset))
        .route("/manifest.webmanifest", get(manifest))
        .merge(embed::routes(portals))
        .fallback(page_missing)
        .layer(Extension(page))
        .with_state(context)
}

async fn root(Extension(page): Extension<Arc<Page>>, uri: Uri, headers: HeaderMap) -> Response {
    match uri.query().and_then(username_of_query) {
        None => page.index(&headers),
        Some(Ok(path)) => {
            (StatusCode::FOUND, [(LOCATION, path), (CACHE_CONTROL, "no-store".to_owned())]).into_response()
        }
        Some(Err(error)) => words(StatusCode::BAD_REQUEST, &headers, &format!("The {error}.")),
    }
}

async fn page_by_name(Extension(page): Extension<Arc<Page>>, headers: HeaderMap) -> Response {
    page.index(&headers)
}

async fn manifest(Extension(page): Extension<Arc<Page>>, headers: HeaderMap) -> Response {
    page.manifest(&headers)
}

/// A browser gets the page with the provider's contacts, everything else a sentence.
async fn page_missing(Extension(page): Extension<Arc<Page>>, headers: HeaderMap) -> Response {
    if accepts(&headers, "text/html") { page.missing() } else { missing(&headers) }
}

async fn asset(uri: Uri, headers: HeaderMap) -> Response {
    page::asset(uri.path(), &headers).unwrap_or_else(|| missing(&headers))
}

async fn live(
    State(context): State<Arc<ViewerContext>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let address = context.site.client(&connection, &headers);
    let serve = move |Accepted { stream, leftover, place }| match stream {
        AcceptedStream::Plain(stream) => {
            drop(tokio::spawn(viewer::serve_websocket(stream, leftover, address, context, place)));
        }
        AcceptedStream::Tls(stream) => {
            drop(tokio::spawn(viewer::serve_websocket(*stream, leftover, address, context, place)));
        }
    };
    upgrade(request, &connection, None, serve).unwrap_or_else(|error| no_upgrade(error, &headers))
}

async fn events(
    State(context): State<Arc<ViewerContext>>,
    Extension(connection): Extension<Connection>,
    Segment(username): Segment,
    headers: HeaderMap,
) -> Response {
    let address = context.site.client(&connection, &headers);
    let admitted = admit(&context, username, &headers).map_err(|denial| context.deny(&denial, address));
    match admitted.and_then(|admission| viewer::serve_events(admission, address, Arc::clone(&context))) {
        Ok(body) => {
            // A connection that has given way meanwhile ends by itself.
            connection.become_known();
            event_stream(Body::new(body))
        }
        Err(close) => viewer_error(close),
    }
}

/// Admits whoever asks for the line of a path. A token must open exactly this line; without one, the path's username is asked for as such.
pub(crate) fn admit(context: &ViewerContext, username: String, headers: &HeaderMap) -> Result<Admission, Denial> {
    let now = SystemTime::now();
    let Some(token) = bearer(headers) else {
        return context.access.admit(&WatchRequest::Username(username), now);
    };
    let admission = context.access.admit(&WatchRequest::Token(token.to_owned()), now)?;
    if admission.username.to_text() == username { Ok(admission) } else { Err(Denial::OtherLine(admission.username)) }
}

fn event_stream(body: Body) -> Response {
    // A proxy that compresses would hold events back. `no-transform` forbids compression (RFC 9111, section 5.2.2.6). Caddy before
    // 2.7 heeds only a Content-Encoding, and nginx holds events back without the last header.
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store, no-transform"),
        (CONTENT_ENCODING, "identity"),
        // Behind its stream the connection is nobody's that the relay knows.
        (CONNECTION, "close"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, body).into_response()
}

/// A viewer's error frame as an answer.
fn viewer_error(close: Close) -> Response {
    let body = json!({"type": "error", "code": close.code(), "reason": close.name()});
    error_answer(status_of(close), &body)
}

/// Returns the status of a close code.
pub(crate) fn status_of(close: Close) -> StatusCode {
    match close {
        Close::LinkRefused | Close::LinkExpired => StatusCode::UNAUTHORIZED,
        Close::TooManyFailures | Close::TooManyUnknown => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Returns the target of `?username=NAME`, relative to the page: behind a reverse proxy the page may have a folder.
/// `None` without a name.
fn username_of_query(query: &str) -> Option<Result<String, shared::username::UsernameError>> {
    let typed = query.split('&').find_map(|pair| pair.strip_prefix("username="))?;
    if typed.is_empty() {
        return None;
    }
    let bytes = form_decoded(typed);
    Some(Username::from_typed(&bytes).map(|username| format!("line/{}", path_segment(&username.to_text()))))
}

/// Decodes a form's value: `+` is a space, `%XX` a byte of any encoding.
fn form_decoded(value: &str) -> Vec<u8> {
    shared::username::unescape(&value.replace('+', " "))
}

/// Encodes a path's segment: every byte except the unreserved ones (RFC 3986, section 2.3).
pub(crate) fn path_segment(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String has no way to fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_bookmarks_lead_to_the_line_whatever_their_encoding() {
        for (query, path) in [
            ("username=ali", "line/ali"),
            ("x=1&username=4446@karoo.example&y", "line/4446%40karoo.example"),
            ("username=a%2Fb+c%2Cd", "line/a%2Fb%20c%2Cd"),
            ("username=caf%E9", "line/caf%25E9"),
            ("username=caf%C3%A9", "line/caf%C3%A9"),
            ("username=50%25", "line/50%2525"),
            ("username=50%", "line/50%2525"),
            ("username=caf%25E9", "line/caf%25E9"),
            ("username=..%0D%0ASet-Cookie:x", "line/..%0D%0ASet-Cookie%3Ax"),
        ] {
            assert_eq!(username_of_query(query), Some(Ok(path.to_owned())), "{query}");
        }
        for query in ["", "username=", "user=ali", "xusername=ali"] {
            assert_eq!(username_of_query(query), None, "{query}");
        }
        assert!(username_of_query(&format!("username={}", "x".repeat(256))).unwrap().is_err());
    }
}
