//! The one lakehouse scan: a `TableSnapshot` becomes a plain DataFusion scan.
//!
//! ```text
//! port ──connector──▶ TableSnapshot ──pinned──▶ LakeTable ──plan──▶ DataSourceExec(LakeSource(ParquetSource))
//! ```
//!
//! Knows Parquet and DataFusion, and no table format.

mod ahead;
mod buckets;
mod calendar;
mod casts;
mod codec;
mod columns;
mod data_file;
mod defaults;
mod deletes;
pub(crate) mod deletion_vector;
#[cfg(test)]
mod differential;
mod file_rows;
mod file_scans;
mod footers;
mod identity;
mod key_deletes;
mod lineage;
mod listing;
mod morsels;
mod null_count;
mod promise;
mod pruner;
mod ranges;
mod reader;
mod report;
mod reshape;
mod selective;
mod source;
mod statistics;
mod stored_deletes;
mod table;
mod table_snapshot;
#[cfg(test)]
mod tests;
mod value_range;
mod wire;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use samite_engine::Result;
use samite_engine::connector::{OpenRequest, PinnedTable, SnapshotId, TableFacts};

pub(crate) use buckets::Bucket;
pub use codec::LakeCodec;
pub(crate) use data_file::DataFile;
pub(crate) use defaults::when_missing;
pub(crate) use deletes::DeletedRows;
pub(crate) use footers::footer;
pub(crate) use identity::MAPPED_NAMES;
pub(crate) use key_deletes::{KeyDeletes, KeySet};
pub(crate) use lineage::{FileLineage, Lineage};
pub(crate) use listing::{FileListing, Listed, PassedOver, Totals, passed_over};
pub(crate) use null_count::nulls_of;
pub(crate) use promise::promise;
pub(crate) use pruner::Pruner;
pub use report::report;
pub(crate) use stored_deletes::{Deletes, StoredDeletes};
pub(crate) use table_snapshot::{
    Bounds, Identity, KnownColumn, LakeFile, SnapshotColumn, TableSnapshot,
};
pub(crate) use value_range::{range_of, with_deletes};

use listing::KnownFiles;
use table::LakeTable;

/// Makes the table that reads exactly `snapshot`.
///
/// # Errors
///
/// When the snapshot contradicts itself.
pub(crate) fn pinned(snapshot: TableSnapshot, request: &OpenRequest) -> Result<PinnedTable> {
    let TableSnapshot { id, committed_at, columns, files, key_deletes } = snapshot;
    let files = Arc::new(KnownFiles::new(files, key_deletes)?);
    pinned_listing((id, committed_at), columns, files, request)
}

/// Makes the table that reads exactly the snapshot of which `files` finds the files.
///
/// # Errors
///
/// When the snapshot contradicts itself.
pub(crate) fn pinned_listing(
    (id, committed_at): (SnapshotId, Option<DateTime<Utc>>),
    columns: Vec<SnapshotColumn>,
    files: Arc<dyn FileListing>,
    request: &OpenRequest,
) -> Result<PinnedTable> {
    let totals = files.totals();
    let provider = LakeTable::new(request.name.to_string(), id.clone(), columns, files)?;
    let provider = Arc::new(provider);
    Ok(PinnedTable {
        snapshot: id,
        committed_at,
        rows: totals.rows,
        files: totals.files,
        bytes: totals.bytes,
        facts: Arc::clone(&provider) as Arc<dyn TableFacts>,
        provider,
    })
}
