//! HTTP answers common to all wings: headers, sentences, JSON; and the reading of `Authorization` and `Accept`.

use std::future::ready;

use axum::Router;
use axum::extract::{FromRequestParts, Path, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::json;
use shared::escape;

use super::folder::Folder;
use super::origin::Transport;
use super::request_head::Refusal;

/// Headers of every answer that has none of its own, beside the content security policy of its wing.
const SECURITY: [(&str, &str); 5] = [
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (shared::RELAY_HEADER, "relay"),
];

/// A browser that reached the relay by the relay's own TLS never tries plain HTTP again, for a year (RFC 6797).
const STRICT_TRANSPORT: &str = "max-age=31536000";

/// Seconds before a viewer may come back to a full relay, or an address after too many failures.
const COME_BACK_AFTER: &str = "60";

/// What every answer of a listener has beside [`SECURITY`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    /// The content security policy of the wing, for every answer without one of its own.
    pub(crate) content: &'static str,
    /// How browsers reach the listener.
    pub(crate) transport: Transport,
}

/// Gives a router its folder, its answer to unknown methods, and every answer its security headers. No answer leaves a listener by
/// another door.
pub(crate) fn finished(router: Router, folder: Folder, policy: Policy) -> Router {
    let layer = middleware::map_response(move |response| ready(secured(response, policy)));
    let router = router.method_not_allowed_fallback(method_not_allowed);
    folder.around(router).layer(middleware::from_fn(unless_refused)).layer(layer)
}

/// Answers a request that was refused before it was read, and lets every other one pass.
async fn unless_refused(request: Request, next: Next) -> Response {
    match request.extensions().get::<Refusal>() {
        None => next.run(request).await,
        Some(refusal) => words(refusal.status(), request.headers(), &format!("This is no request: {refusal}.")),
    }
}

fn secured(mut response: Response, policy: Policy) -> Response {
    let headers = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(policy.content));
    if policy.transport == Transport::Tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(STRICT_TRANSPORT));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in SECURITY {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The fallback of a wing without pages.
pub(crate) async fn not_found(headers: HeaderMap) -> Response {
    missing(&headers)
}

async fn method_not_allowed(headers: HeaderMap) -> Response {
    let mut response = words(StatusCode::METHOD_NOT_ALLOWED, &headers, "This address can only be read.");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// Answers a request for an unknown path.
pub(crate) fn missing(headers: &HeaderMap) -> Response {
    words(StatusCode::NOT_FOUND, headers, "There is nothing here. Please use the link that your provider gave you.")
}

/// The variable segment of a path, decoded.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(text)) => Ok(Self(text)),
            Err(_) => {
                let sentence = "The address is not UTF-8. Write a username's byte that is not UTF-8 as %25XX.";
                Err(words(StatusCode::BAD_REQUEST, &parts.headers, sentence))
            }
        }
    }
}

/// The two variable segments of a path, decoded.
pub(crate) struct TwoSegments(pub(crate) String, pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for TwoSegments {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path((first, second))) => Ok(Self(first, second)),
            Err(_) => Err(words(StatusCode::BAD_REQUEST, &parts.headers, "The address is not UTF-8.")),
        }
    }
}

/// A sentence, as a small page for a browser and as text for everything else; `sentence` holds nothing of the request.
pub(crate) fn words(status: StatusCode, headers: &HeaderMap, sentence: &str) -> Response {
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

/// Answers with an error's name and its explanation, as JSON.
pub(crate) fn json_error(status: StatusCode, reason: &str, message: &str) -> Response {
    error_answer(status, &json!({"type": "error", "reason": reason, "message": message}))
}

/// Answers with an error as JSON, and with the header for its status.
pub(crate) fn error_answer(status: StatusCode, body: &serde_json::Value) -> Response {
    let mut response = json_answer(status, body);
    let headers = response.headers_mut();
    match status {
        StatusCode::UNAUTHORIZED => headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
        _ => headers.insert(RETRY_AFTER, HeaderValue::from_static(COME_BACK_AFTER)),
    };
    response
}

/// Answers with a value as JSON, harmless on a terminal and forbidden to caches.
pub(crate) fn json_answer(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_string(body) {
        Ok(text) => {
            let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
            (status, headers, escape::json(text) + "\n").into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The token of `Authorization: Bearer TOKEN` (RFC 6750, section 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// True if the request accepts the media type by name.
pub(crate) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok()).any(|value| value.contains(media_type))
}

#[cfg(test)]
mod tests {
    use super::*;

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
