//! Eight-digit codes: support reads one aloud, and the subscriber types it instead of a link.
//!
//! A code opens one line, once, within ten minutes. Its first three digits are no other open code's, so that a wrong code counts as a
//! try for one line: after five the right one opens nothing either. A guesser has five of 100,000, from however many addresses.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use axum::extract::{Extension, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;
use shared::Username;
use sqlx::Row;

use super::context::{DeskContext, username};
use super::line::at;
use crate::clock::unix_seconds;
use crate::net::answers::{Segment, json_answer};
use crate::net::listener::Connection;
use crate::net::problem::{Problem, problem};
use crate::operators::audit::{self, Actor, Deed, What};
use crate::operators::console::body::Json;
use crate::operators::console::context::now;
use crate::operators::console::visitor::Operator;
use crate::operators::secret::Hash;
use crate::store::database::{Change, Database, Topic};
use crate::store::random::fill_random;
use crate::viewers::links::book::Kind;

/// How long a code opens its line, in seconds.
const LASTS: u64 = 10 * 60;
/// Wrong codes that a code survives.
const TRIES: i64 = 5;
/// How long the link lasts that a code is changed for.
const LINK_LASTS: Duration = Duration::from_secs(24 * 3_600);
/// The digits of a code, and those that tell it from other open codes.
const DIGITS: usize = 8;
const BEGINNING: usize = 3;
/// How often a code with other first digits is looked for. With hundreds of open codes two may share them.
const LOOKS: usize = 20;

/// Makes a code for a line. An earlier one of the line opens nothing any longer.
pub(super) async fn make(
    State(desk): State<Arc<DeskContext>>,
    operator: Operator,
    Segment(text): Segment,
) -> Result<Response, Problem> {
    let username = username(&text)?;
    let seconds = unix_seconds(SystemTime::now());
    let expires = seconds + LASTS;
    let mut change = desk.console.database().await?.begin().await?;
    let code = enter(&mut change, &username, &operator.name, (seconds, expires)).await?;
    let deed = Deed::new(What::CodeMade).line(username.to_text());
    audit::commit(change, &operator.actor(), &deed, now()).await?;
    Ok(json_answer(StatusCode::OK, &json!({ "code": code, "expires": at(expires) })))
}

async fn enter(change: &mut Change, username: &Username, maker: &str, (now, expires): (u64, u64)) -> Result<String> {
    sqlx::query("DELETE FROM codes WHERE username = $1 OR expires <= $2")
        .bind(username.to_text())
        .bind(signed(now))
        .execute(change.connection())
        .await?;
    let code = fresh(change).await?;
    sqlx::query(
        "INSERT INTO codes (hash, beginning, username, maker, expires, tries) VALUES ($1, $2, $3, $4, $5, 0)
         ON CONFLICT (hash) DO NOTHING",
    )
    .bind(Hash::of(code.as_bytes()).to_text())
    .bind(beginning(&code))
    .bind(username.to_text())
    .bind(maker)
    .bind(signed(expires))
    .execute(change.connection())
    .await?;
    Ok(code)
}

/// Returns a random code whose first digits are no other code's.
async fn fresh(change: &mut Change) -> Result<String> {
    let mut code = random()?;
    for _ in 0..LOOKS {
        let taken = sqlx::query("SELECT 1 FROM codes WHERE beginning = $1").bind(beginning(&code).to_owned());
        if taken.fetch_optional(change.connection()).await?.is_none() {
            break;
        }
        code = random()?;
    }
    Ok(code)
}

/// Returns eight random digits, each code as likely as every other.
fn random() -> Result<String> {
    const CODES: u32 = 100_000_000;
    loop {
        let mut bytes = [0; 4];
        fill_random(&mut bytes)?;
        let number = u32::from_le_bytes(bytes);
        if number < u32::MAX / CODES * CODES {
            return Ok(format!("{:0DIGITS$}", number % CODES));
        }
    }
}

/// What a subscriber types.
#[derive(Deserialize)]
pub(super) struct Typed {
    code: String,
}

