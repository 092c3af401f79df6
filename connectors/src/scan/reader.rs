//! Reads the bytes of data files for DataFusion's Parquet scan.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetFileReaderFactory;
use datafusion::error::Result as DataFusionResult;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder};
use futures::FutureExt;
use futures::future::BoxFuture;
use samite_engine::Error;

use super::ahead::{Ahead, Run};
use super::data_file::{DataFile, name_of};
use super::file_rows::FileRows;
use super::footers::{footer, forget, insist_on_kept, is_changed, kept};
use crate::stores::{StoreHandle, unreadable};

/// The metric of all bytes that were read.
pub(crate) const BYTES_READ: &str = "bytes_scanned";
/// The metric of the bytes that were read of data, not of footers.
pub(crate) const DATA_BYTES_READ: &str = "data_bytes_read";
/// The label that tells which file a metric belongs to.
pub(crate) const FILE: &str = "filename";

/// Makes readers of the files of one store.
#[derive(Debug)]
pub(crate) struct LakeReaders {
    store: Arc<StoreHandle>,
    run: Arc<Run>,
    is_small: bool,
}

impl LakeReaders {
    /// Makes readers of the files of `store`.
    pub(crate) fn new(store: Arc<StoreHandle>) -> Self {
        Self { store, run: Arc::new(Run::new(true)), is_small: false }
    }

    /// The readers of a scan that needs `limit` rows of files of `bytes` together.
    pub(crate) fn for_scan(store: Arc<StoreHandle>, limit: Option<usize>, bytes: u64) -> Self {
        let is_small = bytes <= store.reading.speed.whole_bytes();
        Self { store, run: Arc::new(Run::new(limit.is_none())), is_small }
    }
}

impl ParquetFileReaderFactory for LakeReaders {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        _: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> DataFusionResult<Box<dyn AsyncFileReader + Send>> {
        let name = Arc::<str>::from(file.object_meta.location.as_ref());
        let count = |metric: &'static str| {
            MetricBuilder::new(metrics)
                .with_new_label(FILE, name.to_string())
                .counter(metric, partition)
        };
        let data_bytes_read = count(DATA_BYTES_READ);
        let rows = file.extension::<FileRows>().cloned();
        let (meta, range) = (file.object_meta, file.range);
        let file = Arc::new(DataFile::new(Arc::clone(&self.store), meta, count(BYTES_READ)));
        insist_on_kept(&file, &self.store);
        let ahead = Ahead::new(Arc::clone(&file), Arc::clone(&self.run), range);
        let (store, is_small) = (Arc::clone(&self.store), self.is_small);
        Ok(Box::new(LakeReader { store, file, rows, ahead, is_small, data_bytes_read }))
    }
}

struct LakeReader {
    store: Arc<StoreHandle>,
    file: Arc<DataFile>,
    /// What its table says of its rows.
    rows: Option<FileRows>,
    ahead: Ahead,
    is_small: bool,
    data_bytes_read: Count,
}

impl LakeReader {
    async fn read(&mut self, ranges: Vec<Range<u64>>) -> ParquetResult<Vec<Bytes>> {
        // DataFusion reads the footer with one reader, and often the data with another one.
        if self.ahead.wants_footer()
            && let Some(footer) = kept(&self.file, &self.store)
        {
            self.ahead.learn(&footer);
        }
        let bytes = self.ahead.read(&ranges).await.map_err(|error| {
            if is_changed(&error) {
                forget(&self.file, &self.store);
            }
            external(unreadable(&self.file.to_string(), error))
        })?;
        self.data_bytes_read.add(bytes.iter().map(Bytes::len).sum());
        Ok(bytes)
    }
}

/// Carries our error through Parquet, so that the engine finds it again.
fn external(error: Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl fmt::Debug for LakeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LakeReader").field("file", &self.file).finish_non_exhaustive()
    }
}

impl AsyncFileReader for LakeReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        async move {
            let bytes = self.read(vec![range]).await?.into_iter().next();
            bytes.ok_or_else(|| ParquetError::General("no bytes".to_owned()))
        }
        .boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        self.read(ranges).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        let policy = options.map_or(PageIndexPolicy::Skip, |options| options.column_index_policy());
        async move {
            if self.is_small {
                self.file
                    .read_whole()
                    .await
                    .map_err(|error| external(unreadable(&self.file.to_string(), error)))?;
            }
            let found = footer(&self.file, &self.store, policy).await.map_err(external)?;
            if let Some(rows) = &self.rows {
                let name = name_of(&self.file.meta().location);
                rows.check(&name, found.file_metadata().num_rows()).map_err(external)?;
            }
            Ok(found)
        }
        .boxed()
    }
}
