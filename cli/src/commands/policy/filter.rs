//! A row filter as text that reads like SQL.

use samite_engine::authorizer::{Comparison, RowPredicate, Value};

/// Writes a filter.
pub(super) fn text(filter: &RowPredicate) -> String {
    match filter {
        RowPredicate::Constant(true) => "all".to_owned(),
        RowPredicate::Constant(false) => "none".to_owned(),
        other => written(other),
    }
}

fn written(filter: &RowPredicate) -> String {
    match filter {
        RowPredicate::Constant(value) => value.to_string().to_uppercase(),
        RowPredicate::Compare { column, comparison, value } => {
            let sign = match comparison {
                Comparison::Equal => "=",
                Comparison::NotEqual => "<>",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            format!("{} {sign} {}", name(column), literal(value))
        }
        RowPredicate::In { column, values } => {
            let values: Vec<String> = values.iter().map(literal).collect();
            format!("{} IN ({})", name(column), values.join(", "))
        }
        RowPredicate::IsNull(column) => format!("{} IS NULL", name(column)),
        RowPredicate::And(items) => joined(items, " AND "),
        RowPredicate::Or(items) => joined(items, " OR "),
        RowPredicate::Not(inner) => match inner.as_ref() {
            RowPredicate::IsNull(column) => format!("{} IS NOT NULL", name(column)),
            inner => format!("NOT ({})", written(inner)),
        },
    }
}

fn joined(items: &[RowPredicate], word: &str) -> String {
    let part = |item: &RowPredicate| match item {
        RowPredicate::And(_) | RowPredicate::Or(_) => format!("({})", written(item)),
        item => written(item),
    };
    items.iter().map(part).collect::<Vec<_>>().join(word)
}

fn name(column: &str) -> String {
    let is_plain = column.starts_with(|first: char| first.is_ascii_lowercase())
        && column
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if is_plain { column.to_owned() } else { format!("\"{}\"", column.replace('"', "\"\"")) }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Decimal(value) => {
            let sign = if *value < 0 { "-" } else { "" };
            let amount = value.unsigned_abs();
            format!("{sign}{}.{:04}", amount / 10_000, amount % 10_000)
        }
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Instant(time) => {
            format!("TIMESTAMP '{}'", time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_reads_like_sql() {
        let equal = |column: &str, value| RowPredicate::Compare {
            column: column.to_owned(),
            comparison: Comparison::Equal,
            value,
        };
        let text_of = |value: &str| Value::Text(value.to_owned());
        let not = |inner| RowPredicate::Not(Box::new(inner));
        let null = || RowPredicate::IsNull("a".to_owned());
        for (filter, expected) in [
            (RowPredicate::Constant(true), "all"),
            (RowPredicate::Constant(false), "none"),
            (equal("a b", text_of("it's")), "\"a b\" = 'it''s'"),
            (equal("a", Value::Decimal(-5_000)), "a = -0.5000"),
            (
                RowPredicate::And(vec![
                    not(null()),
                    RowPredicate::Or(vec![null(), equal("b", Value::Integer(1))]),
                ]),
                "a IS NOT NULL AND (a IS NULL OR b = 1)",
            ),
            (not(equal("a", Value::Bool(true))), "NOT (a = true)"),
            (
                RowPredicate::In {
                    column: "a".to_owned(),
                    values: vec![text_of("x"), text_of("y")],
                },
                "a IN ('x', 'y')",
            ),
        ] {
            assert_eq!(text(&filter), expected);
        }
    }
}
