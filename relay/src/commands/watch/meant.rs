//! Which line is meant: a username, or a part of a customer's name.

use std::io::{self, Write};

use anyhow::{Result, bail};
use shared::Username;
use shared::escape::one_line;

use crate::commands::private;
use crate::config::typed::PrivateArguments;
use crate::operators::likeness::{Candidate, Found, Likeness};

/// Returns the username that was typed, or the one whose customer's name holds the text. Names that are almost the same are
/// told on standard error.
///
/// # Errors
/// Where several customers' names hold the text.
pub(super) fn username(typed: &Username, listener: &PrivateArguments) -> Result<Username> {
    // Without a private listener, as on another machine, what was typed is the username.
    let Ok(found) = private::ask::<Found>(listener, &private::path("search", &typed.to_text())) else {
        return Ok(typed.clone());
    };
    if found.is_known {
        return Ok(typed.clone());
    }
    let text = one_line(&typed.to_text()).to_string();
    match found.others.as_slice() {
        [] => remark(&format!("no agent reports {text:?} yet")),
        [one] if one.likeness == Likeness::Customer => {
            remark(&format!("watching {}", in_words(one)));
            return Ok(Username::from_text(&one.username)?);
        }
        several if several.iter().all(|one| one.likeness == Likeness::Customer) => {
            bail!("several customers' names hold {text:?}; watch one of:\n{}", list(several))
        }
        others => remark(&format!("no agent reports {text:?} yet; meant may be:\n{}", list(others))),
    }
    Ok(typed.clone())
}

fn remark(words: &str) {
    // The figures alone are on standard output.
    let _ = writeln!(io::stderr(), "{words}");
}

fn list(candidates: &[Candidate]) -> String {
    let rows: Vec<String> = candidates.iter().map(|one| format!("  {}", in_words(one))).collect();
    rows.join("\n")
}

fn in_words(candidate: &Candidate) -> String {
    let customer = candidate.customer.as_ref().map(|name| format!(" ({})", one_line(name))).unwrap_or_default();
    format!("{}{customer}", one_line(&candidate.username))
}
