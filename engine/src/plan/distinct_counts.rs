//! Keeps estimates of distinct values out of answers.
//!
//! DataFusion 55 says of a column that a filter compares with a constant that it has exactly one value, also
//! where no row may be left, and answers several `count(DISTINCT ..)` with that. A plan with such an
//! aggregate counts what it reads.

use std::sync::Arc;

use datafusion::common::Result as DataFusionResult;
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;

/// The name of DataFusion's own rule.
pub(super) const AGGREGATE_STATISTICS: &str = "aggregate_statistics";

/// Does what the rule in it does, unless it could take an estimate for a count.
#[derive(Debug)]
pub(super) struct CarefulAggregateStatistics(
    pub(super) Arc<dyn PhysicalOptimizerRule + Send + Sync>,
);

impl PhysicalOptimizerRule for CarefulAggregateStatistics {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        match counts_distinct(&plan) {
            true => Ok(plan),
            false => self.0.optimize(plan, config),
        }
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

fn counts_distinct(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let is_distinct = |aggregate: &AggregateExec| {
        aggregate.aggr_expr().iter().any(|aggregated| aggregated.is_distinct())
    };
    plan.downcast_ref::<AggregateExec>().is_some_and(is_distinct)
        || plan.children().into_iter().any(counts_distinct)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::execution::session_state::SessionStateBuilder;
    use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
    use datafusion::prelude::SessionContext;

    use super::super::filter_pushdown;

    /// The answer to a query of three rows.
    async fn answer(sql: &str, is_careful: bool) -> String {
        let rules = match is_careful {
            true => filter_pushdown::rules(),
            false => PhysicalOptimizer::new().rules,
        };
        let state = SessionStateBuilder::new().with_default_features();
        let state = state.with_physical_optimizer_rules(rules).build();
        let context = SessionContext::new_with_state(state);
        let table = "CREATE TABLE t AS SELECT * FROM (VALUES (1, 1), (2, 1), (9, 2)) v(a, b)";
        context.sql(table).await.unwrap().collect().await.unwrap();
        let rows = context.sql(sql).await.unwrap().collect().await.unwrap();
        pretty_format_batches(&rows).unwrap().to_string()
    }

    #[tokio::test]
    async fn distinct_values_of_no_row_are_none() {
        let sql =
            "SELECT count(DISTINCT a) AS x, count(DISTINCT b) AS y FROM t WHERE a = 5 AND b = 1";
        assert!(answer(sql, true).await.contains("| 0 | 0 |"));
        // Without care it is wrong: once it is not, this rule can go.
        assert!(answer(sql, false).await.contains("| 1 | 1 |"));
    }

    #[tokio::test]
    async fn rows_are_still_counted_by_statistics() {
        let plan = answer("EXPLAIN SELECT count(*) FROM t", true).await;
        assert!(plan.contains("PlaceholderRowExec"), "{plan}");
    }
}
