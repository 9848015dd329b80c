//! What the relay knows of one line, for an operator.

use serde::Serialize;

/// The answer of `/explain/{username}`; `Display` is its plain text.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The username's text form.
    pub username: String,
}

impl std::fmt::Display for Explanation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "username: {}", self.username)
    }
}
