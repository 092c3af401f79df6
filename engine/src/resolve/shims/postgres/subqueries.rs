//! Subqueries that stand for one value.
//!
//! DataFusion plans those that depend on the rows around them only as aggregates. What looks one thing up
//! in the catalog becomes one: `pg_only_value` is the value, NULL without one, and an error for two.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments,
    GroupByExpr, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr, TableFactor,
    TableWithJoins, Value, VisitMut, VisitorMut,
};

use super::super::build;
use super::catalog_table;

/// `x IN (the parts of the search path)`, as Grafana asks, and says whether it was that.
pub(super) fn read_path(expr: &mut Expr) -> bool {
    let Expr::InSubquery { expr: left, subquery, negated: false } = expr else { return false };
    let SetExpr::Select(select) = subquery.body.as_ref() else { return false };
    let is_function = |from: &TableWithJoins| {
        from.joins.is_empty() && matches!(&from.relation, TableFactor::Table { args: Some(_), .. })
    };
    let path = "string_to_array(current_setting('search_path'),";
    let is_path = |from: &TableWithJoins| from.to_string().to_ascii_lowercase().starts_with(path);
    if !(select.from.iter().all(is_function) && select.from.iter().any(is_path)) {
        return false;
    }
    let left = std::mem::replace(left, Box::new(build::number(0)));
    let all = Expr::value(Value::Boolean(false));
    let right = Box::new(build::call("current_schemas", vec![all]));
    *expr = Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, is_some: false };
    true
}

/// Rewrites one expression, and says whether it did.
pub(super) fn rewrite(expr: &mut Expr) -> bool {
    let Expr::Subquery(query) = expr else { return false };
    if query.with.is_some()
        || query.limit_clause.is_some()
        || query.fetch.is_some()
        || query.order_by.is_some()
    {
        return false;
    }
    let SetExpr::Select(select) = query.body.as_mut() else { return false };
    let looks_up = !select.from.is_empty()
        && select.from.iter().all(is_of_catalog)
        && select.distinct.is_none()
        && !is_grouped(select);
    let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] =
        select.projection.as_mut_slice()
    else {
        return false;
    };
    if !looks_up {
        return false;
    }
    let taken = std::mem::replace(item, build::number(0));
    *item = build::call("pg_only_value", vec![taken]);
    true
}

/// `EXISTS` in a select list, which DataFusion plans in conditions only, as a count.
pub(super) fn count_existing(select: &mut Select) -> usize {
    let mut counts = Existing::default();
    for item in &mut select.projection {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else {
            continue;
        };
        let _: ControlFlow<()> = VisitMut::visit(expr, &mut counts);
    }
    counts.rewritten
}

#[derive(Debug, Default)]
struct Existing {
    subqueries: usize,
    rewritten: usize,
}

impl VisitorMut for Existing {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.subqueries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.subqueries -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.subqueries == 0
            && let Expr::Exists { subquery, negated } = expr
            && counts_rows(subquery)
        {
            let op = if *negated { BinaryOperator::Eq } else { BinaryOperator::Gt };
            let counted = subquery.as_ref().clone();
            let left = Box::new(Expr::Subquery(Box::new(counted)));
            let right = Box::new(build::number(0));
            *expr = Expr::Nested(Box::new(Expr::BinaryOp { left, op, right }));
            self.rewritten += 1;
        }
        ControlFlow::Continue(())
    }
}

/// Makes a query of the catalog one that counts its rows, and says whether it did.
fn counts_rows(query: &mut Query) -> bool {
    if query.with.is_some() || query.limit_clause.is_some() || query.fetch.is_some() {
        return false;
    }
    let SetExpr::Select(select) = query.body.as_mut() else { return false };
    let is_plain =
        !select.from.is_empty() && select.from.iter().all(is_of_catalog) && !is_grouped(select);
    if is_plain {
        select.distinct = None;
        select.projection =
            vec![SelectItem::UnnamedExpr(build::call("count", vec![build::number(1)]))];
        query.order_by = None;
    }
    is_plain
}

fn is_of_catalog(from: &TableWithJoins) -> bool {
    let is_one = |factor: &TableFactor| match factor {
        TableFactor::Table { name, args: None, .. } => catalog_table(name, &[]).is_some(),
        _ => false,
    };
    is_one(&from.relation) && from.joins.iter().all(|join| is_one(&join.relation))
}

/// True for what groups its rows, or makes one of them all.
pub(super) fn is_grouped(select: &Select) -> bool {
    !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty())
        || select.having.is_some()
        || super::nothing::has_aggregate(select)
}

/// An aggregate of one argument, in the order of the query that it stands for.
pub(super) fn aggregate(name: &str, item: Expr, order: Option<OrderBy>) -> Expr {
    let by_place = |expr: &Expr| matches!(expr, Expr::Value(value) if matches!(value.value, Value::Number(..)));
    let mut called = build::call(name, vec![item.clone()]);
    if let Some(OrderBy { kind: OrderByKind::Expressions(mut orders), .. }) = order
        && let Expr::Function(function) = &mut called
        && let FunctionArguments::List(list) = &mut function.args
    {
        for order in &mut orders {
            if by_place(&order.expr) {
                order.expr = item.clone();
            }
        }
        list.clauses.push(FunctionArgumentClause::OrderBy(orders));
    }
    called
}

/// The expression of an argument without a name.
pub(super) fn plain_argument(argument: &FunctionArg) -> Option<&Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}
