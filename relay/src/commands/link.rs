//! `linelight-relay link USERNAME`: prints the link that opens a line.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use clap::Args;
use http::Uri;
use shared::Username;

use crate::store::data_directory::DataDirectory;
use crate::viewers::links;
use crate::viewers::links::keys::Keys;

#[derive(Debug, Args)]
pub(super) struct LinkArguments {
    /// The PPPoE username, exactly; a byte that is not UTF-8 as %XX
    username: OsString,

    /// How long the link opens its line: a number and s, m, h, d, w or y
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = super::duration::parse)]
    expires: Duration,
}

pub(super) fn run(
    arguments: &LinkArguments,
    data: &DataDirectory,
    public_url: Option<&Uri>,
    out: &mut impl Write,
) -> Result<()> {
    let public_url = public_url
        .context("a link begins with the relay's address: give --public-url or LINELIGHT_SERVER_PUBLIC_URL")?;
    let token = token(data, &username(&arguments.username)?, arguments.expires)?;
    writeln!(out, "{public_url}#{token}")?;
    Ok(())
}

/// Reads a username as it was typed.
pub(super) fn username(typed: &OsString) -> Result<Username> {
    Ok(Username::from_typed(typed.as_bytes())?)
}

/// Mints a token by the data directory's keys.
pub(super) fn token(data: &DataDirectory, username: &Username, expires: Duration) -> Result<String> {
    let keys = Keys::load(&data.keys()).with_context(|| {
        format!("{} has no keys for links; `linelight-relay init` makes them", data.path().display())
    })?;
    let now = SystemTime::now();
    let end = now.checked_add(expires).context("the link's end lies beyond what a clock can say")?;
    links::mint(&keys, username, now, end)
}
