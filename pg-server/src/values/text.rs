//! Values as text, as PostgreSQL writes them with its defaults.

use std::fmt::Write as _;

use bytes::{BufMut, BytesMut};
use datafusion::arrow::datatypes::{
    Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Float32Type, Float64Type,
    Int16Type, Int32Type, Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use samite_engine::Result;

use super::{Values, no_place, time, unexpected};
use crate::kind::Kind;

/// Decimal exponents from which a float of four and of eight bytes is written with one.
const FLOAT4_EXPONENT: i32 = 6;
const FLOAT8_EXPONENT: i32 = 15;

impl Values {
    /// Writes one value as text.
    pub(super) fn write_text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        match &self.kind {
            Kind::Bool => out.put_u8(if self.bool(row)? { b't' } else { b'f' }),
            Kind::Int2 => put(out, self.number::<Int16Type>(row)?)?,
            Kind::Int4 => put(out, self.number::<Int32Type>(row)?)?,
            Kind::Oid => put(out, self.number::<Int32Type>(row)?.cast_unsigned())?,
            Kind::Int8 => put(out, self.number::<Int64Type>(row)?)?,
            Kind::Float4 => {
                let value = self.number::<Float32Type>(row)?;
                float(out, f64::from(value), &format!("{value:e}"), FLOAT4_EXPONENT)?;
            }
            Kind::Float8 => {
                let value = self.number::<Float64Type>(row)?;
                float(out, value, &format!("{value:e}"), FLOAT8_EXPONENT)?;
            }
            Kind::Numeric => out.put_slice(self.decimal(row)?.as_bytes()),
            Kind::Text | Kind::Json => out.put_slice(self.str(row)?.as_bytes()),
            Kind::Bytea => {
                out.put_slice(b"\\x");
                for byte in self.bytes(row)? {
                    write!(out, "{byte:02x}").map_err(no_place)?;
                }
            }
            Kind::Date => time::date_text(self.number::<Date32Type>(row)?, out)?,
            Kind::Time => time::time_text(self.number::<Time64MicrosecondType>(row)?, out)?,
            Kind::Timestamp => {
                time::timestamp_text(self.number::<TimestampMicrosecondType>(row)?, None, out)?;
            }
            Kind::TimestampTz => {
                let instant = self.number::<TimestampMicrosecondType>(row)?;
                time::timestamp_text(instant, Some(self.zone), out)?;
            }
            Kind::Interval => {
                let (months, days, micros) = self.interval(row)?;
                time::interval_text(months, days, micros, out)?;
            }
            Kind::Array(_) | Kind::Vector(_) => return Err(unexpected()),
        }
        Ok(())
    }

    /// A decimal with all digits of its scale.
    pub(super) fn decimal(&self, row: usize) -> Result<String> {
        match self.numbers::<Decimal128Type>() {
            Ok(numbers) => Ok(numbers.value_as_string(row)),
            Err(_) => Ok(self.numbers::<Decimal256Type>()?.value_as_string(row)),
        }
    }

    /// Months, days and microseconds.
    pub(super) fn interval(&self, row: usize) -> Result<(i32, i32, i64)> {
        if let Ok(durations) = self.numbers::<DurationMicrosecondType>() {
            return Ok((0, 0, durations.value(row)));
        }
        let interval = self.number::<IntervalMonthDayNanoType>(row)?;
        Ok((interval.months, interval.days, interval.nanoseconds / 1000))
    }
}

fn put(out: &mut BytesMut, value: impl std::fmt::Display) -> Result<()> {
    write!(out, "{value}").map_err(no_place)
}

/// A float with the fewest digits that say which it is: `shortest` holds them, as `1.5e3`.
fn float(out: &mut BytesMut, value: f64, shortest: &str, exponent_max: i32) -> Result<()> {
    if value.is_nan() {
        out.put_slice(b"NaN");
        return Ok(());
    }
    if value.is_infinite() {
        out.put_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
        return Ok(());
    }
    let (mantissa, exponent) = shortest.split_once('e').ok_or_else(unexpected)?;
    let exponent: i32 = exponent.parse().map_err(no_place)?;
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    if !(-4..exponent_max).contains(&exponent) {
        let direction = if exponent < 0 { '-' } else { '+' };
        return write!(out, "{sign}{mantissa}e{direction}{:02}", exponent.abs()).map_err(no_place);
    }
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    let text = match usize::try_from(exponent) {
        Err(_) => format!("{sign}0.{}{digits}", zeros(-exponent - 1)),
        Ok(exponent) if digits.len() <= exponent + 1 => {
            format!("{sign}{digits}{}", "0".repeat(exponent + 1 - digits.len()))
        }
        Ok(exponent) => {
            let (whole, fraction) = digits.split_at(exponent + 1);
            format!("{sign}{whole}.{fraction}")
        }
    };
    out.put_slice(text.as_bytes());
    Ok(())
}
