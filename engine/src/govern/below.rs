//! Plans what is read below a barrier.
//!
//! ```text
//! Limit <- Filter(row filter IS TRUE, leakproof filters) <- Scan(port)
//! ```
//!
//! No optimizer sees more of this plan than the scan: it would drop a filter that the source says it
//! has applied, and a source is not trusted with that. The scan gets the same filters as hints, to
//! leave out files and parts of files.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchema, Result as DataFusionResult};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType, lit};
use datafusion::physical_expr::create_physical_expr;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::limit::LocalLimitExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, PhysicalExpr};

/// The rule that tells scans of filters, by its name among those of a session.
const FILTER_PUSHDOWN: &str = "FilterPushdown";

/// What is asked of the table below.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The places of the columns that go up, in their order.
    pub(super) places: &'a [usize],
    /// The rows that may be seen.
    pub(super) row_filter: Option<&'a Expr>,
    /// What the query asks of them, as far as it may go below.
    pub(super) filters: &'a [Expr],
    /// How many rows suffice.
    pub(super) limit: Option<usize>,
}

/// Plans the rows that may be seen and satisfy the filters, unmasked.
pub(super) async fn plan(
    session: &dyn Session,
    inner: &dyn TableProvider,
    asked: Asked<'_>,
) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
    let schema = inner.schema();
    let filters: DataFusionResult<Vec<Expr>> =
        asked.filters.iter().cloned().map(unqualified).collect();
    let filters = filters?;
    let row_filter = asked.row_filter.map(split_conjunction).unwrap_or_default();
    let hints: Vec<Expr> = row_filter.into_iter().chain(&filters).cloned().collect();
    let read = read_places(&schema, &asked, &hints);
    let limit = asked.limit.filter(|_| hints.is_empty());
    let supported = supported(inner, &hints)?;
    let scan = inner.scan(session, Some(&read), &supported, limit).await?;
    check_columns(&schema, &read, &scan)?;
    let hints_are_none = hints.is_empty();
    let scan = match inner.table_type() {
        // What a column of a query is made of may fail on rows that the query leaves out, so that its plan
        // takes no more than it said, and is optimized already.
        TableType::View => scan,
        TableType::Base | TableType::Temporary => {
            optimized(spread(hinted(scan, hints, session)?, session)?, session)?
        }
    };
    let rows: Arc<dyn ExecutionPlan> = Arc::new(CooperativeExec::new(scan));
    let rows = match read == asked.places && hints_are_none {
        true => rows,
        false => filtered(rows, (&asked, filters), &read, session)?,
    };
    Ok(match asked.limit {
        Some(limit) => Arc::new(LocalLimitExec::new(rows, limit)),
        None => rows,
    })
}

/// The rows that may be seen and satisfy the filters, with the columns that go up.
fn filtered(
    rows: Arc<dyn ExecutionPlan>,
    (asked, filters): (&Asked<'_>, Vec<Expr>),
    read: &[usize],
    session: &dyn Session,
) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
    let seen = asked.row_filter.map(|filter| Expr::IsTrue(Box::new(filter.clone())));
    let predicate = conjunction(seen.into_iter().chain(filters)).unwrap_or_else(|| lit(true));
    let place_read = |place: &usize| read.iter().position(|read| read == place);
    let places: Option<Vec<usize>> = asked.places.iter().map(place_read).collect();
    let filter = FilterExecBuilder::new(physical(&predicate, &rows, session)?, rows)
        .with_batch_size(session.config().batch_size())
        .apply_projection(Some(places.ok_or_else(other_columns)?))?;
    Ok(Arc::new(filter.build()?))
}

/// The expression with the bare names of its columns: there is one table below.
pub(super) fn unqualified(expr: Expr) -> DataFusionResult<Expr> {
    expr.transform(|part| match part {
        Expr::Column(column) if column.relation.is_some() => {
            Ok(Transformed::yes(Expr::Column(Column::new_unqualified(column.name))))
        }
        other => Ok(Transformed::no(other)),
    })
    .data()
}

