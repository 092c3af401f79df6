//! The one lakehouse scan: a `TableSnapshot` becomes a plain DataFusion scan.
//!
//! ```text
//! port ──connector──▶ TableSnapshot ──pinned──▶ LakeTable ──plan──▶ DataSourceExec(LakeSource(ParquetSource))
//! ```
//!
//! Knows Parquet and DataFusion, and no table format.

mod buckets;
mod calendar;
mod casts;
mod codec;
mod columns;
mod data_file;
mod deletes;
pub(crate) mod deletion_vector;
#[cfg(test)]
mod differential;
mod file_rows;
mod file_scans;
mod footers;
mod identity;
mod key_deletes;
mod morsels;
mod promise;
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
mod type_class;
mod wire;

use std::sync::Arc;

use samite_engine::Result;
use samite_engine::connector::{OpenRequest, PinnedTable};

pub(crate) use buckets::Bucket;
pub use codec::LakeCodec;
pub(crate) use data_file::DataFile;
pub(crate) use deletes::DeletedRows;
pub(crate) use footers::footer;
pub(crate) use identity::MAPPED_NAMES;
pub(crate) use key_deletes::{KeyDeletes, KeySet};
pub(crate) use promise::promise;
pub use report::report;
pub(crate) use stored_deletes::{Deletes, StoredDeletes};
pub(crate) use table_snapshot::{Bounds, Identity, LakeFile, SnapshotColumn, TableSnapshot};
pub(crate) use type_class::TypeClass;

use table::LakeTable;

/// Makes the table that reads exactly `snapshot`.
///
/// # Errors
///
/// When the snapshot contradicts itself.
pub(crate) fn pinned(snapshot: TableSnapshot, request: &OpenRequest) -> Result<PinnedTable> {
    Ok(PinnedTable {
        snapshot: snapshot.id.clone(),
        committed_at: snapshot.committed_at,
        rows: snapshot.files.iter().map(LakeFile::live_rows).sum(),
        files: snapshot.files.len() as u64,
        bytes: snapshot.files.iter().map(|file| file.size).sum(),
        provider: Arc::new(LakeTable::new(request.name.to_string(), snapshot)?),
    })
}
