//! A transaction log that was replayed up to one version.
//!
//! The library replays logs, and two things stand in its way that stand in nobody else's: a hint that
//! points where no checkpoint is, and partition values whose texts are of the type that the column had
//! before it was widened. Both are got around here, and only where the library gave up.

use std::sync::Arc;

use deltalake_core::kernel::engine::arrow_data::ArrowEngineData;
use deltalake_core::kernel::{LogicalFileView, Metadata, Protocol, Snapshot, StructType};
use deltalake_core::logstore::LogStoreRef;
use deltalake_core::{DeltaTable, DeltaTableError};
use futures::TryStreamExt;
use samite_engine::Result;

use super::entry::Entry;
use super::log::{self, Hint};
use crate::stores::{Place, unreadable};

/// A transaction log that was replayed up to one version.
pub(super) enum Replayed {
    /// By the library, which can go on from there.
    Table(DeltaTable),
    /// Without a look at its partition values.
    Rows(Rows),
}

/// What was replayed without a look at its partition values.
pub(super) struct Rows {
    snapshot: Snapshot,
    committed_ms: Option<i64>,
    entries: Vec<Entry>,
}

impl Replayed {
    /// Replays the log of `table` up to `version`, or to its end.
    ///
    /// # Errors
    ///
    /// When the log cannot be read, or is not whole.
    pub(super) async fn read(table: &str, place: &Place, version: Option<u64>) -> Result<Self> {
        let mut read = log::table(place, Hint::Followed)?;
        let mut outcome = read.update_incremental(version).await;
        if outcome.as_ref().is_err_and(log::is_misled) {
            read = log::table(place, Hint::Hidden)?;
            outcome = read.update_incremental(version).await;
        }
        let replayed = match outcome {
            Ok(()) => Self::Table(read),
            Err(error) if log::is_of_partition_value(&error) => {
                match rows(table, place, &read.log_store(), version).await? {
                    Ok(rows) => Self::Rows(rows),
                    Err(error) => return Err(log::explain(table, place, version, error).await),
                }
            }
            Err(error) => return Err(log::explain(table, place, version, error).await),
        };
        log::check_complete(table, place, replayed.version()).await?;
        Ok(replayed)
    }

    /// Which version.
    pub(super) fn version(&self) -> u64 {
        match self {
            Self::Table(table) => table.version().unwrap_or_default(),
            Self::Rows(rows) => rows.snapshot.version(),
        }
    }

    /// What the table has besides files.
    ///
    /// # Errors
    ///
    /// When nothing was replayed.
    pub(super) fn state(&self) -> Result<State, DeltaTableError> {
        match self {
            Self::Table(table) => {
                let snapshot = table.snapshot()?.snapshot();
                Ok(State {
                    version: snapshot.version(),
                    committed_ms: snapshot.version_timestamp(snapshot.version()),
                    protocol: snapshot.protocol().clone(),
                    metadata: snapshot.metadata().clone(),
                    schema: snapshot.schema(),
                })
            }
            Self::Rows(Rows { snapshot, committed_ms, .. }) => Ok(State {
                version: snapshot.version(),
                committed_ms: *committed_ms,
                protocol: snapshot.protocol().clone(),
                metadata: snapshot.metadata().clone(),
                schema: snapshot.schema(),
            }),
        }
    }

    /// The data files, each as it is or as what of it cannot be understood.
    ///
    /// # Errors
    ///
    /// When the list cannot be read.
    pub(super) async fn entries(&self) -> Result<Entries<'_>, DeltaTableError> {
        match self {
            Self::Table(table) => {
                let snapshot = table.snapshot()?.snapshot();
                let views: Vec<LogicalFileView> =
                    snapshot.file_views(&table.log_store(), None).try_collect().await?;
                Ok(Box::new(views.into_iter().map(|view| Entry::of_view(&view))))
            }
            Self::Rows(rows) => Ok(Box::new(rows.entries.iter().cloned().map(Ok))),
        }
    }
}

/// Data files one after the other.
pub(super) type Entries<'a> = Box<dyn Iterator<Item = Result<Entry, String>> + Send + 'a>;

/// What a table has besides files.
pub(super) struct State {
    /// Which version.
    pub(super) version: u64,
    /// When its commit was written, as far as that is still there.
    pub(super) committed_ms: Option<i64>,
    pub(super) protocol: Protocol,
    pub(super) metadata: Metadata,
    pub(super) schema: Arc<StructType>,
}

/// The files of a table by a scan that asks for no partition column, so that nobody reads the values.
async fn rows(
    table: &str,
    place: &Place,
    log: &LogStoreRef,
    version: Option<u64>,
) -> Result<Result<Rows, DeltaTableError>> {
    let read = async {
        let snapshot = Snapshot::try_new(log.as_ref(), version).await?;
        let partitions = snapshot.metadata().partition_columns().to_vec();
        let schema = snapshot.schema();
        let fields = schema.fields().filter(|field| !partitions.contains(field.name())).cloned();
        let scan =
            snapshot.scan_builder().with_schema(Arc::new(StructType::try_new(fields)?)).build()?;
        let mut found = scan.scan_metadata(log.engine(None));
        let mut batches = Vec::new();
        while let Some(files) = found.try_next().await? {
            let files = files.scan_files.apply_selection_vector()?;
            batches.push(ArrowEngineData::try_from_engine_data(files)?);
        }
        Ok::<_, DeltaTableError>((snapshot, batches))
    };
    let (snapshot, batches) = match read.await {
        Ok(read) => read,
        Err(error) => return Ok(Err(error)),
    };
    let mut entries = Vec::new();
    for batch in &batches {
        let found = Entry::of_rows(batch.record_batch());
        entries.extend(found.map_err(|what| log::damaged(table, log::not_understood(&what)))?);
    }
    let look = log::look(place, snapshot.version()).await;
    let look = look.map_err(|error| unreadable(&log::the_log(table), error))?;
    let committed_ms = look.commit.map(|commit| commit.last_modified.timestamp_millis());
    Ok(Ok(Rows { snapshot, committed_ms, entries }))
}
