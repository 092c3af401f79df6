//! Sends the filters of a physical plan down, where no name misleads them.
//!
//! DataFusion maps the columns of a filter by name at each step (apache/datafusion#21246): over a join of
//! two tables with an `id` each, `a.id IS NULL` can land on the rows of `b`, and take them away. A plan
//! with such a filter keeps its filters where they are; sources have their hints from the logical plan.

use std::collections::HashSet;
use std::iter;
use std::sync::Arc;

use datafusion::common::Result as DataFusionResult;
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;

use super::distinct_counts::{AGGREGATE_STATISTICS, CarefulAggregateStatistics};
use super::grouping_sets::ForgetOrder;
use super::physical::{add_names, is_ambiguous_below};

/// The name of DataFusion's own rule, before that of filters which change while a plan runs.
const FILTER_PUSHDOWN: &str = "FilterPushdown";

type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// The rules of DataFusion, of which those that move filters and answer by statistics look first, after one
/// that forgets what is wrong.
pub(super) fn rules() -> Vec<Rule> {
    let careful = |rule: Rule| -> Rule {
        match rule.name() {
            FILTER_PUSHDOWN => Arc::new(CarefulFilterPushdown(rule)),
            AGGREGATE_STATISTICS => Arc::new(CarefulAggregateStatistics(rule)),
            _ => rule,
        }
    };
    let first: Rule = Arc::new(ForgetOrder);
    iter::once(first).chain(PhysicalOptimizer::new().rules.into_iter().map(careful)).collect()
}

/// Does what the rule in it does, unless a filter could be misled.
#[derive(Debug)]
struct CarefulFilterPushdown(Rule);

impl PhysicalOptimizerRule for CarefulFilterPushdown {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        match misleads_filters(&plan) {
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

/// True if a step below a filter has a name of the filter twice.
fn misleads_filters(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let mut names = HashSet::new();
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        add_names(filter.predicate(), &mut names);
    }
    let mut inputs = plan.children().into_iter();
    (!names.is_empty() && is_ambiguous_below(plan, &names)) || inputs.any(misleads_filters)
}
