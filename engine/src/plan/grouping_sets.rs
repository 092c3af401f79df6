//! Keeps what is known of the order of rows from what grouping sets make of them.
//!
//! DataFusion 55 takes a column that a filter compares with a constant for one that has the same value in
//! each row, also above `CUBE`, `ROLLUP` and `GROUPING SETS`, which put NULL in its place: groups are then
//! handed on before they are whole, and come twice.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Result as DataFusionResult;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PhysicalExpr,
    PlanProperties,
};

/// Puts an [`UnorderedExec`] above each aggregate with grouping sets of which an order is told.
#[derive(Debug)]
pub(super) struct ForgetOrder;

impl PhysicalOptimizerRule for ForgetOrder {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            Ok(match tells_order_of_sets(&plan) {
                true => Transformed::yes(Arc::new(UnorderedExec::new(plan))),
                false => Transformed::no(plan),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "forget_order_of_grouping_sets"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn tells_order_of_sets(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let is_of_sets = |aggregate: &AggregateExec| !aggregate.group_expr().is_single();
    let known = plan.equivalence_properties();
    plan.downcast_ref::<AggregateExec>().is_some_and(is_of_sets)
        && (!known.constants().is_empty() || known.output_ordering().is_some())
}

/// The rows of another plan, of which nothing is told.
#[derive(Debug)]
struct UnorderedExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl UnorderedExec {
    fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            input.output_partitioning().clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Self { input, properties: Arc::new(properties) }
    }
}

impl DisplayAs for UnorderedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnorderedExec")
    }
}

impl ExecutionPlan for UnorderedExec {
    fn name(&self) -> &str {
        "UnorderedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DataFusionResult<TreeNodeRecursion>,
    ) -> DataFusionResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(input))),
            _ => Err(DataFusionError::Internal("UnorderedExec has one input".to_owned())),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> DataFusionResult<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::execution::session_state::SessionStateBuilder;
    use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::super::filter_pushdown;

    const SQL: &str = "SELECT a, b, count(DISTINCT b) AS n FROM t WHERE b = 1 GROUP BY CUBE (a, b)";

    async fn answer(sql: &str, is_careful: bool) -> String {
        let rules = match is_careful {
            true => filter_pushdown::rules(),
            false => PhysicalOptimizer::new().rules,
        };
        let config = SessionConfig::new().with_target_partitions(3);
        let state = SessionStateBuilder::new().with_default_features().with_config(config);
        let state = state.with_physical_optimizer_rules(rules).build();
        let context = SessionContext::new_with_state(state);
        let rows = "(VALUES (1, 1), (2, 1), (3, 1), (9, 2)) v(a, b)";
        let table = format!("CREATE TABLE t AS SELECT * FROM {rows}");
        context.sql(&table).await.unwrap().collect().await.unwrap();
        let rows = context.sql(sql).await.unwrap().collect().await.unwrap();
        pretty_format_batches(&rows).unwrap().to_string()
    }

    #[tokio::test]
    async fn constant_column_is_none_above_grouping_sets() {
        let explain = format!("EXPLAIN {SQL}");
        let plan = answer(&explain, true).await;
        assert!(!plan.contains("ordering_mode") && plan.contains("UnorderedExec"), "{plan}");
        // Without care it is one: once it is not, this rule can go.
        let plan = answer(&explain, false).await;
        assert!(plan.contains("ordering_mode"), "{plan}");
        let rows = answer(SQL, true).await;
        assert_eq!(rows.lines().count(), 8 + 4, "{rows}");
    }
}
