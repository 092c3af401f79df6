//! Which text of the policies decided: what an auditor holds against the files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The texts of the policies that decide on the tables of one domain, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyTexts {
    fingerprint: String,
    versions: Vec<Arc<BTreeMap<String, Arc<str>>>>,
}

impl PolicyTexts {
    /// Texts for which `fingerprint` stands. `versions` has for each layer the version of each policy, by its id.
    #[must_use]
    pub fn new(fingerprint: String, versions: Vec<Arc<BTreeMap<String, Arc<str>>>>) -> Self {
        Self { fingerprint, versions }
    }

    /// What stands for all of them: the same for the same texts.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The version of a policy: what stands for the file that it is in.
    #[must_use]
    pub fn version(&self, policy: &str) -> Option<&str> {
        self.versions.iter().find_map(|layer| layer.get(policy)).map(AsRef::as_ref)
    }
}

/// The policies that forbid to read a table.
#[derive(Debug, Clone, Default)]
pub struct Forbids {
    /// Their ids; none where a table is denied because no policy permits it.
    pub policies: BTreeSet<String>,
    /// The texts that decided; `None` where there are none that can be used.
    pub texts: Option<Arc<PolicyTexts>>,
}
