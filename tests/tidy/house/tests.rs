//! Tests of the rule, on a house of four wings.

use super::rule::{House, Wing, against};
use crate::imports::{Import, Names};

const HOUSE: House = House {
    folder: "a/src",
    storeys: &[
        &[Wing { name: "ground", rooms: &["clock", "check/step"] }],
        &[Wing { name: "left", rooms: &["left"] }, Wing { name: "right", rooms: &["right"] }],
        &[Wing { name: "roof", rooms: &["check", "lib"] }],
    ],
    unplaced: &["moving"],
};

/// True if the first file may import the second.
fn is_allowed(from: &str, to: &str) -> bool {
    let names = Names::Module;
    let file = |room: &str| format!("a/src/{room}.rs");
    let import = Import { from: file(from), to: file(to), names, written: "x".to_owned() };
    against(&HOUSE, &[import].into()).is_empty()
}

#[test]
fn a_file_imports_its_own_wing_and_those_below() {
    for (from, to) in
        [("left/a", "left/b"), ("left", "clock"), ("lib", "left/a/b"), ("check", "lib"), ("check/walk", "check/step")]
    {
        assert!(is_allowed(from, to), "{from} imports {to}");
    }
    for (from, to) in
        [("clock", "left"), ("left", "right"), ("right/a", "left"), ("left", "lib"), ("check/step", "check")]
    {
        assert!(!is_allowed(from, to), "{from} imports {to}");
    }
}

#[test]
fn a_room_that_no_wing_has_is_told() {
    assert!(!is_allowed("lib", "clockwork"), "a name that only begins like a room's");
    assert!(is_allowed("moving/a", "lib") && is_allowed("clock", "moving"), "a room that is being moved");
}
