//! What a transformed value of a partition says about the column that it was made from.

use chrono::{Datelike, NaiveDate};
use datafusion::scalar::ScalarValue;
use iceberg::spec::{PrimitiveLiteral, PrimitiveType, Transform};

const MICROS_OF_HOUR: i64 = 3_600_000_000;
const MICROS_OF_DAY: i64 = 24 * MICROS_OF_HOUR;

/// Bounds of all values of a column of type `to` that `transform` makes `value` of; `None` where it
/// says nothing. Buckets have no bounds.
pub(super) fn source_bounds(
    transform: Transform,
    value: &PrimitiveLiteral,
    to: &PrimitiveType,
) -> (Option<ScalarValue>, Option<ScalarValue>) {
    match (transform, value) {
        (
            Transform::Year | Transform::Month | Transform::Day | Transform::Hour,
            PrimitiveLiteral::Int(unit),
        ) => {
            // Old writers rounded times before 1970 up, so that a unit may hold part of the one before.
            let first = if *unit <= 0 { unit.checked_sub(1) } else { Some(*unit) };
            let min = first.and_then(|unit| start(transform, unit, to));
            let next = unit.checked_add(1).and_then(|unit| start(transform, unit, to));
            let max = next.and_then(|next| next.checked_sub(1));
            (min.and_then(|at| instant(at, to)), max.and_then(|at| instant(at, to)))
        }
        (Transform::Truncate(width), _) => truncated(value, width, to),
        _ => (None, None),
    }
}

/// When a unit starts, in the ticks of a column of type `to`.
fn start(transform: Transform, unit: i32, to: &PrimitiveType) -> Option<i64> {
    let days = |date: NaiveDate| i64::from(date.num_days_from_ce() - 719_163);
    let day = match transform {
        Transform::Year => days(NaiveDate::from_ymd_opt(unit.checked_add(1970)?, 1, 1)?),
        Transform::Month => {
            let month = u32::try_from(unit.rem_euclid(12)).ok()? + 1;
            days(NaiveDate::from_ymd_opt(unit.div_euclid(12).checked_add(1970)?, month, 1)?)
        }
        _ => i64::from(unit),
    };
    let micros = match transform {
        Transform::Hour => i64::from(unit).checked_mul(MICROS_OF_HOUR)?,
        _ => day.checked_mul(MICROS_OF_DAY)?,
    };
    match to {
        PrimitiveType::Date => (transform != Transform::Hour).then_some(day),
        PrimitiveType::Timestamp | PrimitiveType::Timestamptz => Some(micros),
        PrimitiveType::TimestampNs | PrimitiveType::TimestamptzNs => micros.checked_mul(1_000),
        _ => None,
    }
}

fn instant(ticks: i64, to: &PrimitiveType) -> Option<ScalarValue> {
    Some(match to {
        PrimitiveType::Date => ScalarValue::Date32(Some(i32::try_from(ticks).ok()?)),
        PrimitiveType::Timestamp => ScalarValue::TimestampMicrosecond(Some(ticks), None),
        PrimitiveType::Timestamptz => {
            ScalarValue::TimestampMicrosecond(Some(ticks), Some("UTC".into()))
        }
        PrimitiveType::TimestampNs => ScalarValue::TimestampNanosecond(Some(ticks), None),
        PrimitiveType::TimestamptzNs => {
            ScalarValue::TimestampNanosecond(Some(ticks), Some("UTC".into()))
        }
        _ => return None,
    })
}

