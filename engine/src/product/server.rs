//! Where a port's data lies.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Table, View};

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
    /// The file with the query of a virtual table (`format: sql-view`), relative to the mesh; `{model}` still in it.
    pub sql_file: Option<String>,
    /// The queries of virtual tables, by the name of the table in the source.
    pub views: BTreeMap<String, Arc<View>>,
    /// Why it cannot be read, where the documents alone tell.
    pub unreadable: Option<String>,
    /// The line of the document that it begins on, from 1; 0 if no document tells.
    pub line: u64,
}

impl Server {
    /// True if its tables are made by queries over other products.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        self.sql_file.is_some()
    }

    /// The query that makes a table.
    #[must_use]
    pub fn view(&self, table: &Table) -> Option<&Arc<View>> {
        self.views.get(table.source_name())
    }

    /// The location of one table: `{model}` replaced by the table's name in the source.
    #[must_use]
    pub fn table_location(&self, source_name: &str) -> Option<String> {
        Some(self.location.as_ref()?.replace("{model}", source_name))
    }
}
