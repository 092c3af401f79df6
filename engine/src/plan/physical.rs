//! From a logical plan to a physical one.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::Result as DataFusionResult;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec,
};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

use super::pieces::PiecesExec;
use crate::error::{Error, ErrorKind, Result};

/// The largest constant beside rows, in bytes: a batch of rows can hold one for each.
const CONSTANT_BYTES_MAX: usize = 256 << 10;

/// Plans a query without parameters.
///
/// # Errors
///
/// When the query does not make sense, or a source fails while it is planned.
pub(super) async fn plan(
    logical: &LogicalPlan,
    state: &SessionState,
    constant_state: &SessionState,
) -> Result<Arc<dyn ExecutionPlan>> {
    if reads_nothing(logical)? {
        let options = state.config_options();
        let typed = state.analyzer().execute_and_check(logical.clone(), options, |_, _| {})?;
        let simple = constant_state.optimizer().optimize(typed, state, |_, _| {})?;
        let constant_state = with_options_of(state, constant_state);
        let planner = constant_state.query_planner();
        return Ok(planner.create_physical_plan(&simple, constant_state.as_ref()).await?);
    }
    let optimized = state.optimize(logical)?;
    check_constants(&optimized)?;
    let mut plan = state.query_planner().create_physical_plan(&optimized, state).await?;
    if misleads_dynamic_filters(&plan) {
        let mut state = state.clone();
        let optimizer = &mut state.config_mut().options_mut().optimizer;
        optimizer.enable_join_dynamic_filter_pushdown = false;
        optimizer.enable_topk_dynamic_filter_pushdown = false;
        plan = state.query_planner().create_physical_plan(&optimized, &state).await?;
    }
    Ok(plan.transform_up(yield_often).data()?)
}

/// `constant_state` with the options of a query, and copied only if the query has options of its own: a
/// copy takes longer than the plan.
fn with_options_of<'a>(
    state: &SessionState,
    constant_state: &'a SessionState,
) -> Cow<'a, SessionState> {
    if Arc::ptr_eq(state.config().options(), constant_state.config().options()) {
        return Cow::Borrowed(constant_state);
    }
    let mut constant_state = constant_state.clone();
    *constant_state.config_mut() = state.config().clone();
    Cow::Owned(constant_state)
}

