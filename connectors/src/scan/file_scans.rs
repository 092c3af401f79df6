//! Plans the scans of data files: one for each store that they lie in.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result as DataFusionResult;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_datasource::PartitionedFile;
use object_store::ObjectMeta;
use samite_engine::Result;

use super::columns::{Columns, ColumnsInFiles};
use super::data_file::name_of;
use super::file_rows::FileRows;
use super::reader::LakeReaders;
use super::source::{LakeSource, Scanned};
use super::statistics::{of_file, of_scan};
use super::stored_deletes::FetchedDeletes;
use super::{LakeFile, PassedOver};

use crate::stores::{StoreHandle, StoreId};

/// What the scans of one table share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileScans<'a> {
    /// The table's address.
    pub(crate) table: &'a str,
    /// The snapshot.
    pub(crate) snapshot: &'a str,
    /// The columns of the files.
    pub(crate) columns: &'a Arc<Columns>,
    /// True if no float column of any file holds NaN.
    pub(crate) has_no_nan: bool,
}

/// What scans are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The columns, by index.
    pub(crate) projection: &'a [usize],
    /// The most rows that are needed.
    pub(crate) limit: Option<usize>,
    /// How many partitions a scan shall have.
    pub(crate) partitions: usize,
    /// True if columns shall be decoded only for the rows that filters keep.
    pub(crate) reads_late: bool,
    /// The deleted rows of the files.
    pub(crate) deletes: &'a FetchedDeletes,
}

/// The files of one store.
struct Part<'a> {
    store: Arc<StoreHandle>,
    files: Vec<&'a LakeFile>,
    files_total: u64,
    bytes_total: u64,
}

impl Part<'_> {
    fn readers(&self, asked: Asked<'_>) -> LakeReaders {
        let bytes = self.files.iter().map(|file| file.size).sum();
        LakeReaders::for_scan(Arc::clone(&self.store), asked.limit, bytes)
    }
}

impl FileScans<'_> {
    /// The scans of the files `kept`, which report those that are `passed` over besides.
    ///
    /// # Errors
    ///
    /// When deleted rows do not fit their file.
    pub(crate) fn plan<'a>(
        &self,
        kept: Vec<&'a LakeFile>,
        passed: &'a [PassedOver],
        asked: Asked<'_>,
    ) -> DataFusionResult<Vec<Arc<dyn ExecutionPlan>>> {
        parts(kept, passed).iter().map(|part| self.scan_of(part, asked)).collect()
    }

    fn scan_of(
        &self,
        part: &Part<'_>,
        asked: Asked<'_>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let file_schema = self.columns.file_schema();
        let planned = |file: &&LakeFile| partitioned(file, &file_schema, asked.deletes);
        let files: Vec<PartitionedFile> = part.files.iter().map(planned).collect::<Result<_>>()?;
        let scanned = Arc::new(Scanned {
            table: self.table.to_owned(),
            snapshot: self.snapshot.to_owned(),
            files_total: part.files_total,
            bytes_total: part.bytes_total,
            has_no_nan: self.has_no_nan,
            columns: Arc::clone(self.columns),
        });
        let parquet = parquet_source(&file_schema, part.readers(asked), asked.reads_late);
        let source: Arc<dyn FileSource> = Arc::new(LakeSource::new(parquet, scanned));
        let projected =
            source.try_pushdown_projection(&self.columns.projection(asked.projection))?;
        let mut groups = FileGroup::new(files).split_files(asked.partitions.max(1));
        if groups.is_empty() {
            // Nothing is left to read, and yet the plan reports what was there.
            groups.push(FileGroup::new(Vec::new()));
        }
        let config =
            FileScanConfigBuilder::new(part.store.url.clone(), projected.unwrap_or(source))
                .with_file_groups(groups)
                .with_statistics(of_scan(&part.files, &file_schema))
                .with_expr_adapter(Some(Arc::new(ColumnsInFiles(Arc::clone(self.columns)))))
                .with_limit(asked.limit)
                .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// A plan names one store for all its files.
fn parts<'a>(kept: Vec<&'a LakeFile>, passed: &'a [PassedOver]) -> Vec<Part<'a>> {
    let mut parts: BTreeMap<&StoreId, Part<'a>> = BTreeMap::new();
    let empty = |store: &Arc<StoreHandle>| Part {
        store: Arc::clone(store),
        files: Vec::new(),
        files_total: 0,
        bytes_total: 0,
    };
    for others in passed {
        let part = parts.entry(&others.store.id).or_insert_with(|| empty(&others.store));
        part.files_total += others.files;
        part.bytes_total += others.bytes;
    }
    for file in kept {
        let part = parts.entry(&file.store.id).or_insert_with(|| empty(&file.store));
        part.files_total += 1;
        part.bytes_total += file.size;
        part.files.push(file);
    }
    parts.into_values().collect()
}

/// DataFusion's source for the files of one store.
fn parquet_source(
    schema: &SchemaRef,
    readers: LakeReaders,
    reads_late: bool,
) -> Arc<ParquetSource> {
    let mut options = datafusion::config::TableParquetOptions::default();
    options.global.coerce_int96 = Some("us".to_owned());
    options.global.coerce_int96_tz = Some("UTC".to_owned());
    options.global.pushdown_filters = reads_late;
    options.global.reorder_filters = false;
    options.global.max_in_list_size = 256;
    let source = ParquetSource::new(TableSchema::builder(Arc::clone(schema)).build())
        .with_table_parquet_options(options)
        .with_parquet_file_reader_factory(Arc::new(readers));
    Arc::new(source)
}

fn partitioned(
    file: &LakeFile,
    schema: &SchemaRef,
    deletes: &FetchedDeletes,
) -> Result<PartitionedFile> {
    let mut planned = PartitionedFile::from(ObjectMeta {
        location: file.path.clone(),
        last_modified: file.last_modified,
        size: file.size,
        e_tag: file.e_tag.clone(),
        version: None,
    });
    planned.statistics = Some(Arc::new(of_file(file, schema)));
    match file.rows {
        Some(total) => {
            let rows = FileRows { total, deleted: deletes.of(file)?, lineage: file.lineage };
            rows.attach(planned, &name_of(&file.path))
        }
        None => Ok(planned),
    }
}
