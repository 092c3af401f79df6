//! Statements that list literals and nothing else, such as `SELECT 1 AS alive`.
//!
//! They name no table and call no function, so that working on one takes no longer than handing it
//! to another thread would.

use std::sync::LazyLock;

use datafusion::sql::sqlparser::ast::{
    self, Expr, Query, SelectItem, SetExpr, UnaryOperator, Value,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::Form;

/// Literals of one statement.
const LITERALS_MAX: usize = 64;

/// A query that does nothing but list.
static BARE: LazyLock<Option<Query>> = LazyLock::new(|| {
    let statements = Parser::parse_sql(&GenericDialect {}, "SELECT 1").ok()?;
    match statements.into_iter().next()? {
        ast::Statement::Query(query) => Some(*query),
        _ => None,
    }
});

/// True if the statement lists literals, and nothing else.
pub(crate) fn lists_literals(form: &Form) -> bool {
    let Form::Query(query) = form else { return false };
    let Some(items) = projection(query) else { return false };
    if items.len() > LITERALS_MAX || !items.iter().all(is_literal) {
        return false;
    }
    // Whatever else a query can have, now or in a later version of the parser, makes it another one.
    let Some((bare, list)) = BARE.as_ref().and_then(|bare| Some((bare, projection(bare)?))) else {
        return false;
    };
    let mut stripped = query.as_ref().clone();
    if let SetExpr::Select(select) = stripped.body.as_mut() {
        select.projection = list.to_vec();
    }
    stripped == *bare
}

fn projection(query: &Query) -> Option<&[SelectItem]> {
    match query.body.as_ref() {
        SetExpr::Select(select) => Some(&select.projection),
        _ => None,
    }
}

fn is_literal(item: &SelectItem) -> bool {
    match item {
        SelectItem::UnnamedExpr(expression)
        | SelectItem::ExprWithAlias { expr: expression, .. } => match expression {
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => is_value(expr),
            expression => is_value(expression),
        },
        _ => false,
    }
}

fn is_value(expression: &Expr) -> bool {
    match expression {
        Expr::Value(value) => matches!(
            value.value,
            Value::Number(..) | Value::SingleQuotedString(_) | Value::Boolean(_) | Value::Null
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EngineConfig;
    use crate::resolve::Statement;

    #[test]
    fn only_a_bare_list_of_literals_is_one() {
        for (sql, is_one) in [
            ("SELECT 1", true),
            ("select 1 as c0_17", true),
            ("SELECT 1, -2.5, 'x' AS \"Y\", NULL, true -- alive?", true),
            ("SELECT 1;", true),
            ("SELECT 1 + 1", false),
            ("SELECT now()", false),
            ("SELECT DATE '2026-01-31'", false),
            ("SELECT $1", false),
            ("SELECT *", false),
            ("SELECT (SELECT 1)", false),
            ("SELECT DISTINCT 1", false),
            ("SELECT 1 FROM a.b.c", false),
            ("SELECT 1 WHERE true", false),
            ("SELECT 1 GROUP BY 1", false),
            ("SELECT 1 HAVING true", false),
            ("SELECT 1 ORDER BY 1", false),
            ("SELECT 1 LIMIT 1", false),
            ("SELECT 1 UNION ALL SELECT 2", false),
            ("WITH t AS (SELECT 1) SELECT 1", false),
            ("VALUES (1)", false),
            ("EXPLAIN SELECT 1", false),
            ("SHOW timezone", false),
        ] {
            let statement = Statement::parse(sql, &EngineConfig::default()).expect(sql);
            assert_eq!(lists_literals(statement.form().expect(sql)), is_one, "{sql}");
        }
    }
}
