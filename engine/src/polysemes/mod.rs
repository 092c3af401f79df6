//! Polysemes: columns of several products that are bound to one definition, and so mean the same thing.
//!
//! ```text
//! Mesh ─bindings─▶ Definition ◀─ columns ─conflicts─▶ Problem
//!                      └─meant by a word─▶ the definitions of one thing (`sameAs`)
//! ```
//!
//! Two columns that are bound to one definition hold the same identifiers. Definitions that are `sameAs` each other
//! are of one thing, and their columns may hold other identifiers of it.

mod conflicts;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, ErrorKind, Result};
use crate::nearest;
use crate::product::{Column, DataProduct, Mesh, OutputPort, Table};

pub use conflicts::conflicts;

/// A column that is bound to a definition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Binding<'a> {
    /// The key of the definition.
    pub(crate) key: &'a str,
    pub(crate) product: &'a DataProduct,
    pub(crate) port: &'a OutputPort,
    pub(crate) table: &'a Table,
    pub(crate) column: &'a Column,
}

/// Every column that is bound to a definition, in the order of the mesh.
pub(crate) fn bindings(mesh: &Mesh) -> impl Iterator<Item = Binding<'_>> {
    let ports =
        mesh.products().flat_map(|product| product.ports.iter().map(move |port| (product, port)));
    let tables =
        ports.flat_map(|port| port.1.contract.tables.iter().map(move |table| (port, table)));
    tables.flat_map(|((product, port), table)| {
        table.columns.iter().filter_map(move |column| {
            let key = column.semantic_definition.as_deref()?;
            Some(Binding { key, product, port, table, column })
        })
    })
}

/// The part of a key that people write: the id of the definition.
pub(crate) fn id_of(key: &str) -> &str {
    key.rsplit(['/', '#']).next().unwrap_or(key)
}

/// The definitions that a word means, by their keys: one that it is the id, the name or the key of, in whatever case,
/// and all that are of the same thing.
///
/// # Errors
///
/// When the word means none, or definitions of several things.
pub(crate) fn meant(mesh: &Mesh, word: &str) -> Result<BTreeSet<String>> {
    let mut known: BTreeSet<&str> = bindings(mesh).map(|binding| binding.key).collect();
    known.extend(mesh.definitions.keys().map(String::as_str));
    let name = |key: &str| mesh.definitions.get(key).and_then(|known| known.name.as_deref());
    let is_meant = |key: &&str| {
        let is = |text: &str| text.eq_ignore_ascii_case(word);
        *key == word || is(id_of(key)) || name(key).is_some_and(is)
    };
    let found: Vec<&str> = known.iter().copied().filter(is_meant).collect();
    let Some(first) = found.first() else {
        let error = Error::new(ErrorKind::NotFound, format!("no definition is called \"{word}\""));
        let ids = known.iter().map(|key| id_of(key));
        let hint = nearest::hint(word, "polysemes", ids);
        return Err(match hint {
            Some(hint) => error.with_hint(hint),
            None => error.with_detail("no column of the mesh is bound to a definition"),
        });
    };
    let group = same(mesh, first);
    match found.iter().find(|key| !group.contains(**key)) {
        None => Ok(group),
        Some(_) => Err(Error::new(
            ErrorKind::InvalidQuery,
            format!("\"{word}\" means several definitions"),
        )
        .with_detail(found.join(", "))
        .with_hint("write the whole of one of them")),
    }
}

/// A definition and all that are of the same thing, whichever of them says so.
fn same(mesh: &Mesh, key: &str) -> BTreeSet<String> {
    let mut links: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, definition) in &mesh.definitions {
        for other in &definition.same_as {
            links.entry(key).or_default().push(other);
            links.entry(other).or_default().push(key);
        }
    }
    let mut group = BTreeSet::from([key.to_owned()]);
    let mut open = vec![key];
    while let Some(key) = open.pop() {
        for other in links.get(key).into_iter().flatten() {
            if group.insert((*other).to_owned()) {
                open.push(other);
            }
        }
    }
    group
}

#[cfg(test)]
mod tests;
