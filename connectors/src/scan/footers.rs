//! Footers of data files, through the cache of their store.

use std::sync::Arc;

use datafusion::datasource::physical_plan::parquet::metadata::{
    CachedParquetMetaData, DFParquetMetadata,
};
use datafusion::error::DataFusionError;
use datafusion::execution::cache::cache_manager::CachedFileMetadataEntry;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use object_store::{Error as StoreError, ObjectMeta};
use samite_engine::{Error, ErrorKind, Result};

use super::calendar::old_column;
use super::data_file::DataFile;
use crate::stores::{StoreHandle, trusted, unreadable};

/// So many bytes at the end of a file are read first: most footers fit.
const FIRST_READ_BYTES: usize = 64 * 1024;

/// The footer of `file`, with its page index if `policy` wants it.
///
/// # Errors
///
/// When the file cannot be read, was overwritten, is no Parquet file, or may hold days of the calendar
/// before 1582.
pub(crate) async fn footer(
    file: &DataFile,
    store: &StoreHandle,
    policy: PageIndexPolicy,
) -> Result<Arc<ParquetMetaData>> {
    let kept = kept(file, store);
    let fetch = |policy| {
        DFParquetMetadata::new(file, file.meta())
            .with_file_metadata_cache(Some(Arc::clone(&store.footers)))
            .with_metadata_size_hint(Some(FIRST_READ_BYTES))
            .with_page_index_policy(Some(policy))
    };
    let told = |error: DataFusionError| {
        if matches!(&error, DataFusionError::ObjectStore(cause) if is_changed(cause)) {
            forget(file, store);
        }
        translated(error, file)
    };
    let mut found = fetch(policy).fetch_metadata().await.map_err(told)?;
    if file.is_remote() && kept.is_none() && came_with_page_index(file, &found) {
        // It is here already, and a scan that wants it would send another request.
        found = fetch(PageIndexPolicy::Optional).fetch_metadata().await.map_err(told)?;
    }
    if let Some(column) = old_column(&found) {
        return Err(old_days(file, column));
    }
    // What is kept was looked through before.
    if kept.is_some_and(|kept| Arc::ptr_eq(&kept, &found)) {
        return Ok(found);
    }
    let found = trusted(found).map_err(|error| broken(error, file))?;
    keep(file, store, &found);
    Ok(found)
}

/// True if a file was read, and has another content by now.
pub(super) fn is_changed(error: &StoreError) -> bool {
    matches!(error, StoreError::Precondition { .. })
}

/// Forgets what is kept of a file that has another content by now: who asks next reads that.
pub(super) fn forget(file: &DataFile, store: &StoreHandle) {
    store.footers.remove(&file.meta().location);
}

/// True if the page index of a file came with its footer.
fn came_with_page_index(file: &DataFile, footer: &ParquetMetaData) -> bool {
    let chunks = footer.row_groups().iter().flat_map(|group| group.columns());
    let indexes =
        chunks.flat_map(|chunk| [chunk.column_index_offset(), chunk.offset_index_offset()]);
    let first = indexes.flatten().min().and_then(|first| u64::try_from(first).ok());
    first.is_some_and(|first| file.has_end_from(first))
}

/// The footer that is kept; one of another content is forgotten, since the cache goes by size and
/// time, and a file may be overwritten within the clock's resolution.
///
/// Where the table does not tell which content it means, it is the one whose footer is kept: what is
/// read of the file from now on must be of that one.
pub(super) fn kept(file: &DataFile, store: &StoreHandle) -> Option<Arc<ParquetMetaData>> {
    let meta = file.meta();
    let entry = store.footers.get(&meta.location)?;
    match (&meta.e_tag, entry.meta.e_tag.clone()) {
        (None, Some(tag)) if entry.is_valid_for(meta) => file.insist_on(tag),
        (meant, kept) if *meant == kept => {}
        _ => {
            forget(file, store);
            return None;
        }
    }
    let cached = entry.file_metadata.as_any().downcast_ref::<CachedParquetMetaData>()?;
    Some(Arc::clone(cached.parquet_metadata()))
}

/// Insists on the content whose footer is kept: several readers of one file must read one content.
pub(super) fn insist_on_kept(file: &DataFile, store: &StoreHandle) {
    kept(file, store);
}

/// Keeps a footer with the tag of the content that it was read of.
fn keep(file: &DataFile, store: &StoreHandle, footer: &Arc<ParquetMetaData>) {
    let meta = ObjectMeta { e_tag: file.content_tag().cloned(), ..file.meta().clone() };
    let footer = CachedParquetMetaData::new(Arc::clone(footer));
    store.footers.put(&meta.location.clone(), CachedFileMetadataEntry::new(meta, Arc::new(footer)));
}

fn translated(error: DataFusionError, file: &DataFile) -> Error {
    if let Some(ours) = refused(&error) {
        let told = Error::new(ours.kind(), ours.message().to_owned());
        let told = told.with_detail(ours.detail().unwrap_or_default().to_owned());
        let told = match ours.hint() {
            Some(hint) => told.with_hint(hint.to_owned()),
            None => told,
        };
        return told.with_source(error);
    }
    match error {
        DataFusionError::ObjectStore(error) => unreadable(&file.to_string(), *error),
        DataFusionError::ParquetError(error) => broken(*error, file),
        other => {
            let cause = Error::from(other);
            Error::new(cause.kind(), format!("{file} cannot be read")).with_source(cause)
        }
    }
}

/// Our own refusal of what was asked of the file, below the errors of the libraries.
fn refused(error: &DataFusionError) -> Option<&Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(ours) = error.downcast_ref::<Error>() {
            let is_of_metadata =
                matches!(ours.kind(), ErrorKind::ResourcesExhausted | ErrorKind::CorruptSource);
            return is_of_metadata.then_some(ours);
        }
        cause = error.source();
    }
    None
}

fn old_days(file: &DataFile, column: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{file} may hold days of the calendar before 1582"))
        .with_detail(format!(
            "column \"{column}\" was written by Spark with the rebase mode LEGACY"
        ))
        .with_hint("ask the owner of the product to write it anew with the rebase mode CORRECTED")
}

fn broken(error: ParquetError, file: &DataFile) -> Error {
    let text = error.to_string();
    if text.to_ascii_lowercase().contains("encrypt") {
        return Error::new(ErrorKind::Unsupported, format!("{file} is encrypted"))
            .with_hint("samite does not read encrypted Parquet files")
            .with_source(error);
    }
    Error::new(ErrorKind::CorruptSource, format!("{file} is not a whole Parquet file"))
        .with_detail(text)
        .with_source(error)
}
