//! From a logical plan to a physical one.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::Result as DataFusionResult;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec,
};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::unnest::UnnestExec;

use super::pieces::PiecesExec;
use crate::error::Result;

/// Plans a query without parameters.
///
/// # Errors
///
/// When the query does not make sense, or a source fails while it is planned.
pub(super) async fn plan(
    logical: &LogicalPlan,
    state: &SessionState,
) -> Result<Arc<dyn ExecutionPlan>> {
    let mut plan = state.create_physical_plan(logical).await?;
    if misleads_dynamic_filters(&plan) {
        let mut state = state.clone();
        state.config_mut().options_mut().optimizer.enable_join_dynamic_filter_pushdown = false;
        plan = state.create_physical_plan(logical).await?;
    }
    Ok(plan.transform_up(yield_often).data()?)
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

/// True if a dynamic filter of a join could land on another column of the same name: on its way
/// down it is mapped by name through filters and projections (apache/datafusion#25244), so that a
/// name that occurs twice below one misleads it.
fn misleads_dynamic_filters(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if let Some(join) = plan.downcast_ref::<HashJoinExec>()
        && [join.left(), join.right()].into_iter().any(has_ambiguous_step)
    {
        return true;
    }
    plan.children().into_iter().any(misleads_dynamic_filters)
}

fn has_ambiguous_step(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let maps_by_name = plan.downcast_ref::<FilterExec>().is_some()
        || plan.downcast_ref::<ProjectionExec>().is_some();
    let children = plan.children();
    (maps_by_name && children.iter().any(|child| has_duplicate_names(child)))
        || children.into_iter().any(has_ambiguous_step)
}

fn has_duplicate_names(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let schema = plan.schema();
    let mut seen = HashSet::with_capacity(schema.fields().len());
    !schema.fields().iter().all(|field| seen.insert(field.name().as_str()))
}
