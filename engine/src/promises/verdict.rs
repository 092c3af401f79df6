//! Whether a promise is kept.

use chrono::{DateTime, Utc};

use super::age::Age;

/// Whether a promise is kept, as far as metadata knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictStatus {
    /// It is kept, whatever the rows hold.
    Kept,
    /// It is broken, whatever the rows hold.
    Broken,
    /// The metadata is too rough: it says something, and not enough.
    Approximate,
    /// The metadata says nothing, or nobody knows what the promise means.
    Unknown,
    /// Its support has ended, and with it the promise.
    NoPromise,
}

impl VerdictStatus {
    /// The word in `mesh.discovery.slo`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Broken => "broken",
            Self::Approximate => "approximate",
            Self::Unknown => "unknown",
            Self::NoPromise => "no promise",
        }
    }
}

/// Whether a promise is kept, and what that was judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The verdict.
    pub status: VerdictStatus,
    /// The age that it was judged by.
    pub(crate) age: Age,
    /// When.
    pub judged_at: DateTime<Utc>,
}
