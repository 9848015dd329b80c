//! The wings of each program. A file may import its own wing and wings of lower storeys.
//!
//! A room is a module, named by its path below `src`. The longest fitting name decides in which wing a file is. Wings of one
//! storey do not import each other. Files import each other in no circle.

mod rule;
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::files::{files, none, root};
use crate::imports::{Import, Names, Sources, circles, imports};
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

/// The agent: a sample's way goes from the bottom to the top. The three tasks, `router`, `prober` and `uplink`, meet in `handover` alone.
const AGENT: House = House {
    folder: "agent/src",
    storeys: &[
        &[Wing { name: "ground", rooms: &["clock", "stop", "backoff", "shown"] }],
        &[Wing { name: "tls", rooms: &["tls"] }, Wing { name: "routeros", rooms: &["routeros"] }],
        &[Wing { name: "config", rooms: &["config"] }],
        &[
            Wing { name: "reach", rooms: &["reach", "check/step"] },
            Wing { name: "lines", rooms: &["sessions", "sampler", "averages", "monitor", "response"] },
        ],
        &[Wing { name: "handover", rooms: &["backlog", "handover", "batch"] }],
        &[
            Wing { name: "router", rooms: &["router"] },
            Wing { name: "prober", rooms: &["prober"] },
            Wing { name: "uplink", rooms: &["uplink"] },
        ],
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
    unplaced: &[],
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
    holds(&SHARED, "shared", 10);
}

#[test]
fn the_agent_imports_only_downwards_and_in_no_circle() {
    holds(&AGENT, "agent", 200);
}

#[test]
fn the_relay_imports_only_downwards_and_in_no_circle() {
    holds(&RELAY, "relay", 200);
}

/// Checks a crate against the house.
fn holds(house: &House, crate_name: &str, at_least: usize) {
    let imports = imports_of(house, crate_name);
    assert!(imports.len() >= at_least, "{} imports: the rule would hold for next to nothing", imports.len());
    none("against the wings", &against(house, &imports));
    let circles: Vec<_> = circles(&imports).iter().map(|circle| closed_by(circle, &imports)).collect();
    none("circles of files", &circles);
}

/// The files of a circle, and the imports between them.
fn closed_by(circle: &[String], imports: &BTreeSet<Import>) -> String {
    let is_in = |file: &String| circle.contains(file);
    let inside =
        imports.iter().filter(|import| import.names == Names::Item && is_in(&import.from) && is_in(&import.to));
    let lines: String =
        inside.map(|Import { from, to, written, .. }| format!("\n  {from} -> {to} ({written})")).collect();
    format!("{} files:{lines}", circle.len())
}
