//! Masks of days and instants.
//!
//! Counts days by itself: what a column holds can be further away than any library of calendars goes.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::{
    ArrowTimestampType, DataType, Date32Type, Date64Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};

const SECONDS_OF_DAY: i64 = 86_400;

/// Days of 400 years.
const DAYS_OF_CYCLE: i64 = 146_097;

/// Days from the first of March of the year 0 to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_468;

/// Moves each day or instant to the start of its period, in UTC; `None` if the array holds neither.
/// What lies before the first value of the type becomes that first value.
pub(super) fn truncate(array: &ArrayRef, start: impl Fn(i64) -> i64) -> Option<ArrayRef> {
    Some(match array.data_type() {
        DataType::Date32 => {
            let days = array.as_primitive_opt::<Date32Type>()?;
            let day = |day: i32| i32::try_from(start(i64::from(day))).unwrap_or(i32::MIN);
            Arc::new(days.unary::<_, Date32Type>(day))
        }
        DataType::Date64 => {
            let days = array.as_primitive_opt::<Date64Type>()?;
            Arc::new(days.unary::<_, Date64Type>(|instant| of(instant, 1_000, &start)))
        }
        DataType::Timestamp(TimeUnit::Second, _) => {
            instants::<TimestampSecondType>(array, 1, &start)?
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            instants::<TimestampMillisecondType>(array, 1_000, &start)?
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            instants::<TimestampMicrosecondType>(array, 1_000_000, &start)?
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            instants::<TimestampNanosecondType>(array, 1_000_000_000, &start)?
        }
        _ => return None,
    })
}

fn instants<T: ArrowTimestampType>(
    array: &ArrayRef,
    units_per_second: i64,
    start: impl Fn(i64) -> i64,
) -> Option<ArrayRef> {
    let instants = array.as_primitive_opt::<T>()?;
    let moved: PrimitiveArray<T> = instants.unary(|instant| of(instant, units_per_second, &start));
    Some(Arc::new(moved.with_data_type(array.data_type().clone())))
}

fn of(instant: i64, units_per_second: i64, start: impl Fn(i64) -> i64) -> i64 {
    let units_of_day = SECONDS_OF_DAY * units_per_second;
    let day = start(instant.div_euclid(units_of_day));
    day.checked_mul(units_of_day).unwrap_or(i64::MIN)
}

/// The first day of the month of a day; days count from 1970-01-01.
pub(super) fn start_of_month(day: i64) -> i64 {
    day - (day_of_month(day) - 1)
}

/// The first day of the year of a day.
pub(super) fn start_of_year(day: i64) -> i64 {
    let (year_from_march, day_of_year) = years_from_march(day);
    // January and February end such a year, and begin the next.
    let year = if day_of_year < 306 { year_from_march } else { year_from_march + 1 };
    first_of_january(year)
}

/// The year that begins in March, and the place of a day in it, from 0.
fn years_from_march(day: i64) -> (i64, i64) {
    let since = day.saturating_add(DAYS_BEFORE_1970);
    let (cycle, in_cycle) = (since.div_euclid(DAYS_OF_CYCLE), since.rem_euclid(DAYS_OF_CYCLE));
    let leap_days = in_cycle / 1_460 - in_cycle / 36_524 + in_cycle / 146_096;
    let year = (in_cycle - leap_days) / 365;
    let day_of_year = in_cycle - (365 * year + year / 4 - year / 100);
    (cycle * 400 + year, day_of_year)
}

fn day_of_month(day: i64) -> i64 {
    let (_, day_of_year) = years_from_march(day);
    // The lengths of the months from March on repeat after five.
    let month = (5 * day_of_year + 2) / 153;
    day_of_year - (153 * month + 2) / 5 + 1
}

fn first_of_january(year: i64) -> i64 {
    let year = year - 1;
    let (cycle, in_cycle) = (year.div_euclid(400), year.rem_euclid(400));
    let days = 365 * in_cycle + in_cycle / 4 - in_cycle / 100 + 306;
    cycle * DAYS_OF_CYCLE + days - DAYS_BEFORE_1970
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, Days, NaiveDate};

    use super::*;

    #[test]
    fn starts_are_those_of_the_calendar() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        let number = |date: NaiveDate| date.signed_duration_since(epoch).num_days();
        let mut date = NaiveDate::from_ymd_opt(1599, 12, 1).unwrap();
        while date.year() < 2405 {
            let day = number(date);
            assert_eq!(start_of_month(day), number(date.with_day(1).unwrap()), "{date}");
            assert_eq!(start_of_year(day), number(date.with_ordinal(1).unwrap()), "{date}");
            date = date.checked_add_days(Days::new(1)).unwrap();
        }
    }

    #[test]
    fn far_days_have_a_start_too() {
        for day in [i64::MIN / SECONDS_OF_DAY, i64::MAX / SECONDS_OF_DAY, -800_000_000] {
            assert!(start_of_month(day) <= day && day - start_of_month(day) < 31, "{day}");
            assert!(start_of_year(day) <= day && day - start_of_year(day) < 366, "{day}");
        }
        assert_eq!(of(i64::MIN, 1_000_000_000, start_of_year), i64::MIN);
    }
}
