//! A snapshot as a table of DataFusion: planning a scan skips files, and makes the plain scan of
//! those that are left.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DFSchema;
use datafusion::common::pruning::PrunableStatistics;
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result as DataFusionResult;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion_datasource::PartitionedFile;
use object_store::ObjectMeta;
use samite_engine::{Error, ErrorKind, Result};

use super::columns::{Columns, ColumnsInFiles};
use super::data_file::name_of;
use super::deletes::RUNS_MAX;
use super::reader::LakeReaders;
use super::source::{LakeSource, Scanned};
use super::statistics::{of_file, of_scan};
use super::{LakeFile, TableSnapshot};
use crate::stores::{StoreHandle, StoreId};

/// A snapshot as a table.
pub(crate) struct LakeTable {
    name: String,
    snapshot: TableSnapshot,
    columns: Arc<Columns>,
    schema: SchemaRef,
    has_no_nan: bool,
}

impl LakeTable {
    /// The table of `snapshot`, called `name` in reports.
    ///
    /// # Errors
    ///
    /// When the snapshot contradicts itself.
    pub(crate) fn new(name: String, mut snapshot: TableSnapshot) -> Result<Self> {
        let columns = Arc::new(Columns::new(std::mem::take(&mut snapshot.columns))?);
        let schema = columns.schema();
        for file in &snapshot.files {
            if file.deleted_rows.is_some() && file.rows.is_none() {
                return Err(Error::new(
                    ErrorKind::CorruptSource,
                    format!(
                        "data file \"{}\" has deleted rows but no number of rows",
                        name_of(&file.path)
                    ),
                ));
            }
        }
        let has_no_nan = snapshot.files.iter().all(|file| holds_no_nan(file, &schema));
        Ok(Self { name, snapshot, columns, schema, has_no_nan })
    }

    /// The files that may hold rows which all of `filters` keep.
    fn files_for(
        &self,
        session: &dyn Session,
        filters: &[Expr],
    ) -> DataFusionResult<Vec<&LakeFile>> {
        let all = || self.snapshot.files.iter().collect();
        let Some(filter) = conjunction(filters.iter().cloned()) else { return Ok(all()) };
        let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
        // A filter that cannot be planned here is evaluated above, where its error belongs.
        let Ok(filter) = session.create_physical_expr(filter, &schema) else { return Ok(all()) };
        let predicate =
            PruningPredicateBuilder::new().with_file_schema(Arc::clone(&self.schema)).build(filter);
        let Some(predicate) = predicate else { return Ok(all()) };
        let statistics =
            self.snapshot.files.iter().map(|file| Arc::new(of_file(file, &self.schema))).collect();
        let kept =
            predicate.prune(&PrunableStatistics::new(statistics, Arc::clone(&self.schema)))?;
        Ok(self
            .snapshot
            .files
            .iter()
            .zip(kept)
            .filter_map(|(file, kept)| kept.then_some(file))
            .collect())
    }

    fn scan_of(
        &self,
        part: &Part<'_>,
        asked: &Asked<'_>,
        runs_left: &mut u64,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let file_schema = self.columns.file_schema();
        let planned = |file: &&LakeFile| partitioned(file, &file_schema, runs_left);
        let files: Vec<PartitionedFile> = part.files.iter().map(planned).collect::<Result<_>>()?;
        let scanned = Arc::new(Scanned {
            table: self.name.clone(),
            snapshot: self.snapshot.id.0.clone(),
            files_total: part.files_total,
            bytes_total: part.bytes_total,
            has_no_nan: self.has_no_nan,
            columns: Arc::clone(&self.columns),
        });
        let source: Arc<dyn FileSource> =
            Arc::new(LakeSource::new(parquet_source(&file_schema, &part.store), scanned));
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
                .with_expr_adapter(Some(Arc::new(ColumnsInFiles(Arc::clone(&self.columns)))))
                .with_limit(asked.limit)
                .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// What a scan is asked for.
struct Asked<'a> {
    projection: &'a [usize],
    limit: Option<usize>,
    partitions: usize,
}

/// The files of one store.
struct Part<'a> {
    store: Arc<StoreHandle>,
    files: Vec<&'a LakeFile>,
    files_total: u64,
    bytes_total: u64,
}

