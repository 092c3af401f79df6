//! One table that a contract promises.

use super::{Column, QualityRule, Relationship};

/// One table that a contract promises (ODCS 3.2.0, `schema[]`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// What references call it, if its owner gives it an id.
    pub id: Option<String>,
    /// The name in SQL.
    pub name: String,
    /// The name in the source, where it differs; replaces `{model}` in a location.
    pub physical_name: Option<String>,
    /// What it says.
    pub description: Option<String>,
    /// What one row is.
    pub granularity: Option<String>,
    /// True if it will go away.
    pub is_deprecated: bool,
    /// The promised columns, in order; empty if the contract names none.
    pub columns: Vec<Column>,
    /// The rules about the quality of the table as a whole.
    pub quality: Vec<QualityRule>,
    /// Where values of its columns are found in other tables; those of single columns may be with the columns.
    pub relationships: Vec<Relationship>,
    /// The line of the document that it begins on, from 1; 0 if no document tells.
    pub line: u64,
}

impl Table {
    /// The name that the source knows it by.
    #[must_use]
    pub fn source_name(&self) -> &str {
        self.physical_name.as_deref().unwrap_or(&self.name)
    }

    /// The names of the primary key's columns, in key order; empty without a key.
    #[must_use]
    pub fn primary_key(&self) -> Vec<&str> {
        let mut key: Vec<(u32, &str)> = self
            .columns
            .iter()
            .filter_map(|column| Some((column.primary_key_position?, column.name.as_str())))
            .collect();
        key.sort_by_key(|(position, _)| *position);
        key.into_iter().map(|(_, name)| name).collect()
    }
}
