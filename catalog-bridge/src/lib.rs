//! The documents of a mesh, read into products.
//!
//! ```text
//! *.odps.yaml, *.odcs.yaml ──documents──▶ Document ──translate──▶ drafts ──mesh_folder──▶ Mesh
//! ```
//!
//! `documents` knows how a document is written, `translate` what it means, [`mesh_folder`] where it
//! lies and when it is read again. Wire names of the standards and YAML stay inside this crate.

pub mod documents;
pub mod mesh_folder;
pub mod policy;
pub mod problems;

mod redact;
mod semantics;
mod translate;

pub use mesh_folder::{MeshFolder, MeshFolderOptions};
