//! `linelight-relay init`: makes the data directory and its files.

use std::io::{self, Write};

use anyhow::{Context, Result, bail};

use crate::agents::registry::Entries;
use crate::store::data_directory::{DataDirectory, write_new};
use crate::viewers::links::keys::Keys;

pub(super) fn run(data: &DataDirectory, out: &mut impl Write) -> Result<()> {
    data.create()?;
    let _lock = data.lock()?;
    let keys = data.keys();
    match write_new(&keys, Keys::generate_file()?.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{} is there already and stays as it is: new keys would void every link", keys.display())
        }
        written => written.with_context(|| format!("cannot write {}", keys.display()))?,
    }
    let agents = data.agents();
    // A registry without keys still contains the agents in the field.
    if !agents.exists() {
        Entries::default().save(&agents)?;
    }
    writeln!(out, "{} holds the key of your links: keep it secret, and keep a copy", keys.display())?;
    writeln!(out, "{} holds the agents; add the first with `linelight-relay agent add`", agents.display())?;
    Ok(())
}
