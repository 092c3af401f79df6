//! The documents of a mesh as they are written: data products (Bitol ODPS) and contracts (ODCS).
//!
//! ```text
//! bytes ──yaml──▶ Node (values with lines) ──version──▶ ──check──▶ Document | every Finding
//! ```
//!
//! A document is accepted or refused exactly like the JSON Schema of its standard does; what it
//! means for Samite is decided in `translate`. This is the only place that knows YAML.

mod check;
mod node;
mod odcs;
mod odps;
mod shape;
mod version;
pub(crate) mod yaml;

pub(crate) use node::{Amount, Node, Value, shortened};
pub(crate) use version::Edition;
pub use version::Kind;
pub(crate) use yaml::DOCUMENT_BYTES_MAX;

use crate::problems::Finding;

/// A document that its standard accepts.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) edition: Edition,
    pub(crate) root: Node,
}

/// What is left of a document that its standard refuses.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refused {
    /// The id, where it can be read.
    pub(crate) id: Option<String>,
    /// The name, where it can be read.
    pub(crate) name: Option<String>,
    /// All that is wrong, in the order of the document.
    pub(crate) findings: Vec<Finding>,
}

/// Reads a document of one kind.
pub(crate) fn read(kind: Kind, bytes: &[u8]) -> Result<Document, Refused> {
    let root = yaml::parse(bytes).map_err(|error| Refused {
        findings: vec![Finding {
            line: error.line,
            ..Finding::error(1, "", error.message).with_hint(error.hint)
        }],
        ..Refused::default()
    })?;
    let refused = |findings| Refused {
        id: root.text_of("id").map(str::to_owned),
        name: root.text_of("name").map(str::to_owned),
        findings,
    };
    let edition = version::edition(kind, &root).map_err(|finding| refused(vec![finding]))?;
    let shape = match kind {
        Kind::Product => &odps::PRODUCT,
        Kind::Contract => &odcs::CONTRACT,
    };
    let findings = check::check(edition, shape, &root);
    if findings.is_empty() { Ok(Document { edition, root }) } else { Err(refused(findings)) }
}

/// Everything for which the standard refuses a document; nothing if it accepts it.
#[must_use]
pub fn check(kind: Kind, bytes: &[u8]) -> Vec<Finding> {
    read(kind, bytes).map_or_else(|refused| refused.findings, |_| Vec::new())
}
