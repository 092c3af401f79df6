//! The names of columns whose expressions are rewritten: the text of what was written.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr, Visit, Visitor,
};

use super::functions;

/// Gives each part of a select list that is about to be rewritten and has no name of its own its text
/// as its name.
pub(super) fn keep_names(select: &mut Select) {
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(expr) = item else { continue };
        if !is_foreign(expr) {
            continue;
        }
        let alias = name_of(expr);
        let expr = std::mem::replace(expr, Expr::Identifier(Ident::new("")));
        *item = SelectItem::ExprWithAlias { expr, alias };
    }
}

/// Lets `SELECT DISTINCT` be ordered by what is about to be rewritten: once it has a name, the planner
/// knows it by that alone.
pub(super) fn order_by_names(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_ref() else { return };
    let Some(OrderBy { kind: OrderByKind::Expressions(orders), .. }) = &mut query.order_by else {
        return;
    };
    if select.distinct.is_none() {
        return;
    }
    let mut orders: Vec<&mut Expr> =
        orders.iter_mut().map(|order| &mut order.expr).filter(|expr| is_foreign(expr)).collect();
    if orders.is_empty() {
        return;
    }
    let selected: HashSet<&Expr> = select
        .projection
        .iter()
        .filter_map(|item| match item {
            SelectItem::UnnamedExpr(expr) => Some(expr),
            _ => None,
        })
        .collect();
    for order in &mut orders {
        if selected.contains(&**order) {
            **order = Expr::Identifier(name_of(order));
        }
    }
}

fn name_of(expr: &Expr) -> Ident {
    Ident::with_quote('"', expr.to_string())
}

fn is_foreign(expr: &Expr) -> bool {
    expr.visit(&mut Foreign::default()).is_break()
}

/// Looks for what is rewritten, but in subqueries: they name their columns themselves.
#[derive(Debug, Default)]
struct Foreign {
    subqueries: usize,
}

impl Visitor for Foreign {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.subqueries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.subqueries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match self.subqueries == 0 && functions::is_foreign(expr) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
