//! `linelight-relay links`: lists and revokes links.

use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use shared::Username;
use shared::escape::one_line;

use super::link;
use super::store::with_store;
use super::times::{self, unix_seconds};
use crate::operators::audit::{self, Actor, Deed, What};
use crate::store::data_directory::{self, DataDirectory};
use crate::store::database::location::Location;
use crate::store::database::{Database, Topic};
use crate::viewers::links::book::{self, Entry};
use crate::viewers::links::keys::Keys;
use crate::viewers::links::{Identity, identify};

/// The largest file of links, in bytes.
const MAX_FILE: u64 = 16 * 1024 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum LinksCommand {
    /// Prints the links of a line: ids, when each was made and ends, and whether it opens the line
    List {
        /// The PPPoE username
        username: OsString,
    },
    /// Revokes links; streams that they opened end within a second
    Revoke {
        /// A file with a link or its token on each line; - is standard input
        #[arg(required_unless_present = "id", conflicts_with = "id")]
        file: Option<PathBuf>,

        /// The id of a link, as `list` prints it
        #[arg(long, requires = "username", allow_hyphen_values = true)]
        id: Option<String>,

        /// The PPPoE username of the link
        #[arg(long, requires = "id", allow_hyphen_values = true)]
        username: Option<OsString>,
    },
    /// Makes all links of a line void that were made until now; streams that they opened end within a second
    Void {
        /// The PPPoE username
        username: OsString,
    },
}

pub(super) fn run(command: &LinksCommand, data: &DataDirectory, store: &Location, out: &mut impl Write) -> Result<()> {
    match command {
        LinksCommand::List { username } => {
            let username = link::username(username)?;
            with_store(store, async |database| list(database, &username, out).await)
        }
        LinksCommand::Revoke { file: Some(file), .. } => {
            let keys = Keys::load(&data.present_keys()?)?;
            with_store(store, async |database| revoke_all(database, &keys, file, out).await)
        }
        LinksCommand::Revoke { id: Some(id), username: Some(username), .. } => {
            let username = link::username(username)?;
            with_store(store, async |database| revoke_listed(database, &username, id, out).await)
        }
        LinksCommand::Revoke { .. } => bail!("a file with links is needed, or --id and --username"),
        LinksCommand::Void { username } => {
            let username = link::username(username)?;
            with_store(store, async |database| void(database, &username).await)?;
            let name = username.to_text();
            writeln!(out, "all links of {} that were made until now are void", one_line(&name))?;
            Ok(())
        }
    }
}

async fn list(database: &Database, username: &Username, out: &mut impl Write) -> Result<()> {
    let book::LineLinks { links, void_before } = book::of_line(database, username).await?;
    if let Some(before) = void_before {
        writeln!(out, "links made before {} are void", times::minute(before))?;
    }
    if links.is_empty() {
        writeln!(
            out,
            "no link of {} is known; links of a billing portal are, once revoked",
            one_line(&username.to_text())
        )?;
        return Ok(());
    }
    writeln!(out, "{:<29} {:<20} {:<20} STATE", "ID", "MADE", "ENDS")?;
    for link in links {
        let made = link.made.map_or_else(|| "elsewhere".to_owned(), times::minute);
        let ends = times::minute(link.expires);
        let id = one_line(&link.id).to_string();
        writeln!(out, "{id:<29} {made:<20} {ends:<20} {}", state(&link, void_before))?;
    }
    Ok(())
}

/// Returns a link's state in words.
fn state(link: &Entry, void_before: Option<u64>) -> String {
    if let Some(revoked) = link.revoked {
        return format!("revoked {}", times::minute(revoked));
    }
    if link.expires <= unix_seconds() {
        return "ended".to_owned();
    }
    match (void_before, link.made) {
        (Some(before), Some(made)) if made < before => "void".to_owned(),
        _ => "opens its line".to_owned(),
    }
}

async fn revoke_listed(database: &Database, username: &Username, id: &str, out: &mut impl Write) -> Result<()> {
    let links = book::of_line(database, username).await?.links;
    let Some(link) = links.iter().find(|link| link.id == id) else {
        bail!("no link of {} has this id; `linelight-relay links list` prints the ids", one_line(&username.to_text()));
    };
    let identity = Identity { username: username.clone(), id: id.to_owned(), expires: link.expires };
    revoke(database, &identity, out).await
}

async fn void(database: &Database, username: &Username) -> Result<()> {
    let mut change = database.change(Topic::Links).await?;
    book::void_within(&mut change, username, unix_seconds()).await?;
    let deed = Deed::new(What::LinksVoid).line(username.to_text());
    audit::commit(change, &Actor::command(), &deed, SystemTime::now().into()).await
}

/// Revokes the link on each line. What was acknowledged stays revoked, whatever becomes of the rest.
async fn revoke_all(database: &Database, keys: &Keys, file: &Path, out: &mut impl Write) -> Result<()> {
    let lines: Box<dyn Iterator<Item = io::Result<String>>> = if file == Path::new("-") {
        Box::new(io::stdin().lock().lines())
    } else {
        let text = String::from_utf8(data_directory::read(file, MAX_FILE)?);
        let text = text.map_err(|_| anyhow::anyhow!("{} is not UTF-8", file.display()))?;
        Box::new(text.lines().map(|line| Ok(line.to_owned())).collect::<Vec<_>>().into_iter())
    };
    let mut refused = 0_u32;
    for (at, line) in lines.enumerate() {
        let line = line.with_context(|| format!("cannot read {}", file.display()))?;
        if line.trim().is_empty() {
            continue;
        }
        match identify(keys, &line) {
            Ok(identity) => revoke(database, &identity, out).await?,
            Err(error) => {
                refused += 1;
                writeln!(io::stderr(), "linelight-relay: line {}: {error}", at + 1)?;
            }
        }
    }
    if refused > 0 {
        bail!("{refused} of the lines hold no link of this relay; the others are revoked");
    }
    Ok(())
}

async fn revoke(
    database: &Database,
    Identity { username, id, expires }: &Identity,
    out: &mut impl Write,
) -> Result<()> {
    let mut change = database.change(Topic::Links).await?;
    let is_new = book::revoke_within(&mut change, (username, id), *expires, unix_seconds()).await?;
    if is_new {
        let deed = Deed::new(What::LinkRevoked).line(username.to_text()).detail(id);
        audit::commit(change, &Actor::command(), &deed, SystemTime::now().into()).await?;
    } else {
        change.abandon().await?;
    }
    let done = if is_new { "revoked" } else { "was revoked before" };
    writeln!(out, "{} {} {done}", one_line(&username.to_text()), one_line(id))?;
    out.flush()?;
    Ok(())
}
