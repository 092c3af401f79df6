//! Dates and timestamps of any type as points in time, and on the calendar.

use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion::common::{Result as DataFusionResult, exec_err, plan_err};
use datafusion::scalar::ScalarValue;

use super::Unit;

const DAY_SECONDS: i64 = 86_400;

/// One point in time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instant {
    /// What calendar and clock show there.
    pub(super) local: NaiveDateTime,
    /// The same instant in UTC; of a time without zone the same as `local`.
    pub(super) utc: NaiveDateTime,
}

/// The type in which an argument is read as a date or timestamp: texts are read to the microsecond.
///
/// # Errors
///
/// When it is neither.
pub(super) fn instant_type(function: &str, given: &DataType) -> DataFusionResult<DataType> {
    match given {
        DataType::Timestamp(_, _) | DataType::Date32 => Ok(given.clone()),
        DataType::Date64 => Ok(DataType::Timestamp(TimeUnit::Millisecond, None)),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            Ok(DataType::Timestamp(TimeUnit::Microsecond, None))
        }
        other => plan_err!("{function} takes dates and timestamps, not {other}"),
    }
}

/// The unit that the first argument of a function names.
///
/// # Errors
///
/// When it names none.
pub(super) fn unit_of(function: &str, value: Option<&ScalarValue>) -> DataFusionResult<Unit> {
    let name = value.and_then(|value| value.try_as_str().flatten());
    match name.and_then(Unit::named) {
        Some(unit) => Ok(unit),
        None => plan_err!("{function} takes a unit of time first, for instance 'day'"),
    }
}

/// The zone of a type.
///
/// # Errors
///
/// When its name is none.
pub(super) fn zone_of(data_type: &DataType) -> DataFusionResult<Option<Tz>> {
    match data_type {
        DataType::Timestamp(_, Some(zone)) => Ok(Some(zone.parse()?)),
        _ => Ok(None),
    }
}

/// The points in time of an array; those without a zone are of `zone`.
///
/// # Errors
///
/// When one is outside of the calendar.
pub(super) fn instants(
    array: &ArrayRef,
    zone: Option<Tz>,
) -> DataFusionResult<Vec<Option<Instant>>> {
    let own = zone_of(array.data_type())?;
    let per_second = match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) | DataType::Date32 => 1,
        DataType::Timestamp(TimeUnit::Millisecond, _) => 1_000,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 1_000_000,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 1_000_000_000,
        other => return exec_err!("{other} is no date or timestamp"),
    };
    let seconds = match array.data_type() {
        DataType::Date32 => DAY_SECONDS,
        _ => 1,
    };
    let numbers = match array.data_type() {
        DataType::Date32 => cast(&cast(array, &DataType::Int32)?, &DataType::Int64)?,
        _ => cast(array, &DataType::Int64)?,
    };
    let instant = |value: i64| {
        let shown = naive(value.checked_mul(seconds)?, per_second)?;
        match (own, zone) {
            (Some(own), _) => {
                let offset = own.offset_from_utc_datetime(&shown).fix();
                Some(Instant { local: shown.checked_add_offset(offset)?, utc: shown })
            }
            (None, Some(zone)) => {
                let utc = match zone.from_local_datetime(&shown).earliest() {
                    Some(instant) => instant.naive_utc(),
                    // The clock was put forward over this time: it goes on as it went before.
                    None => {
                        let before = zone.offset_from_utc_datetime(
                            &shown.checked_sub_signed(TimeDelta::days(1))?,
                        );
                        shown.checked_sub_offset(before.fix())?
                    }
                };
                Some(Instant { local: shown, utc })
            }
            (None, None) => Some(Instant { local: shown, utc: shown }),
        }
    };
    let mut instants = Vec::with_capacity(array.len());
    for value in numbers.as_primitive::<Int64Type>() {
        match value.map(instant) {
            Some(None) => return exec_err!("a date is outside of the calendar"),
            Some(found) => instants.push(found),
            None => instants.push(None),
        }
    }
    Ok(instants)
}

fn naive(value: i64, per_second: i64) -> Option<NaiveDateTime> {
    let nanos = value.rem_euclid(per_second) * (1_000_000_000 / per_second);
    let instant =
        DateTime::from_timestamp(value.div_euclid(per_second), u32::try_from(nanos).ok()?)?;
    Some(instant.naive_utc())
}
