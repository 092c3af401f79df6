//! Single values of Iceberg metadata as values of a column.

use datafusion::scalar::ScalarValue;
use iceberg::spec::{PrimitiveLiteral, PrimitiveType};

/// `literal`, written as type `from`, as a value of type `to`.
///
/// `None` if the value does not belong to the type, or the one type cannot become the other.
pub(super) fn scalar(
    literal: &PrimitiveLiteral,
    from: &PrimitiveType,
    to: &PrimitiveType,
) -> Option<ScalarValue> {
    if from != to && !is_promotion(from, to) {
        return None;
    }
    Some(match (to, literal) {
        (PrimitiveType::Boolean, PrimitiveLiteral::Boolean(value)) => (*value).into(),
        (PrimitiveType::Int, PrimitiveLiteral::Int(value)) => (*value).into(),
        (PrimitiveType::Long, PrimitiveLiteral::Int(value)) => i64::from(*value).into(),
        (PrimitiveType::Long, PrimitiveLiteral::Long(value)) => (*value).into(),
        (PrimitiveType::Float, PrimitiveLiteral::Float(value)) => value.0.into(),
        (PrimitiveType::Double, PrimitiveLiteral::Float(value)) => f64::from(value.0).into(),
        (PrimitiveType::Double, PrimitiveLiteral::Double(value)) => value.0.into(),
        (PrimitiveType::Decimal { precision, scale }, PrimitiveLiteral::Int128(value)) => {
            ScalarValue::Decimal128(
                Some(*value),
                u8::try_from(*precision).ok()?,
                i8::try_from(*scale).ok()?,
            )
        }
        (PrimitiveType::Date, PrimitiveLiteral::Int(days)) => ScalarValue::Date32(Some(*days)),
        (PrimitiveType::Time, PrimitiveLiteral::Long(micros)) => {
            ScalarValue::Time64Microsecond(Some(*micros))
        }
        (PrimitiveType::Timestamp, PrimitiveLiteral::Long(at)) => {
            ScalarValue::TimestampMicrosecond(Some(*at), None)
        }
        (PrimitiveType::Timestamptz, PrimitiveLiteral::Long(at)) => {
            ScalarValue::TimestampMicrosecond(Some(*at), Some("UTC".into()))
        }
        (PrimitiveType::TimestampNs, PrimitiveLiteral::Long(at)) => {
            ScalarValue::TimestampNanosecond(Some(*at), None)
        }
        (PrimitiveType::TimestamptzNs, PrimitiveLiteral::Long(at)) => {
            ScalarValue::TimestampNanosecond(Some(*at), Some("UTC".into()))
        }
        (PrimitiveType::String, PrimitiveLiteral::String(text)) => {
            ScalarValue::Utf8(Some(text.clone()))
        }
        (PrimitiveType::Uuid, PrimitiveLiteral::UInt128(value)) => {
            ScalarValue::FixedSizeBinary(16, Some(value.to_be_bytes().to_vec()))
        }
        (PrimitiveType::Fixed(size), PrimitiveLiteral::Binary(bytes))
            if u64::try_from(bytes.len()) == Ok(*size) =>
        {
            ScalarValue::FixedSizeBinary(i32::try_from(*size).ok()?, Some(bytes.clone()))
        }
        (PrimitiveType::Binary, PrimitiveLiteral::Binary(bytes)) => {
            ScalarValue::Binary(Some(bytes.clone()))
        }
        _ => return None,
    })
}

fn is_promotion(from: &PrimitiveType, to: &PrimitiveType) -> bool {
    match (from, to) {
        (PrimitiveType::Int, PrimitiveType::Long)
        | (PrimitiveType::Float, PrimitiveType::Double) => true,
        (
            PrimitiveType::Decimal { precision: old, scale },
            PrimitiveType::Decimal { precision: new, scale: kept },
        ) => new >= old && scale == kept,
        _ => false,
    }
}

/// Which end of the values a bound is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The lower end.
    Min,
    /// The upper end.
    Max,
}

