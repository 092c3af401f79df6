//! What is left of policies over rows becomes a row filter.
//!
//! Cedar has two values and no NULL: an absent attribute is NULL here, and `has` asks for it. A
//! required column holds no NULL by its contract; where it does, the row is not shown.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal, Template, UnaryOp};
use chrono::{DateTime, NaiveDate, Utc};
use samite_engine::authorizer::{Comparison, RowPredicate, Value};

use super::schema::{Attribute, RowType};

/// Why no filter can be made; for the log.
pub(super) type Untranslatable = String;

/// The deepest expression that is read.
const DEPTH_MAX: usize = 400;

/// A condition, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    Known(bool),
    /// NULL for each row: a column that this version of the table has not.
    Null,
    Open(RowPredicate),
}

/// Reads conditions over the rows of one table.
#[derive(Debug)]
pub(super) struct Translator<'a> {
    attributes: &'a BTreeMap<String, Attribute>,
    /// The columns that the contract of the table names.
    promised: BTreeSet<&'a str>,
    /// The columns that the table has.
    columns: BTreeSet<&'a str>,
    /// The row that stands for all, as Cedar writes it.
    row: String,
    /// Required columns that a policy asks for with `has`.
    asked: BTreeSet<String>,
    /// What a required column answers to `has`.
    has_required: bool,
}

