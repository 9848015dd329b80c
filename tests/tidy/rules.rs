//! Rules by words in files: I/O in pure modules, tables with their tests, and leftovers.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::{files, lines_with, none, root};

#[test]
fn shared_knows_nobody_and_does_no_io() {
    let shared = files("shared/src", ".rs");
    none("shared imports a program", &lines_with(&shared, &["agent::", "relay::"]));
    none(
        "shared does I/O or reads a clock",
        &lines_with(&shared, &["std::net", "std::fs", "std::time", "tokio", "tracing"]),
    );
}

#[test]
fn agent_and_relay_do_not_know_each_other() {
    none("the agent imports the relay", &lines_with(&files("agent", ".rs"), &["use relay::", "linelight_relay::"]));
    none("the agent depends on the relay", &lines_with(&[root().join("agent/Cargo.toml")], &["linelight-relay"]));
    none("the relay imports the agent", &lines_with(&files("relay", ".rs"), &["use agent::", "linelight_agent::"]));
    none("the relay depends on the agent", &lines_with(&[root().join("relay/Cargo.toml")], &["linelight-agent"]));
}

/// Pure modules on a sample's way do no I/O.
#[test]
fn what_speaks_a_protocol_does_no_io() {
    let pure = [
        "agent/src/routeros/framing.rs",
        "agent/src/routeros/sentence.rs",
        "agent/src/sessions.rs",
        "agent/src/sampler.rs",
        "agent/src/batch.rs",
        "agent/src/backlog.rs",
        "agent/src/backoff.rs",
        "relay/src/lines.rs",
        "relay/src/wire/viewer_frame.rs",
        "relay/src/wire/websocket.rs",
        "relay/src/clock.rs",
    ];
    let files: Vec<_> = pure
        .iter()
        .flat_map(|name| {
            let file = root().join(name);
            let folder = name.trim_end_matches(".rs");
            let mut all: Vec<_> = [file].into_iter().filter(|path| path.is_file()).collect();
            all.extend(fs::read_dir(root().join(folder)).into_iter().flatten().map(|entry| entry.unwrap().path()));
            // Rooms for tests alone.
            all.retain(|path| !["tests.rs", "tests", "stage.rs"].iter().any(|room| path.ends_with(room)));
            assert!(!all.is_empty(), "{name} is gone: name its successor here");
            all
        })
        .collect();
    none("a pure module does I/O", &lines_with(&files, &["tokio::net", "tokio::io", "std::net::Tcp", "std::fs"]));
}

#[test]
fn download_and_upload_are_told_apart_in_one_place() {
    let beyond: Vec<_> = files("agent/src", ".rs")
        .into_iter()
        .chain(files("relay/src", ".rs"))
        .chain(files("shared/src", ".rs"))
        .filter(|path| {
            let path = path.to_str().unwrap();
            !path.contains("agent/src/routeros") && !path.contains("agent/src/sampler")
        })
        .collect();
    none("rx and tx outside routeros and sampler", &lines_with(&beyond, &["rx-bits", "tx-bits", "rx_bits", "tx_bits"]));
}

#[test]
fn no_file_is_a_drawer() {
    let drawers: Vec<_> = files(".", ".rs")
        .into_iter()
        .filter(|path| {
            let stem = path.file_stem().unwrap().to_str().unwrap();
            ["util", "utils", "helper", "helpers", "common", "misc", "manager"].contains(&stem)
        })
        .map(|path| path.display().to_string())
        .collect();
    none("a file whose name says nothing", &drawers);
}

/// A file without a `mod` line is not compiled, and its tests never run.
#[test]
fn every_file_is_somebodys_module() {
    let all = files(".", ".rs");
    let forgotten: Vec<_> = all
        .iter()
        .filter(|path| !is_root(path) && !is_module(path, &all))
        .map(|path| path.display().to_string())
        .collect();
    none("a file that is not compiled", &forgotten);
}

/// True if cargo compiles the file by itself: by its package's manifest, or by its usual place.
fn is_root(path: &Path) -> bool {
    let package = path.ancestors().find(|folder| folder.join("Cargo.toml").is_file()).unwrap();
    let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap();
    let inside = path.strip_prefix(package).unwrap();
    manifest.contains(&format!("\"{}\"", inside.display()))
        || ["src/lib.rs", "src/main.rs", "build.rs"].iter().any(|root| inside == Path::new(root))
        || inside.parent() == Some(Path::new("tests"))
        || (inside.ends_with("main.rs") && inside.parent().and_then(Path::parent) == Some(Path::new("tests")))
}

/// True if a file beside it, or its folder's file, has a `mod` line for it.
fn is_module(path: &Path, all: &[PathBuf]) -> bool {
    let named = if path.ends_with("mod.rs") { path.parent().unwrap() } else { path };
    let line = format!("mod {};", named.file_stem().unwrap().to_str().unwrap());
    let house = named.parent().unwrap();
    let mut parents = all.iter().filter(|other| other.parent() == Some(house) || **other == house.with_extension("rs"));
    parents.any(|parent| fs::read_to_string(parent).unwrap().contains(&line))
}

#[test]
fn nothing_is_left_for_later() {
    let mut sources = files(".", "");
    sources.retain(|path| !path.ends_with("tests/tidy/rules.rs") && !path.ends_with("package-lock.json"));
    none("left for later", &lines_with(&sources, &["TODO", "FIXME", "XXX", "unimplemented!", "todo!("]));
}

#[test]
fn every_limit_of_the_table_names_its_test() {
    let table = fs::read_to_string(root().join("relay/src/limits.rs")).unwrap();
    let program = table.split("#[cfg(test)]").next().unwrap();
    let sources: String = files("relay", ".rs").iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let (mut test, mut limits) = (None, 0);
    for line in program.lines().map(str::trim) {
        if let Some(named) = line.strip_prefix("/// Test: `") {
            test = named.strip_suffix("`.");
        } else if let Some(item) = line.strip_prefix("pub ").filter(|item| item.contains(": ") && !item.contains('(')) {
            let test = test.take().unwrap_or_else(|| panic!("the limit {item} names no test"));
            assert!(sources.contains(&format!("async fn {test}() {{")), "no test {test} of the limit {item}");
            limits += 1;
        }
    }
    assert!(limits > 20, "the limits table has lost its rows");
}

#[test]
fn every_fault_of_the_table_is_a_test() {
    let table = fs::read_to_string(root().join("docs/faults.md")).unwrap();
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| fault |")).collect();
    assert!(rows.len() > 20, "the fault table has lost its rows");
    let sources: Vec<_> = ["agent", "relay", "tests"]
        .iter()
        .flat_map(|folder| files(folder, ".rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for row in rows {
        let test = row.trim_end_matches(" |").rsplit("| ").next().unwrap_or_default().trim_matches('`');
        // A test is a function, or a row in a macro's table of tests.
        let (function, entry) = (format!("fn {test}("), format!("    {test}: "));
        let is_there = sources.iter().any(|source| source.contains(&function) || source.contains(&entry));
        assert!(!test.is_empty() && is_there, "no test {test:?} for: {row}");
    }
}