/// Changes a code for the token of a link. A wrong, used or ended code gets one answer.
pub(super) async fn redeem(
    State(desk): State<Arc<DeskContext>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    Json(Typed { code }): Json<Typed>,
) -> Result<Response, Problem> {
    let address = desk.console.site.client(&connection, &headers);
    if !desk.tries.begin(address) {
        let detail = "Too many codes from your address. Please wait a minute.";
        return Err(problem(StatusCode::TOO_MANY_REQUESTS, "wait", detail).retry_after(Duration::from_secs(60)));
    }
    let database = desk.console.database().await?;
    let token = match digits(&code) {
        Some(code) => take(&desk, &database, &code, address).await?,
        None => None,
    };
    let Some(token) = token else {
        let detail = "This code opens nothing. It works once, for ten minutes. Please ask for a new one.";
        return Err(problem(StatusCode::NOT_FOUND, "unknown", detail));
    };
    Ok(json_answer(StatusCode::OK, &json!({ "token": token })))
}

/// Returns the digits of a code, whatever stands between them.
fn digits(typed: &str) -> Option<String> {
    let code: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    (code.len() == DIGITS && code.bytes().all(|byte| byte.is_ascii_digit())).then_some(code)
}

/// Uses a code up, and returns the token of a fresh link. For a wrong code, counts a try.
async fn take(desk: &DeskContext, database: &Database, code: &str, address: Option<IpAddr>) -> Result<Option<String>> {
    let seconds = signed(unix_seconds(SystemTime::now()));
    let mut change = database.begin().await?;
    let open = sqlx::query("SELECT 1 FROM codes WHERE hash = $1 AND used IS NULL AND expires > $2 AND tries < $3");
    let open = open.bind(Hash::of(code.as_bytes()).to_text()).bind(seconds).bind(TRIES);
    if open.fetch_optional(change.connection()).await?.is_some() {
        // Before the row of the code, as whoever makes the links of the line void.
        change.raise(Topic::Links).await?;
    }
    let taken = sqlx::query(
        "UPDATE codes SET used = $2 WHERE hash = $1 AND used IS NULL AND expires > $2 AND tries < $3 RETURNING username, maker",
    );
    let taken = taken.bind(Hash::of(code.as_bytes()).to_text()).bind(seconds).bind(TRIES);
    let Some(row) = taken.fetch_optional(change.connection()).await? else {
        let tried = sqlx::query("UPDATE codes SET tries = tries + 1 WHERE beginning = $1 AND used IS NULL");
        tried.bind(beginning(code)).execute(change.connection()).await?;
        change.commit().await?;
        return Ok(None);
    };
    let username = Username::from_text(row.try_get("username")?)?;
    let maker: String = row.try_get("maker")?;
    let lasts = LINK_LASTS.min(desk.viewers.access.max_lifetime());
    let (id, token, _) = desk.mint(&mut change, &username, (Kind::Code, lasts), &maker).await?;
    let actor = Actor { who: "(code)".to_owned(), role: "", address };
    let deed = Deed::new(What::LinkMade).line(username.to_text()).detail(format!("code {id}"));
    audit::commit(change, &actor, &deed, now()).await?;
    Ok(Some(token))
}

fn beginning(code: &str) -> &str {
    code.get(..BEGINNING).unwrap_or(code)
}

/// Returns Unix seconds as the database has them.
fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_eight_digits_however_typed() {
        for typed in ["12345678", "1234 5678", " 1234-5678\n", "12 34 56 78"] {
            assert_eq!(digits(typed).as_deref(), Some("12345678"), "{typed}");
        }
        for typed in ["", "1234567", "123456789", "1234567x", "\u{661}2345678", "1234.5678"] {
            assert_eq!(digits(typed), None, "{typed}");
        }
    }

    #[test]
    fn codes_are_random_and_keep_their_zeros() {
        let codes: Vec<String> = (0..1_000).map(|_| random().unwrap()).collect();
        assert!(codes.iter().all(|code| digits(code).as_ref() == Some(code)));
        assert!(codes.iter().any(|code| code.starts_with('0')));
        assert!(codes.windows(2).all(|two| two[0] != two[1]));
    }
}
