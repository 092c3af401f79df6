//! What is shown instead of a value.

use std::fmt;

/// What is shown instead of a value: the actions of Iceberg REST read-restrictions, weakest first, so that the larger of
/// two is the stronger one. An action that does not fit the type of its column is [`Mask::FixedValue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mask {
    /// The first instant of the month, in UTC for an instant with a zone; dates and timestamps.
    TruncateToMonth,
    /// The first instant of the year; dates and timestamps.
    TruncateToYear,
    /// The first four code points as they are, the rest as by [`Mask::Alphanum`]; text. Four or fewer stay as they are.
    ShowFirst4,
    /// The last four code points as they are, the rest as by [`Mask::Alphanum`]; text. Four or fewer stay as they are.
    ShowLast4,
    /// Letters become `x` and digits `n`, all else stays; text.
    Alphanum,
    /// SHA-256, the same everywhere; text, whole numbers, binary.
    Sha256Global,
    /// SHA-256 with a salt of the query's own, so that equal values stay equal within one query; text, whole numbers, binary.
    Sha256QueryLocal,
    /// The same value in each row, NULL included: zero, false, eight times X, 1970-01-01 and the like; any type.
    FixedValue,
    /// NULL; any column that may be NULL.
    Null,
}

impl Mask {
    /// All of them, weakest first.
    pub const ALL: [Self; 9] = [
        Self::TruncateToMonth,
        Self::TruncateToYear,
        Self::ShowFirst4,
        Self::ShowLast4,
        Self::Alphanum,
        Self::Sha256Global,
        Self::Sha256QueryLocal,
        Self::FixedValue,
        Self::Null,
    ];

    /// The name in a policy.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TruncateToMonth => "truncate-to-month",
            Self::TruncateToYear => "truncate-to-year",
            Self::ShowFirst4 => "show-first-4",
            Self::ShowLast4 => "show-last-4",
            Self::Alphanum => "mask-alphanum",
            Self::Sha256Global => "sha-256-global",
            Self::Sha256QueryLocal => "sha-256-query-local",
            Self::FixedValue => "mask-to-fixed-value",
            Self::Null => "replace-with-null",
        }
    }

    /// The mask with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mask| mask.as_str() == name)
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
