//! What columns of several products mean alike.

use std::collections::BTreeSet;

use super::LogicalType;

/// One meaning that columns of several products can be bound to (Bitol OSDS, a draft: `definitions[]`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Definition {
    /// The id within its document, for instance `artist-id`.
    pub id: String,
    /// The name that people use.
    pub name: Option<String>,
    /// What it says.
    pub description: Option<String>,
    /// What its values are.
    pub logical_type: Option<LogicalType>,
    /// How confidential its values are.
    pub classification: Option<String>,
    /// Definitions of the same thing, by their keys: their values may be other identifiers of it.
    pub same_as: BTreeSet<String>,
    /// The document, relative to the mesh.
    pub file: String,
    /// The line of the document that it begins on, from 1.
    pub line: u64,
}
