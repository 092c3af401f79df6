//! The clock: `LOCALTIMESTAMP`, `CURRENT_TIMESTAMP(3)` and the like.
//!
//! All of them are the instant at which the statement began, in the session's time zone.

use datafusion::sql::sqlparser::ast::{DataType, Expr, Interval, TimezoneInfo, Value};

use super::build;
use crate::error::{Error, ErrorKind, Result};

/// Digits of a second that are kept where nothing else is asked for.
const DIGITS: u32 = 6;

/// Digits of a second that there are.
const DIGITS_MAX: u32 = 9;

/// `CURRENT_TIMESTAMP(n)`: with a zone.
///
/// # Errors
///
/// When the precision is no number from 0 to 9.
pub(super) fn current_timestamp(args: Vec<Expr>) -> Result<Expr> {
    Ok(cut(build::call("now", Vec::new()), precision(args)?.unwrap_or(DIGITS_MAX)))
}

/// `CURDATE()`: the day in the session's time zone.
///
/// # Errors
///
/// Never.
pub(super) fn local_date(_: Vec<Expr>) -> Result<Expr> {
    Ok(build::cast(local_now(), DataType::Date))
}

/// `LOCALTIMESTAMP`, `LOCALTIMESTAMP(n)`, `GETDATE()`: without a zone.
///
/// # Errors
///
/// When the precision is no number from 0 to 9.
pub(super) fn local_timestamp(args: Vec<Expr>) -> Result<Expr> {
    Ok(cut(local_now(), precision(args)?.unwrap_or(DIGITS_MAX)))
}

/// `CURRENT_TIME`, `LOCALTIME`, `CURTIME()`: the time of day, in microseconds unless asked for less,
/// since that is how times of day travel.
///
/// # Errors
///
/// When the precision is no number from 0 to 9.
pub(super) fn time_of_day(args: Vec<Expr>) -> Result<Expr> {
    let instant = cut(local_now(), precision(args)?.unwrap_or(DIGITS).min(DIGITS));
    Ok(build::cast(instant, DataType::Time(None, TimezoneInfo::None)))
}

/// `now()` is in UTC, whatever the session's time zone is.
fn local_now() -> Expr {
    let zoned = DataType::Timestamp(None, TimezoneInfo::WithTimeZone);
    build::call("to_local_time", vec![build::cast(build::call("now", Vec::new()), zoned)])
}

/// The digits of a second that are asked for.
fn precision(mut args: Vec<Expr>) -> Result<Option<u32>> {
    let Some(arg) = args.pop() else { return Ok(None) };
    let digits = match &arg {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => text.parse().ok(),
            _ => None,
        },
        _ => None,
    };
    match digits.filter(|digits| *digits <= DIGITS_MAX) {
        Some(digits) => Ok(Some(digits)),
        None => {
            Err(Error::new(ErrorKind::InvalidQuery, format!("\"{arg}\" is no precision of a time"))
                .with_hint("write a number of digits from 0 to 9"))
        }
    }
}

/// The instant with so many digits of a second; what is finer is cut off.
fn cut(instant: Expr, digits: u32) -> Expr {
    let Some(finer) = DIGITS_MAX.checked_sub(digits).filter(|finer| *finer > 0) else {
        return instant;
    };
    let width = format!("{} nanoseconds", 10_u64.pow(finer));
    let width = Expr::Interval(Interval {
        value: Box::new(build::text(width)),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    });
    build::call("date_bin", vec![width, instant])
}
