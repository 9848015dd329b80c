//! `linelight-relay share`: puts this directory's keys or agents into the store that relays share, whatever is there.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use super::store::with_store;
use crate::agents::registry;
use crate::store::data_directory::DataDirectory;
use crate::store::database::location::Location;
use crate::viewers::links::keys;

#[derive(Debug, Args)]
pub(super) struct ShareArguments {
    /// What is put into the store: keys.json or agents.json
    #[arg(value_enum)]
    what: What,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// The keys that sign links
    Keys,
    /// The agents, with the digests of their tokens
    Agents,
}

pub(super) fn run(arguments: &ShareArguments, data: &DataDirectory, store: &Location) -> Result<()> {
    if let Location::File(_) = store {
        bail!("a relay with a file of SQLite shares nothing: give the relays' --store postgres://…");
    }
    let file = match arguments.what {
        What::Keys => keys::shared_file(data),
        What::Agents => registry::shared_file(data),
    };
    with_store(store, async |database| file.put_by_force(database).await)
}
