//! Errors of an API as "problem details" (RFC 9457).

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::answers::json_answer;

/// An error as its client gets it. `reason` is for programs, `detail` for people.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    members: Map<String, Value>,
    retry_after: Option<u32>,
    scheme: Option<&'static str>,
}

/// Returns a problem: a reason in kebab-case, and one plain sentence that holds nothing secret.
pub(crate) fn problem(status: StatusCode, reason: &str, detail: &str) -> Problem {
    let title = status.canonical_reason().unwrap_or_default();
    let members = [
        ("type", json!("about:blank")),
        ("title", json!(title)),
        ("status", json!(status.as_u16())),
        ("detail", json!(detail)),
        ("reason", json!(reason)),
    ];
    let members = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Problem { status, members, retry_after: None, scheme: None }
}

/// Returns an error's text as a sentence.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str())).unwrap_or_default()
}

impl Problem {
    /// Adds a member of this kind of problem.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Says when the client may come back, rounded up to seconds.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        let seconds = wait.as_millis().div_ceil(1_000).max(1);
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        self.retry_after = Some(seconds);
        self.with("retry_after", seconds)
    }

    /// Names the scheme of `Authorization` that the client lacks.
    pub(crate) fn wants(mut self, scheme: &'static str) -> Self {
        self.scheme = Some(scheme);
        self
    }

    /// A change that the store does not take. The cause goes to the log.
    pub(crate) fn store(error: &anyhow::Error) -> Self {
        tracing::warn!(error = format!("{error:#}"), "a change was refused, because the store does not take it");
        let detail =
            "The store takes no change now. Nothing was changed; pages and links go on. Please try again in a minute.";
        problem(StatusCode::SERVICE_UNAVAILABLE, "store", detail).retry_after(Duration::from_secs(10))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = json_answer(self.status, &self.members);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.extend(self.retry_after.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
        headers.extend(self.scheme.map(|scheme| (WWW_AUTHENTICATE, HeaderValue::from_static(scheme))));
        response
    }
}

impl From<anyhow::Error> for Problem {
    /// What fails within a change is the store.
    fn from(error: anyhow::Error) -> Self {
        Self::store(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_its_rfc_and_its_headers() {
        let wait =
            problem(StatusCode::TOO_MANY_REQUESTS, "wait", "Too many.").retry_after(Duration::from_millis(1_001));
        let response = wait.with("more", true).into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        let problem = problem(StatusCode::UNAUTHORIZED, "signed-out", "Please sign in.").with("company_sign_in", false);
        let text = serde_json::to_value(&problem.members).unwrap();
        let expected = json!({"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "Please sign in.",
                              "reason": "signed-out", "company_sign_in": false});
        assert_eq!(text, expected);
    }
}
