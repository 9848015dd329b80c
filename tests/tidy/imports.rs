//! Imports between the files of a crate, found by parsing. Code under `cfg(test)` is left out.
//!
//! An import is a name in one file for an item of another file: in a `use`, in a path anywhere in the code, in the tokens of
//! a macro or of an attribute. Re-exports are followed to the defining file. Two things are no imports by
//! themselves:
//!
//! - `mod child;`, and `pub use self::child::Name` of a name without other use in the file: a parent may re-export its children's
//!   items.
//! - `use crate::module;` in the search for circles. There each name behind the module counts. For the table of wings the line itself
//!   counts.
//!
//! A child and its parent form a circle if each uses a name of the other in its code. Inferred types and
//! methods need no import and are not found.

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

/// Returns the circles: sets of files in which every file reaches every other file by imports.
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
