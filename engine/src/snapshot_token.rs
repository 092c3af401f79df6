//! The snapshots that a result was made from, as text: to ask the same question of the same data.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::connector::SnapshotId;
use crate::error::{Error, ErrorKind, Result};

/// Bytes of a token at most.
const TOKEN_BYTES_MAX: usize = 256 << 10;

/// The snapshots that a result was made from, by the address of each table.
///
/// As text it is a JSON object, which `SET mesh.snapshots = '...'` takes:
///
/// ```
/// use samite_engine::SnapshotToken;
///
/// let token: SnapshotToken = r#"{"sales.orders@1.orders": "delta:12"}"#.parse()?;
/// assert_eq!(token.to_string(), r#"{"sales.orders@1.orders":"delta:12"}"#);
/// # Ok::<(), samite_engine::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotToken(BTreeMap<String, String>);

impl SnapshotToken {
    /// The snapshot of a table; `None` if the token says nothing of it.
    #[must_use]
    pub fn get(&self, table: &str) -> Option<SnapshotId> {
        self.0.get(table).cloned().map(SnapshotId)
    }

    /// The addresses of the tables, each with its snapshot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, SnapshotId)> {
        self.0.iter().map(|(table, id)| (table, SnapshotId(id.clone())))
    }

    /// True if no table of a product was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, SnapshotId)> for SnapshotToken {
    fn from_iter<I: IntoIterator<Item = (String, SnapshotId)>>(snapshots: I) -> Self {
        Self(snapshots.into_iter().map(|(table, SnapshotId(id))| (table, id)).collect())
    }
}

impl fmt::Display for SnapshotToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(&self.0).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl FromStr for SnapshotToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refusal = || {
            Error::new(ErrorKind::InvalidQuery, "the text is no token of snapshots").with_hint(
                "take it from the column snapshots of mesh.runtime.queries, whole and unchanged",
            )
        };
        if text.len() > TOKEN_BYTES_MAX {
            return Err(refusal().with_detail(format!("it has {} bytes", text.len())));
        }
        serde_json::from_str(text).map(Self).map_err(|_| refusal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_read_as_it_was_written() {
        let token: SnapshotToken = [("a.\"b c@1\".d", "delta:3"), ("e.f.g", "parquet:0f")]
            .into_iter()
            .map(|(table, id)| (table.to_owned(), SnapshotId(id.to_owned())))
            .collect();
        assert_eq!(token.to_string().parse::<SnapshotToken>().unwrap(), token);
    }

    #[test]
    fn other_text_is_no_token() {
        for text in ["", "delta:3", "[]", "{\"a\": 3}", "{\"a\": \"b\"", "null"] {
            assert!(text.parse::<SnapshotToken>().is_err(), "{text}");
        }
    }
}
