//! Predicates of a query that may go below a barrier: they can neither fail nor tell what is hidden.
//!
//! Everything else is asked of what comes out of the barrier. A predicate that fails on one row says
//! that there is such a row; a function can be slow for some values; a cast does both.

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Like, Operator};
use datafusion::scalar::ScalarValue;

/// True if a predicate may go below: it compares columns among `shown`, which are those that are
/// neither masked nor absent, with literals of just their types.
pub(super) fn is_leakproof(predicate: &Expr, shown: &Schema) -> bool {
    match predicate {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) => {
            is_leakproof(left, shown) && is_leakproof(right, shown)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            is_comparison(*op) && (compares(left, right, shown) || compares(right, left, shown))
        }
        Expr::Not(inner) => is_leakproof(inner, shown),
        Expr::IsNull(column) | Expr::IsNotNull(column) => type_of(column, shown).is_some(),
        Expr::Between(Between { expr, low, high, .. }) => {
            compares(expr, low, shown) && compares(expr, high, shown)
        }
        Expr::InList(InList { expr, list, .. }) => {
            list.iter().all(|value| compares(expr, value, shown))
        }
        Expr::Like(like) => is_prefix(like, shown),
        _ => false,
    }
}

fn is_comparison(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
    )
}

/// True for a column that is shown beside a literal of its own type.
fn compares(column: &Expr, literal: &Expr, shown: &Schema) -> bool {
    match (type_of(column, shown), literal) {
        (Some(data_type), Expr::Literal(value, _)) => {
            value.data_type() == *data_type && !data_type.is_nested()
        }
        _ => false,
    }
}

fn type_of<'a>(column: &Expr, shown: &'a Schema) -> Option<&'a DataType> {
    let Expr::Column(column) = column else { return None };
    shown.field_with_name(&column.name).ok().map(|field| field.data_type())
}

/// True for `column LIKE 'prefix%'`.
fn is_prefix(like: &Like, shown: &Schema) -> bool {
    let Expr::Literal(pattern, _) = like.pattern.as_ref() else { return false };
    let (ScalarValue::Utf8(Some(text))
    | ScalarValue::LargeUtf8(Some(text))
    | ScalarValue::Utf8View(Some(text))) = pattern
    else {
        return false;
    };
    let is_plain = |prefix: &str| !prefix.contains(['%', '_', '\\']);
    compares(&like.expr, &like.pattern, shown)
        && !like.case_insensitive
        && like.escape_char.is_none()
        && text.strip_suffix('%').is_some_and(is_plain)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{Field, TimeUnit};
    use datafusion::common::DFSchema;
    use datafusion::prelude::SessionContext;

    use super::*;

    fn shown() -> Schema {
        Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("name", DataType::Utf8, true),
            Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, None), true),
            Field::new("tags", DataType::new_list(DataType::Int64, true), true),
        ])
    }

    /// The predicate as the planner makes it, over all columns: `secret` is not among those shown.
    fn is_below(sql: &str) -> bool {
        let mut fields: Vec<Field> =
            shown().fields().iter().map(|field| field.as_ref().clone()).collect();
        fields.push(Field::new("secret", DataType::Int64, true));
        let schema = DFSchema::try_from(Schema::new(fields)).unwrap();
        let predicate = SessionContext::new().parse_sql_expr(sql, &schema).unwrap();
        is_leakproof(&predicate, &shown())
    }

    #[test]
    fn only_plain_comparisons_go_below() {
        for (sql, expected) in [
            ("id = 1", true),
            ("1 < id", true),
            ("id >= 1 AND NOT (id = 7 OR name IS NULL)", true),
            ("id BETWEEN 1 AND 5", true),
            ("id NOT IN (1, 2, 3)", true),
            ("name <> 'a' OR name LIKE 'ab%'", true),
            ("name NOT LIKE 'ab%'", true),
            ("name IS NOT NULL", true),
            ("at > arrow_cast('2026-01-01', 'Timestamp(Microsecond, None)')", false),
            ("at = '2026-01-01'", false),
            ("id = 1.5", false),
            ("id = name", false),
            ("id = id", false),
            ("id + 1 = 2", false),
            ("100 / (id - 2) <> 0", false),
            ("CAST(name AS INT) = 1", false),
            ("id = 1 AND CAST(name AS INT) = 1", false),
            ("secret = 1", false),
            ("id = 1 OR secret = 1", false),
            ("secret IS NULL", false),
            ("name LIKE '%ab'", false),
            ("name LIKE 'a_b%'", false),
            ("name LIKE 'ab'", false),
            ("name ILIKE 'ab%'", false),
            ("name ~ 'ab'", false),
            ("name LIKE 'a\\%%'", false),
            ("random() < 0.5", false),
            ("true", false),
            ("1 / 0 = 1", false),
            ("CASE WHEN id = 1 THEN true ELSE false END", false),
            ("coalesce(id, 1) = 1", false),
            ("tags[1] = 1", false),
            ("id IS DISTINCT FROM 1", false),
            ("id IN (1, id)", false),
        ] {
            assert_eq!(is_below(sql), expected, "{sql}");
        }
    }
}