/// True for expressions over a single row, without a table and without a subquery.
fn reads_nothing(plan: &LogicalPlan) -> DataFusionResult<bool> {
    let mut reads = false;
    plan.apply_with_subqueries(|node| {
        reads = !matches!(node, LogicalPlan::Projection(_) | LogicalPlan::EmptyRelation(_));
        node.apply_expressions(|expression| {
            reads |= expression.exists(|part| Ok(is_subquery(part)))?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(if reads { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(!reads)
}

/// Refuses a constant that would be written out beside every row and is too large for that.
fn check_constants(plan: &LogicalPlan) -> Result<()> {
    let mut largest = 0;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                if let Expr::Literal(value, _) = part {
                    largest = largest.max(value.size());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    if largest <= CONSTANT_BYTES_MAX {
        return Ok(());
    }
    Err(Error::new(ErrorKind::ResourcesExhausted, "a constant of the query is too large")
        .with_detail(format!(
            "it has {largest} bytes, {CONSTANT_BYTES_MAX} are allowed beside rows"
        ))
        .with_hint("ask for it in a query of its own, without a table"))
}

fn is_subquery(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_)
    )
}

/// Makes what multiplies rows give way now and then: DataFusion does so where rows enter a plan, and
/// a join that makes millions of rows out of one batch could otherwise not be stopped.
fn yield_often(
    plan: Arc<dyn ExecutionPlan>,
) -> DataFusionResult<Transformed<Arc<dyn ExecutionPlan>>> {
    // A filter of the join can reject all that it makes, so that it is fed little at a time.
    let plan = match plan.downcast_ref::<NestedLoopJoinExec>() {
        Some(join) => {
            let (left, right) = (Arc::clone(join.left()), Arc::clone(join.right()));
            let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            let children: Vec<Arc<dyn ExecutionPlan>> =
                vec![left, Arc::new(PiecesExec::new(right))];
            Arc::clone(&plan).replace_children(children, options)?
        }
        None => plan,
    };
    let multiplies = plan.downcast_ref::<CrossJoinExec>().is_some()
        || plan.downcast_ref::<NestedLoopJoinExec>().is_some()
        || plan.downcast_ref::<HashJoinExec>().is_some()
        || plan.downcast_ref::<SortMergeJoinExec>().is_some()
        || plan.downcast_ref::<UnnestExec>().is_some();
    Ok(match multiplies {
        true => Transformed::yes(Arc::new(CooperativeExec::new(plan))),
        false => Transformed::no(plan),
    })
}

/// True if a dynamic filter could land on another column of the same name: on its way down it is
/// mapped by name at every step (apache/datafusion#25244), so that a name that a step has twice
/// misleads it.
fn misleads_dynamic_filters(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let mut names = HashSet::new();
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        for (left, right) in join.on() {
            add_names(left, &mut names);
            add_names(right, &mut names);
        }
    } else if let Some(sort) = plan.downcast_ref::<SortExec>().filter(|sort| sort.fetch().is_some())
    {
        sort.expr().iter().for_each(|key| add_names(&key.expr, &mut names));
    }
    (!names.is_empty() && is_ambiguous_below(plan, &names))
        || plan.children().into_iter().any(misleads_dynamic_filters)
}

/// True if a step below `plan` has one of these names twice, as the names are called there.
pub(super) fn is_ambiguous_below(plan: &Arc<dyn ExecutionPlan>, names: &HashSet<String>) -> bool {
    let mut inner = names.clone();
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let renamed = projection.expr().iter().filter(|part| names.contains(&part.alias));
        renamed.for_each(|part| add_names(&part.expr, &mut inner));
    }
    plan.children()
        .into_iter()
        .any(|child| has_twice(child, &inner) || is_ambiguous_below(child, &inner))
}

pub(super) fn add_names(expression: &Arc<dyn PhysicalExpr>, names: &mut HashSet<String>) {
    let columns = collect_columns(expression);
    names.extend(columns.iter().map(|column| column.name().to_owned()));
}

fn has_twice(plan: &Arc<dyn ExecutionPlan>, names: &HashSet<String>) -> bool {
    let schema = plan.schema();
    let mut seen = HashSet::new();
    let mut wanted = schema.fields().iter().filter(|field| names.contains(field.name()));
    wanted.any(|field| !seen.insert(field.name().as_str()))
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;

    async fn misleads(sql: &str) -> bool {
        // Hash joins on two sides, as large tables get them.
        let mut config = SessionConfig::new().with_target_partitions(2);
        let optimizer = &mut config.options_mut().optimizer;
        optimizer.hash_join_single_partition_threshold = 0;
        optimizer.hash_join_single_partition_threshold_rows = 0;
        let context = SessionContext::new_with_config(config);
        for table in ["a", "b", "c"] {
            let rows = "(VALUES (1, 1, 1, 1), (2, 2, 2, 2)) t(id, k, m, v)";
            context.sql(&format!("CREATE TABLE {table} AS SELECT * FROM {rows}")).await.expect(sql);
        }
        let rows = "(VALUES (1, 1), (2, 2)) t(d_id, d_v)";
        context.sql(&format!("CREATE TABLE d AS SELECT * FROM {rows}")).await.expect(sql);
        let plan = context.sql(sql).await.expect(sql).create_physical_plan().await.expect(sql);
        misleads_dynamic_filters(&plan)
    }

    #[tokio::test]
    async fn filter_on_a_name_that_a_step_has_twice_is_found() {
        for sql in [
            "SELECT a.id, b.id, c.v FROM a JOIN b ON a.k = b.k JOIN c ON a.m = c.m ORDER BY b.id LIMIT 10",
            "SELECT a.v + 1, a.id, b.id FROM a JOIN b ON a.k = b.k ORDER BY b.id LIMIT 10",
            "SELECT a.id, b.id, c.id FROM a JOIN b ON a.k = b.k JOIN c ON b.id = c.v",
        ] {
            assert!(misleads(sql).await, "{sql}");
        }
    }

    #[tokio::test]
    async fn filter_on_names_of_their_own_stays() {
        for sql in [
            "SELECT a.k, d.d_v FROM a JOIN d ON a.id = d.d_id ORDER BY d.d_v LIMIT 10",
            "SELECT k, count(*) FROM a GROUP BY k ORDER BY k LIMIT 3",
        ] {
            assert!(!misleads(sql).await, "{sql}");
        }
    }
}
