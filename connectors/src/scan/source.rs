//! The thin `FileSource` of every lakehouse scan: DataFusion's Parquet source with our guards.
//!
//! Delegates everything. What it adds: files are named in errors, filters that could skip rows that
//! count are held back, and the plan is never shipped as a plain Parquet scan, which would lose
//! deleted rows and field identities.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::config::ConfigOptions;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::filter_pushdown::{FilterPushdownPropagation, PushedDown};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::{DisplayFormatType, PhysicalExpr, SortOrderPushdownResult};
use datafusion_datasource::PartitionedFile;
use datafusion_datasource::file_stream::FileOpener;
use datafusion_datasource::morsel::Morselizer;
use object_store::ObjectStore;

use super::Lineage;
use super::columns::Columns;
use super::file_rows::{FileRows, with_positions};
use super::morsels::NamedMorselizer;

/// What every part of one table's scan shares.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scanned {
    /// The table's address.
    pub(crate) table: String,
    /// The snapshot.
    pub(crate) snapshot: String,
    /// The data files of the snapshot that this part is about, read or not.
    pub(crate) files_total: u64,
    /// Their bytes.
    pub(crate) bytes_total: u64,
    /// True if no float column of any file holds NaN.
    pub(crate) has_no_nan: bool,
    /// The columns.
    pub(crate) columns: Arc<Columns>,
}

/// The `FileSource` of a lakehouse scan.
#[derive(Clone)]
pub(crate) struct LakeSource {
    parquet: Arc<dyn FileSource>,
    scanned: Arc<Scanned>,
}

impl LakeSource {
    /// Wraps DataFusion's source.
    pub(crate) fn new(parquet: Arc<dyn FileSource>, scanned: Arc<Scanned>) -> Self {
        Self { parquet, scanned }
    }

    /// DataFusion's source.
    pub(crate) fn parquet(&self) -> &Arc<dyn FileSource> {
        &self.parquet
    }

    /// What is scanned.
    pub(crate) fn scanned(&self) -> &Arc<Scanned> {
        &self.scanned
    }

    fn wrap(&self, parquet: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
        Arc::new(Self { parquet, scanned: Arc::clone(&self.scanned) })
    }

    /// The columns of row lineage among those that this gives, by place.
    fn lineage(&self) -> Vec<(usize, Lineage)> {
        let held = self.parquet.projection().into_iter().flat_map(ProjectionExprs::iter);
        let names = held.map(|held| held.expr.downcast_ref::<Column>().map(Column::name));
        self.scanned.columns.lineage(names)
    }

    /// True if skipping by `filter` can lose no row that the filter itself would keep.
    ///
    /// NaN is above every number and in no bound, so a float column's bounds say too little. What is
    /// nested is reshaped for each file, and a predicate on it may become one that the reader drops.
    /// Of row lineage, files have a part at most.
    fn may_see(&self, filter: &Arc<dyn PhysicalExpr>) -> bool {
        let schema = self.parquet.table_schema().table_schema();
        let columns = collect_columns(filter);
        let names = columns.iter().map(|column| Some(column.name()));
        let has_lineage = !self.scanned.columns.lineage(names).is_empty();
        !has_lineage
            && columns.iter().all(|column| {
                schema.field_with_name(column.name()).is_ok_and(|field| {
                    let held = field.data_type();
                    !held.is_nested() && (self.scanned.has_no_nan || !held.is_floating())
                })
            })
    }
}

