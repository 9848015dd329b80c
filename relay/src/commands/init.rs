//! `linelight-relay init`: makes the data directory and its files.

use std::io::{self, Write};

use anyhow::{Context, Result, bail};

use super::store::{sync_shared, with_store};
use crate::agents::registry::Entries;
use crate::store::data_directory::{DataDirectory, write_new};
use crate::store::database::location::Location;
use crate::viewers::links::keys::Keys;

pub(super) fn run(data: &DataDirectory, store: &Location, out: &mut impl Write) -> Result<()> {
    data.create()?;
    if let Location::File(_) = store {
        return make(data, out);
    }
    with_store(store, async |database| {
        let had_keys = data.keys().exists();
        sync_shared(database, data).await?;
        if had_keys || !data.keys().exists() {
            make(data, out)?;
            return sync_shared(database, data).await;
        }
        make_registry(data)?;
        writeln!(out, "{} holds the keys and agents of the store's other relays", data.path().display())?;
        Ok(())
    })
}

/// Makes fresh keys, and a missing registry.
fn make(data: &DataDirectory, out: &mut impl Write) -> Result<()> {
    let _lock = data.lock()?;
    let keys = data.keys();
    match write_new(&keys, Keys::generate_file()?.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{} is there already and stays as it is: new keys would void every link", keys.display())
        }
        written => written.with_context(|| format!("cannot write {}", keys.display()))?,
    }
    make_registry(data)?;
    writeln!(out, "{} holds the key of your links: keep it secret, and keep a copy", keys.display())?;
    writeln!(out, "{} holds the agents; add the first with `linelight-relay agent add`", data.agents().display())?;
    Ok(())
}

/// Makes a missing registry. A registry without keys still contains the agents in the field.
fn make_registry(data: &DataDirectory) -> Result<()> {
    let agents = data.agents();
    if !agents.exists() {
        Entries::default().save(&agents)?;
    }
    Ok(())
}
