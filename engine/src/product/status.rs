//! Where a product or a contract is in its life.

use std::fmt;

/// Where a product or a contract is in its life (ODCS and ODPS, `status`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Status {
    /// An idea.
    Proposed,
    /// Being made.
    Draft,
    /// Served.
    Active,
    /// Served, and going away.
    Deprecated,
    /// Gone.
    Retired,
    /// A word of the owner's own; served like an active one.
    Other(String),
}

impl Status {
    /// Reads the word of a document; the known ones in any case.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "proposed" => Self::Proposed,
            "draft" => Self::Draft,
            "active" => Self::Active,
            "deprecated" => Self::Deprecated,
            "retired" => Self::Retired,
            _ => Self::Other(text.to_owned()),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proposed => "proposed",
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Deprecated => "deprecated",
            Self::Retired => "retired",
            Self::Other(word) => word,
        })
    }
}
