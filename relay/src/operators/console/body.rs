//! A request's body: JSON, short and in time.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, Limited};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::visitor::Visitor;
use crate::net::problem::{Problem, problem};

/// The longest body, in bytes.
const LONGEST: usize = 16 * 1024;
/// The time for the whole body.
const PATIENCE: Duration = Duration::from_secs(10);

/// A JSON body. Where the session ended while the body was on its way, the request is refused.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(&request) {
            let detail = "The body has to be JSON, with the header Content-Type: application/json.";
            return Err(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", detail));
        }
        let visitor = request.extensions().get::<Visitor>().cloned();
        let body = Limited::new(request.into_body(), LONGEST).collect();
        let body = match timeout(PATIENCE, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => {
                let detail = "The body has to be whole, and has 16 KiB at most.";
                return Err(problem(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail));
            }
            Err(_) => return Err(problem(StatusCode::REQUEST_TIMEOUT, "too-slow", "The body did not come in time.")),
        };
        if let Some(visitor) = visitor.filter(Visitor::is_over) {
            return Err(visitor.signed_out());
        }
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|_| problem(StatusCode::BAD_REQUEST, "bad-request", "The body is not what this address takes."))
    }
}

/// True for `application/json`, which no form of another web page can send.
fn is_json(request: &Request) -> bool {
    let named = request.headers().get(CONTENT_TYPE).and_then(|named| named.to_str().ok()).unwrap_or_default();
    named.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}
