//! One service level objective.

/// One service level objective of a contract (ODCS 3.2.0, `slaProperties[]`), as written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Slo {
    /// What is promised, for instance `freshness`.
    pub property: String,
    /// How much, as text.
    pub value: String,
    /// The unit of the value.
    pub unit: Option<String>,
    /// The tables or columns that it is about, for instance `plays.played_at`.
    pub element: Option<String>,
    /// What it says.
    pub description: Option<String>,
    /// The line of the document that it begins on, from 1; 0 if no document tells.
    pub line: u64,
}
