//! ARCHITECTURE.md: the wings and rooms are the folders.

use std::collections::BTreeSet;
use std::fs;

use crate::blocks::{document, root, rows};

/// Returns the names in backquotes of the first cells of a section's table.
fn rooms(heading: &str) -> BTreeSet<String> {
    let text = document("ARCHITECTURE.md");
    let section = text.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let cells = rows(section).into_iter().skip(1).map(|row| row[0].clone());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Returns the names of the modules of a folder, except those.
fn modules(folder: &str, except: &[&str]) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    names.filter(|name| !except.contains(&name.as_str())).collect()
}

#[test]
fn the_relays_wings_are_its_folders() {
    assert_eq!(rooms("The relay's wings"), modules("relay/src", &["lib", "main", "tests"]));
}

#[test]
fn the_agents_rooms_are_its_folders() {
    // Small files of the ground, and the signal to stop.
    let ground = ["lib", "main", "clock", "backoff", "shown", "stop"];
    assert_eq!(rooms("The agent's rooms"), modules("agent/src", &ground));
}

#[test]
fn the_pages_rooms_are_its_folders() {
    assert_eq!(rooms("The page's rooms"), modules("relay/web/src", &["main", "dom"]));
}