/// A bound of a column of type `to`; `None` where a bound would say nothing sure.
pub(super) fn bound(
    literal: &PrimitiveLiteral,
    from: &PrimitiveType,
    to: &PrimitiveType,
    side: Side,
) -> Option<ScalarValue> {
    if literal.is_nan() {
        return None;
    }
    // Zero has two signs, one less than the other; a bound takes in both.
    let zero = if side == Side::Min { -0.0 } else { 0.0 };
    match scalar(literal, from, to)? {
        ScalarValue::Float32(Some(0.0)) => Some((zero as f32).into()),
        ScalarValue::Float64(Some(0.0)) => Some(zero.into()),
        ScalarValue::Binary(_) | ScalarValue::FixedSizeBinary(..) => None,
        ScalarValue::TimestampNanosecond(Some(at), zone) if side == Side::Max => {
            // Some writers cut nanoseconds to whole microseconds.
            let at = if at % 1_000 == 0 { at.saturating_add(999) } else { at };
            Some(ScalarValue::TimestampNanosecond(Some(at), zone))
        }
        other => Some(other),
    }
}

/// True if both bounds of a column of this type occur in it: they are neither cut nor rounded.
pub(super) fn is_exact(primitive: &PrimitiveType) -> bool {
    matches!(
        primitive,
        PrimitiveType::Int
            | PrimitiveType::Long
            | PrimitiveType::Date
            | PrimitiveType::Time
            | PrimitiveType::Timestamp
            | PrimitiveType::Timestamptz
    )
}

#[cfg(test)]
mod tests {
    use iceberg::spec::Datum;

    use super::*;

    #[test]
    fn value_follows_the_promotion_of_its_type() {
        let decimal = |precision| PrimitiveType::Decimal { precision, scale: 2 };
        let number = PrimitiveLiteral::Int128(1234);
        for (literal, from, to, expected) in [
            (PrimitiveLiteral::Int(3), PrimitiveType::Int, PrimitiveType::Long, Some(3_i64.into())),
            (PrimitiveLiteral::Int(3), PrimitiveType::Int, PrimitiveType::Int, Some(3_i32.into())),
            (
                PrimitiveLiteral::Int(3),
                PrimitiveType::Date,
                PrimitiveType::Date,
                Some(ScalarValue::Date32(Some(3))),
            ),
            (PrimitiveLiteral::Int(3), PrimitiveType::Date, PrimitiveType::Timestamp, None),
            (PrimitiveLiteral::Int(3), PrimitiveType::Date, PrimitiveType::Long, None),
            (PrimitiveLiteral::Long(3), PrimitiveType::Long, PrimitiveType::Int, None),
            (
                number.clone(),
                decimal(9),
                decimal(18),
                Some(ScalarValue::Decimal128(Some(1234), 18, 2)),
            ),
            (number, decimal(18), decimal(9), None),
            (
                Datum::float(1.5).literal().clone(),
                PrimitiveType::Float,
                PrimitiveType::Double,
                Some(1.5_f64.into()),
            ),
        ] {
            assert_eq!(scalar(&literal, &from, &to), expected, "{literal:?} {from} {to}");
        }
    }

    #[test]
    fn bound_of_nanoseconds_takes_in_the_whole_microsecond() {
        let to = PrimitiveType::TimestampNs;
        for (value, side, expected) in [
            (5_000, Side::Max, 5_999),
            (5_001, Side::Max, 5_001),
            (5_000, Side::Min, 5_000),
            (-1_000, Side::Max, -1),
        ] {
            let found = bound(&PrimitiveLiteral::Long(value), &to, &to, side);
            let expected = ScalarValue::TimestampNanosecond(Some(expected), None);
            assert_eq!(found, Some(expected), "{value} {side:?}");
        }
        assert!(!is_exact(&to));
    }

    #[test]
    fn bound_of_zero_takes_in_both_signs_and_nan_is_none() {
        let double = PrimitiveType::Double;
        let literal = |value: f64| Datum::double(value).literal().clone();
        for (value, side, expected) in
            [(0.0, Side::Min, -0.0_f64), (-0.0, Side::Max, 0.0), (-0.0, Side::Min, -0.0)]
        {
            let bound = bound(&literal(value), &double, &double, side);
            let Some(ScalarValue::Float64(Some(found))) = bound else { panic!("{bound:?}") };
            assert_eq!(found.to_bits(), expected.to_bits(), "{value} {side:?}");
        }
        assert_eq!(bound(&literal(f64::NAN), &double, &double, Side::Max), None);
    }
}
