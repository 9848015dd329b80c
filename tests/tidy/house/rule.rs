//! The meaning of the table of wings.

use std::collections::BTreeSet;

use crate::imports::Import;

/// A crate's wings.
pub(crate) struct House {
    /// The folder of the sources.
    pub(crate) folder: &'static str,
    /// Wings from the ground up.
    pub(crate) storeys: &'static [&'static [Wing]],
    /// Rooms on their way into a wing. The table says nothing of their imports.
    pub(crate) unplaced: &'static [&'static str],
}

/// A group of modules.
pub(crate) struct Wing {
    pub(crate) name: &'static str,
    pub(crate) rooms: &'static [&'static str],
}

/// The place of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Wing { storey: usize, name: &'static str },
    Unplaced,
    Nowhere,
}

/// Returns the forbidden imports, and the files without a wing.
pub(crate) fn against(house: &House, imports: &BTreeSet<Import>) -> Vec<String> {
    let files: BTreeSet<_> = imports.iter().flat_map(|import| [&import.from, &import.to]).collect();
    let homeless = files.into_iter().filter(|file| house.place(file) == Place::Nowhere);
    let homeless = homeless.map(|file| format!("{file} is in no wing: name its room in the table"));
    let forbidden = imports.iter().filter_map(|import| {
        let Import { from, to, written, .. } = import;
        match (house.place(from), house.place(to)) {
            (Place::Wing { storey, name }, Place::Wing { storey: other, name: theirs })
                if name != theirs && other >= storey =>
            {
                Some(format!("{from} ({name}) imports {to} ({theirs}): {written}"))
            }
            _ => None,
        }
    });
    homeless.chain(forbidden).collect()
}

impl House {
    fn place(&self, file: &str) -> Place {
        let room = file.strip_prefix(self.folder).unwrap_or(file).trim_start_matches('/').trim_end_matches(".rs");
        let is_in = |named: &str| room.strip_prefix(named).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let unplaced = self.unplaced.iter().map(|named| (*named, Place::Unplaced));
        let placed = self.storeys.iter().enumerate().flat_map(|(storey, wings)| {
            let of = move |wing: &Wing| Place::Wing { storey, name: wing.name };
            wings.iter().flat_map(move |wing| wing.rooms.iter().map(move |named| (*named, of(wing))))
        });
        // An unplaced room stays unplaced if a wing has the same name.
        let mut fitting: Vec<_> = placed.chain(unplaced).filter(|(named, _)| is_in(named)).collect();
        fitting.sort_by_key(|(named, _)| named.len());
        fitting.last().map_or(Place::Nowhere, |(_, place)| *place)
    }
}
