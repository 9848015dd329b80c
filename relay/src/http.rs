//! What an HTTP request gets: the page, the viewer API, the uplink's door, and on the private listener what operators read.
//!
//! | path | answer |
//! |---|---|
//! | `/`, `/line/{username}` | the page, the same for everybody |
//! | `/?username=NAME` | leads to `/line/NAME`: the old system's bookmarks |
//! | `/assets/…` | the page's parts |
//! | `/api/v1/live` | a viewer's WebSocket |
//! | `/api/v1/lines/{username}/live` | the same as server-sent events |
//! | `/agent/v1` | an agent's uplink |
//!
//! A viewer's WebSocket takes any `Origin`: what it may see is decided by a token in its first frame, which no browser
//! sends by itself as it does a cookie, so that a foreign page gains nothing; in `open` access there is nothing to gain.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use http::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use serde::Serialize;
use serde_json::json;
use shared::close::Close;
use shared::{UPLINK_SUBPROTOCOL, Username};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::agents::registry::{Grant, Registry};
use crate::net::handshake::{HandshakeError, Then, UplinkParts, upgrade};
use crate::net::listener::Connection;
use crate::net::peer::Forwarding;
use crate::viewers::links::{Admission, Denial, WatchRequest};
use crate::viewers::page;
use crate::viewers::viewer::{self, ViewerContext};

/// On every answer. The page needs its own scripts, styles and connections, and a picture in its own HTML; nothing else.
const SECURITY: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (shared::RELAY_HEADER, "relay"),
];

/// Seconds after which a viewer that found everything full, or an address with too many failures, may come back.
const COME_BACK_AFTER: &str = "60";

/// What the public listeners' requests share.
pub struct Site {
    /// What every viewer's task shares.
    pub context: Arc<ViewerContext>,
    /// Who may report a line.
    pub registry: Registry,
    /// The reverse proxies that are believed.
    pub forwarding: Option<Forwarding>,
    /// How often the registry's file is asked whether it changed.
    pub reload_every: Duration,
}

/// What a listener serves to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serves {
    /// The page and the viewer API.
    Viewers,
    /// The uplink's door.
    Agents,
    /// Both, on one port.
    Both,
}

/// The requests of a public listener.
pub fn public(site: Arc<Site>, serves: Serves) -> Router {
    let mut router = Router::new();
    if serves != Serves::Agents {
        router = router
            .route("/", get(root))
            .route("/line/{username}", get(page_by_name))
            .route("/assets/{name}", get(asset))
            .route("/api/v1/live", get(live))
            .route("/api/v1/lines/{username}/live", get(events));
    }
    if serves != Serves::Viewers {
        router = router.route(shared::UPLINK_PATH, get(agent));
    }
    finished(router.with_state(site))
}

/// The requests of the private listener.
pub fn private(context: Arc<ViewerContext>) -> Router {
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/agents", get(agents))
        .route("/explain/{username}", get(explain));
    finished(router.with_state(context))
}

fn finished(router: Router) -> Router {
    router.method_not_allowed_fallback(method_not_allowed).fallback(not_found).layer(middleware::map_response(secured))
}

