//! Answers that are known as soon as they are planned: one row of constants, as of `SELECT 1`.
//!
//! Tools ask such questions all the time to see whether a connection lives.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNode;
use datafusion::execution::SessionState;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

/// Size of a row that is kept with its plan, in bytes.
const ROW_BYTES_MAX: usize = 4 << 10;

/// The one row that a query gives whenever it is asked; `None` where a run has to tell, or the row is
/// large.
///
/// That is a list of expressions without a table, a subquery, and a function whose value depends on
/// more than its arguments. `typed` is the plan with its types, `schema` that of the result.
pub(super) fn row(
    typed: &LogicalPlan,
    schema: &SchemaRef,
    state: &SessionState,
) -> Option<RecordBatch> {
    let LogicalPlan::Projection(projection) = typed else { return None };
    match projection.input.as_ref() {
        LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => {}
        _ => return None,
    }
    // Without a time of execution, what depends on it stays unknown.
    let context =
        SimplifyContext::builder().with_config_options(Arc::clone(state.config_options())).build();
    let simplifier = ExprSimplifier::new(context);
    let columns = projection.expr.iter().map(|expression| value(expression, &simplifier));
    let columns: Vec<ArrayRef> = columns.collect::<Option<_>>()?;
    // A value of another type than the plan's is left to the run.
    let row = RecordBatch::try_new(Arc::clone(schema), columns).ok()?;
    (row.get_array_memory_size() <= ROW_BYTES_MAX).then_some(row)
}

fn value(expression: &Expr, simplifier: &ExprSimplifier) -> Option<ArrayRef> {
    let bare = match expression {
        Expr::Alias(alias) => alias.expr.as_ref(),
        expression => expression,
    };
    if let Expr::Literal(value, _) = bare {
        return value.to_array().ok();
    }
    if expression.exists(|part| Ok(changes(part))).ok()? {
        return None;
    }
    match simplifier.simplify(expression.clone()).ok()?.unalias() {
        Expr::Literal(value, _) => value.to_array().ok(),
        _ => None,
    }
}

/// True for a function that may give something else for the same arguments.
fn changes(part: &Expr) -> bool {
    match part {
        Expr::ScalarFunction(call) => call.func.signature().volatility != Volatility::Immutable,
        Expr::HigherOrderFunction(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn constant(sql: &str) -> Option<RecordBatch> {
        let context = SessionContext::new();
        let state = context.state();
        let plan = state.create_logical_plan(sql).await.expect(sql);
        let options = state.config_options();
        let typed = state.analyzer().execute_and_check(plan, options, |_, _| {}).expect(sql);
        row(&typed, &Arc::new(typed.schema().as_arrow().clone()), &state)
    }

    #[tokio::test]
    async fn row_of_constants_needs_no_run() {
        for sql in [
            "SELECT 1",
            "SELECT 1 AS a, 'x', NULL, 2.5, true, -1, DATE '2026-01-31'",
            "SELECT 1 + 1, upper('x') || 'y', CAST('7' AS INT), CASE WHEN 1 = 1 THEN 'a' END",
        ] {
            let known = constant(sql).await.expect(sql);
            let batches =
                SessionContext::new().sql(sql).await.expect(sql).collect().await.expect(sql);
            assert_eq!(known.columns(), batches[0].columns(), "{sql}");
        }
    }

    #[tokio::test]
    async fn what_a_run_has_to_tell_is_not_known() {
        for sql in [
            "SELECT now()",
            "SELECT random()",
            "SELECT uuid()",
            "SELECT current_date",
            "SELECT 1, (SELECT 2)",
            "SELECT 1 WHERE 1 = 0",
            "SELECT 1 UNION ALL SELECT 2",
            "SELECT count(*)",
            "SELECT unnest([1, 2])",
            "SELECT * FROM (VALUES (1))",
            "SELECT 1 / 0",
            "SELECT CAST('x' AS INT)",
            "SELECT $1",
            "SELECT 1 LIMIT 0",
            "SELECT repeat('x', 5000)",
        ] {
            assert!(constant(sql).await.is_none(), "{sql}");
        }
    }
}
