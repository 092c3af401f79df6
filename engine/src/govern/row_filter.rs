//! From a row predicate to an expression over the columns of a table.
//!
//! ```text
//! RowPredicate ─place─▶ column beside a literal of the column's own type ─▶ (…) IS TRUE
//! ```
//!
//! What comes out is total: it casts no column and calls no function, so that no row can make it fail.
//! A value that the type of the column cannot hold is placed between, below or above the values that
//! it can: `x > 2.5` on whole numbers is `x >= 3`, and `x = 2.5` is false.

mod place;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, Operator, binary_expr, lit};
use datafusion::scalar::ScalarValue;

use crate::authorizer::{Comparison, RowPredicate, Value};
use place::Place;

/// Values of an `IN` that are compared one by one; more are looked up.
const COMPARED_MAX: usize = 3;

/// The expression that is true for the rows that may be seen. It may be NULL: who filters takes it
/// `IS TRUE`.
///
/// # Errors
///
/// What of the predicate does not fit the table, for the log. The table must not be shown then.
pub(super) fn lower(predicate: &RowPredicate, schema: &Schema) -> Result<Expr, String> {
    match predicate {
        RowPredicate::Constant(constant) => Ok(lit(*constant)),
        RowPredicate::Compare { column, comparison, value } => {
            let (expr, data_type) = known(column, schema)?;
            Ok(compare(&expr, *comparison, &placed(column, value, data_type)?))
        }
        RowPredicate::In { column, values } => among(column, values, schema),
        RowPredicate::IsNull(column) => Ok(known(column, schema)?.0.is_null()),
        RowPredicate::And(all) => {
            let all: Result<Vec<Expr>, String> = all.iter().map(|one| lower(one, schema)).collect();
            Ok(joined(all?, Operator::And).unwrap_or_else(|| lit(true)))
        }
        RowPredicate::Or(any) => {
            let any: Result<Vec<Expr>, String> = any.iter().map(|one| lower(one, schema)).collect();
            Ok(joined(any?, Operator::Or).unwrap_or_else(|| lit(false)))
        }
        RowPredicate::Not(inner) => Ok(Expr::Not(Box::new(lower(inner, schema)?))),
    }
}

fn known<'a>(column: &str, schema: &'a Schema) -> Result<(Expr, &'a DataType), String> {
    let field = schema
        .field_with_name(column)
        .map_err(|_| format!("a row filter names column \"{column}\", which is not there"))?;
    Ok((Expr::Column(Column::new_unqualified(column)), field.data_type()))
}

fn placed(column: &str, value: &Value, data_type: &DataType) -> Result<Place, String> {
    place::of(value, data_type).ok_or_else(|| {
        format!("a row filter compares column \"{column}\" of type {data_type} with another type")
    })
}

fn compare(column: &Expr, comparison: Comparison, place: &Place) -> Expr {
    match comparison {
        Comparison::Equal => equal(column, place),
        Comparison::NotEqual => Expr::Not(Box::new(equal(column, place))),
        Comparison::Less if place.is_exact => bound(column, Operator::Lt, &place.ceiling),
        Comparison::Less | Comparison::LessOrEqual => bound(column, Operator::LtEq, &place.floor),
        Comparison::Greater if place.is_exact => bound(column, Operator::Gt, &place.floor),
        Comparison::Greater | Comparison::GreaterOrEqual => {
            bound(column, Operator::GtEq, &place.ceiling)
        }
    }
}

fn equal(column: &Expr, place: &Place) -> Expr {
    if !place.is_exact {
        return never(column);
    }
    if place.floor == place.ceiling {
        return bound(column, Operator::Eq, &place.floor);
    }
    // The two zeros of a float.
    let from = bound(column, Operator::GtEq, &place.ceiling);
    from.and(bound(column, Operator::LtEq, &place.floor))
}

/// A column beside a bound; without one, no value of the column is beyond it.
fn bound(column: &Expr, operator: Operator, bound: &Option<ScalarValue>) -> Expr {
    match bound {
        Some(bound) => binary_expr(column.clone(), operator, lit(bound.clone())),
        None => never(column),
    }
}

/// False, and NULL where the column is.
fn never(column: &Expr) -> Expr {
    column.clone().is_null().and(lit(ScalarValue::Boolean(None)))
}

fn among(column: &str, values: &[Value], schema: &Schema) -> Result<Expr, String> {
    let (expr, data_type) = known(column, schema)?;
    let mut compared = Vec::new();
    let mut looked_up = Vec::new();
    for value in values {
        let place = placed(column, value, data_type)?;
        match &place.floor {
            Some(exactly) if place.is_exact && place.floor == place.ceiling => {
                looked_up.push(lit(exactly.clone()));
            }
            _ => compared.push(equal(&expr, &place)),
        }
    }
    let is_dictionary = matches!(data_type, DataType::Dictionary(..));
    if looked_up.len() > COMPARED_MAX && !is_dictionary {
        compared.push(expr.clone().in_list(looked_up, false));
    } else {
        let one_by_one = |value| binary_expr(expr.clone(), Operator::Eq, value);
        compared.extend(looked_up.into_iter().map(one_by_one));
    }
    Ok(joined(compared, Operator::Or).unwrap_or_else(|| never(&expr)))
}

/// All of them, joined as a tree that is as low as can be: a plan is walked recursively.
fn joined(mut parts: Vec<Expr>, operator: Operator) -> Option<Expr> {
    while parts.len() > 1 {
        let mut pairs = Vec::with_capacity(parts.len().div_ceil(2));
        let mut rest = parts.into_iter();
        while let Some(left) = rest.next() {
            pairs.push(match rest.next() {
                Some(right) => binary_expr(left, operator, right),
                None => left,
            });
        }
        parts = pairs;
    }
    parts.pop()
}

#[cfg(test)]
mod tests;
