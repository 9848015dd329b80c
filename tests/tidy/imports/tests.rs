//! Tests of the search for imports, on crates of a few lines.

use super::*;

/// A crate of files below `a/src`.
fn sources(files: &[(&str, &str)]) -> Sources {
    files.iter().map(|(name, text)| (format!("a/src/{name}"), (*text).to_owned())).collect()
}

/// Returns the imports of the crate `a`, each as `from -> to (as written)` without `a/src/`. Imports of a module have brackets.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let short = |file: &str| file.trim_start_matches("a/src/").to_owned();
    let others: Vec<_> =
        files.iter().any(|(name, _)| *name == "main.rs").then_some("a/src/main.rs").into_iter().collect();
    imports(&sources(files), "a/src/lib.rs", "a", &others)
        .into_iter()
        .map(|import| {
            let text = format!("{} -> {} ({})", short(&import.from), short(&import.to), import.written);
            if import.names == Names::Module { format!("[{text}]") } else { text }
        })
        .collect()
}

/// Returns the imports of a `low.rs` with this text. Beside it are `high.rs` and its child `deep.rs`.
fn found_in_low(low: &str) -> Vec<String> {
    found(&[
        ("lib.rs", "pub mod high; pub mod low;"),
        ("high.rs", "pub mod deep; pub use self::deep::Deep; pub struct High; pub fn high() {} pub enum Kind { One }"),
        ("high/deep.rs", "pub struct Deep; pub fn deep() {}"),
        ("low.rs", low),
    ])
}

const HIGH: &str = "low.rs -> high.rs";
const DEEP: &str = "low.rs -> high/deep.rs";

#[test]
fn every_leaf_of_a_use_is_an_import() {
    assert_eq!(
        found_in_low("use crate::{high::{deep as d, High as H, Kind::{self, One}}, high::deep::*};"),
        [
            format!("{HIGH} (crate::high::High)"),
            format!("{HIGH} (crate::high::Kind)"),
            format!("{HIGH} (crate::high::Kind::One)"),
            format!("{DEEP} (crate::high::deep)"),
            format!("[{DEEP} (crate::high::deep)]"),
        ]
    );
    assert_eq!(found_in_low("use super::high::High as _;"), [format!("{HIGH} (super::high::High)")]);
    assert_eq!(found_in_low("fn f() { use crate::high::*; }"), [format!("{HIGH} (crate::high)")]);
}

#[test]
fn paths_in_code_are_imports() {
    for (code, path) in [
        ("fn f() { crate::high::high(); }", "crate::high::high"),
        ("fn f() -> super::high::High { todo() }", "super::high::High"),
        ("struct S<T: Into<crate::high::High>>(T);", "crate::high::High"),
        ("fn f(kind: u8) { match kind { crate::high::Kind::One => {} } }", "crate::high::Kind::One"),
        ("impl From<crate::high::High> for u8 {}", "crate::high::High"),
        ("mod inner { fn f() { super::super::high::high() } }", "super::super::high::high"),
        ("fn f() { Vec::<crate::high::High>::new(); }", "crate::high::High"),
    ] {
        assert_eq!(found_in_low(code), [format!("{HIGH} ({path})")], "{code}");
    }
}

#[test]
fn paths_in_tokens_are_imports() {
    for (code, path) in [
        ("fn f() { println!(\"{}\", crate::high::high()); }", "crate::high::high"),
        ("fn f() { select! { _ = wait() => { loop { crate::high::high() } } } }", "crate::high::high"),
        ("macro_rules! m { () => { $crate::high::high() } }", "crate::high::high"),
        ("#[derive(Serialize)] struct S { #[serde(with = \"crate::high::high\")] at: u8 }", "crate::high::high"),
    ] {
        assert_eq!(found_in_low(code), [format!("{HIGH} ({path})")], "{code}");
    }
    assert_eq!(found_in_low("fn f() { assert!(it.crate_high.is(\"crate, high\")); }"), [""; 0]);
}

#[test]
fn a_name_is_followed_to_the_file_that_defines_it() {
    assert_eq!(found_in_low("use crate::high::Deep;"), [format!("{DEEP} (crate::high::Deep)")]);
    let through_a_module = "use crate::high as h; fn f(_: h::Deep) { h::deep::deep() }";
    assert_eq!(
        found_in_low(through_a_module),
        [format!("[{HIGH} (crate::high)]"), format!("{DEEP} (h::Deep)"), format!("{DEEP} (h::deep::deep)")]
    );
    let renamed = found(&[
        ("lib.rs", "mod x; mod y; mod z; pub use x::X as Shown; pub use y::*;"),
        ("x.rs", "pub struct X;"),
        ("y.rs", "pub struct Y; pub(in crate::z) struct Hidden;"),
        ("z.rs", "use crate::{Shown, Y};"),
    ]);
    assert_eq!(renamed, ["z.rs -> x.rs (crate::Shown)", "z.rs -> y.rs (crate::Y)"]);
    let exported = found(&[
        ("lib.rs", "#[macro_use] mod x; mod y;"),
        ("x.rs", "#[macro_export] macro_rules! count { () => {} }"),
        ("y.rs", "fn f() { crate::count!(); }"),
    ]);
    assert_eq!(exported, ["y.rs -> x.rs (crate::count)"]);
}

