//! The one lakehouse scan: a [`TableSnapshot`] becomes a plain DataFusion scan.
//!
//! ```text
//! port ──connector──▶ TableSnapshot ──pinned──▶ PinnedTable { LakeTable } ──plan──▶ DataSourceExec(LakeSource(ParquetSource))
//! ```
//!
//! Knows Parquet and DataFusion, and no table format.

mod deletes;
mod promise;
mod table_snapshot;

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use samite_engine::connector::{OpenRequest, PinnedTable, ScanReport};
use samite_engine::{Error, ErrorKind, Result};

pub(crate) use deletes::DeletedRows;
pub(crate) use promise::promise;
pub(crate) use table_snapshot::{Bounds, Identity, LakeFile, SnapshotColumn, TableSnapshot};

/// Makes the table that reads exactly `snapshot`.
///
/// # Errors
///
/// When the snapshot contradicts itself.
pub(crate) fn pinned(_snapshot: TableSnapshot, _request: &OpenRequest) -> Result<PinnedTable> {
    Err(Error::new(ErrorKind::Unsupported, "the scan is not built yet"))
}

/// What `node` has read so far, if it is a lakehouse scan.
pub fn report(_node: &dyn ExecutionPlan) -> Option<ScanReport> {
    None
}