/// The places of what is read: what goes up, and what is asked.
fn read_places(schema: &Schema, asked: &Asked<'_>, hints: &[Expr]) -> Vec<usize> {
    let mut places: BTreeSet<usize> = asked.places.iter().copied().collect();
    let named = hints.iter().flat_map(Expr::column_refs);
    places.extend(named.filter_map(|column| Some(schema.column_with_name(&column.name)?.0)));
    places.into_iter().collect()
}

/// The hints that the source takes at all.
fn supported(inner: &dyn TableProvider, hints: &[Expr]) -> DataFusionResult<Vec<Expr>> {
    let all: Vec<&Expr> = hints.iter().collect();
    let answers = inner.supports_filters_pushdown(&all)?;
    let taken = hints
        .iter()
        .zip(answers)
        .filter(|(_, answer)| *answer != TableProviderFilterPushDown::Unsupported);
    Ok(taken.map(|(hint, _)| hint.clone()).collect())
}

/// A column in another place would bear the mask of its neighbour.
fn check_columns(
    schema: &Schema,
    read: &[usize],
    scan: &Arc<dyn ExecutionPlan>,
) -> DataFusionResult<()> {
    let promised = schema.project(read)?;
    let given = scan.schema();
    let names = |schema: &Schema| -> Vec<String> {
        schema.fields().iter().map(|field| field.name().clone()).collect()
    };
    if names(&promised) == names(&given) { Ok(()) } else { Err(other_columns()) }
}

fn other_columns() -> DataFusionError {
    DataFusionError::Internal("a scan has other columns than its table".to_owned())
}

/// The scan, told of the filters in the way of physical plans, to leave out parts of files. Where it
/// says that it filters by itself, it is filtered all the same.
fn hinted(
    scan: Arc<dyn ExecutionPlan>,
    hints: Vec<Expr>,
    session: &dyn Session,
) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
    let Some(hints) = conjunction(hints) else { return Ok(scan) };
    let hints = physical(&hints, &scan, session)?;
    // Two filters become one: then the filter that is found is that of the source, too.
    let is_filter = scan.downcast_ref::<FilterExec>().is_some();
    let filter = Arc::new(FilterExec::try_new(hints, Arc::clone(&scan))?);
    let rule = session.physical_optimizers().iter().find(|rule| rule.name() == FILTER_PUSHDOWN);
    let Some(rule) = rule else { return Ok(scan) };
    let told = rule.optimize(filter, session.config_options())?;
    let told = match told.downcast_ref::<FilterExec>() {
        Some(filter) if !is_filter => Arc::clone(filter.input()),
        _ => told,
    };
    Ok(if told.schema() == scan.schema() { told } else { scan })
}

/// The scan in as many partitions as the query has, if it can be split.
fn spread(
    scan: Arc<dyn ExecutionPlan>,
    session: &dyn Session,
) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
    let partitions = session.config().target_partitions();
    if scan.output_partitioning().partition_count() >= partitions {
        return Ok(scan);
    }
    Ok(scan.repartitioned(partitions, session.config_options())?.unwrap_or(scan))
}

/// The scan with what its own steps require of each other: it can be more than one, for instance a
/// join with deleted keys.
fn optimized(
    scan: Arc<dyn ExecutionPlan>,
    session: &dyn Session,
) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
    if scan.children().is_empty() {
        return Ok(scan);
    }
    let schema = scan.schema();
    let mut optimized = scan;
    for rule in session.physical_optimizers() {
        optimized = rule.optimize(optimized, session.config_options())?;
    }
    if optimized.schema() == schema { Ok(optimized) } else { Err(other_columns()) }
}

fn physical(
    expr: &Expr,
    input: &Arc<dyn ExecutionPlan>,
    session: &dyn Session,
) -> DataFusionResult<Arc<dyn PhysicalExpr>> {
    let schema = DFSchema::try_from(input.schema())?;
    let context = PhysicalPlanningContext::default();
    create_physical_expr(expr, &schema, session.execution_props(), &context)
}
