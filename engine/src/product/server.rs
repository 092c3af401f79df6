//! Where a port's data lies.

use chrono::{DateTime, Utc};

/// A point in the history of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Moment {
    /// The newest snapshot.
    #[default]
    Latest,
    /// A Delta version or an Iceberg snapshot id.
    Version(i64),
    /// An Iceberg branch or tag.
    Reference(String),
    /// The snapshot that was current at this instant.
    Timestamp(DateTime<Utc>),
}

/// Where a port's data lies, for one environment (ODCS 3.2.0, `servers[]`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Server {
    /// Its name in the contract.
    pub name: String,
    /// Its type in the contract: `local`, `s3`, `azure`, `custom`, ...
    pub kind: String,
    /// The environment that it serves.
    pub environment: Option<String>,
    /// The format of the data: `parquet`, `delta`, `iceberg`, ...
    pub format: Option<String>,
    /// The place as an absolute raw URI (`file:///mesh/x`, `s3://bucket/x`): variables expanded,
    /// relative paths resolved, never percent-encoded; `{model}` still in it.
    pub location: Option<String>,
    /// The endpoint of the store, where the document names one.
    pub endpoint: Option<String>,
    /// The *name* of a credential in the configuration.
    pub credential_ref: Option<String>,
    /// True if folders are named `column=value` (extension `partitioning: hive`).
    pub is_hive_partitioned: bool,
    /// The state of the table that the server is held at (extension `snapshot`).
    pub moment: Moment,
    /// Why it cannot be read, where the document alone tells.
    pub unreadable: Option<String>,
}

impl Server {
    /// The location of one table: `{model}` replaced by the table's name in the source.
    #[must_use]
    pub fn table_location(&self, source_name: &str) -> Option<String> {
        Some(self.location.as_ref()?.replace("{model}", source_name))
    }
}