async fn secured(mut response: Response) -> Response {
    for (name, value) in SECURITY {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

async fn root(uri: Uri, headers: HeaderMap) -> Response {
    match uri.query().and_then(username_of_query) {
        None => page::index(&headers),
        Some(Ok(path)) => {
            (StatusCode::FOUND, [(LOCATION, path), (CACHE_CONTROL, "no-store".to_owned())]).into_response()
        }
        Some(Err(error)) => words(StatusCode::BAD_REQUEST, &headers, &format!("The {error}.")),
    }
}

async fn page_by_name(headers: HeaderMap) -> Response {
    page::index(&headers)
}

async fn asset(uri: Uri, headers: HeaderMap) -> Response {
    page::asset(uri.path(), &headers).unwrap_or_else(|| missing(&headers))
}

async fn live(
    State(site): State<Arc<Site>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    let accept = request.headers().clone();
    let then = Then::Viewer(Arc::clone(&site.context), site.client(&connection, &accept));
    upgrade(request, &connection, None, then).unwrap_or_else(|error| no_upgrade(error, &accept))
}

async fn events(
    State(site): State<Arc<Site>>,
    Extension(connection): Extension<Connection>,
    Path(username): Path<String>,
    headers: HeaderMap,
) -> Response {
    let context = &site.context;
    let admitted =
        admit(&site, username, &headers).map_err(|denial| context.deny(&denial, site.client(&connection, &headers)));
    match admitted.and_then(|admission| viewer::serve_events(admission, Arc::clone(context))) {
        Ok(body) => event_stream(Body::new(body)),
        Err(close) => viewer_error(close),
    }
}

/// A token must open exactly the line of the path; without one, the path's username is asked for as such.
fn admit(site: &Site, username: String, headers: &HeaderMap) -> Result<Admission, Denial> {
    let now = SystemTime::now();
    let Some(token) = bearer(headers) else {
        return site.context.access.admit(&WatchRequest::Username(username), now);
    };
    let admission = site.context.access.admit(&WatchRequest::Token(token.to_owned()), now)?;
    if admission.username.to_text() == username { Ok(admission) } else { Err(Denial::OtherLine(admission.username)) }
}

async fn agent(
    State(site): State<Arc<Site>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let Some(grant) = grant_of(&site, &headers).await else {
        return refuse_agent(&site, &connection, &headers);
    };
    let then = Then::Uplink(Box::new(site.uplink(grant, &connection, &headers)));
    upgrade(request, &connection, Some(UPLINK_SUBPROTOCOL), then).unwrap_or_else(|error| no_upgrade(error, &headers))
}

/// The grant of the agent's token. A token that was made a moment ago is in the registry's file and not in use yet, so an
/// unknown one is asked for once more after the next reload: an agent that is started right after `agent add` is not
/// sent away for a minute.
async fn grant_of(site: &Site, headers: &HeaderMap) -> Option<Arc<Grant>> {
    let token = bearer(headers)?.as_bytes();
    let mut changes = site.registry.changes();
    if let Some(grant) = site.registry.authenticate(token) {
        return Some(grant);
    }
    // Whether a reload came or not, the answer is the registry's.
    let _ = timeout(site.reload_every * 2, changes.changed()).await;
    site.registry.authenticate(token)
}

fn refuse_agent(site: &Site, connection: &Connection, headers: &HeaderMap) -> Response {
    site.context.metrics.agents_refused.increment();
    let reason = match bearer(headers) {
        Some(_) => "the agent's token is not known here; `linelight-relay agent add` makes one",
        None => "an agent's token is needed, as \"Authorization: Bearer TOKEN\"",
    };
    if !site.context.fail(site.client(connection, headers)) {
        return json_error(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_failures",
            "too many failed logins from this address",
        );
    }
    tracing::warn!(reason, "an uplink was refused");
    tracing::debug!(address = ?site.client(connection, headers), "an uplink was refused");
    json_error(StatusCode::UNAUTHORIZED, "token_refused", reason)
}

impl Site {
    fn client(&self, connection: &Connection, headers: &HeaderMap) -> Option<IpAddr> {
        match &self.forwarding {
            Some(forwarding) => forwarding.client(connection.peer, headers),
            None => Some(connection.peer),
        }
    }

    fn uplink(&self, grant: Arc<Grant>, connection: &Connection, headers: &HeaderMap) -> UplinkParts {
        UplinkParts {
            grant,
            peer: self.client(connection, headers),
            registry: self.registry.clone(),
            hub: Arc::clone(&self.context.hub),
            drain: watch::Receiver::clone(&self.context.drain),
        }
    }
}

async fn ready(State(context): State<Arc<ViewerContext>>) -> Response {
    if *context.drain.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    if context.metrics.subscribers_unusable.get() > 0 {
        return "ready, degraded: the subscribers file cannot be used, see the log\n".into_response();
    }
    "ready\n".into_response()
}

async fn metrics(State(context): State<Arc<ViewerContext>>) -> Response {
    context.hub.survey();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], context.metrics.render()).into_response()
}

async fn agents(State(context): State<Arc<ViewerContext>>) -> Response {
    json_answer(StatusCode::OK, &context.hub.explain_agents(tokio::time::Instant::now()))
}

async fn explain(
    State(context): State<Arc<ViewerContext>>,
    Path(username): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Ok(username) = Username::from_typed(username.as_bytes()) else {
        return words(StatusCode::BAD_REQUEST, &headers, "That is no username.");
    };
    let explanation = context.hub.explain(&username, tokio::time::Instant::now());
    if accepts(&headers, "application/json") {
        return json_answer(StatusCode::OK, &explanation);
    }
    explanation.to_string().into_response()
}