impl<'a> Translator<'a> {
    pub(super) fn new(
        row_type: &'a RowType,
        promised: impl IntoIterator<Item = &'a str>,
        columns: &[&'a str],
        row: String,
    ) -> Self {
        Self {
            attributes: &row_type.attributes,
            promised: promised.into_iter().collect(),
            columns: columns.iter().copied().collect(),
            row,
            asked: BTreeSet::new(),
            has_required: true,
        }
    }

    /// The condition of what is left of a policy. A required column that it asks for with `has` is
    /// there; where that makes a difference, the row filter sees to it.
    pub(super) fn policy(&mut self, residual: &Template) -> Result<Condition, Untranslatable> {
        let before = self.asked.clone();
        self.has_required = true;
        let condition = self.clauses(residual)?;
        if matches!(condition, Condition::Known(_)) && self.asked != before {
            self.has_required = false;
            if self.clauses(residual)? == condition {
                self.asked = before;
            }
        }
        Ok(condition)
    }

    fn clauses(&mut self, residual: &Template) -> Result<Condition, Untranslatable> {
        let mut all = Condition::Known(true);
        for clause in residual.clauses() {
            let condition = match clause {
                Clause::When(condition) => self.condition(condition, 0)?,
                Clause::Unless(condition) => not(self.condition(condition, 0)?),
            };
            all = and(all, condition)?;
        }
        Ok(all)
    }

    /// The filter of a condition: none if all rows may be seen.
    pub(super) fn filter(self, condition: Condition) -> Option<RowPredicate> {
        let known = match condition {
            Condition::Known(false) | Condition::Null => {
                return Some(RowPredicate::Constant(false));
            }
            Condition::Known(true) => Vec::new(),
            Condition::Open(RowPredicate::And(items)) => items,
            Condition::Open(predicate) => vec![predicate],
        };
        let has_value = |column| RowPredicate::Not(Box::new(RowPredicate::IsNull(column)));
        let mut all: Vec<RowPredicate> = known;
        all.extend(self.asked.into_iter().map(has_value));
        match all.len() {
            0 => None,
            1 => all.pop(),
            _ => Some(RowPredicate::And(all)),
        }
    }

    fn condition(&mut self, expr: &Expr, depth: usize) -> Result<Condition, Untranslatable> {
        if depth > DEPTH_MAX {
            return Err("the condition is too deep".to_owned());
        }
        let depth = depth + 1;
        match expr {
            Expr::Literal(Literal::Bool(value)) => Ok(Condition::Known(*value)),
            Expr::GetAttr { expr, attr } if self.is_row(expr) => {
                self.compare(attr, Comparison::Equal, Value::Bool(true))
            }
            Expr::HasAttr { expr, attrs } if self.is_row(expr) && attrs.len() == 1 => {
                self.has(attrs.first())
            }
            Expr::UnaryOp { op: UnaryOp::Not, expr } => Ok(not(self.condition(expr, depth)?)),
            Expr::BinaryOp { op: BinaryOp::And, left, right } => {
                let left = self.condition(left, depth)?;
                if left == Condition::Known(false) {
                    return Ok(left);
                }
                and(left, self.condition(right, depth)?)
            }
            Expr::BinaryOp { op: BinaryOp::Or, left, right } => {
                let left = self.condition(left, depth)?;
                if left == Condition::Known(true) {
                    return Ok(left);
                }
                or(left, self.condition(right, depth)?)
            }
            Expr::BinaryOp { op: BinaryOp::Contains, left, right } => self.contains(left, right),
            Expr::BinaryOp { op, left, right } => self.comparison(*op, left, right),
            other => Err(format!("cannot be a row filter: {other}")),
        }
    }

    fn is_row(&self, expr: &Expr) -> bool {
        matches!(expr, Expr::Literal(Literal::EntityUID(row)) if row.to_string() == self.row)
    }

    fn column<'e>(&self, expr: &'e Expr) -> Option<&'e str> {
        match expr {
            Expr::GetAttr { expr, attr } if self.is_row(expr) => Some(attr),
            _ => None,
        }
    }

    fn comparison(
        &mut self,
        op: BinaryOp,
        left: &Expr,
        right: &Expr,
    ) -> Result<Condition, Untranslatable> {
        let comparison = match op {
            BinaryOp::Eq => Comparison::Equal,
            BinaryOp::NotEq => Comparison::NotEqual,
            BinaryOp::Less | BinaryOp::DecimalLessThan => Comparison::Less,
            BinaryOp::LessEq | BinaryOp::DecimalLessEq => Comparison::LessOrEqual,
            BinaryOp::Greater | BinaryOp::DecimalGreater => Comparison::Greater,
            BinaryOp::GreaterEq | BinaryOp::DecimalGreaterEq => Comparison::GreaterOrEqual,
            other => return Err(format!("cannot be a row filter: {other}")),
        };
        match (self.column(left), self.column(right)) {
            (Some(column), None) => self.compare(column, comparison, value(right)?),
            (None, Some(column)) => self.compare(column, mirrored(comparison), value(left)?),
            _ => Err("compares something other than a column with a value".to_owned()),
        }
    }

    fn contains(&mut self, list: &Expr, item: &Expr) -> Result<Condition, Untranslatable> {
        let (Expr::Set(items), Some(column)) = (list, self.column(item)) else {
            return Err("looks for something other than a column in a list".to_owned());
        };
        let values = items.iter().map(|item| value(item)).collect::<Result<Vec<_>, _>>()?;
        if values.is_empty() {
            return Ok(Condition::Known(false));
        }
        if !self.is_there(column)? {
            return Ok(Condition::Null);
        }
        Ok(Condition::Open(RowPredicate::In { column: column.to_owned(), values }))
    }

    fn compare(
        &mut self,
        column: &str,
        comparison: Comparison,
        value: Value,
    ) -> Result<Condition, Untranslatable> {
        if !self.is_there(column)? {
            return Ok(Condition::Null);
        }
        let column = column.to_owned();
        Ok(Condition::Open(RowPredicate::Compare { column, comparison, value }))
    }

    fn has(&mut self, column: &str) -> Result<Condition, Untranslatable> {
        if !self.is_there(column)? {
            return Ok(Condition::Known(false));
        }
        if self.attributes.get(column).is_some_and(|attribute| attribute.is_required) {
            self.asked.insert(column.to_owned());
            return Ok(Condition::Known(self.has_required));
        }
        let is_null = RowPredicate::IsNull(column.to_owned());
        Ok(Condition::Open(RowPredicate::Not(Box::new(is_null))))
    }

    /// True if this version of the table has the column.
    fn is_there(&self, column: &str) -> Result<bool, Untranslatable> {
        if !self.attributes.contains_key(column) {
            return Err(format!("the rows have no column \"{column}\""));
        }
        let is_promised = self.promised.contains(column);
        if is_promised && !self.columns.contains(column) {
            return Err(format!("the source has no column \"{column}\""));
        }
        Ok(is_promised)
    }
}

pub(super) fn not(condition: Condition) -> Condition {
    match condition {
        Condition::Known(value) => Condition::Known(!value),
        Condition::Null => Condition::Null,
        Condition::Open(RowPredicate::Not(inner)) => Condition::Open(*inner),
        // Both are NULL where the column is.
        Condition::Open(RowPredicate::Compare { column, comparison, value }) => {
            let comparison = contrary(comparison);
            Condition::Open(RowPredicate::Compare { column, comparison, value })
        }
        Condition::Open(predicate) => Condition::Open(RowPredicate::Not(Box::new(predicate))),
    }
}

pub(super) fn and(left: Condition, right: Condition) -> Result<Condition, Untranslatable> {
    Ok(match (left, right) {
        (Condition::Known(false), _) | (_, Condition::Known(false)) => Condition::Known(false),
        (Condition::Known(true), other) | (other, Condition::Known(true)) => other,
        (Condition::Null, Condition::Null) => Condition::Null,
        (Condition::Null, _) | (_, Condition::Null) => return Err(no_column()),
        (Condition::Open(left), Condition::Open(right)) => {
            let mut items = match left {
                RowPredicate::And(items) => items,
                left => vec![left],
            };
            match right {
                RowPredicate::And(more) => items.extend(more),
                right => items.push(right),
            }
            Condition::Open(RowPredicate::And(items))
        }
    })
}