#[deny(clippy::missing_trait_methods, reason = "a new method must not bypass the guards")]
impl FileSource for LakeSource {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        self.parquet.create_file_opener(store, config, partition)
    }

    fn create_morselizer(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Box<dyn Morselizer>> {
        let mut files = config.file_groups.iter().flat_map(FileGroup::iter);
        let lineage = self.lineage();
        let has_positions =
            !lineage.is_empty() || files.any(|file| FileRows::masked(file).is_some());
        let inner = if has_positions {
            // The reader knows nothing of the deleted rows: what it would count as enough is not.
            let mut config = config.clone();
            config.limit = None;
            with_positions(&self.parquet)?.create_morselizer(store, &config, partition)?
        } else {
            self.parquet.create_morselizer(store, config, partition)?
        };
        let table = Arc::from(self.scanned.table.as_str());
        Ok(Box::new(NamedMorselizer { inner, table, has_positions, lineage: lineage.into() }))
    }

    fn table_schema(&self) -> &TableSchema {
        self.parquet.table_schema()
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        self.wrap(self.parquet.with_batch_size(batch_size))
    }

    fn filter(&self) -> Option<Arc<dyn PhysicalExpr>> {
        self.parquet.filter()
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.parquet.projection()
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.parquet.metrics()
    }

    fn file_type(&self) -> &str {
        self.parquet.file_type()
    }

    fn fmt_extra(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parquet.fmt_extra(format, f)
    }

    fn supports_repartitioning(&self) -> bool {
        self.parquet.supports_repartitioning()
    }

    fn repartitioned(
        &self,
        target_partitions: usize,
        repartition_file_min_size: usize,
        output_ordering: Option<LexOrdering>,
        config: &FileScanConfig,
    ) -> Result<Option<FileScanConfig>> {
        self.parquet.repartitioned(
            target_partitions,
            repartition_file_min_size,
            output_ordering,
            config,
        )
    }

    /// Every filter is evaluated again above the scan, whatever the reader did with it: the reader
    /// silently drops a conjunct that it cannot use.
    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let answers = vec![PushedDown::No; filters.len()];
        let seen: Vec<_> = filters.into_iter().filter(|filter| self.may_see(filter)).collect();
        let answer = FilterPushdownPropagation::with_parent_pushdown_result(answers);
        if seen.is_empty() {
            return Ok(answer);
        }
        let pushed = self.parquet.try_pushdown_filters(seen, config)?;
        Ok(match pushed.updated_node {
            Some(parquet) => answer.with_updated_node(self.wrap(parquet)),
            None => answer,
        })
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
        properties: &EquivalenceProperties,
    ) -> Result<SortOrderPushdownResult<Arc<dyn FileSource>>> {
        Ok(match self.parquet.try_pushdown_sort(order, properties)? {
            SortOrderPushdownResult::Exact { inner } => {
                SortOrderPushdownResult::Exact { inner: self.wrap(inner) }
            }
            SortOrderPushdownResult::Inexact { inner } => {
                SortOrderPushdownResult::Inexact { inner: self.wrap(inner) }
            }
            SortOrderPushdownResult::Unsupported => SortOrderPushdownResult::Unsupported,
        })
    }

    fn try_reverse_output(
        &self,
        order: &[PhysicalSortExpr],
        properties: &EquivalenceProperties,
    ) -> Result<SortOrderPushdownResult<Arc<dyn FileSource>>> {
        self.try_pushdown_sort(order, properties)
    }

    fn reorder_files(&self, files: Vec<PartitionedFile>) -> Vec<PartitionedFile> {
        self.parquet.reorder_files(files)
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        let lineage = self.lineage();
        let is_lineage = |column: &Column| lineage.iter().any(|(at, _)| *at == column.index());
        let is_incomplete = |expr: &Arc<dyn PhysicalExpr>| {
            expr.downcast_ref::<Column>().is_none() && collect_columns(expr).iter().any(is_lineage)
        };
        if projection.iter().any(|held| is_incomplete(&held.expr)) {
            return Ok(None);
        }
        let pushed = self.parquet.try_pushdown_projection(projection)?;
        Ok(pushed.map(|parquet| self.wrap(parquet)))
    }

    #[expect(deprecated, reason = "part of the trait until DataFusion takes it out")]
    fn with_schema_adapter_factory(
        &self,
        factory: Arc<dyn datafusion_datasource::schema_adapter::SchemaAdapterFactory>,
    ) -> Result<Arc<dyn FileSource>> {
        self.parquet.with_schema_adapter_factory(factory)
    }

    #[expect(deprecated, reason = "part of the trait until DataFusion takes it out")]
    fn schema_adapter_factory(
        &self,
    ) -> Option<Arc<dyn datafusion_datasource::schema_adapter::SchemaAdapterFactory>> {
        self.parquet.schema_adapter_factory()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.parquet.apply_expressions(f)
    }

    /// Nothing: the codec of this crate ships the scan, with what a plain Parquet scan has no place
    /// for.
    fn try_to_proto(
        &self,
        _: &FileScanConfig,
        _: &datafusion::physical_plan::proto::ExecutionPlanEncodeCtx<'_>,
    ) -> Result<Option<datafusion_proto::protobuf::PhysicalPlanNode>> {
        Ok(None)
    }
}
