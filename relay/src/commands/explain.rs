//! `linelight-relay explain USERNAME`: what the running relay knows of a line, in words.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use anyhow::Result;
use clap::Args;
use shared::Username;
use shared::escape::one_line;

use super::private;
use crate::config::typed::PrivateArguments;

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The PPPoE username; a byte that is not UTF-8 as %XX
    username: OsString,

    #[command(flatten)]
    private: PrivateArguments,
}

pub(super) fn run(arguments: &ExplainArguments, out: &mut impl Write) -> Result<()> {
    let username = Username::from_typed(arguments.username.as_bytes())?;
    let text = private::ask_words(&arguments.private, &private::path("explain", &username.to_text()))?;
    // What answers may be another program than a relay.
    for line in text.lines() {
        writeln!(out, "{}", one_line(line))?;
    }
    Ok(())
}
