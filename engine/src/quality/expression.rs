//! What a rule counts, as SQL over one table.

use datafusion::arrow::datatypes::{DataType, Schema};

use super::TableRule;
use super::place::{Place, text};
use super::{formats, pattern};
use crate::product::{ColumnReference, Measure, RuleValue, ValueLimit};

/// What a rule counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Counted {
    /// All rows.
    Rows,
    /// The rows of which this is true.
    RowsWhere(String),
    /// The keys, made of these, that several rows have.
    SharedKeys(Vec<String>),
    /// The rows whose key, made of the first, is not found in the others.
    LostKeys(Vec<String>, Vec<ColumnReference>),
}

/// What a rule counts in a table with this schema; `None` if it counts nothing.
///
/// # Errors
///
/// Why it cannot be counted.
pub(super) fn counted(rule: &TableRule<'_>, schema: &Schema) -> Result<Option<Counted>, String> {
    let column = || Place::new(&rule.path, schema);
    let names = |names: &Vec<String>| Ok::<_, String>(Place::of_names(names, schema)?.sql);
    Ok(Some(match &rule.rule.measure {
        Measure::RowCount => Counted::Rows,
        measure @ (Measure::NullValues
        | Measure::MissingValues(_)
        | Measure::InvalidValues { .. }
        | Measure::Beyond(_)) => {
            let column = column()?;
            Counted::RowsWhere(column.of_row(column.breaks(measure)?))
        }
        Measure::DuplicateValues(columns) if columns.is_empty() => {
            let column = column()?;
            match column.repeats() {
                Some(condition) => Counted::RowsWhere(condition),
                None => Counted::SharedKeys(vec![column.sql]),
            }
        }
        Measure::DuplicateValues(columns) => {
            let keys = columns.iter().map(|name| names(&vec![name.clone()]));
            Counted::SharedKeys(keys.collect::<Result<_, String>>()?)
        }
        Measure::MissingReferences { from, to } => {
            let keys = from.iter().map(names);
            Counted::LostKeys(keys.collect::<Result<_, String>>()?, to.clone())
        }
        Measure::Query { .. } | Measure::Nothing(_) | Measure::Impossible(_) => return Ok(None),
    }))
}

