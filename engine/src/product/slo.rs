//! One service level objective.

/// What happens to a query while a promise is known to be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnBreach {
    /// It is answered, with a warning.
    #[default]
    Warn,
    /// It is refused.
    Refuse,
}

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
    /// What happens while it is broken.
    pub on_breach: OnBreach,
    /// The line of the document that it begins on, from 1; 0 if no document tells.
    pub line: u64,
}
