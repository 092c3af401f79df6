//! The seam to whatever opens ports of one kind.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::scalar::ScalarValue;

use crate::error::Result;
use crate::product::{Contract, Moment, Server, Table, TableName};

/// One immutable state of a port's table, for instance `delta:12` or `iceberg:7051729674881`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SnapshotId(pub String);

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a connector is asked to open.
#[derive(Debug, Clone)]
pub struct OpenRequest {
    /// The address, for messages and reports.
    pub name: TableName,
    /// The contract of the port.
    pub contract: Arc<Contract>,
    /// The server to read.
    pub server: Arc<Server>,
    /// The promised table.
    pub table: Arc<Table>,
    /// The point in its history.
    pub moment: Moment,
}

/// A table at exactly one snapshot.
#[derive(Debug, Clone)]
pub struct PinnedTable {
    /// Which snapshot.
    pub snapshot: SnapshotId,
    /// When it was committed, where the source knows.
    pub committed_at: Option<DateTime<Utc>>,
    /// The number of rows, where the metadata knows it exactly.
    pub rows: Option<u64>,
    /// The number of data files.
    pub files: u64,
    /// The bytes of the data files.
    pub bytes: u64,
    /// Reads it: exactly this snapshot, with the contract's columns in the contract's order.
    pub provider: Arc<dyn TableProvider>,
    /// What its metadata says of its values.
    pub facts: Arc<dyn TableFacts>,
}

/// What the metadata of a table says of its values, as far as it was read.
pub trait TableFacts: fmt::Debug + Send + Sync {
    /// Between which values those of a column lie. Reads nothing: what would have to be read is not known.
    fn range(&self, column: &str) -> ColumnRange;

    /// How many rows have no value in a column. Reads nothing, as before.
    fn nulls(&self, _column: &str) -> NullCount {
        NullCount::default()
    }
}

/// What is known of the number of rows without a value in one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NullCount {
    /// There are so many, and perhaps more.
    pub at_least: u64,
    /// There are not more; `None` if that is not known.
    pub at_most: Option<u64>,
}

/// What is known of the values of one column. NULL is none of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ColumnRange {
    /// Nothing is known.
    #[default]
    Unknown,
    /// There is no value.
    Empty,
    /// There may be values.
    Values(Box<ValueRange>),
}

/// What is known of the least and the greatest value of a column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ValueRange {
    /// Of the least.
    pub least: Extreme,
    /// Of the greatest.
    pub greatest: Extreme,
}

/// What is known of the least or the greatest value of a column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Extreme {
    /// It is not less than this.
    pub at_least: Option<ScalarValue>,
    /// It is not greater than this.
    pub at_most: Option<ScalarValue>,
}

/// The facts of a table whose metadata says nothing of its values.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFacts;

impl TableFacts for NoFacts {
    fn range(&self, _column: &str) -> ColumnRange {
        ColumnRange::Unknown
    }
}

/// What one scan had to read, for `EXPLAIN ANALYZE` and reports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScanReport {
    /// The table's address.
    pub table: String,
    /// The snapshot.
    pub snapshot: String,
    /// The data files of the snapshot.
    pub files_total: u64,
    /// The data files that were opened and read from.
    pub files_read: u64,
    /// The bytes of the snapshot's data files.
    pub bytes_total: u64,
    /// The bytes that were read, footers included.
    pub bytes_read: u64,
    /// The rows that left the scan.
    pub rows: u64,
    /// The predicates that reached the scan, as text.
    pub filters: Vec<String>,
}

/// Opens ports of one kind.
#[async_trait]
pub trait Connector: fmt::Debug + Send + Sync {
    /// The name of the kind, for instance `parquet`.
    fn kind(&self) -> &str;

    /// True if this connector opens what lies on `server`.
    fn reads(&self, server: &Server) -> bool;

    /// Opens a table and pins it to one snapshot.
    ///
    /// # Errors
    ///
    /// When the table cannot be read completely and as promised.
    async fn open(&self, request: OpenRequest) -> Result<PinnedTable>;

    /// What `node` has read so far, if it is a scan of this connector.
    fn report(&self, node: &dyn ExecutionPlan) -> Option<ScanReport>;
}
