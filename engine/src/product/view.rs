//! The query that makes a table of a virtual product.

/// The query that makes a table of a virtual product: the text of a file beside the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The file, relative to the mesh.
    pub file: String,
    /// What is in it.
    pub sql: String,
}
