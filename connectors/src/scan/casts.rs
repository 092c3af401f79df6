//! Which types of a file can be read as which types of a table without changing a value.

use datafusion::arrow::datatypes::{DataType, TimeUnit};

/// True if every value of type `from` is a value of type `to`. Nested types are not looked into.
pub(crate) fn is_lossless(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    if from == to || *from == T::Null {
        return true;
    }
    match (from, to) {
        (T::Dictionary(_, values), to) => is_lossless(values, to),
        (T::Utf8 | T::LargeUtf8 | T::Utf8View, T::Utf8 | T::LargeUtf8 | T::Utf8View) => true,
        (
            T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_),
            T::Binary | T::LargeBinary | T::BinaryView,
        ) => true,
        (T::Float16, T::Float32 | T::Float64) | (T::Float32, T::Float64) => true,
        (from, to) if from.is_integer() && to.is_integer() => is_integer_lossless(from, to),
        (T::Int8 | T::UInt8 | T::Int16 | T::UInt16, T::Float32 | T::Float64)
        | (T::Int32 | T::UInt32, T::Float64) => true,
        (from, to) if is_decimal(to) => is_decimal_lossless(from, to),
        (T::Date32, T::Date64 | T::Timestamp(_, None)) => true,
        (T::Timestamp(unit, zone), T::Timestamp(finer, table_zone)) => {
            is_finer(*unit, *finer) && is_same_instant(zone.as_deref(), table_zone.as_deref())
        }
        (T::Time32(unit) | T::Time64(unit), T::Time32(finer) | T::Time64(finer)) => {
            is_finer(*unit, *finer)
        }
        _ => false,
    }
}

fn integer_bits(data_type: &DataType) -> (u32, bool) {
    let bits = data_type.primitive_width().map_or(0, |bytes| bytes as u32 * 8);
    (bits, data_type.is_signed_integer())
}

fn is_integer_lossless(from: &DataType, to: &DataType) -> bool {
    match (integer_bits(from), integer_bits(to)) {
        ((from, from_signed), (to, to_signed)) if from_signed == to_signed => from <= to,
        ((from, false), (to, true)) => from < to,
        _ => false,
    }
}

fn is_decimal(data_type: &DataType) -> bool {
    decimal(data_type).is_some()
}

fn decimal(data_type: &DataType) -> Option<(i32, i32)> {
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            Some((i32::from(*precision), i32::from(*scale)))
        }
        _ => None,
    }
}

fn is_decimal_lossless(from: &DataType, to: &DataType) -> bool {
    let Some((to_precision, to_scale)) = decimal(to) else { return false };
    let (precision, scale) = match decimal(from) {
        Some(found) => found,
        None => match integer_bits(from) {
            (8, _) if from.is_integer() => (3, 0),
            (16, _) if from.is_integer() => (5, 0),
            (32, _) if from.is_integer() => (10, 0),
            (64, _) if from.is_integer() => (20, 0),
            _ => return false,
        },
    };
    scale <= to_scale && precision - scale <= to_precision - to_scale
}

fn is_finer(unit: TimeUnit, than: TimeUnit) -> bool {
    let rank = |unit| match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 2,
        TimeUnit::Nanosecond => 3,
    };
    rank(unit) <= rank(than)
}

/// Instants are compared in UTC; a local time has no zone to convert from but UTC's.
fn is_same_instant(file: Option<&str>, table: Option<&str>) -> bool {
    let is_utc = |zone: &str| matches!(zone, "UTC" | "utc" | "Z" | "+00:00" | "Etc/UTC" | "GMT");
    match (file, table) {
        (None, None) | (Some(_), Some(_)) => true,
        (Some(zone), None) | (None, Some(zone)) => is_utc(zone),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widening_is_lossless_and_narrowing_is_not() {
        use DataType as T;
        let us = |zone: Option<&str>| T::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        let cases = [
            (T::Int32, T::Int64, true),
            (T::Int64, T::Int32, false),
            (T::UInt32, T::Int64, true),
            (T::UInt64, T::Int64, false),
            (T::Int8, T::UInt16, false),
            (T::Float32, T::Float64, true),
            (T::Float64, T::Float32, false),
            (T::Int32, T::Float64, true),
            (T::Int64, T::Float64, false),
            (T::Int32, T::Decimal128(12, 2), true),
            (T::Int32, T::Decimal128(11, 2), false),
            (T::Float64, T::Decimal128(38, 2), false),
            (T::Decimal128(10, 2), T::Decimal128(12, 4), true),
            (T::Decimal128(10, 2), T::Decimal128(12, 1), false),
            (T::Utf8, T::Utf8View, true),
            (T::Utf8, T::Int64, false),
            (T::Binary, T::Utf8View, false),
            (T::Dictionary(Box::new(T::Int32), Box::new(T::Utf8)), T::Utf8View, true),
            (T::Timestamp(TimeUnit::Millisecond, None), us(None), true),
            (T::Timestamp(TimeUnit::Nanosecond, None), us(None), false),
            (us(None), us(Some("UTC")), true),
            (us(None), us(Some("Europe/Stockholm")), false),
            (us(Some("Europe/Stockholm")), us(Some("UTC")), true),
            (T::Null, T::Utf8View, true),
            (T::Boolean, T::Int32, false),
        ];
        for (from, to, expected) in cases {
            assert_eq!(is_lossless(&from, &to), expected, "{from} as {to}");
        }
    }
}
