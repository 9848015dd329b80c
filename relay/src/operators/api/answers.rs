//! The shapes of answers that several requests share, for the document.

use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// An error (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemAnswer {
    /// Always `about:blank`: the status and `reason` say which problem it is.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    /// The status.
    status: u16,
    /// One sentence for people.
    detail: String,
    /// The reason, for programs.
    #[schema(example = "scope")]
    reason: String,
    /// After so many seconds another attempt may succeed.
    #[schema(nullable = false)]
    retry_after: Option<u32>,
}

/// What any request with a key may meet.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "for the document")]
pub(super) enum Refusals {
    /// The address, its query or the body cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(ProblemAnswer),
    /// There is no key in force.
    #[response(status = 401, content_type = "application/problem+json", headers(("www-authenticate" = String)))]
    Key(ProblemAnswer),
    /// The key has another scope, or a web page of another origin asks.
    #[response(status = 403, content_type = "application/problem+json")]
    Scope(ProblemAnswer),
    /// Too many requests without a key in force came from the address.
    #[response(status = 429, content_type = "application/problem+json", headers(("retry-after" = String)))]
    Wait(ProblemAnswer),
}

/// What any change may meet besides.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "for the document")]
pub(super) enum ChangeRefusals {
    /// The store takes no change now. Nothing was changed.
    #[response(status = 503, content_type = "application/problem+json", headers(("retry-after" = String)))]
    Store(ProblemAnswer),
}

/// What a request with a body may meet besides.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "for the document")]
pub(super) enum BodyRefusals {
    /// The body did not come in time.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(ProblemAnswer),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemAnswer),
    /// The body is of another media type.
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(ProblemAnswer),
    /// The body can be read, and says something that cannot be done. `detail` names it.
    #[response(status = 422, content_type = "application/problem+json")]
    Content(ProblemAnswer),
}