#[test]
fn what_only_tests_are_built_with_is_left_out() {
    let tested = "#[cfg(test)] use crate::high::High; #[cfg(test)] mod tests { use crate::high::High; } \
                  impl S { #[cfg(all(test, unix))] fn f(_: crate::high::High) {} } #[test] fn g() {}";
    assert_eq!(found_in_low(tested), [""; 0]);
    let built = "#[cfg(not(test))] use crate::high::High; #[cfg(any(test, unix))] use crate::high::Kind;";
    assert_eq!(found_in_low(built).len(), 2);
    assert_eq!(found(&[("lib.rs", "#[cfg(test)] mod gone;")]), [""; 0], "a file of tests is not even read");
}

#[test]
fn other_crates_are_none_of_ours() {
    let outside = "use std::fmt; use ::high::High; use tokio::sync::{self, Mutex}; \
                   fn f() { fmt::format(); ::high::high(); Self::high(); sync::high::high(); }";
    assert_eq!(found_in_low(outside), [""; 0]);
    let loops = found(&[
        ("lib.rs", "mod x; mod y; use http::http; pub use x::*;"),
        ("x.rs", "pub use super::*;"),
        ("y.rs", "use crate::Nowhere;"),
    ]);
    assert!(loops.contains(&"y.rs -> lib.rs (crate::Nowhere)".to_owned()), "{loops:?}");
}

#[test]
fn a_program_reaches_its_library_by_name() {
    let program = found(&[
        ("lib.rs", "pub mod x;"),
        ("x.rs", "pub struct X;"),
        ("main.rs", "use a::x::X; mod inside; fn main() { a::x::go(); inside::go() }"),
        ("inside.rs", "pub fn go() {}"),
    ]);
    assert_eq!(
        program,
        ["main.rs -> inside.rs (inside::go)", "main.rs -> x.rs (a::x::X)", "main.rs -> x.rs (a::x::go)"]
    );
}

fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    circles(&imports(&sources(files), "a/src/lib.rs", "a", &[]))
}

#[test]
fn a_circle_is_found_whatever_its_length() {
    let three = [
        ("lib.rs", "mod x; mod y; mod z; mod free;"),
        ("x.rs", "pub struct X; use crate::y::Y;"),
        ("y.rs", "pub struct Y; fn f() { crate::z::z() }"),
        ("z.rs", "pub fn z() { crate::x::X; }"),
        ("free.rs", "use crate::x::X;"),
    ];
    assert_eq!(circles_of(&three), [["a/src/x.rs", "a/src/y.rs", "a/src/z.rs"]]);
    let two = [("lib.rs", "mod x; mod y;"), ("x.rs", "use crate::y;"), ("y.rs", "use crate::x::X;")];
    assert_eq!(circles_of(&two), [[""; 0]; 0], "a module's name alone is no use of it");
}

#[test]
fn a_parent_and_its_child_are_a_circle_where_each_uses_the_others_names() {
    let parent = |text| [("lib.rs", "mod p;"), ("p.rs", text), ("p/c.rs", "pub struct C(super::P);")];
    for shows in [
        "mod c; pub struct P;",
        "mod c; pub use self::c::C; pub struct P;",
        "mod c; pub(crate) use c::*; pub struct P;",
    ] {
        assert_eq!(circles_of(&parent(shows)), [[""; 0]; 0], "{shows}");
    }
    for uses in [
        "mod c; use c::C; pub struct P;",
        "mod c; pub use c::C; pub struct P(Box<C>);",
        "mod c; pub struct P; fn f() { c::new() }",
    ] {
        assert_eq!(circles_of(&parent(uses)), [["a/src/p.rs", "a/src/p/c.rs"]], "{uses}");
    }
    let uncle = [
        ("lib.rs", "mod p;"),
        ("p.rs", "mod c; mod d; fn f(_: c::C) {}"),
        ("p/c.rs", "pub struct C(super::d::D);"),
        ("p/d.rs", "pub struct D;"),
    ];
    assert_eq!(circles_of(&uncle), [[""; 0]; 0], "a way through the parent's module is no use of the parent's file");
}
