//! `linelight-relay link`: prints the link to a line, or explains a link.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Args;
use http::Uri;
use shared::Username;

use super::store::with_store;
use crate::clock::unix_seconds;
use crate::config::typed::link_lifetime;
use crate::operators::audit::{self, Actor, Deed, What};
use crate::store::data_directory::DataDirectory;
use crate::store::database::location::Location;
use crate::store::database::{Database, Topic};
use crate::viewers::links::book::{Kind, NewLink};
use crate::viewers::links::keys::Keys;
use crate::viewers::links::{self, book};

mod explain;

#[derive(Debug, Args)]
pub(super) struct LinkArguments {
    /// The PPPoE username, exactly; a byte that is not UTF-8 as %XX
    #[arg(required_unless_present = "explain", conflicts_with = "explain")]
    username: Option<OsString>,

    /// The time for which the link opens its line, as 90d, 12h, 2w or 1y
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = super::duration::parse)]
    expires: Duration,

    /// The longest time that the relay takes a link for, as `serve` is told it
    #[arg(long, env = "LINELIGHT_SERVER_MAX_LINK_LIFETIME", value_name = "TIME", default_value = "400d", value_parser = link_lifetime)]
    max_link_lifetime: Duration,

    /// Says of a token or link in a file what it is, and why it opens no line; exits 1 if it opens none
    #[arg(long, value_name = "TOKEN-FILE")]
    explain: Option<PathBuf>,
}

pub(super) fn run(
    arguments: &LinkArguments,
    data: &DataDirectory,
    store: &Location,
    public_url: Option<&Uri>,
    out: &mut impl Write,
) -> Result<()> {
    match (&arguments.explain, &arguments.username) {
        (Some(path), _) => explain::run(path, (data, store), arguments.max_link_lifetime, out),
        (None, Some(_)) if arguments.expires > arguments.max_link_lifetime => bail!(
            "the relay takes no link of more than {}; choose a shorter --expires, or give relay and command a longer \
             --max-link-lifetime",
            super::duration::in_words(arguments.max_link_lifetime)
        ),
        (None, Some(typed)) => print(&username(typed)?, arguments.expires, (data, store), public_url, out),
        (None, None) => bail!("a username or --explain is needed"),
    }
}

fn print(
    username: &Username,
    expires: Duration,
    (data, store): (&DataDirectory, &Location),
    public_url: Option<&Uri>,
    out: &mut impl Write,
) -> Result<()> {
    let public_url = public_url
        .context("a link begins with the relay's address: give --public-url or LINELIGHT_SERVER_PUBLIC_URL")?;
    let token = entered_token(data, store, username, expires)?;
    writeln!(out, "{public_url}#{token}")?;
    Ok(())
}

/// Reads a username from an argument.
pub(super) fn username(typed: &OsString) -> Result<Username> {
    Ok(Username::from_typed(typed.as_bytes())?)
}

/// Mints a token by the data directory's keys.
pub(super) fn token(data: &DataDirectory, username: &Username, expires: Duration) -> Result<String> {
    let now = SystemTime::now();
    links::mint(&Keys::load(&data.present_keys()?)?, username, &links::fresh_id()?, now, end(now, expires)?)
}

/// Mints a token, and enters it in the store's book.
fn entered_token(data: &DataDirectory, store: &Location, username: &Username, expires: Duration) -> Result<String> {
    let keys = Keys::load(&data.present_keys()?)?;
    let now = SystemTime::now();
    let end = end(now, expires)?;
    let id = links::fresh_id()?;
    let link = NewLink { username, id: &id, expires: unix_seconds(end), kind: Kind::Command, maker: None };
    let entered = with_store(store, async |database| enter(database, &link, now).await);
    let issued = entered.unwrap_or_else(|error| {
        // A link opens its line without the store.
        let _ = writeln!(io::stderr(), "linelight-relay: `links list` will not know this link: {error:#}");
        unix_seconds(now)
    });
    links::mint(&keys, username, &id, UNIX_EPOCH + Duration::from_secs(issued), end)
}

/// Enters a link, and its making in the audit log.
async fn enter(database: &Database, link: &NewLink<'_>, now: SystemTime) -> Result<u64> {
    let mut change = database.change(Topic::Links).await?;
    let issued = book::enter_within(&mut change, link, unix_seconds(now)).await?;
    let detail = format!("{} {}", link.kind.as_str(), link.id);
    let deed = Deed::new(What::LinkMade).line(link.username.to_text()).detail(detail);
    audit::commit(change, &Actor::command(), &deed, now.into()).await?;
    Ok(issued)
}

fn end(now: SystemTime, expires: Duration) -> Result<SystemTime> {
    now.checked_add(expires).context("the link's end lies beyond what a clock can say; choose an earlier one")
}
