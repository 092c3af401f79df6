//! Who asks.

use std::collections::{BTreeMap, BTreeSet};

/// Who asks: user, groups, attributes. Made by whoever authenticates, believed by the engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The name.
    pub name: String,
    /// `user`, `service` or `anonymous`.
    pub kind: String,
    /// The groups that it is in.
    pub groups: BTreeSet<String>,
    /// What else is known of it, for instance `country`.
    pub attributes: BTreeMap<String, String>,
}

impl Principal {
    /// Nobody in particular: no groups, clearance 0.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            name: "anonymous".to_owned(),
            kind: "anonymous".to_owned(),
            groups: BTreeSet::new(),
            attributes: BTreeMap::from([("clearance".to_owned(), "0".to_owned())]),
        }
    }

    /// A user with a name and nothing else.
    #[must_use]
    pub fn user(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: "user".to_owned(), ..Self::anonymous() }
    }

    /// A product, as which its rules are checked: in the group of its domain.
    #[must_use]
    pub fn of_product(domain: &str, product: &str) -> Self {
        let mut attributes = Self::anonymous().attributes;
        attributes.insert("domain".to_owned(), domain.to_owned());
        Self {
            name: format!("{domain}.{product}"),
            kind: "service".to_owned(),
            groups: BTreeSet::from([domain.to_owned()]),
            attributes,
        }
    }

    /// True for nobody in particular: all who are not logged in are one principal.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.kind == "anonymous"
    }
}