pub(super) fn or(left: Condition, right: Condition) -> Result<Condition, Untranslatable> {
    Ok(match (left, right) {
        (Condition::Known(true), _) | (_, Condition::Known(true)) => Condition::Known(true),
        (Condition::Known(false), other) | (other, Condition::Known(false)) => other,
        (Condition::Null, Condition::Null) => Condition::Null,
        (Condition::Null, _) | (_, Condition::Null) => return Err(no_column()),
        (Condition::Open(left), Condition::Open(right)) => {
            let mut items = match left {
                RowPredicate::Or(items) => items,
                left => vec![left],
            };
            match right {
                RowPredicate::Or(more) => items.extend(more),
                right => items.push(right),
            }
            Condition::Open(RowPredicate::Or(items))
        }
    })
}

fn no_column() -> Untranslatable {
    "depends on a column that this version of the table has not".to_owned()
}

fn mirrored(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal => Comparison::Equal,
        Comparison::NotEqual => Comparison::NotEqual,
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
    }
}

fn contrary(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Less => Comparison::GreaterOrEqual,
        Comparison::LessOrEqual => Comparison::Greater,
        Comparison::Greater => Comparison::LessOrEqual,
        Comparison::GreaterOrEqual => Comparison::Less,
    }
}

/// A value that is known.
fn value(expr: &Expr) -> Result<Value, Untranslatable> {
    let read = match expr {
        Expr::Literal(Literal::Bool(value)) => Some(Value::Bool(*value)),
        Expr::Literal(Literal::Long(value)) => Some(Value::Integer(*value)),
        Expr::Literal(Literal::String(text)) => Some(Value::Text(text.to_string())),
        Expr::UnaryOp { op: UnaryOp::Decimal, expr } => {
            text(expr).and_then(ten_thousandths).map(Value::Decimal)
        }
        Expr::UnaryOp { op: UnaryOp::Datetime, expr } => {
            text(expr).and_then(instant).map(Value::Instant)
        }
        Expr::BinaryOp { op: BinaryOp::Offset, left, right } => moved(left, right),
        _ => None,
    };
    read.ok_or_else(|| format!("is not known: {expr}"))
}

fn moved(start: &Expr, way: &Expr) -> Option<Value> {
    let (Value::Instant(start), Expr::UnaryOp { op: UnaryOp::Duration, expr }) =
        (value(start).ok()?, way)
    else {
        return None;
    };
    let way = text(expr)?.strip_suffix("ms")?.parse().ok()?;
    start.checked_add_signed(chrono::TimeDelta::try_milliseconds(way)?).map(Value::Instant)
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(Literal::String(text)) => Some(text),
        _ => None,
    }
}

/// `-12.5` is -125000.
fn ten_thousandths(text: &str) -> Option<i64> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 4 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let amount: i128 = format!("{whole}{fraction:0<4}").parse().ok()?;
    i64::try_from(if is_negative { -amount } else { amount }).ok()
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(day.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.3f%z", "%Y-%m-%dT%H:%M:%S%z"] {
        if let Ok(time) = DateTime::parse_from_str(&text.replace('Z', "+0000"), format) {
            return Some(time.with_timezone(&Utc));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_and_instants_are_read_exactly() {
        for (text, expected) in [
            ("5.0000", Some(50_000)),
            ("-0.5", Some(-5_000)),
            ("922337203685477.5807", Some(i64::MAX)),
            ("-922337203685477.5808", Some(i64::MIN)),
            ("922337203685477.5808", None),
            ("1.00001", None),
            (".5", None),
            ("1e3", None),
        ] {
            assert_eq!(ten_thousandths(text), expected, "{text}");
        }
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("1970-01-01T00:00:01Z", Some(1_000)),
            ("1970-01-01T00:00:01.500Z", Some(1_500)),
            ("1970-01-01T01:00:00+0100", Some(0)),
            ("yesterday", None),
        ] {
            let read = instant(text).map(|instant| instant.timestamp_millis());
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn what_is_known_is_folded_away() {
        let open = || Condition::Open(RowPredicate::IsNull("a".to_owned()));
        let known = Condition::Known;
        assert_eq!(and(open(), known(false)), Ok(known(false)));
        assert_eq!(and(known(true), open()), Ok(open()));
        assert_eq!(or(open(), known(true)), Ok(known(true)));
        assert_eq!(or(known(false), open()), Ok(open()));
        assert_eq!(not(not(open())), open());
        assert_eq!(and(Condition::Null, known(false)), Ok(known(false)));
        assert_eq!(or(Condition::Null, known(true)), Ok(known(true)));
        assert!(and(Condition::Null, open()).is_err());
        assert!(or(open(), Condition::Null).is_err());
    }
}
