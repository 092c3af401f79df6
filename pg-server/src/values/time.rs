//! Dates, times and intervals, in PostgreSQL's style ISO and counted from 2000-01-01.

use std::fmt::Write as _;
use std::str::FromStr;

use bytes::BytesMut;
use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone, Timelike};
use datafusion::arrow::array::timezone::Tz;
use samite_engine::{Error, ErrorKind, Result};

use super::no_place;

/// Days from 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;

/// Days from the first day of year 1 to 1970-01-01, that day counted.
const CE_DAYS: i32 = 719_163;

const MICROS: i64 = 1_000_000;

/// The zone in which instants are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Zone(Tz);

impl Zone {
    /// The zone of a name or an offset.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn named(name: &str) -> Result<Self> {
        Ok(Self(Tz::from_str(name).map_err(no_place)?))
    }
}

pub(super) fn date_text(days: i32, out: &mut BytesMut) -> Result<()> {
    let days = days.checked_add(CE_DAYS).ok_or_else(too_far)?;
    let date = NaiveDate::from_num_days_from_ce_opt(days).ok_or_else(too_far)?;
    let era = put_date(date, out)?;
    out.write_str(era).map_err(no_place)
}

/// Writes year, month and day, and says what follows the time of day.
fn put_date(date: NaiveDate, out: &mut BytesMut) -> Result<&'static str> {
    let (year, era) = match date.year() {
        year if year <= 0 => (1 - year, " BC"),
        year => (year, ""),
    };
    write!(out, "{year:04}-{:02}-{:02}", date.month(), date.day()).map_err(no_place)?;
    Ok(era)
}

pub(super) fn date_binary(days: i32) -> Result<i32> {
    days.checked_sub(EPOCH_DAYS).ok_or_else(too_far)
}

pub(super) fn time_text(micros: i64, out: &mut BytesMut) -> Result<()> {
    put_time(micros, out)
}

/// Writes hours, minutes, seconds, and a fraction without zeros at its end.
fn put_time(micros: i64, out: &mut BytesMut) -> Result<()> {
    let seconds = micros / MICROS;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    write!(out, "{hours:02}:{minutes:02}:{:02}", seconds % 60).map_err(no_place)?;
    let fraction = micros % MICROS;
    if fraction != 0 {
        let digits = format!("{fraction:06}");
        write!(out, ".{}", digits.trim_end_matches('0')).map_err(no_place)?;
    }
    Ok(())
}

/// Writes a timestamp: in a zone with its offset there.
pub(super) fn timestamp_text(micros: i64, zone: Option<Zone>, out: &mut BytesMut) -> Result<()> {
    let instant = DateTime::from_timestamp_micros(micros).ok_or_else(too_far)?.naive_utc();
    let offset = zone.map(|zone| zone.0.offset_from_utc_datetime(&instant).fix().local_minus_utc());
    let shift = chrono::TimeDelta::seconds(i64::from(offset.unwrap_or_default()));
    let shown = instant.checked_add_signed(shift).ok_or_else(too_far)?;
    let era = put_date(shown.date(), out)?;
    out.write_str(" ").map_err(no_place)?;
    let seconds = i64::from(shown.time().num_seconds_from_midnight());
    put_time(seconds * MICROS + micros.rem_euclid(MICROS), out)?;
    if let Some(offset) = offset {
        let sign = if offset < 0 { '-' } else { '+' };
        let (hours, minutes) = (offset.abs() / 3600, offset.abs() / 60 % 60);
        write!(out, "{sign}{hours:02}").map_err(no_place)?;
        let seconds = offset.abs() % 60;
        if minutes != 0 || seconds != 0 {
            write!(out, ":{minutes:02}").map_err(no_place)?;
        }
        if seconds != 0 {
            write!(out, ":{seconds:02}").map_err(no_place)?;
        }
    }
    out.write_str(era).map_err(no_place)
}

pub(super) fn timestamp_binary(micros: i64) -> Result<i64> {
    micros.checked_sub(i64::from(EPOCH_DAYS) * 86_400 * MICROS).ok_or_else(too_far)
}

/// Writes an interval in PostgreSQL's own style, such as `1 year 2 mons -3 days +04:05:06`.
pub(super) fn interval_text(months: i32, days: i32, micros: i64, out: &mut BytesMut) -> Result<()> {
    let (mut is_first, mut is_after_negative) = (true, false);
    for (value, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if value == 0 {
            continue;
        }
        let space = if is_first { "" } else { " " };
        let plus = if is_after_negative && value > 0 { "+" } else { "" };
        let plural = if value == 1 { "" } else { "s" };
        write!(out, "{space}{plus}{value} {unit}{plural}").map_err(no_place)?;
        (is_first, is_after_negative) = (false, value < 0);
    }
    if micros != 0 || is_first {
        let space = if is_first { "" } else { " " };
        let sign = match micros < 0 {
            true => "-",
            false if is_after_negative => "+",
            false => "",
        };
        write!(out, "{space}{sign}").map_err(no_place)?;
        let micros = micros.checked_abs().ok_or_else(too_far)?;
        put_time(micros, out)?;
    }
    Ok(())
}

fn too_far() -> Error {
    Error::new(ErrorKind::Unsupported, "a date or time lies too far away for PostgreSQL's types")
        .with_hint("connect with Arrow Flight SQL, or cast the column to text")
}
