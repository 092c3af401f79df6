//! Functions of dates and times that take a unit by its bare name: `DATEDIFF(day, a, b)`.
//!
//! What they count is in [`crate::resolve::functions`].

use datafusion::sql::sqlparser::ast::{BinaryOperator, DataType, Expr, TimezoneInfo, Value};

use super::super::unsupported::refusal;
use super::build;
use super::functions::exactly;
use crate::error::{Error, ErrorKind, Result};
use crate::resolve::functions::Unit;

/// `DATEADD(unit, n, x)`.
///
/// # Errors
///
/// When the first argument is no unit.
pub(super) fn add(args: Vec<Expr>) -> Result<Expr> {
    with_unit("dateadd", args)
}

/// `TIMESTAMPADD(unit, n, x)`.
///
/// # Errors
///
/// When the first argument is no unit.
pub(super) fn timestamp_add(args: Vec<Expr>) -> Result<Expr> {
    with_unit("timestampadd", args)
}

/// `TIMESTAMPDIFF(unit, a, b)`.
///
/// # Errors
///
/// When the first argument is no unit.
pub(super) fn timestamp_difference(args: Vec<Expr>) -> Result<Expr> {
    with_unit("timestampdiff", args)
}

/// `DATEDIFF(unit, a, b)`, and `DATEDIFF(a, b)`, which is the days from the second to the first.
///
/// # Errors
///
/// When the first of three arguments is no unit.
pub(super) fn difference(args: Vec<Expr>) -> Result<Expr> {
    if args.len() == 3 {
        return with_unit("datediff", args);
    }
    let [end, start] = exactly(args)?;
    Ok(build::call("datediff", vec![build::text(Unit::Day.name()), start, end]))
}

fn with_unit(name: &str, args: Vec<Expr>) -> Result<Expr> {
    let [unit, first, second] = exactly(args)?;
    let unit = build::text(unit_of(&unit)?.name());
    Ok(build::call(name, vec![unit, first, second]))
}

/// The unit that an argument names, bare or in single quotes.
fn unit_of(expr: &Expr) -> Result<Unit> {
    let text = unit_name(expr);
    text.as_deref().and_then(Unit::named).ok_or_else(|| {
        Error::new(ErrorKind::InvalidQuery, format!("\"{expr}\" is no unit of time"))
            .with_hint("write year, quarter, month, week, day, hour, minute, second, millisecond, microsecond or nanosecond")
    })
}

fn unit_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) if name.quote_style.is_none() => {
            Some(name.value.to_ascii_lowercase())
        }
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.to_ascii_lowercase()),
            _ => None,
        },
        _ => None,
    }
}

/// `DATEPART(unit, x)` as SQL Server means it: Sunday is day 1 of the week, and what is finer than a
/// second leaves the seconds out.
///
/// # Errors
///
/// When the first argument is no part of a time.
pub(super) fn part(args: Vec<Expr>) -> Result<Expr> {
    let [unit, instant] = exactly(args)?;
    let name = unit_name(&unit).unwrap_or_default();
    match name.as_str() {
        "iso_week" | "isowk" | "isoww" => return Ok(date_part("week", instant)),
        "weekday" | "dw" | "w" => return day_of_week(vec![instant]),
        "dayofyear" | "dy" | "y" => return Ok(date_part("doy", instant)),
        _ => {}
    }
    Ok(match unit_of(&unit)? {
        Unit::Week => {
            return Err(refusal("DATEPART(week, ...)")
                .with_hint("write DATEPART(iso_week, ...) for the week of ISO 8601"));
        }
        unit @ (Unit::Year
        | Unit::Quarter
        | Unit::Month
        | Unit::Day
        | Unit::Hour
        | Unit::Minute
        | Unit::Second) => date_part(unit.name(), instant),
        unit @ Unit::Millisecond => fraction(unit, instant, 1_000),
        unit @ Unit::Microsecond => fraction(unit, instant, 1_000_000),
        unit @ Unit::Nanosecond => fraction(unit, instant, 1_000_000_000),
    })
}

/// `date_part(part, x)`.
pub(super) fn date_part(part: &str, instant: Expr) -> Expr {
    build::call("date_part", vec![build::text(part), typed(instant)])
}

/// DataFusion takes no part of a NULL that has no type.
fn typed(instant: Expr) -> Expr {
    match &instant {
        Expr::Value(value) if value.value == Value::Null => {
            build::cast(instant, DataType::Timestamp(None, TimezoneInfo::None))
        }
        _ => instant,
    }
}

fn fraction(unit: Unit, instant: Expr, in_a_second: u64) -> Expr {
    binary(date_part(unit.name(), instant), BinaryOperator::Modulo, in_a_second)
}

fn binary(left: Expr, op: BinaryOperator, right: u64) -> Expr {
    let sum = Expr::BinaryOp { left: Box::new(left), op, right: Box::new(build::number(right)) };
    Expr::Nested(Box::new(sum))
}

/// 1 for a Sunday, up to 7 for a Saturday.
///
/// # Errors
///
/// When there is not one argument.
pub(super) fn day_of_week(args: Vec<Expr>) -> Result<Expr> {
    let [instant] = exactly(args)?;
    Ok(binary(date_part("dow", instant), BinaryOperator::Plus, 1))
}

/// The English name of a day of the week.
///
/// # Errors
///
/// When there is not one argument.
pub(super) fn day_name(args: Vec<Expr>) -> Result<Expr> {
    let [instant] = exactly(args)?;
    Ok(build::call("to_char", vec![typed(instant), build::text("%A")]))
}

/// The English name of a month.
///
/// # Errors
///
/// When there is not one argument.
pub(super) fn month_name(args: Vec<Expr>) -> Result<Expr> {
    let [instant] = exactly(args)?;
    Ok(build::call("to_char", vec![typed(instant), build::text("%B")]))
}
