//! The modules of a crate as written: the items, imports and paths of each.

use std::collections::{BTreeMap, BTreeSet};

/// A module, by its place in [`Tree::modules`].
pub(super) type Id = usize;

/// All modules of a library and of the programs beside it.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) modules: Vec<Module>,
    /// The library's name and root. Programs reach the library by its name.
    pub(super) library: Option<(String, Id)>,
    /// Macros with `#[macro_export]`, each with its file. They are names of the root.
    pub(super) exported_macros: BTreeMap<String, String>,
}

/// One module: a file, or a part of one.
#[derive(Debug, Default)]
pub(super) struct Module {
    pub(super) file: String,
    pub(super) parent: Option<Id>,
    pub(super) children: BTreeMap<String, Id>,
    /// Names of the items.
    pub(super) items: BTreeSet<String>,
    pub(super) uses: Vec<Use>,
    /// Paths in the code, as segments.
    pub(super) paths: BTreeSet<Vec<String>>,
}

/// One leaf of a `use`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) path: Vec<String>,
    pub(super) brings: Brings,
    pub(super) is_reexport: bool,
}

/// The names of a leaf of a `use`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Brings {
    /// One name, perhaps another than the path's last: `use a::b as c`.
    Name(String),
    /// No name: `use a::Trait as _`.
    Nothing,
    /// `use a::*`.
    All,
}

impl Tree {
    pub(super) fn add(&mut self, file: &str, parent: Option<Id>) -> Id {
        self.modules.push(Module { file: file.to_owned(), parent, ..Module::default() });
        self.modules.len() - 1
    }

    /// The root of the crate that the module is in.
    pub(super) fn root_of(&self, mut id: Id) -> Id {
        while let Some(parent) = self.modules[id].parent {
            id = parent;
        }
        id
    }
}
