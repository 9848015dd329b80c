//! What a request's address holds: a line's username, a link's id, and the query.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use http::{StatusCode, Uri};
use serde::Deserialize;
use shared::Username;
use url::form_urlencoded;

use crate::net::problem::{Problem, problem};
use crate::subscribers::json::keepable;
use crate::viewers::links::revocations::MAX_ID;

/// The username in a path.
pub(super) struct Line(pub(super) Username);

/// The id in a path.
pub(super) struct LinkId(pub(super) String);

#[derive(Deserialize)]
struct OfLine {
    username: String,
}

#[derive(Deserialize)]
struct OfLink {
    id: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Line {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(Path(OfLine { username })) = Path::from_request_parts(parts, state).await else { return Err(no_text()) };
        let username = Username::from_text(&username).map_err(|error| no_username(&error.to_string()))?;
        keepable(username).map(Self).map_err(|_| no_username("the username has a zero byte"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for LinkId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(OfLink { id })) if !id.is_empty() && id.len() <= MAX_ID && !id.contains('\0') => Ok(Self(id)),
            Ok(_) => {
                Err(problem(StatusCode::BAD_REQUEST, "id", "The id of a link has 1 to 64 bytes, none of them zero."))
            }
            Err(_) => Err(no_text()),
        }
    }
}

fn no_text() -> Problem {
    problem(StatusCode::BAD_REQUEST, "username", "The address is not UTF-8.")
}

fn no_username(why: &str) -> Problem {
    problem(StatusCode::BAD_REQUEST, "username", &format!("The address holds no username in text form: {why}."))
}

/// Reads a query that may hold these parameters, each once. A misspelt one is refused: `dry_run` must not be overlooked.
///
/// # Errors
/// 400.
pub(super) fn parameters(uri: &Uri, known: &[&'static str]) -> Result<HashMap<&'static str, String>, Problem> {
    let mut found = HashMap::new();
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let Some(name) = known.iter().find(|known| **known == name) else {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(wrong_query(&format!("The address has an unknown parameter. Known are: {known}.")));
        };
        if found.insert(*name, value.into_owned()).is_some() {
            return Err(wrong_query(&format!("The parameter {name} stands twice.")));
        }
    }
    Ok(found)
}

/// Reads `true` or `false`; without the parameter, false.
///
/// # Errors
/// 400.
pub(super) fn flag(parameters: &HashMap<&'static str, String>, name: &str) -> Result<bool, Problem> {
    match parameters.get(name).map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(wrong_query(&format!("The parameter {name} is true or false."))),
    }
}

/// Refuses a query.
pub(super) fn wrong_query(detail: &str) -> Problem {
    problem(StatusCode::BAD_REQUEST, "query", detail)
}