fn truncated(
    value: &PrimitiveLiteral,
    width: u32,
    to: &PrimitiveType,
) -> (Option<ScalarValue>, Option<ScalarValue>) {
    let last = i64::from(width) - 1;
    match (value, to) {
        (PrimitiveLiteral::Int(first), PrimitiveType::Int) => {
            let end = i32::try_from(last).ok().and_then(|last| first.checked_add(last));
            (Some((*first).into()), end.map(Into::into))
        }
        (PrimitiveLiteral::Int(first), PrimitiveType::Long) => {
            (Some(i64::from(*first).into()), Some((i64::from(*first) + last).into()))
        }
        (PrimitiveLiteral::Long(first), PrimitiveType::Long) => {
            (Some((*first).into()), first.checked_add(last).map(Into::into))
        }
        (PrimitiveLiteral::Int128(first), PrimitiveType::Decimal { precision, scale }) => {
            let (precision, scale) = (u8::try_from(*precision).ok(), i8::try_from(*scale).ok());
            let Some((precision, scale)) = precision.zip(scale) else { return (None, None) };
            let decimal = |value| ScalarValue::Decimal128(Some(value), precision, scale);
            (Some(decimal(*first)), first.checked_add(i128::from(last)).map(decimal))
        }
        (PrimitiveLiteral::String(prefix), PrimitiveType::String) => {
            // What is shorter than the width was not cut.
            let is_whole = prefix.chars().count() < width as usize;
            let end = if is_whole { Some(prefix.clone()) } else { after(prefix) };
            (Some(prefix.as_str().into()), end.map(Into::into))
        }
        _ => (None, None),
    }
}

/// A text that is greater than every text with this prefix.
fn after(prefix: &str) -> Option<String> {
    let mut letters: Vec<char> = prefix.chars().collect();
    while let Some(letter) = letters.pop() {
        let code = u32::from(letter) + 1;
        // No letter has the codes between those two.
        let next = if code == 0xD800 { Some('\u{E000}') } else { char::from_u32(code) };
        if let Some(next) = next {
            letters.push(next);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_every_value_of_the_unit() {
        let date = |value| Some(ScalarValue::Date32(Some(value)));
        let micros = |value| Some(ScalarValue::TimestampMicrosecond(Some(value), None));
        let nanos = |value| Some(ScalarValue::TimestampNanosecond(Some(value), None));
        for (transform, unit, to, expected) in [
            (Transform::Year, 1, PrimitiveType::Date, (date(365), date(729))),
            (Transform::Month, 1, PrimitiveType::Date, (date(31), date(58))),
            (Transform::Month, -1, PrimitiveType::Date, (date(-61), date(-1))),
            (Transform::Day, 0, PrimitiveType::Date, (date(-1), date(0))),
            (
                Transform::Day,
                1,
                PrimitiveType::Timestamp,
                (micros(MICROS_OF_DAY), micros(2 * MICROS_OF_DAY - 1)),
            ),
            (
                Transform::Hour,
                1,
                PrimitiveType::TimestampNs,
                (nanos(1_000 * MICROS_OF_HOUR), nanos(2_000 * MICROS_OF_HOUR - 1)),
            ),
            (Transform::Hour, 1, PrimitiveType::Date, (None, None)),
            (Transform::Day, i32::MAX, PrimitiveType::TimestampNs, (None, None)),
            (Transform::Void, 1, PrimitiveType::Date, (None, None)),
        ] {
            let found = source_bounds(transform, &PrimitiveLiteral::Int(unit), &to);
            assert_eq!(found, expected, "{transform} {unit} {to}");
        }
    }

    #[test]
    fn bounds_hold_every_value_that_is_cut_to_one() {
        let text = |text: &str| Some(ScalarValue::from(text));
        let cut = |value, width, to: PrimitiveType| {
            source_bounds(Transform::Truncate(width), &value, &to)
        };
        let string =
            |text: &str| cut(PrimitiveLiteral::String(text.to_owned()), 2, PrimitiveType::String);
        assert_eq!(string("ab"), (text("ab"), text("ac")));
        assert_eq!(string("a"), (text("a"), text("a")));
        assert_eq!(string("a\u{10FFFF}"), (text("a\u{10FFFF}"), text("b")));
        assert_eq!(string("a\u{D7FF}"), (text("a\u{D7FF}"), text("a\u{E000}")));
        assert_eq!(string("\u{10FFFF}\u{10FFFF}"), (text("\u{10FFFF}\u{10FFFF}"), None));
        let number = cut(PrimitiveLiteral::Int(-10), 10, PrimitiveType::Long);
        assert_eq!(number, (Some((-10_i64).into()), Some((-1_i64).into())));
        let largest = cut(PrimitiveLiteral::Long(i64::MAX - 3), 10, PrimitiveType::Long);
        assert_eq!(largest, (Some((i64::MAX - 3).into()), None));
    }
}
