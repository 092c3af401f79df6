//! What a domain promises to others.

use super::{OutputPort, Status};

/// Who answers for a product.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Owner {
    /// The team.
    pub team: Option<String>,
    /// The person or address in the role of an owner.
    pub contact: Option<String>,
}

/// What a domain promises to others: ports, contracts, owner, life cycle (an ODPS document).
#[derive(Debug, Clone, PartialEq)]
pub struct DataProduct {
    /// The domain that owns it.
    pub domain: String,
    /// The name; unique in its domain.
    pub name: String,
    /// The id of the document.
    pub id: String,
    /// The version of the document, as written.
    pub version: Option<String>,
    /// Where it is in its life.
    pub status: Status,
    /// `sourceAligned`, `aggregate`, `consumerAligned` or a word of the owner's.
    pub archetype: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Who answers for it.
    pub owner: Owner,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// The document, relative to the mesh.
    pub file: String,
    /// The ids of the contracts that it reads, by its own word (`inputPorts[].contractId`).
    pub input_contracts: Vec<String>,
    /// The ways out, in the order of the document.
    pub ports: Vec<OutputPort>,
}