impl Place<'_> {
    /// What is true of a value that breaks a rule.
    fn breaks(&self, measure: &Measure) -> Result<String, String> {
        match measure {
            Measure::MissingValues(values) => Ok(self.missing(values)),
            Measure::InvalidValues { valid, pattern } => {
                self.invalid(valid.as_deref(), pattern.as_deref())
            }
            Measure::Beyond(limit) => self.beyond(limit),
            _ => Ok(self.missing(&[])),
        }
    }

    /// No value, or one that stands for none; what an absent object would hold is not missed.
    fn missing(&self, values: &[RuleValue]) -> String {
        let sql = &self.sql;
        let known: Vec<String> = self.fitting(values);
        let missing = match known.is_empty() {
            true => format!("{sql} IS NULL"),
            false => format!("({sql} IS NULL OR {sql} IN ({}))", known.join(", ")),
        };
        let mut conditions = self.is_expected();
        conditions.push(missing);
        conditions.join(" AND ")
    }

    fn invalid(
        &self,
        valid: Option<&[RuleValue]>,
        pattern: Option<&str>,
    ) -> Result<String, String> {
        let mut conditions = Vec::new();
        if let Some(values) = valid {
            conditions.push(self.is_one_of(values));
        }
        if let Some(pattern) = pattern {
            conditions.push(self.is_found(pattern)?);
        }
        Ok(format!("{} IS NOT NULL AND NOT ({})", self.sql, conditions.join(" AND ")))
    }

    fn beyond(&self, limit: &ValueLimit) -> Result<String, String> {
        let sql = &self.sql;
        let against = |operator: &str, value: &RuleValue| {
            let value = self.literal(value)?;
            Ok::<_, String>(format!("{sql} {operator} {value}"))
        };
        let beyond = match limit {
            ValueLimit::OneOf(values) => format!("NOT ({})", self.is_one_of(values)),
            ValueLimit::AtLeast(value) => against("<", value)?,
            ValueLimit::AtMost(value) => against(">", value)?,
            ValueLimit::Above(value) => against("<=", value)?,
            ValueLimit::Below(value) => against(">=", value)?,
            ValueLimit::MultipleOf(value) => self.is_no_multiple(value)?,
            ValueLimit::LengthAtLeast(length) => {
                format!("character_length({}) < {length}", self.as_text())
            }
            ValueLimit::LengthAtMost(length) => {
                format!("character_length({}) > {length}", self.as_text())
            }
            ValueLimit::Matches(pattern) => format!("NOT ({})", self.is_found(pattern)?),
            ValueLimit::ItemsAtLeast(items) => format!("{} < {items}", self.items(sql)?),
            ValueLimit::ItemsAtMost(items) => format!("{} > {items}", self.items(sql)?),
            ValueLimit::ItemsUnique => {
                let distinct = self.items(&format!("array_distinct({sql})"))?;
                format!("{distinct} <> {}", self.items(sql)?)
            }
            ValueLimit::FieldsAtLeast(count) => format!("{} < {count}", self.fields()?),
            ValueLimit::FieldsAtMost(count) => format!("{} > {count}", self.fields()?),
            ValueLimit::Format(format) => match class(self.data_type) {
                Class::Whole => formats::is_broken_number(sql, format)?,
                _ => formats::is_broken_text(&self.as_text(), format)?,
            },
        };
        Ok(format!("{sql} IS NOT NULL AND {beyond}"))
    }

    /// What no value of the column's type can be, none is.
    fn fitting(&self, values: &[RuleValue]) -> Vec<String> {
        values.iter().filter_map(|value| self.literal(value).ok()).collect()
    }

    fn is_one_of(&self, values: &[RuleValue]) -> String {
        let known = self.fitting(values);
        match known.is_empty() {
            true => "FALSE".to_owned(),
            false => format!("{} IN ({})", self.sql, known.join(", ")),
        }
    }

    fn is_found(&self, pattern: &str) -> Result<String, String> {
        let pattern = text(&pattern::translated(pattern)?);
        Ok(format!("regexp_like({}, {pattern})", self.as_text()))
    }

    fn is_no_multiple(&self, value: &RuleValue) -> Result<String, String> {
        let (sql, step) = (&self.sql, self.literal(value)?);
        if matches!(value, RuleValue::Whole(0)) || step.parse::<f64>() == Ok(0.0) {
            return Err("nothing is a multiple of 0".to_owned());
        }
        Ok(match class(self.data_type) {
            Class::Float => format!("abs({sql} / {step} - round({sql} / {step})) > 1e-9"),
            _ => format!("{sql} % {step} <> 0"),
        })
    }

    fn items(&self, sql: &str) -> Result<String, String> {
        match self.data_type {
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(_, _) => {
                Ok(format!("coalesce(array_length({sql}), 0)"))
            }
            other => Err(format!("the column is no array: it has type {other}")),
        }
    }

    /// How many fields of an object have a value.
    fn fields(&self) -> Result<String, String> {
        let sql = &self.sql;
        match self.data_type {
            DataType::Struct(fields) => {
                let has_value = |name: &String| {
                    format!("CASE WHEN get_field({sql}, {}) IS NULL THEN 0 ELSE 1 END", text(name))
                };
                let terms: Vec<String> =
                    fields.iter().map(|field| has_value(field.name())).collect();
                Ok(format!(
                    "({})",
                    if terms.is_empty() { "0".to_owned() } else { terms.join(" + ") }
                ))
            }
            DataType::Map(..) => Ok(format!("coalesce(array_length(map_keys({sql})), 0)")),
            other => Err(format!("the column is no object: it has type {other}")),
        }
    }

    fn as_text(&self) -> String {
        match self.data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => self.sql.clone(),
            _ => format!("CAST({} AS VARCHAR)", self.sql),
        }
    }

    /// A value that the column is compared with, of the column's type.
    fn literal(&self, value: &RuleValue) -> Result<String, String> {
        let unfit = || format!("{value} is no value of type {}", self.data_type);
        match (class(self.data_type), value) {
            (Class::Text, value) => Ok(text(&value.to_string())),
            (Class::Whole | Class::Float, RuleValue::Whole(value)) => Ok(value.to_string()),
            (Class::Whole | Class::Float, RuleValue::Float(value)) => Ok(number(*value)),
            (Class::Whole | Class::Float, RuleValue::Text(written)) => {
                let value: f64 = written.trim().parse().map_err(|_| unfit())?;
                if !value.is_finite() {
                    return Err(unfit());
                }
                Ok(match written.trim().parse::<i128>() {
                    Ok(whole) => whole.to_string(),
                    Err(_) => number(value),
                })
            }
            (Class::Boolean, RuleValue::Boolean(value)) => Ok(value.to_string()),
            (Class::Boolean, RuleValue::Text(written)) => match written.as_str() {
                "true" | "false" => Ok(written.clone()),
                _ => Err(unfit()),
            },
            (Class::Moment, RuleValue::Text(written)) => Ok(text(written)),
            _ => Err(unfit()),
        }
    }
}

/// A number with a point; an exact one, where its digits are few.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0.0".to_owned(),
        size if (1e-9..1e15).contains(&size) => format!("{value}"),
        _ => format!("{value:e}"),
    }
}

/// What the values of a type are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Text,
    /// Whole numbers, and those with a fixed number of digits after the point.
    Whole,
    Float,
    Boolean,
    /// Days, instants and times of day.
    Moment,
    Other,
}

fn class(data_type: &DataType) -> Class {
    match data_type {
        DataType::Dictionary(_, values) => class(values),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Class::Text,
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => Class::Whole,
        other if other.is_integer() => Class::Whole,
        other if other.is_floating() => Class::Float,
        DataType::Boolean => Class::Boolean,
        other if other.is_temporal() => Class::Moment,
        _ => Class::Other,
    }
}
