//! The modules of a crate as written: what each defines, imports and names.

use std::collections::{BTreeMap, BTreeSet};

/// A module, by its place in [`Tree::modules`].
pub(super) type Id = usize;

/// All modules of a library and of the programs beside it.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) modules: Vec<Module>,
    /// The library's name, and its root, which programs reach by that name.
    pub(super) library: Option<(String, Id)>,
    /// Macros with `#[macro_export]`: they are names of the root, whichever file has them.
    pub(super) exported_macros: BTreeMap<String, String>,
}

/// One module: a file, or a part of one.
#[derive(Debug, Default)]
pub(super) struct Module {
    pub(super) file: String,
    pub(super) parent: Option<Id>,
    pub(super) children: BTreeMap<String, Id>,
    /// Names of what it defines.
    pub(super) items: BTreeSet<String>,
    pub(super) uses: Vec<Use>,
    /// Paths in its code, as segments.
    pub(super) paths: BTreeSet<Vec<String>>,
}

/// One leaf of a `use`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) path: Vec<String>,
    pub(super) brings: Brings,
    pub(super) is_reexport: bool,
}

/// What a leaf of a `use` brings into scope.
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
