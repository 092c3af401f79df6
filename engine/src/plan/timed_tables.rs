//! Tables with a clause of time after their names.
//!
//! DataFusion's planner drops the clause without a word and would read the newest state.

use std::fmt;
use std::sync::Arc;

use datafusion::common::{Result, TableReference, plan_datafusion_err};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{LogicalPlanBuilder, TableSource};
use datafusion::sql::sqlparser::ast::{TableFactor, TableVersion};

use super::logical::ReadTable;

/// Plans the tables that have a clause of time.
pub(super) struct TimedTables(Vec<(TableReference, TableVersion, Arc<dyn TableSource>)>);

impl TimedTables {
    /// Those among `tables`.
    pub(super) fn new(tables: &[ReadTable]) -> Self {
        let timed = tables.iter().filter_map(|table| {
            let source = provider_as_source(Arc::clone(&table.provider));
            Some((table.reference.clone(), table.version.clone()?, source))
        });
        Self(timed.collect())
    }
}

impl fmt::Debug for TimedTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|(reference, version, _)| (reference, version));
        f.debug_list().entries(names).finish()
    }
}

impl RelationPlanner for TimedTables {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let TableFactor::Table { name, alias, version: Some(version), .. } = relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let wanted = context.object_name_to_table_reference(name)?;
        let is_wanted = |known: &&(TableReference, TableVersion, Arc<dyn TableSource>)| {
            known.0 == wanted && known.1 == version
        };
        let (_, _, source) = self
            .0
            .iter()
            .find(is_wanted)
            .ok_or_else(|| plan_datafusion_err!("table {wanted} {version} was not opened"))?;
        let plan = LogicalPlanBuilder::scan(wanted, Arc::clone(source), None)?.build()?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}
