//! One way out of a product.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Contract, LifeStage, Version};

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
    /// The ids of the contracts that it is made from, by its own word (`inputContracts[].id`).
    pub input_contracts: Vec<String>,
    /// What it promises.
    pub contract: Arc<Contract>,
}

impl OutputPort {
    /// Where the port is in its life at `now`: its contract's stage, or deprecated by the product.
    #[must_use]
    pub fn stage(&self, now: DateTime<Utc>) -> LifeStage {
        match self.contract.stage(now) {
            LifeStage::Active if self.is_deprecated => LifeStage::Deprecated,
            stage => stage,
        }
    }
}
