//! Partition values, which the log holds as text.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use datafusion::arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use deltalake_core::kernel::PrimitiveType;

const MICROS_OF_DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// The digits of the longest decimal.
const DECIMAL_DIGITS_MAX: usize = 38;

/// The value of a partition column of type `data_type`; absent and empty text are NULL.
///
/// `None` if the text is not a value of the type, or the type is not one that partitions.
pub(super) fn parse(
    text: Option<&str>,
    primitive: &PrimitiveType,
    data_type: &DataType,
) -> Option<ScalarValue> {
    let text = match text {
        None | Some("") => return ScalarValue::try_from(data_type).ok(),
        Some(text) => text,
    };
    Some(match primitive {
        PrimitiveType::String => ScalarValue::Utf8(Some(text.to_owned())),
        PrimitiveType::Long => ScalarValue::Int64(Some(text.parse().ok()?)),
        PrimitiveType::Integer => ScalarValue::Int32(Some(text.parse().ok()?)),
        PrimitiveType::Short => ScalarValue::Int16(Some(text.parse().ok()?)),
        PrimitiveType::Byte => ScalarValue::Int8(Some(text.parse().ok()?)),
        PrimitiveType::Float => ScalarValue::Float32(Some(text.parse().ok()?)),
        PrimitiveType::Double => ScalarValue::Float64(Some(text.parse().ok()?)),
        PrimitiveType::Boolean => ScalarValue::Boolean(Some(boolean(text)?)),
        PrimitiveType::Date => ScalarValue::Date32(Some(days(text)?)),
        PrimitiveType::Timestamp => {
            ScalarValue::TimestampMicrosecond(Some(micros(text)?), Some("UTC".into()))
        }
        PrimitiveType::TimestampNtz => {
            ScalarValue::TimestampMicrosecond(Some(local_micros(text)?), None)
        }
        // Writers make text of the bytes.
        PrimitiveType::Binary => ScalarValue::Binary(Some(text.as_bytes().to_vec())),
        PrimitiveType::Decimal(decimal) => ScalarValue::Decimal128(
            Some(unscaled(text, decimal.scale())?),
            decimal.precision(),
            i8::try_from(decimal.scale()).ok()?,
        ),
        _ => return None,
    })
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Days since 1970-01-01.
pub(super) fn days(text: &str) -> Option<i32> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// Microseconds since 1970-01-01 UTC; a text without a zone is UTC.
pub(super) fn micros(text: &str) -> Option<i64> {
    match DateTime::parse_from_rfc3339(text) {
        Ok(instant) => Some(instant.timestamp_micros()),
        Err(_) => local_micros(text),
    }
}

/// Microseconds since 1970-01-01 of a local date and time, whose zone, if it has one, says nothing. A
/// day alone, which the column held before its type was widened, is its midnight.
pub(super) fn local_micros(text: &str) -> Option<i64> {
    if let Some(days) = days(text) {
        return i64::from(days).checked_mul(MICROS_OF_DAY);
    }
    let text = text.strip_suffix('Z').unwrap_or(text);
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .map(|local| local.and_utc().timestamp_micros())
}

/// The unscaled integer of a decimal number; `None` if it does not fit `scale` exactly.
///
/// Java writes small numbers with an exponent.
pub(super) fn unscaled(text: &str, scale: u8) -> Option<i128> {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse().ok()?),
        None => (text, 0_i16),
    };
    let (is_negative, digits) = match number.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let digits = format!("0{whole}{fraction}");
    let needed = digits.trim_end_matches('0');
    // So many zeros come after the digits that are needed, for the number to have its scale.
    let dropped = i64::try_from(digits.len() - needed.len()).ok()?;
    let zeros =
        i64::from(scale) + i64::from(exponent) - i64::try_from(fraction.len()).ok()? + dropped;
    if needed.is_empty() {
        return Some(0);
    }
    let zeros = usize::try_from(zeros).ok().filter(|zeros| *zeros <= DECIMAL_DIGITS_MAX)?;
    let value: i128 = format!("{needed}{}", "0".repeat(zeros)).parse().ok()?;
    Some(if is_negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use deltalake_core::kernel::DecimalType;

    use super::*;

    #[test]
    fn text_becomes_a_typed_value() {
        let micros = |text: &str| {
            DateTime::parse_from_rfc3339(text).map(|at| at.timestamp_micros()).expect(text)
        };
        let decimal = PrimitiveType::Decimal(DecimalType::try_new(10, 2).expect("decimal"));
        let utc = || Some("UTC".into());
        for (text, primitive, expected) in [
            ("a%20b", PrimitiveType::String, ScalarValue::from("a%20b")),
            ("-7", PrimitiveType::Byte, ScalarValue::from(-7_i8)),
            ("\u{1}é", PrimitiveType::Binary, ScalarValue::Binary(Some(b"\x01\xc3\xa9".to_vec()))),
            ("-Infinity", PrimitiveType::Double, ScalarValue::from(f64::NEG_INFINITY)),
            ("1.0E10", PrimitiveType::Float, ScalarValue::from(1e10_f32)),
            (
                "1970-01-02",
                PrimitiveType::TimestampNtz,
                ScalarValue::TimestampMicrosecond(Some(MICROS_OF_DAY), None),
            ),
            ("TRUE", PrimitiveType::Boolean, ScalarValue::from(true)),
            ("1969-12-31", PrimitiveType::Date, ScalarValue::Date32(Some(-1))),
            ("-1.5", decimal.clone(), ScalarValue::Decimal128(Some(-150), 10, 2)),
            ("12", decimal.clone(), ScalarValue::Decimal128(Some(1200), 10, 2)),
            ("1.5E-1", decimal.clone(), ScalarValue::Decimal128(Some(15), 10, 2)),
            ("-2e3", decimal.clone(), ScalarValue::Decimal128(Some(-200_000), 10, 2)),
            ("0E-10", decimal.clone(), ScalarValue::Decimal128(Some(0), 10, 2)),
            ("100.500", decimal, ScalarValue::Decimal128(Some(10_050), 10, 2)),
            (
                "2024-01-02 03:04:05.123456",
                PrimitiveType::Timestamp,
                ScalarValue::TimestampMicrosecond(
                    Some(micros("2024-01-02T03:04:05.123456Z")),
                    utc(),
                ),
            ),
            (
                "2024-01-02T03:04:05+01:00",
                PrimitiveType::Timestamp,
                ScalarValue::TimestampMicrosecond(Some(micros("2024-01-02T02:04:05Z")), utc()),
            ),
            (
                "2024-01-02 03:04:05",
                PrimitiveType::TimestampNtz,
                ScalarValue::TimestampMicrosecond(Some(micros("2024-01-02T03:04:05Z")), None),
            ),
        ] {
            let data_type = expected.data_type();
            assert_eq!(parse(Some(text), &primitive, &data_type), Some(expected), "{text}");
            let null = parse(Some(""), &primitive, &data_type).expect(text);
            assert!(null.is_null() && null.data_type() == data_type, "{text}");
        }
    }

    #[test]
    fn text_that_is_no_value_is_none() {
        for (text, primitive) in [
            ("1.5", PrimitiveType::Integer),
            ("300", PrimitiveType::Byte),
            ("2024-13-01", PrimitiveType::Date),
            ("yes", PrimitiveType::Boolean),
            ("2024-02-30", PrimitiveType::TimestampNtz),
            ("x", PrimitiveType::Void),
        ] {
            assert_eq!(parse(Some(text), &primitive, &DataType::Null), None, "{text}");
        }
        for (text, scale) in [
            ("1.234", 2),
            ("", 2),
            ("1e-3", 2),
            ("1e", 2),
            ("1e99", 2),
            ("--1", 2),
            (".", 0),
            ("1e1e1", 2),
        ] {
            assert_eq!(unscaled(text, scale), None, "{text}");
        }
    }
}
