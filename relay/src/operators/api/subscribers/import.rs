//! Reads all subscribers of a body: an array in JSON, or CSV as the subscribers file is.

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::net::problem::{Problem, problem};
use crate::operators::api::body::MediaType;
use crate::subscribers::parse::{Parsed, parse};
use crate::subscribers::{Entered, Matter, encoding_by_label, json};

/// The most bad rows, and the most notes, that an answer names one by one.
pub(super) const NAMED: usize = 10_000;

/// The rows of a body.
pub(super) struct Import {
    pub(super) rows: Entered,
    pub(super) bad: Vec<Bad>,
    pub(super) notes: Vec<Note>,
}

/// A row that cannot be used.
#[derive(Serialize, ToSchema)]
#[schema(as = BadRow)]
pub(super) struct Bad {
    /// The place in the JSON array, or the line of the CSV, counted from 1.
    pub(super) row: u64,
    /// The username's text form; `null` where that cannot be read.
    pub(super) username: Option<String>,
    /// What is wrong, and how to write it.
    pub(super) problem: String,
}

/// Something to know about a row that is used.
#[derive(Serialize, ToSchema)]
pub(super) struct Note {
    /// The line of the CSV, counted from 1.
    row: u64,
    /// What is to be known.
    note: String,
}

impl Import {
    /// Reads a body of a media type.
    ///
    /// # Errors
    /// 400, 415 or 422, if the body is no table at all.
    pub(super) fn read(content: &[u8], media_type: &MediaType) -> Result<Self, Problem> {
        if media_type.name == "text/csv" { Self::csv(content, media_type) } else { Self::json(content) }
    }

    fn json(content: &[u8]) -> Result<Self, Problem> {
        let read = json::array(content).map_err(|error| match error {
            json::JsonError::Syntax { .. } => problem(StatusCode::BAD_REQUEST, "body", &sentence(&error.to_string())),
            json::JsonError::NoArray => {
                problem(StatusCode::UNPROCESSABLE_ENTITY, "content", &sentence(&error.to_string()))
            }
        })?;
        let bad = read.bad.into_iter().map(|bad| Bad {
            row: bad.row,
            username: bad.username.map(|username| username.to_text()),
            problem: bad.reason.to_string(),
        });
        Ok(Self { rows: read.rows, bad: bad.collect(), notes: Vec::new() })
    }

    fn csv(content: &[u8], media_type: &MediaType) -> Result<Self, Problem> {
        let encoding = media_type.charset.as_deref().map(encoding_by_label).transpose().map_err(|error| {
            problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", &format!("The charset is unknown: {error}."))
        })?;
        let parsed = parse(content, encoding).map_err(|error| {
            problem(
                StatusCode::UNPROCESSABLE_ENTITY,
                "content",
                &format!("The body is no table of subscribers: {error}."),
            )
        })?;
        Ok(Self::of_table(parsed))
    }

    /// A row in a spreadsheet's spelling is entered by both spellings, as the file has it. A limit without one reading is bad here.
    fn of_table(parsed: Parsed) -> Self {
        let bad = parsed.bad.iter().map(|bad| Bad { row: bad.line, username: None, problem: bad.reason.to_string() });
        let mut bad: Vec<Bad> = bad.collect();
        let mut notes = Vec::new();
        for doubt in &parsed.doubts {
            match doubt.about {
                Matter::Limit { column, reason } => {
                    bad.push(Bad { row: doubt.line, username: None, problem: format!("its {column} {reason}") });
                }
                about if notes.len() < NAMED => notes.push(Note { row: doubt.line, note: about.to_string() }),
                _ => {}
            }
        }
        bad.sort_by_key(|bad| bad.row);
        let (good, zero): (Vec<_>, Vec<_>) =
            parsed.table.iter().partition(|(username, _)| !username.as_bytes().contains(&0));
        bad.extend(zero.into_iter().map(|(username, _)| Bad {
            row: 0,
            username: Some(username.to_text()),
            problem: json::ObjectError::Zero.to_string(),
        }));
        let rows = good.into_iter().map(|(username, row)| (username.clone(), row.clone())).collect();
        Self { rows, bad, notes }
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