async fn not_found(headers: HeaderMap) -> Response {
    missing(&headers)
}

async fn method_not_allowed(headers: HeaderMap) -> Response {
    let mut response = words(StatusCode::METHOD_NOT_ALLOWED, &headers, "This address can only be read.");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

fn missing(headers: &HeaderMap) -> Response {
    words(StatusCode::NOT_FOUND, headers, "There is nothing here. Please use the link that your provider gave you.")
}

fn no_upgrade(error: HandshakeError, headers: &HeaderMap) -> Response {
    let mut response = words(error.status(), headers, &error.to_string());
    let answer = response.headers_mut();
    answer.insert(http::header::UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(http::header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    response
}

/// A sentence, as a small page for a browser and as text for everything else; `sentence` holds nothing of the request.
fn words(status: StatusCode, headers: &HeaderMap, sentence: &str) -> Response {
    let no_store = (CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !accepts(headers, "text/html") {
        return (status, [no_store], format!("{sentence}\n")).into_response();
    }
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{status}</title><p>{}</p></html>\n",
        escaped(sentence)
    );
    (status, [no_store, (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], html).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn event_stream(body: Body) -> Response {
    // The last one asks nginx not to hold events back.
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, body).into_response()
}

/// A viewer's error frame as an answer.
fn viewer_error(close: Close) -> Response {
    let status = match close {
        Close::LinkRefused | Close::LinkExpired => StatusCode::UNAUTHORIZED,
        Close::TooManyFailures => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = json!({"type": "error", "code": close.code(), "reason": close.name()});
    error_answer(status, &body)
}

fn json_error(status: StatusCode, reason: &str, message: &str) -> Response {
    error_answer(status, &json!({"type": "error", "reason": reason, "message": message}))
}

fn error_answer(status: StatusCode, body: &serde_json::Value) -> Response {
    let mut response = json_answer(status, body);
    let headers = response.headers_mut();
    match status {
        StatusCode::UNAUTHORIZED => headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
        _ => headers.insert(RETRY_AFTER, HeaderValue::from_static(COME_BACK_AFTER)),
    };
    response
}

fn json_answer(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_string(body) {
        Ok(text) => {
            let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
            (status, headers, text + "\n").into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The token of `Authorization: Bearer TOKEN` (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok()).any(|value| value.contains(media_type))
}

/// Where `?username=NAME` leads; `None` without one.
fn username_of_query(query: &str) -> Option<Result<String, shared::username::UsernameError>> {
    let typed = query.split('&').find_map(|pair| pair.strip_prefix("username="))?;
    if typed.is_empty() {
        return None;
    }
    let bytes = form_decoded(typed);
    Some(Username::from_typed(&bytes).map(|username| format!("/line/{}", path_segment(&username.to_text()))))
}

/// Decodes a form's value: `+` is a space, `%XX` a byte of any encoding.
fn form_decoded(value: &str) -> Vec<u8> {
    shared::username::unescape(&value.replace('+', " "))
}

/// Encodes a path's segment: all but what RFC 3986, section 2.3 leaves as it is.
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
            ("username=ali", "/line/ali"),
            ("x=1&username=4446@karoo.example&y", "/line/4446%40karoo.example"),
            ("username=a%2Fb+c%2Cd", "/line/a%2Fb%20c%2Cd"),
            ("username=caf%E9", "/line/caf%25E9"),
            ("username=caf%C3%A9", "/line/caf%C3%A9"),
            ("username=50%25", "/line/50%2525"),
            ("username=50%", "/line/50%2525"),
            ("username=caf%25E9", "/line/caf%25E9"),
            ("username=..%0D%0ASet-Cookie:x", "/line/..%0D%0ASet-Cookie%3Ax"),
        ] {
            assert_eq!(username_of_query(query), Some(Ok(path.to_owned())), "{query}");
        }
        for query in ["", "username=", "user=ali", "xusername=ali"] {
            assert_eq!(username_of_query(query), None, "{query}");
        }
        assert!(username_of_query(&format!("username={}", "x".repeat(256))).unwrap().is_err());
    }

    #[test]
    fn a_bearer_token_is_found() {
        let of = |value: &'static str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]);
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(of("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(of("bearer  abc ").as_deref(), Some("abc"));
        assert_eq!(of("Basic abc"), None);
        assert_eq!(of("Bearer"), None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
