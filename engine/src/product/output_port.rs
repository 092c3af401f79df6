//! One way out of a product.

use std::sync::Arc;

use super::{Contract, Version};

/// One named, versioned way out of a product (ODPS 1.1.0, `outputPorts[]`).
#[derive(Debug, Clone, PartialEq)]
pub struct OutputPort {
    /// The name; several versions of a port share it.
    pub name: String,
    /// The version; name and version together are unique in a product.
    pub version: Version,
    /// What it says.
    pub description: Option<String>,
    /// True if it will go away.
    pub is_deprecated: bool,
    /// The word of the owner for what it is, for instance `parquet`.
    pub kind: Option<String>,
    /// What it promises.
    pub contract: Arc<Contract>,
}
