//! Footers of data files, through the cache of their store.

use std::sync::Arc;

use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use object_store::ObjectMeta;
use samite_engine::{Error, ErrorKind, Result};

use super::data_file::DataFile;
use crate::stores::{StoreHandle, unreadable};

/// So many bytes at the end of a file are read first: most footers fit.
const FIRST_READ_BYTES: usize = 64 * 1024;

/// The footer of `file`, with its page index if `policy` wants it.
///
/// # Errors
///
/// When the file cannot be read, was overwritten, or is no Parquet file.
pub(crate) async fn footer(
    file: &DataFile,
    store: &StoreHandle,
    policy: PageIndexPolicy,
) -> Result<Arc<ParquetMetaData>> {
    forget_another_content(store, file.meta());
    DFParquetMetadata::new(file, file.meta())
        .with_file_metadata_cache(Some(Arc::clone(&store.footers)))
        .with_metadata_size_hint(Some(FIRST_READ_BYTES))
        .with_page_index_policy(Some(policy))
        .fetch_metadata()
        .await
        .map_err(|error| translated(error, file))
}

/// The cache goes by size and time, and a file may be overwritten within the clock's resolution.
fn forget_another_content(store: &StoreHandle, meta: &ObjectMeta) {
    if let Some(cached) = store.footers.get(&meta.location)
        && cached.meta.e_tag != meta.e_tag
    {
        store.footers.remove(&meta.location);
    }
}

fn translated(error: DataFusionError, file: &DataFile) -> Error {
    match error {
        DataFusionError::ObjectStore(error) => unreadable(&file.to_string(), *error),
        DataFusionError::ParquetError(error) => broken(*error, file),
        other => {
            let cause = Error::from(other);
            Error::new(cause.kind(), format!("{file} cannot be read")).with_source(cause)
        }
    }
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
