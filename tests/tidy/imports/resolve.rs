//! From names to the defining files.

use std::collections::BTreeSet;

use super::collect::folder_of;
use super::tree::{Brings, Id, Tree, Use};

/// One file names an item of another file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) names: Names,
    /// The path as written.
    pub(crate) written: String,
}

/// The target of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Names {
    /// An item of the other file.
    Item,
    /// The other file's module, as in `use crate::module;`.
    Module,
}

/// The end of a path.
#[derive(Debug, Clone)]
struct Target {
    file: String,
    /// Set if the path names a module.
    module: Option<Id>,
}

/// Names under lookup: a re-export of itself ends the search.
type Looking = BTreeSet<(Id, String)>;

/// All imports of the tree.
pub(super) fn all(tree: &Tree) -> BTreeSet<Import> {
    let mut found = BTreeSet::new();
    for (id, module) in tree.modules.iter().enumerate() {
        for written in &module.uses {
            if let Some(target) =
                tree.resolve(id, &written.path).filter(|target| !tree.is_shown_only(id, written, target))
            {
                let names = if written.brings == Brings::All { Names::Item } else { target.names() };
                found.insert(tree.import(id, &written.path, target, names));
            }
        }
        for path in &module.paths {
            if let Some(target) = tree.resolve(id, path) {
                let names = target.names();
                found.insert(tree.import(id, path, target, names));
            }
        }
    }
    found.retain(|import| import.from != import.to);
    found
}

impl Target {
    fn names(&self) -> Names {
        if self.module.is_some() { Names::Module } else { Names::Item }
    }
}

impl Tree {
    fn import(&self, from: Id, path: &[String], target: Target, names: Names) -> Import {
        Import { from: self.modules[from].file.clone(), to: target.file, names, written: path.join("::") }
    }

    /// True if a `use` only re-exports an item of a module below this one.
    fn is_shown_only(&self, id: Id, written: &Use, target: &Target) -> bool {
        let folder = folder_of(&self.modules[id].file);
        let is_below = target.file.strip_prefix(&folder).is_some_and(|rest| rest.starts_with('/'));
        written.is_reexport && is_below
    }

    fn resolve(&self, from: Id, path: &[String]) -> Option<Target> {
        self.resolve_looking(from, path, &mut Looking::new())
    }

    fn resolve_looking(&self, from: Id, path: &[String], looking: &mut Looking) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.walk(self.root_of(from), rest, looking),
            "self" => self.walk(from, rest, looking),
            "super" => self.walk(self.modules[from].parent?, rest, looking),
            "Self" => None,
            name => match self.member(from, name, looking) {
                Some(Target { module: Some(module), .. }) => self.walk(module, rest, looking),
                Some(item) => Some(item),
                None => {
                    let (_, root) = self.library.as_ref().filter(|(library, _)| library == name)?;
                    self.walk(*root, rest, looking)
                }
            },
        }
    }

    /// Follows names from a module.
    fn walk(&self, module: Id, path: &[String], looking: &mut Looking) -> Option<Target> {
        let here = &self.modules[module];
        let Some((name, rest)) = path.split_first() else {
            return Some(Target { file: here.file.clone(), module: Some(module) });
        };
        if name == "super" {
            return self.walk(here.parent?, rest, looking);
        }
        match self.member(module, name, looking) {
            Some(Target { module: Some(child), .. }) => self.walk(child, rest, looking),
            Some(item) => Some(item),
            // The name comes from a macro, or from another crate by a re-export of this file.
            None => Some(Target { file: here.file.clone(), module: None }),
        }
    }

    /// Looks a name up in a module.
    fn member(&self, id: Id, name: &str, looking: &mut Looking) -> Option<Target> {
        let module = &self.modules[id];
        if let Some(child) = module.children.get(name) {
            return Some(Target { file: self.modules[*child].file.clone(), module: Some(*child) });
        }
        if module.items.contains(name) {
            return Some(Target { file: module.file.clone(), module: None });
        }
        if let Some(file) = self.exported_macros.get(name).filter(|_| module.parent.is_none()) {
            return Some(Target { file: file.clone(), module: None });
        }
        if !looking.insert((id, name.to_owned())) {
            return None;
        }
        let found = self.imported(id, name, looking);
        looking.remove(&(id, name.to_owned()));
        found
    }

    fn imported(&self, id: Id, name: &str, looking: &mut Looking) -> Option<Target> {
        let uses = &self.modules[id].uses;
        let mut named = uses.iter().filter(|written| written.brings == Brings::Name(name.to_owned()));
        if let Some(target) = named.find_map(|written| self.resolve_looking(id, &written.path, looking)) {
            return Some(target);
        }
        let mut globs = uses.iter().filter(|written| written.brings == Brings::All);
        globs.find_map(|written| {
            let module = self.resolve_looking(id, &written.path, looking)?.module?;
            self.member(module, name, looking)
        })
    }
}
