//! Policies that are made up: some rows, some columns, some of them masked.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use datafusion::arrow::datatypes::{DataType, Field};

use super::cells::{Family, any_day, any_text, family};
use super::dice::Dice;
use crate::authorizer::{Comparison, Mask, Obligations, RowPredicate, Value};

const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Greater,
    Comparison::GreaterOrEqual,
];

/// What a policy says of a table with these columns.
pub(super) fn any_obligations(dice: &mut Dice, columns: &[Field], texts: &[String]) -> Obligations {
    let mut obligations = Obligations::default();
    if dice.once_in(8) {
        return obligations;
    }
    if !dice.once_in(4) {
        obligations.row_filter = Some(any_predicate(dice, columns, texts, 3));
    }
    for column in columns {
        // The first column is a key: without it, few queries have an order.
        let rarely = if column.name() == "id" { 4 } else { 1 };
        if dice.once_in(8 * rarely) {
            obligations.absent.insert(column.name().clone());
        } else if dice.once_in(3 * rarely) {
            let mask = dice.one(&Mask::ALL).copied().unwrap_or(Mask::FixedValue);
            obligations.masks.insert(column.name().clone(), mask);
        }
    }
    if obligations.absent.len() == columns.len() {
        obligations.absent = BTreeSet::new();
        obligations.masks = BTreeMap::new();
    }
    if dice.once_in(80) {
        obligations.absent.insert("no_column".to_owned());
    }
    obligations
}

fn any_predicate(
    dice: &mut Dice,
    columns: &[Field],
    texts: &[String],
    depth: usize,
) -> RowPredicate {
    let Some(column) = dice.one(columns).cloned() else { return RowPredicate::Constant(true) };
    let name = column.name().clone();
    let inner = |dice: &mut Dice| any_predicate(dice, columns, texts, depth.saturating_sub(1));
    match dice.roll(if depth == 0 { 8 } else { 15 }) {
        0 => RowPredicate::IsNull(name),
        1 if dice.once_in(6) => RowPredicate::Constant(dice.once_in(3)),
        1..=2 => {
            let length = dice.roll(7);
            let value = |_| any_value(dice, column.data_type(), texts);
            let values: Option<Vec<Value>> = (0..length).map(value).collect();
            match values {
                Some(values) => RowPredicate::In { column: name, values },
                None => RowPredicate::IsNull(name),
            }
        }
        3..=7 => match any_value(dice, column.data_type(), texts) {
            Some(value) => {
                let comparison = dice.one(&COMPARISONS).copied().unwrap_or(Comparison::Equal);
                RowPredicate::Compare { column: name, comparison, value }
            }
            None => RowPredicate::Not(Box::new(RowPredicate::IsNull(name))),
        },
        8..=9 => RowPredicate::Not(Box::new(inner(dice))),
        more => {
            let parts = (0..1 + dice.roll(3)).map(|_| inner(dice)).collect();
            if more % 2 == 0 { RowPredicate::And(parts) } else { RowPredicate::Or(parts) }
        }
    }
}

/// A value to compare a column of this type with: seldom one of another kind, which closes the
/// table. `None` if there is none.
fn any_value(dice: &mut Dice, data_type: &DataType, texts: &[String]) -> Option<Value> {
    if dice.once_in(800) {
        return Some(Value::Text(any_text(dice, texts)));
    }
    match family(data_type) {
        Family::Bool => Some(Value::Bool(dice.once_in(2))),
        Family::Text => Some(Value::Text(any_text(dice, texts))),
        Family::Whole | Family::Exact | Family::Float => Some(match dice.roll(6) {
            0..=2 => Value::Integer(dice.between(-10, 40)),
            3 => Value::Decimal(dice.between(-40, 160) * 2_500),
            4 => Value::Decimal(dice.between(-100_000, 400_000)),
            // Beyond what most types hold.
            _ => Value::Integer(dice.one(&[i64::MIN, -129, 300, 70_000, i64::MAX]).copied()?),
        }),
        Family::Day | Family::Instant => {
            let seconds = i64::from(any_day(dice)) * 86_400 + dice.between(0, 3) * 21_600;
            let instant = DateTime::<Utc>::from_timestamp(seconds, 0)?;
            let off = if dice.once_in(5) { 1 } else { 0 };
            Some(Value::Instant(instant + TimeDelta::nanoseconds(off)))
        }
        Family::Plain | Family::Nested => None,
    }
}

/// True if the obligations can be kept by a table with these columns.
pub(super) fn fits(obligations: &Obligations, columns: &[Field]) -> bool {
    let is_there = |name: &String| columns.iter().any(|column| column.name() == name);
    obligations.absent.iter().all(is_there)
        && obligations.masks.keys().all(is_there)
        && obligations.row_filter.as_ref().is_none_or(|filter| is_fitting(filter, columns))
}

fn is_fitting(predicate: &RowPredicate, columns: &[Field]) -> bool {
    let holds = |column: &str, value: &Value| {
        let column = columns.iter().find(|known| known.name() == column);
        let of = column.map(|column| family(column.data_type()));
        match value {
            Value::Bool(_) => of == Some(Family::Bool),
            Value::Text(_) => of == Some(Family::Text),
            Value::Integer(_) | Value::Decimal(_) => {
                matches!(of, Some(Family::Whole | Family::Exact | Family::Float))
            }
            Value::Instant(_) => matches!(of, Some(Family::Day | Family::Instant)),
        }
    };
    match predicate {
        RowPredicate::Compare { column, value, .. } => holds(column, value),
        RowPredicate::In { column, values } => values.iter().all(|value| holds(column, value)),
        RowPredicate::And(parts) | RowPredicate::Or(parts) => {
            parts.iter().all(|part| is_fitting(part, columns))
        }
        RowPredicate::Not(inner) => is_fitting(inner, columns),
        RowPredicate::Constant(_) | RowPredicate::IsNull(_) => true,
    }
}
