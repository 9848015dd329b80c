//! Names in the documents exist: tests, make targets, commands and flags of the programs, files of the repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use tests::harness::programs::built;

use crate::blocks::{document, documents, root, rows};

#[test]
fn the_readme_is_read_in_one_sitting() {
    let lines = document("README.md").lines().count();
    assert!(lines <= 150, "README.md has {lines} lines; at most 150");
}

/// A document names a file by its path from the root, in backquotes.
#[test]
fn every_file_that_a_document_names_is_there() {
    let folders = ["agent/", "relay/", "shared/", "tests/", "container/", "docs/", "fuzz/"];
    for name in documents() {
        let text = document(&name);
        let mut quoted = text.split('`').skip(1).step_by(2);
        let wrong = quoted.find(|path| {
            let is_path = folders.iter().any(|folder| path.starts_with(folder))
                && path.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c));
            is_path && !root().join(path).exists() && !is_built(path)
        });
        assert_eq!(wrong, None, "{name} names a file that is not there");
    }
}

/// True if a build makes the file, or the reader does.
fn is_built(path: &str) -> bool {
    path.starts_with("relay/web/dist") || path.starts_with("container/tls/")
}

#[test]
fn every_promise_names_its_test() {
    let rows = rows(&document("SECURITY.md"));
    let promises = rows.iter().filter(|row| row.len() == 2 && row[1].contains('`'));
    let mut checked = 0;
    for promise in promises {
        let test = promise[1].split('`').nth(1).unwrap();
        assert!(is_test(test), "SECURITY.md names the test {test}, which is not there");
        checked += 1;
    }
    assert!(checked > 5, "SECURITY.md has lost its promises");
}

/// True if a test has this name: as a function, or as a row of a macro's table.
fn is_test(name: &str) -> bool {
    let (function, row) = (format!("fn {name}("), format!("    {name}: "));
    let sources = ["agent", "relay", "shared", "tests"].map(|folder| sources(&root().join(folder)));
    sources.concat().iter().any(|text| text.contains(&function) || text.contains(&row))
}

/// Returns the Rust sources under a folder.
fn sources(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
            found.extend(sources(&path));
        } else if is_source {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
    found
}

#[test]
fn every_make_target_of_a_document_is_one() {
    let makefile = document("Makefile");
    let targets: BTreeSet<_> = makefile.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    let mut checked = 0;
    for name in documents() {
        for line in commands(&document(&name)).iter().filter_map(|command| command.strip_prefix("make ")) {
            let called = line.split('#').next().unwrap_or_default().split_whitespace();
            for target in called.take_while(|word| *word != "&&").filter(|word| !word.contains('=')) {
                assert!(targets.contains(target), "{name} calls make {target}, which is no target");
                checked += 1;
            }
        }
    }
    assert!(checked > 5, "the make targets are gone");
}

#[test]
fn everything_that_is_set_up_is_known_to_the_script() {
    let script = document("tests/setup");
    let known = script.lines().find(|line| line.contains(") \"$name\" ;;")).expect("the script's list");
    let known: BTreeSet<_> = known.trim().split([' ', '|', ')']).collect();
    let mut checked = 0;
    for line in document("Makefile").lines().filter_map(|line| line.trim().strip_prefix("@tests/setup ")) {
        for name in line.split_whitespace() {
            assert!(known.contains(name), "make sets up {name}, which tests/setup does not know");
            checked += 1;
        }
    }
    assert!(checked > 10, "the targets set nothing up");
}

#[test]
fn every_flag_of_a_document_is_one_of_its_program() {
    let mut checked = 0;
    for (program, subcommands) in [
        ("linelight-agent", &["", "check", "health"][..]),
        (
            "linelight-relay",
            &[
                "",
                "init",
                "serve",
                "link",
                "links list",
                "links revoke",
                "links void",
                "operator add",
                "operator list",
                "backup",
                "restore",
                "agent",
                "agent add",
                "agent list",
                "agent revoke",
                "router-script",
                "watch",
                "key add",
                "key list",
                "key revoke",
            ],
        ),
    ] {
        let help: String = subcommands.iter().map(|subcommand| help(program, subcommand)).collect();
        for name in documents() {
            for flag in commands(&document(&name)).iter().flat_map(|command| flags(command, program)) {
                assert!(help.contains(&flag), "{name} calls {program} with {flag}, which it does not know");
                checked += 1;
            }
        }
    }
    assert!(checked > 10, "the commands are gone");
}

/// Returns the flags behind a program's name, up to the end of its command; behind `-p` the name is a crate's.
fn flags(command: &str, program: &str) -> Vec<String> {
    let words: Vec<_> = command.split_whitespace().collect();
    let is_program = |word: &str| word == program || word.strip_suffix(program) == Some("/");
    let Some(at) = words.iter().position(|word| is_program(word)) else { return Vec::new() };
    if at > 0 && words[at - 1] == "-p" {
        return Vec::new();
    }
    let arguments = words[at..].iter().take_while(|word| !["&&", "|", "#"].contains(word));
    arguments.filter_map(|word| flag(word)).collect()
}

fn help(program: &str, subcommand: &str) -> String {
    let mut command = Command::new(built(program).unwrap());
    let output = command.args(subcommand.split_whitespace()).arg("--help").output().unwrap();
    assert!(output.status.success(), "{program} {subcommand} --help");
    String::from_utf8(output.stdout).unwrap()
}

fn flag(word: &str) -> Option<String> {
    let name = word.strip_prefix("--")?.split('=').next().unwrap_or_default();
    (!name.is_empty()).then(|| format!("--{name}"))
}

/// Returns the commands of a document: each line of a code block, fenced or indented, and each text in backquotes.
fn commands(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if in_block || line.starts_with("    ") {
            found.push(line.trim().to_owned());
        } else {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

#[test]
fn commands_are_found_in_blocks_and_in_backquotes() {
    let text = "Run `make demo` or\n\n    make a b\n\n```sh\nmake c\n```\n";
    assert_eq!(commands(text), ["make demo", "make a b", "make c"]);
}
