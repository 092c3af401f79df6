//! Keeps projections apart that DataFusion would take for one, and gives columns the same name.
//!
//! Its optimizer drops a projection whose expressions equal those of the projection below it
//! (`merge_consecutive_projections`), as if computing a second time changed nothing: `x + 1 AS x`
//! over `x + 1 AS x` would add 1 once.

use std::sync::Arc;

use datafusion::arrow::datatypes::Field;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Column, Result as DataFusionResult, TableReference};
use datafusion::logical_expr::{Expr, LogicalPlan, Projection};

use crate::resolve::TWIN_MARK;

/// Gives the columns between two such projections names of their own.
///
/// # Errors
///
/// When a projection cannot be built again.
pub(super) fn keep_apart(plan: LogicalPlan) -> DataFusionResult<LogicalPlan> {
    let mut count = 0;
    plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::Projection(outer) = &node else { return Ok(Transformed::no(node)) };
        let LogicalPlan::Projection(inner) = outer.input.as_ref() else {
            return Ok(Transformed::no(node));
        };
        if !are_alike(outer, inner) {
            return Ok(Transformed::no(node));
        }
        count += 1;
        let input = Arc::new(renamed(inner, count)?);
        let schema = Arc::clone(&outer.schema);
        let outer = Projection::try_new_with_schema(outer.expr.clone(), input, schema)?;
        Ok(Transformed::yes(LogicalPlan::Projection(outer)))
    })
    .data()
}

/// Gives columns the names back that they share with others: to the planner their qualifiers differ.
///
/// # Errors
///
/// When the projection cannot be built.
pub(super) fn name_alike(plan: LogicalPlan) -> DataFusionResult<LogicalPlan> {
    let is_twin = |name: &str| name.contains(TWIN_MARK);
    if !plan.schema().fields().iter().any(|field| is_twin(field.name())) {
        return Ok(plan);
    }
    // One without a qualifier could be meant by the name of any other.
    let column = |(place, (qualifier, field)): (usize, (Option<&TableReference>, &Arc<Field>))| {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        let own = Some(format!("{TWIN_MARK}{place}"));
        match (field.name().split_once(TWIN_MARK), qualifier) {
            (Some((name, _)), _) => column.alias_qualified(own, name),
            (None, None) => column.alias_qualified(own, field.name()),
            (None, Some(_)) => column,
        }
    };
    let named = plan.schema().iter().enumerate().map(column).collect();
    Ok(LogicalPlan::Projection(Projection::try_new(named, Arc::new(plan))?))
}

/// True if the two could become equal: they compute something, under the same names.
fn are_alike(outer: &Projection, inner: &Projection) -> bool {
    let computes = |expression: &Expr| !matches!(expression.clone().unalias(), Expr::Column(_));
    let names = |projection: &Projection| -> Vec<String> {
        projection.schema.fields().iter().map(|field| field.name().clone()).collect()
    };
    outer.expr.iter().any(computes) && names(outer) == names(inner)
}

/// The same columns, computed under other names.
fn renamed(projection: &Projection, count: usize) -> DataFusionResult<LogicalPlan> {
    let mut computed = Vec::new();
    let mut named = Vec::new();
    for (expression, (qualifier, field)) in projection.expr.iter().zip(projection.schema.iter()) {
        let name = format!("{} #{count}", field.name());
        computed.push(expression.clone().unalias().alias(&name));
        let column = Expr::Column(Column::from_name(name));
        named.push(column.alias_qualified(qualifier.cloned(), field.name()));
    }
    let computed = Projection::try_new(computed, Arc::clone(&projection.input))?;
    let computed = Arc::new(LogicalPlan::Projection(computed));
    Ok(LogicalPlan::Projection(Projection::try_new(named, computed)?))
}
