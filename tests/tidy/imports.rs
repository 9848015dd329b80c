//! Imports between the files of a crate, found by parsing it. What is compiled for tests alone is left out.
//!
//! An import is a name that one file writes and another file defines: in a `use`, in a path anywhere in the code, in the tokens of
//! a macro or of an attribute. A name is followed through re-exports to the file that defines it. Two things are no imports by
//! themselves:
//!
//! - `mod child;`, and `pub use self::child::Name` of a name that the file does not use itself: a parent may have children and show
//!   what they define.
//! - `use crate::module;` for the search of circles: what counts is each name that is written behind it. For the table of wings it
//!   counts.
//!
//! So a child that uses a name of its parent's file is in a circle with it where the parent's code uses a name of the child. Types
//! that are inferred, and methods, are found nowhere: they need no import.

mod collect;
mod resolve;
mod tests;
mod tokens;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use resolve::{Import, Names};
use tree::Tree;

/// The files of a crate: names from the repository's root, and texts.
pub(crate) type Sources = BTreeMap<String, String>;

/// The imports of a crate: of its library, and of the programs and benches beside it, each with its root file.
pub(crate) fn imports(sources: &Sources, library: &str, crate_name: &str, others: &[&str]) -> BTreeSet<Import> {
    let mut tree = Tree::default();
    let root = collect::root(&mut tree, sources, library);
    tree.library = Some((crate_name.to_owned(), root));
    for other in others {
        collect::root(&mut tree, sources, other);
    }
    resolve::all(&tree)
}

/// The circles: sets of files each of which imports, by way of others, every other one.
pub(crate) fn circles(imports: &BTreeSet<Import>) -> Vec<Vec<String>> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in imports.iter().filter(|import| import.names == Names::Item) {
        next.entry(&import.from).or_default().insert(&import.to);
    }
    let reach: BTreeMap<&str, BTreeSet<&str>> = next.keys().map(|file| (*file, reachable(file, &next))).collect();
    let reaches = |from: &str, to: &str| reach.get(from).is_some_and(|files| files.contains(to));
    let mut found: BTreeSet<Vec<String>> = BTreeSet::new();
    for file in reach.keys().filter(|file| reaches(file, file)) {
        let circle = reach[file].iter().filter(|other| reaches(other, file)).map(|other| (*other).to_owned());
        found.insert(circle.collect());
    }
    found.into_iter().collect()
}

fn reachable<'a>(file: &'a str, next: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let (mut found, mut open) = (BTreeSet::new(), vec![file]);
    while let Some(file) = open.pop() {
        open.extend(next.get(file).into_iter().flatten().filter(|other| found.insert(**other)));
    }
    found
}