/// A plan names one store for all its files.
fn parts<'a>(all: &'a [LakeFile], kept: Vec<&'a LakeFile>) -> Vec<Part<'a>> {
    let mut parts: BTreeMap<&StoreId, Part<'a>> = BTreeMap::new();
    for file in all {
        let part = parts.entry(&file.store.id).or_insert_with(|| Part {
            store: Arc::clone(&file.store),
            files: Vec::new(),
            files_total: 0,
            bytes_total: 0,
        });
        part.files_total += 1;
        part.bytes_total += file.size;
    }
    for file in kept {
        if let Some(part) = parts.get_mut(&file.store.id) {
            part.files.push(file);
        }
    }
    parts.into_values().collect()
}

/// DataFusion's source for the files of one store.
pub(crate) fn parquet_source(schema: &SchemaRef, store: &Arc<StoreHandle>) -> Arc<ParquetSource> {
    let mut options = datafusion::config::TableParquetOptions::default();
    options.global.coerce_int96 = Some("us".to_owned());
    options.global.pushdown_filters = false;
    options.global.reorder_filters = false;
    options.global.max_in_list_size = 256;
    let source = ParquetSource::new(TableSchema::builder(Arc::clone(schema)).build())
        .with_table_parquet_options(options)
        .with_parquet_file_reader_factory(Arc::new(LakeReaders(Arc::clone(store))));
    Arc::new(source)
}

fn partitioned(
    file: &LakeFile,
    schema: &SchemaRef,
    runs_left: &mut u64,
) -> Result<PartitionedFile> {
    let mut planned = PartitionedFile::from(ObjectMeta {
        location: file.path.clone(),
        last_modified: file.last_modified,
        size: file.size,
        e_tag: file.e_tag.clone(),
        version: None,
    });
    planned.statistics = Some(Arc::new(of_file(file, schema)));
    if let (Some(deleted), Some(rows)) = (&file.deleted_rows, file.rows) {
        let selection = deleted.selection(&name_of(&file.path), rows, runs_left)?;
        planned = planned.with_extension(ParquetRowSelection::new(selection));
    }
    Ok(planned)
}

fn holds_no_nan(file: &LakeFile, schema: &SchemaRef) -> bool {
    schema.fields().iter().enumerate().all(|(index, field)| {
        !field.data_type().is_floating()
            || file.constant(index).is_some_and(|value| !is_nan(value))
            || file.bounds.get(index).is_some_and(|bounds| bounds.has_no_nan)
    })
}

fn is_nan(value: &datafusion::scalar::ScalarValue) -> bool {
    use datafusion::scalar::ScalarValue as S;
    match value {
        S::Float16(Some(value)) => value.is_nan(),
        S::Float32(Some(value)) => value.is_nan(),
        S::Float64(Some(value)) => value.is_nan(),
        _ => false,
    }
}

impl fmt::Debug for LakeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LakeTable")
            .field("name", &self.name)
            .field("snapshot", &self.snapshot.id)
            .field("files", &self.snapshot.files.len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let projection = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let kept = self.files_for(session, filters)?;
        let partitions = session.config().target_partitions();
        let asked = Asked { projection: &projection, limit, partitions };
        let mut runs_left = RUNS_MAX;
        let mut scans = parts(&self.snapshot.files, kept)
            .iter()
            .map(|part| self.scan_of(part, &asked, &mut runs_left))
            .collect::<DataFusionResult<Vec<_>>>()?;
        match (scans.pop(), scans.is_empty()) {
            (None, _) => Ok(Arc::new(EmptyExec::new(Arc::new(self.schema.project(&projection)?)))),
            (Some(scan), true) => Ok(scan),
            (Some(scan), false) => {
                scans.push(scan);
                UnionExec::try_new(scans)
            }
        }
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}
