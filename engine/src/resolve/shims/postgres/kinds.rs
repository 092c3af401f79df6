//! What clients ask `pg_type` that depends on what kinds of types there are: none here is a domain or
//! made of columns, and the numbers of functions are shown as their names.
//!
//! ```text
//! CASE WHEN t.typtype = 'd' THEN (a query) END AS a ─▶ NULL AS a
//! SELECT typreceive FROM pg_type                    ─▶ SELECT pg_regproc_name(typreceive) AS typreceive
//! ```

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, Expr, Ident, Query, Select, SelectItem, SetExpr, TableFactor, Value,
    VisitMut, VisitorMut,
};

use super::super::super::names::folded;
use super::super::build;
use super::catalog_table;

/// The columns that are numbers of functions.
const FUNCTIONS: [&str; 8] = [
    "typanalyze",
    "typinput",
    "typmodin",
    "typmodout",
    "typoutput",
    "typreceive",
    "typsend",
    "typsubscript",
];

/// Leaves out what is asked of kinds of types that there are not, and says of how many parts.
pub(super) fn leave_out(select: &mut Select, common: &[String]) -> usize {
    if !asks_types(select, common) {
        return 0;
    }
    let mut left_out = 0;
    for item in &mut select.projection {
        let SelectItem::ExprWithAlias { expr, .. } = item else { continue };
        while let Expr::Nested(inner) = expr {
            *expr = std::mem::replace(inner.as_mut(), build::number(0));
        }
        let Expr::Case { operand: None, conditions, else_result, .. } = expr else { continue };
        let [when] = conditions.as_slice() else { continue };
        if is_of_no_type(&when.condition) {
            let otherwise = else_result.take().map(|otherwise| *otherwise);
            *expr = otherwise.unwrap_or_else(|| Expr::value(Value::Null));
            left_out += 1;
        }
    }
    left_out
}

/// Shows the names of functions where they are cast to text, and, with `is_outermost`, where they are
/// selected; says of how many parts.
pub(super) fn show_functions(query: &mut Query, common: &[String]) -> usize {
    let SetExpr::Select(select) = query.body.as_mut() else { return 0 };
    if !asks_types(select, common) {
        return 0;
    }
    let mut shown = Shown { parts: 0 };
    let _: ControlFlow<()> = VisitMut::visit(select, &mut shown);
    for item in &mut select.projection {
        match item {
            SelectItem::ExprWithAlias { expr, .. } if is_function(expr) => show(expr),
            SelectItem::UnnamedExpr(expr) if is_function(expr) => {
                let Some(alias) = column(expr).cloned() else { continue };
                show(expr);
                let expr = std::mem::replace(expr, build::number(0));
                *item = SelectItem::ExprWithAlias { expr, alias };
            }
            _ => continue,
        }
        shown.parts += 1;
    }
    shown.parts
}

#[derive(Debug)]
struct Shown {
    parts: usize,
}

impl VisitorMut for Shown {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { expr: inner, data_type: DataType::Text, .. } = expr
            && is_function(inner)
        {
            *expr = std::mem::replace(inner.as_mut(), build::number(0));
            show(expr);
            self.parts += 1;
        }
        ControlFlow::Continue(())
    }
}

fn show(expr: &mut Expr) {
    let number = std::mem::replace(expr, build::number(0));
    *expr = build::call("pg_regproc_name", vec![number]);
}

fn asks_types(select: &Select, common: &[String]) -> bool {
    let is_type = |factor: &TableFactor| match factor {
        TableFactor::Table { name, args: None, .. } => {
            catalog_table(name, common).is_some_and(|table| table == "pg_type")
        }
        _ => false,
    };
    select.from.iter().any(|from| {
        is_type(&from.relation) || from.joins.iter().any(|join| is_type(&join.relation))
    })
}

/// `t.typtype = 'd'`, or `'c'`
fn is_of_no_type(condition: &Expr) -> bool {
    let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = condition else { return false };
    let is_kind = column(left).is_some_and(|name| folded(name) == "typtype");
    let is_none = matches!(right.as_ref(), Expr::Value(value)
        if matches!(&value.value, Value::SingleQuotedString(kind) if kind == "d" || kind == "c"));
    is_kind && is_none
}

fn is_function(expr: &Expr) -> bool {
    column(expr).is_some_and(|name| FUNCTIONS.contains(&folded(name).as_str()))
}

fn column(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    }
}
