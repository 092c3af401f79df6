//! Who asks, with which program, and on which way.

use std::net::IpAddr;
use std::sync::Arc;

use super::Principal;
use crate::product::DataProduct;

/// The longest name of a program, in characters.
const PROGRAM_CHARS_MAX: usize = 200;

/// Who asks, with which program, and on which way.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) principal: Arc<Principal>,
    /// As the program calls itself, for the log alone.
    pub(crate) program: Option<Arc<str>>,
    /// The way in, as policies call it.
    pub(crate) channel: &'static str,
    /// The address of the client, where it is known.
    pub(crate) address: Option<IpAddr>,
    /// The product in whose name the engine itself asks; no statement of a client has one.
    pub(crate) owned: Option<Arc<OwnedProduct>>,
}

/// A product in whose name the engine asks. Its own tables are read whole, for what its owner promises of all of
/// their rows.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct OwnedProduct {
    pub(crate) domain: String,
    pub(crate) product: String,
    /// False if it sees its own product and nothing else.
    pub(crate) sees_others: bool,
}

impl Asker {
    /// True if it asks in the name of this product.
    pub(crate) fn owns(&self, product: &DataProduct) -> bool {
        self.owned
            .as_ref()
            .is_some_and(|it| it.domain == product.domain && it.product == product.name)
    }
}

/// The name of a program as it is shown.
pub(super) fn program(name: &str) -> Option<Arc<str>> {
    let name: String = name.chars().filter(|c| !c.is_control()).take(PROGRAM_CHARS_MAX).collect();
    (!name.is_empty()).then(|| Arc::from(name))
}
