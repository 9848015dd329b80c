//! docs/access.md: every door of the relay, tried as every caller. `make access` writes the document.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![allow(unreachable_pub, reason = "modules of one test")]

mod asking;
mod callers;
#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "the console's tests use the rest")]
#[path = "../console/desk.rs"]
mod desk;
mod document;
mod doors;
mod once;
mod routes;
mod stage;

use std::fs;
use std::path::Path;

use self::asking::{Answer, ask};
use self::callers::Caller;
use self::document::{Group, written};
use self::doors::{Door, Kind};
use self::stage::Stage;
use relay::viewers::links::Mode;

/// With this variable the test writes the document before the comparison.
const REWRITE: &str = "LINELIGHT_TEST_WRITE_ACCESS";
/// The lines of a relay whose access is open.
const OPEN: (&str, &str) = ("A line, live, with `--access open`", "The same, where a username opens its line.");
const DOCUMENT: &str = "../docs/access.md";

#[tokio::test]
async fn every_door_answers_every_caller_as_the_document_says() {
    let routes = routes::all();
    let mut stage = Stage::start(Mode::Link).await;
    let callers = stage.callers().await;
    let mut groups = Vec::new();
    for (kind, doors) in doors::grouped(&routes) {
        groups.push(group(&mut stage, &callers, (kind.title(), kind.remark()), &doors).await);
        if kind == Kind::Lines {
            let mut open = Stage::start(Mode::Open).await;
            let callers = open.callers().await;
            groups.push(group(&mut open, &callers, OPEN, &doors).await);
        }
    }
    let written = written(&callers, &groups, &once::tried().await);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    if std::env::var_os(REWRITE).is_some() {
        fs::write(&path, &written).unwrap();
    }
    let document = fs::read_to_string(&path).unwrap_or_default();
    let first = written.lines().zip(document.lines()).find(|(written, there)| written != there);
    assert_eq!(first, None, "docs/access.md is out of date (left: as it should be); run `make access`");
    assert_eq!(document, written, "docs/access.md is out of date; run `make access`");
}

/// Tries doors as every caller.
async fn group(
    stage: &mut Stage,
    callers: &[Caller],
    (title, remark): (&'static str, &'static str),
    doors: &[Door],
) -> Group {
    let mut rows = Vec::new();
    for door in doors {
        let mut answers = Vec::new();
        for caller in callers {
            answers.push(tried(stage, door, caller).await);
        }
        if door.kind == Kind::Pages {
            assert!(answers.windows(2).all(|two| two[0] == two[1]), "{door}: one answer for all, in bytes");
        }
        rows.push((door.to_string(), answers.into_iter().map(|answer| answer.cell).collect()));
    }
    Group { title, remark, rows }
}

/// Tries a door as a caller. Whoever is refused hears the same of a line or person that nobody knows.
async fn tried(stage: &mut Stage, door: &Door, caller: &Caller) -> Answer {
    let path = stage.known(door, caller).await;
    let answer = ask(stage, door, caller, &path).await;
    if door.method() != "GET" && caller.person.is_some() {
        stage.changed();
    }
    if let Some(unknown) = door.unknown().filter(|_| answer.is_refusal()) {
        let other = ask(stage, door, caller, &unknown).await;
        assert_eq!(answer, other, "{door} as {}: {path} and {unknown} are told apart", caller.name);
    }
    answer
}
