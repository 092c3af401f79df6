//! The names of columns whose expressions are rewritten: the text of what was written.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr, Visit, VisitMut,
    Visitor, VisitorMut,
};

use super::functions;
use crate::resolve::names::folded;

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

/// What stands between the name of a column and a number, while another column has the same name.
pub(crate) const TWIN_MARK: char = '\u{1}';

/// Gives columns of a statement's select list names of their own where one has them already: the planner
/// takes no two of the same name. A star may have any, so that plain columns beside it get one too.
pub(super) fn name_apart(body: &mut SetExpr) {
    let SetExpr::Select(select) = body else { return };
    // With DISTINCT, a column that has another name could not be ordered by any more.
    let stars: Vec<Option<String>> = match select.distinct {
        None => select.projection.iter().filter_map(star).collect(),
        Some(_) => Vec::new(),
    };
    let mut seen: HashSet<String> = HashSet::new();
    for (place, item) in select.projection.iter_mut().enumerate() {
        let (key, name, is_of_star) = match item {
            SelectItem::ExprWithAlias { alias, .. } => (folded(alias), folded(alias), false),
            SelectItem::UnnamedExpr(expr) => {
                (without_casts(expr).to_string(), shown_name(expr), is_of_star(expr, &stars))
            }
            _ => continue,
        };
        if seen.insert(key) && !is_of_star {
            continue;
        }
        let alias = Ident::with_quote('"', format!("{name}{TWIN_MARK}{place}"));
        let expr = match item {
            SelectItem::ExprWithAlias { expr, .. } | SelectItem::UnnamedExpr(expr) => {
                std::mem::replace(expr, Expr::Identifier(Ident::new("")))
            }
            _ => continue,
        };
        *item = SelectItem::ExprWithAlias { expr, alias };
    }
}

/// What the planner names a column after: the same with and without a cast.
fn without_casts(expr: &Expr) -> Cow<'_, Expr> {
    let mut bare = Cow::Borrowed(expr);
    if expr.visit(&mut Casts).is_break() {
        let _: ControlFlow<()> = VisitMut::visit(bare.to_mut(), &mut Casts);
    }
    bare
}

/// Looks for casts, and leaves them out.
#[derive(Debug)]
struct Casts;

impl Visitor for Casts {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Cast { .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

impl VisitorMut for Casts {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { expr: inner, .. } = expr {
            *expr = std::mem::replace(inner.as_mut(), Expr::Identifier(Ident::new("")));
        }
        ControlFlow::Continue(())
    }
}

/// What a star is of: one table, or (`None` inside) all.
fn star(item: &SelectItem) -> Option<Option<String>> {
    match item {
        SelectItem::Wildcard(_) => Some(None),
        SelectItem::QualifiedWildcard(kind, _) => Some(Some(kind.to_string())),
        _ => None,
    }
}

/// True for a column that may be among those of a star.
fn is_of_star(expr: &Expr, stars: &[Option<String>]) -> bool {
    let table = match expr {
        Expr::Identifier(_) => None,
        Expr::CompoundIdentifier(parts) => parts.len().checked_sub(2).and_then(|at| parts.get(at)),
        _ => return false,
    };
    stars.iter().any(|star| match (star, table) {
        (None, _) | (_, None) => true,
        (Some(star), Some(table)) => {
            star.ends_with(&format!("{table}.*")) || *star == table.to_string()
        }
    })
}

fn shown_name(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(name) => folded(name),
        Expr::CompoundIdentifier(parts) => parts.last().map(folded).unwrap_or_default(),
        other => other.to_string(),
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
