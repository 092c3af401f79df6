//! All domains that one Samite serves, at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{DataProduct, Definition, Problem};

/// A bounded context that owns products.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Domain {
    /// The name.
    pub name: String,
    /// The products that are served, by name.
    pub products: BTreeMap<String, Arc<DataProduct>>,
}

/// All domains that one Samite serves, at one moment: an immutable picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mesh {
    /// The domains, by name.
    pub domains: BTreeMap<String, Domain>,
    /// What columns of several products mean alike, by its key: `mesh/semantics/x.osds.yaml#/definitions/artist-id`.
    pub definitions: BTreeMap<String, Arc<Definition>>,
    /// What is wrong with the documents, in the order of the files.
    pub problems: Vec<Problem>,
}

impl Mesh {
    /// The product with this address.
    #[must_use]
    pub fn product(&self, domain: &str, name: &str) -> Option<&Arc<DataProduct>> {
        self.domains.get(domain)?.products.get(name)
    }

    /// All products, ordered by domain and name.
    pub fn products(&self) -> impl Iterator<Item = &Arc<DataProduct>> {
        self.domains.values().flat_map(|domain| domain.products.values())
    }
}
