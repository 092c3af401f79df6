//! What a document means for Samite: from ODPS and ODCS to `samite_engine::product`.
//!
//! ```text
//! Document ──contract──▶ ContractDraft ─┐
//!                                        ├─ mesh_folder puts them together ──▶ Mesh
//! Document ──product───▶ ProductDraft ──┘
//! ```
//!
//! The standard has accepted the document already. What Samite cannot honour is said here by name:
//! as an error where ignoring it could give a wrong answer, as a warning where it could not.

mod contract;
mod dates;
mod extensions;
mod location;
mod names;
mod product;
mod quality;
mod relationships;
mod servers;
mod tables;
mod variables;

use std::collections::BTreeMap;

pub(crate) use contract::{ContractDraft, contract};
pub(crate) use dates::instant;
pub(crate) use location::in_mesh;
pub(crate) use names::{Name, name_of};
pub(crate) use product::{PortDraft, ProductDraft, product};
pub(crate) use tables::logical_type;

/// Where a document stands, and what its variables mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// The raw URI of the mesh, without a slash at the end.
    pub(crate) root: &'a str,
    /// The file, relative to the mesh, as a raw path.
    pub(crate) file: &'a str,
    /// The domain by the place of the file.
    pub(crate) domain: &'a str,
    /// What `${VAR}` may resolve to.
    pub(crate) variables: &'a BTreeMap<String, String>,
}

impl Surroundings<'_> {
    /// The folder of the document, relative to the mesh; no slash at either end.
    pub(crate) fn folder(&self) -> &str {
        self.file.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}
