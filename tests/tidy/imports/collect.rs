//! Parses files into modules.

use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, Meta, UseTree, Visibility};

use super::Sources;
use super::tokens;
use super::tree::{Brings, Id, Tree, Use};

/// Adds the modules of a crate by its root file. Returns the root.
pub(super) fn root(tree: &mut Tree, sources: &Sources, file: &str) -> Id {
    let id = tree.add(file, None);
    collect_file(tree, sources, id, file);
    id
}

fn collect_file(tree: &mut Tree, sources: &Sources, module: Id, file: &str) {
    let text = sources.get(file).unwrap_or_else(|| panic!("no file {file}"));
    let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    Collector { tree, sources, module, folder: folder_of(file) }.visit_file(&parsed);
}

/// Returns the folder of a file's child modules.
pub(super) fn folder_of(file: &str) -> String {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    let stem = name.trim_end_matches(".rs");
    let is_top = matches!(stem, "lib" | "main" | "mod");
    if is_top { folder.to_owned() } else { format!("{folder}/{stem}") }
}

struct Collector<'a> {
    tree: &'a mut Tree,
    sources: &'a Sources,
    module: Id,
    folder: String,
}

impl Collector<'_> {
    fn child(&mut self, item: &syn::ItemMod) {
        let name = item.ident.to_string();
        let folder = format!("{}/{name}", self.folder);
        if let Some((_, items)) = &item.content {
            let file = self.tree.modules[self.module].file.clone();
            let child = self.adopt(name, &file);
            let mut inside = Collector { tree: self.tree, sources: self.sources, module: child, folder };
            items.iter().for_each(|item| inside.visit_item(item));
            return;
        }
        let file = [format!("{folder}.rs"), format!("{folder}/mod.rs")]
            .into_iter()
            .find(|file| self.sources.contains_key(file))
            .unwrap_or_else(|| panic!("no file of mod {name} in {}", self.folder));
        let child = self.adopt(name, &file);
        collect_file(self.tree, self.sources, child, &file);
    }

    fn adopt(&mut self, name: String, file: &str) -> Id {
        let child = self.tree.add(file, Some(self.module));
        self.tree.modules[self.module].children.insert(name, child);
        child
    }

    fn leaves(&mut self, tree: &UseTree, path: &[String], is_reexport: bool) {
        let mut leaf = |path: Vec<String>, brings| {
            self.tree.modules[self.module].uses.push(Use { path, brings, is_reexport });
        };
        let with = |name: &syn::Ident| [path, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(part) => self.leaves(&part.tree, &with(&part.ident), is_reexport),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.leaves(tree, path, is_reexport)),
            UseTree::Glob(_) => leaf(path.to_vec(), Brings::All),
            UseTree::Name(name) if name.ident == "self" => {
                leaf(path.to_vec(), path.last().map_or(Brings::Nothing, |name| Brings::Name(name.clone())));
            }
            UseTree::Name(name) => leaf(with(&name.ident), Brings::Name(name.ident.to_string())),
            UseTree::Rename(name) => {
                let path = if name.ident == "self" { path.to_vec() } else { with(&name.ident) };
                let brings = if name.rename == "_" { Brings::Nothing } else { Brings::Name(name.rename.to_string()) };
                leaf(path, brings);
            }
        }
    }

    fn note(&mut self, path: Vec<String>) {
        self.tree.modules[self.module].paths.insert(path);
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_compiled(attributes(item)) {
            return;
        }
        if let Some(name) = name_of(item) {
            self.tree.modules[self.module].items.insert(name);
        }
        match item {
            Item::Mod(module) => self.child(module),
            // A path that begins with `::` is another crate's.
            Item::Use(item) if item.leading_colon.is_some() => {}
            Item::Use(item) => self.leaves(&item.tree, &[], !matches!(item.vis, Visibility::Inherited)),
            Item::Macro(makro) => {
                if let (Some(name), true) = (&makro.ident, makro.attrs.iter().any(is_export)) {
                    let file = self.tree.modules[self.module].file.clone();
                    self.tree.exported_macros.insert(name.to_string(), file);
                }
                visit::visit_item(self, item);
            }
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes: &[Attribute] = match item {
            ImplItem::Fn(function) => &function.attrs,
            ImplItem::Const(constant) => &constant.attrs,
            ImplItem::Type(alias) => &alias.attrs,
            _ => &[],
        };
        if is_compiled(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if is_compiled(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.note(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, makro: &'ast syn::Macro) {
        tokens::paths(makro.tokens.clone()).into_iter().for_each(|path| self.note(path));
        visit::visit_macro(self, makro);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if !attribute.path().is_ident("doc") {
            tokens::paths(attribute.meta.to_token_stream()).into_iter().for_each(|path| self.note(path));
        }
    }

    /// `pub(in crate::a)` is no import.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn is_export(attribute: &Attribute) -> bool {
    attribute.path().is_ident("macro_export")
}

/// True if the item is compiled without `cfg(test)`.
fn is_compiled(attributes: &[Attribute]) -> bool {
    let mut conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    conditions.all(|attribute| attribute.parse_args::<Meta>().is_ok_and(|condition| holds(&condition)))
}

/// True if a condition can hold without `test`.
fn holds(condition: &Meta) -> bool {
    let parts = |list: &syn::MetaList| {
        type Parts = syn::punctuated::Punctuated<Meta, syn::Token![,]>;
        list.parse_args_with(Parts::parse_terminated).unwrap_or_default()
    };
    match condition {
        Meta::Path(path) => !path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => parts(list).iter().all(holds),
        Meta::List(list) if list.path.is_ident("any") => parts(list).iter().any(holds),
        _ => true,
    }
}
