//! `linelight-relay key`: the keys of the API. A running relay takes each change within a second.

use std::io::{self, Write};
use std::time::SystemTime;

use anyhow::Result;
use clap::Subcommand;

use super::store::with_store;
use super::times;
use crate::clock::UnixMillis;
use crate::operators::api::keys::book::{self, Listed};
use crate::operators::api::keys::{Scope, Scopes};
use crate::operators::audit::Actor;
use crate::store::database::location::Location;

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Makes a key and prints it, this once
    Add {
        /// The key's name: letters, digits and - _ . @
        name: String,

        /// What the key may do; several are allowed
        #[arg(long, value_name = "SCOPE", required = true, num_args = 1..)]
        scope: Vec<Scope>,
    },
    /// Lists the keys: what each may do, and when each was used last
    List,
    /// Revokes a key; a running relay refuses it within a second
    Revoke {
        /// The key's name
        name: String,
    },
}

pub(super) fn run(command: KeyCommand, store: &Location, out: &mut impl Write) -> Result<()> {
    let now = UnixMillis::from(SystemTime::now());
    match command {
        KeyCommand::Add { name, scope } => {
            let scopes = Scopes::new(scope);
            let key =
                with_store(store, async |database| book::add(database, &name, &scopes, &Actor::command(), now).await)?;
            // The key stands alone on standard output, so that a shell can write it to a file.
            writeln!(out, "{key}")?;
            Ok(())
        }
        KeyCommand::List => list(&with_store(store, book::list)?, out),
        KeyCommand::Revoke { name } => {
            with_store(store, async |database| book::revoke(database, &name, &Actor::command(), now).await)
        }
    }
}

fn list(keys: &[Listed], out: &mut impl Write) -> Result<()> {
    if keys.is_empty() {
        // Remarks stand on standard error, beside the list.
        let _ = writeln!(io::stderr(), "there is no key yet; `linelight-relay key add` makes one");
        return Ok(());
    }
    let width = keys.iter().map(|key| key.name.len()).max().unwrap_or(0).max("KEY".len());
    writeln!(out, "{:width$}  {:<22} {:<20}  {:<20}  STATE", "KEY", "SCOPES", "MADE", "LAST USED")?;
    for Listed { name, scopes, made, used, revoked } in keys {
        let used = used.map_or_else(|| "never".to_owned(), times::minute);
        let state = revoked.map_or_else(|| "in force".to_owned(), |at| format!("revoked {}", times::minute(at)));
        let (scopes, made) = (scopes.to_string(), times::minute(*made));
        writeln!(out, "{name:width$}  {scopes:<22} {made:<20}  {used:<20}  {state}")?;
    }
    Ok(())
}
