//! A request's body: whole, in time, and of a known kind. Read only after the caller's right was judged.

use std::time::Duration;

use axum::extract::Request;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::net::problem::{Problem, problem};

/// The longest body about one thing, in bytes.
const SHORT: usize = 16 * 1024;
/// The time for such a body.
const SHORT_TIME: Duration = Duration::from_secs(10);

/// A media type and its parameter `charset`, in lower case.
pub(super) struct MediaType {
    pub(super) name: String,
    pub(super) charset: Option<String>,
}

impl MediaType {
    /// Reads `Content-Type`; without the header the name is empty.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
        let name = parts.next().unwrap_or_default();
        let charset = parts.find_map(|part| Some(part.strip_prefix("charset=")?.trim_matches('"').to_owned()));
        Self { name, charset }
    }
}

/// Reads a whole body of at most `longest` bytes within a time.
///
/// # Errors
/// 408, 413, or 400 for a body that breaks off.
pub(super) async fn whole(request: Request, longest: usize, time: Duration) -> Result<Bytes, Problem> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > longest as u64) {
        return Err(too_large(longest));
    }
    match timeout(time, Limited::new(request.into_body(), longest).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(too_large(longest)),
        Ok(Err(_)) => Err(problem(StatusCode::BAD_REQUEST, "body", "The body broke off.")),
        Err(_) => Err(problem(StatusCode::REQUEST_TIMEOUT, "too-slow", "The body did not come in time.")),
    }
}

fn too_large(longest: usize) -> Problem {
    let detail = format!("The body has more than {} KiB, which is the most.", longest / 1024);
    problem(StatusCode::PAYLOAD_TOO_LARGE, "too-large", &detail)
}

/// Reads a short JSON object.
///
/// # Errors
/// As [`whole`], 415 for another media type, 400 for another JSON.
pub(super) async fn object(request: Request, media_types: &[&str]) -> Result<Map<String, Value>, Problem> {
    if !media_types.contains(&MediaType::of(request.headers()).name.as_str()) {
        return Err(wrong_type(media_types));
    }
    let body = whole(request, SHORT, SHORT_TIME).await?;
    // The parser's own words may quote a value.
    serde_json::from_slice(&body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let detail = format!("The body is not a JSON object: line {line}, column {column}.");
        problem(StatusCode::BAD_REQUEST, "body", &detail)
    })
}

/// Refuses a body of another media type.
pub(super) fn wrong_type(media_types: &[&str]) -> Problem {
    let detail = format!("The header Content-Type is to be {}.", media_types.join(" or "));
    problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", &detail)
}
