//! The barrier in a physical plan: a leaf for all that looks at the plan.
//!
//! ```text
//! BarrierExec(masks) ┊ Limit <- Filter(row filter, leakproof filters) <- Scan(port)
//! ```
//!
//! What is right of the dots belongs to no rule, no formatter, no walk for statistics or metrics: the
//! node shows no children. It runs all the same in the query's own context, so that memory, batches
//! and cancelling are those of the query, and each of its partitions is handed on as one.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result as DataFusionResult;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, reset_plan_states};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation,
};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PhysicalExpr, PlanProperties,
};
use futures::StreamExt;

use super::hidden_error::hidden;
use super::masks;
use super::named_values::only_named;
use super::salt::Salt;
use crate::authorizer::Mask;

/// The rows of a table that may be seen, as they may be seen.
pub(crate) struct BarrierExec {
    table: Arc<str>,
    below: Arc<dyn ExecutionPlan>,
    /// The mask of each column that comes up.
    masks: Arc<[Option<Mask>]>,
    salt: Salt,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl BarrierExec {
    /// A barrier over a plan whose columns are those of `schema`, still unmasked.
    pub(super) fn new(
        table: Arc<str>,
        below: Arc<dyn ExecutionPlan>,
        schema: SchemaRef,
        (masks, salt): (Arc<[Option<Mask>]>, Salt),
    ) -> Self {
        // Orders and equalities of the rows below are not told: they can be of masked columns.
        let partitions = below.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let metrics = ExecutionPlanMetricsSet::new();
        Self { table, below, masks, salt, properties: Arc::new(properties), metrics }
    }

    /// The address of the table.
    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    /// The rows that it let through.
    pub(crate) fn rows_passed(&self) -> u64 {
        self.metrics.clone_inner().output_rows().map_or(0, |rows| rows as u64)
    }

    /// What it hides, for the log of the operator.
    pub(crate) fn below(&self) -> &Arc<dyn ExecutionPlan> {
        &self.below
    }
}

impl fmt::Debug for BarrierExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierExec").field("table", &self.table).finish_non_exhaustive()
    }
}

impl DisplayAs for BarrierExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schema = self.schema();
        let columns: Vec<&str> =
            schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "Governed: table={}, columns=[{}]", self.table, columns.join(", "))
    }
}

impl ExecutionPlan for BarrierExec {
    fn name(&self) -> &str {
        "Governed"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DataFusionResult<TreeNodeRecursion>,
    ) -> DataFusionResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        match children.is_empty() {
            true => Ok(self),
            false => Err(DataFusionError::Internal("a barrier has no children".to_owned())),
        }
    }

    /// A recursive query runs it once for each turn, and what is below counts what it handed out.
    fn reset_state(self: Arc<Self>) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self {
            table: Arc::clone(&self.table),
            below: reset_plan_states(Arc::clone(&self.below))?,
            masks: Arc::clone(&self.masks),
            salt: self.salt.clone(),
            properties: Arc::clone(&self.properties),
            metrics: self.metrics.clone(),
        }))
    }

    /// Filters of joins and of sorts with a limit stop here.
    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> DataFusionResult<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::all_unsupported(result))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> DataFusionResult<SendableRecordBatchStream> {
        let (table, schema) = (Arc::clone(&self.table), self.schema());
        // The session of a task is its query.
        let salt = self.salt.of_query(&context.session_id());
        let masks = Arc::clone(&self.masks);
        let output_rows = MetricBuilder::new(&self.metrics).output_rows(partition);
        let below =
            self.below.execute(partition, context).map_err(|error| hidden(&table, error))?;
        let rows = below.map({
            let schema = Arc::clone(&schema);
            move |batch| {
                let masked = batch.and_then(|batch| masked(&batch, &schema, (&masks, &salt)));
                let masked = masked.map_err(|error| hidden(&table, error))?;
                output_rows.add(masked.num_rows());
                Ok(masked)
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

fn masked(
    batch: &RecordBatch,
    schema: &SchemaRef,
    (masks, salt): (&[Option<Mask>], &Salt),
) -> DataFusionResult<RecordBatch> {
    if batch.num_columns() != masks.len() {
        return Err(DataFusionError::Internal("a scan gave other columns".to_owned()));
    }
    let columns: Vec<ArrayRef> = batch
        .columns()
        .iter()
        .zip(masks)
        .map(|(column, mask)| {
            let column = only_named(column)?;
            Ok(match mask {
                Some(mask) => masks::apply(*mask, &column, salt),
                None => column,
            })
        })
        .collect::<DataFusionResult<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
