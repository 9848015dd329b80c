//! The wings of each program, and what each may import: its own wing, wings of lower storeys, and nothing else.
//!
//! A room is a module, named by its path below `src`; the longest name that fits says in which wing a file is. Wings that share a
//! storey do not know each other. No file imports another one that imports it, by whatever way.

mod rule;
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::files::{files, none, root};
use crate::imports::{Import, Sources, circles, imports};
use rule::{House, Wing, against};

/// The library of both programs. Its root holds the constants of the protocol.
const SHARED: House = House {
    folder: "shared/src",
    storeys: &[
        &[Wing { name: "words", rooms: &["lib", "sample", "username", "escape", "close"] }],
        &[Wing { name: "frames", rooms: &["control", "frame"] }],
    ],
    unplaced: &[],
};

/// The agent: a sample's way goes from the bottom to the top. The two tasks, `router` and `uplink`, meet in `handover` alone.
const AGENT: House = House {
    folder: "agent/src",
    storeys: &[
        &[Wing { name: "ground", rooms: &["clock", "stop", "backoff", "check/step"] }],
        &[Wing { name: "tls", rooms: &["tls"] }, Wing { name: "routeros", rooms: &["routeros"] }],
        &[Wing { name: "config", rooms: &["config"] }],
        &[Wing { name: "lines", rooms: &["sessions", "sampler", "averages", "monitor"] }],
        &[Wing { name: "handover", rooms: &["backlog", "handover", "batch"] }],
        &[Wing { name: "router", rooms: &["router"] }, Wing { name: "uplink", rooms: &["uplink"] }],
        &[Wing { name: "check", rooms: &["check"] }, Wing { name: "process", rooms: &["process"] }],
        &[Wing { name: "program", rooms: &["lib", "main"] }],
    ],
    unplaced: &[],
};

/// The relay: agents -> lines -> viewers; operators read.
const RELAY: House = House {
    folder: "relay/src",
    storeys: &[
        &[Wing { name: "ground", rooms: &["limits", "metrics", "clock"] }],
        &[Wing { name: "wire", rooms: &["wire"] }],
        &[Wing { name: "store", rooms: &["store"] }],
        &[Wing { name: "net", rooms: &["net"] }],
        &[Wing { name: "subscribers", rooms: &["subscribers"] }],
        &[Wing { name: "lines", rooms: &["lines"] }],
        &[Wing { name: "agents", rooms: &["agents"] }, Wing { name: "viewers", rooms: &["viewers"] }],
        &[Wing { name: "cluster", rooms: &["cluster"] }],
        &[Wing { name: "operators", rooms: &["operators"] }],
        &[Wing { name: "program", rooms: &["commands", "config", "relay", "lib", "main"] }],
    ],
    unplaced: &["explain", "http", "hub", "line", "uplink", "net"],
};

/// The crate's own files, tests beside them left out.
fn sources(house: &House) -> Sources {
    let name = |path: &Path| path.strip_prefix(root()).unwrap().display().to_string();
    files(house.folder, ".rs").into_iter().map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

fn imports_of(house: &House, crate_name: &str) -> BTreeSet<Import> {
    let (sources, main) = (sources(house), format!("{}/main.rs", house.folder));
    let others: Vec<_> = sources.contains_key(&main).then_some(main.as_str()).into_iter().collect();
    imports(&sources, &format!("{}/lib.rs", house.folder), crate_name, &others)
}

#[test]
fn shared_imports_only_downwards_and_in_no_circle() {
    holds(&SHARED, "shared", 10, &[]);
}

#[test]
fn the_agent_imports_only_downwards_and_in_no_circle() {
    holds(
        &AGENT,
        "agent",
        200,
        &[
            &["agent/src/monitor.rs", "agent/src/monitor/placement.rs"],
            &["agent/src/router.rs", "agent/src/router/conversation.rs"],
        ],
    );
}

#[test]
fn the_relay_imports_only_downwards() {
    none("against the wings", &against(&RELAY, &some_imports(&RELAY, "relay", 200)));
}

/// Checks a crate against its house. `known` are the circles that are still to be opened: one that is opened leaves the list.
fn holds(house: &House, crate_name: &str, at_least: usize, known: &[&[&str]]) {
    let imports = some_imports(house, crate_name, at_least);
    none("against the wings", &against(house, &imports));
    assert_eq!(circles(&imports), known, "circles of files");
}

fn some_imports(house: &House, crate_name: &str, at_least: usize) -> BTreeSet<Import> {
    let imports = imports_of(house, crate_name);
    assert!(imports.len() >= at_least, "{} imports: the rule would hold for next to nothing", imports.len());
    imports
}
