//! The statistics of a file, which the log holds as JSON keyed by physical names.
//!
//! Every bound made here is valid, though it may be wider than the values: texts may be cut,
//! instants are cut to milliseconds. What cannot be read exactly is left out.

use datafusion::scalar::ScalarValue;
use deltalake_core::kernel::PrimitiveType;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::columns::DeltaColumn;
use super::partition::{days, local_micros, micros, unscaled};
use crate::scan::Bounds;

/// Decimals up to this many digits survive a writer that holds them as 64-bit floats.
const EXACT_DECIMAL_DIGITS_MAX: u8 = 15;

/// An instant that is cut, or rounded, to milliseconds, with the rest that a maximum is widened by.
const INSTANT_ROUNDED_US: i64 = 2_000;

/// The statistics of one file.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FileStatistics {
    /// Its rows, deleted ones among them.
    pub(super) num_records: Option<u64>,
    tight_bounds: Option<bool>,
    min_values: Map<String, Value>,
    max_values: Map<String, Value>,
    null_count: Map<String, Value>,
}

impl FileStatistics {
    /// Reads the text of the log; statistics that cannot be read are no statistics.
    pub(super) fn parse(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// What is known of one column.
    pub(super) fn bounds(&self, column: &DeltaColumn) -> Bounds {
        let Some(primitive) = &column.primitive else { return Bounds::default() };
        let name = &column.log_name;
        let is_tight = self.tight_bounds != Some(false);
        let nulls = self.null_count.get(name).and_then(Value::as_u64);
        // Without tight bounds only "none" and "all" are exact.
        let nulls = nulls.filter(|n| is_tight || *n == 0 || Some(*n) == self.num_records);
        let min = self.min_values.get(name).and_then(|value| bound(value, primitive, Side::Min));
        let max = self.max_values.get(name).and_then(|value| bound(value, primitive, Side::Max));
        Bounds {
            min,
            max,
            nulls,
            attained: is_tight && is_exact(primitive),
            rounded_us: is_tight.then_some(INSTANT_ROUNDED_US),
            has_no_nan: false,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Min,
    Max,
}

fn is_exact(primitive: &PrimitiveType) -> bool {
    matches!(
        primitive,
        PrimitiveType::Long
            | PrimitiveType::Integer
            | PrimitiveType::Short
            | PrimitiveType::Byte
            | PrimitiveType::Date
    )
}

fn bound(value: &Value, primitive: &PrimitiveType, side: Side) -> Option<ScalarValue> {
    Some(match primitive {
        PrimitiveType::String => ScalarValue::Utf8(Some(value.as_str()?.to_owned())),
        PrimitiveType::Long => ScalarValue::Int64(Some(value.as_i64()?)),
        PrimitiveType::Integer => ScalarValue::Int32(Some(value.as_i64()?.try_into().ok()?)),
        PrimitiveType::Short => ScalarValue::Int16(Some(value.as_i64()?.try_into().ok()?)),
        PrimitiveType::Byte => ScalarValue::Int8(Some(value.as_i64()?.try_into().ok()?)),
        PrimitiveType::Float => {
            // Rounding to the nearest float could step over the value.
            let wide = signed_zero(value.as_f64()?, side);
            let narrow: f32 = value.to_string().parse().ok()?;
            let narrow = if narrow == 0.0 { wide.signum() as f32 * 0.0 } else { narrow };
            ScalarValue::Float32(Some(narrow).filter(|narrow| narrow.is_finite()))
        }
        PrimitiveType::Double => {
            let value = signed_zero(value.as_f64()?, side);
            ScalarValue::Float64(Some(around_single(value, side)).filter(|v| v.is_finite()))
        }
        PrimitiveType::Date => ScalarValue::Date32(Some(days(value.as_str()?)?)),
        PrimitiveType::Timestamp => {
            let text = value.as_str()?;
            let at = widened(micros(text)?, text, side)?;
            ScalarValue::TimestampMicrosecond(Some(at), Some("UTC".into()))
        }
        PrimitiveType::TimestampNtz => {
            let text = value.as_str()?;
            let at = widened(local_micros(text)?, text, side)?;
            ScalarValue::TimestampMicrosecond(Some(at), None)
        }
        PrimitiveType::Decimal(decimal) if decimal.precision() <= EXACT_DECIMAL_DIGITS_MAX => {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            let scale = decimal.scale();
            let exact = unscaled(&text, scale)?;
            ScalarValue::Decimal128(Some(exact), decimal.precision(), i8::try_from(scale).ok()?)
        }
        _ => return None,
    })
    .filter(|bound| !bound.is_null())
}

/// Writers may cut an instant to milliseconds, so that a maximum may be too small by the rest.
fn widened(micros: i64, text: &str, side: Side) -> Option<i64> {
    // A day that the column held before its type was widened is exact.
    if days(text).is_some() {
        return Some(micros);
    }
    let digits = text
        .split_once('.')
        .map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    if side == Side::Max && digits <= 3 { micros.checked_add(999) } else { Some(micros) }
}

/// Zero has two signs, one less than the other; a bound takes in both.
fn signed_zero(value: f64, side: Side) -> f64 {
    match (value == 0.0, side) {
        (true, Side::Min) => -0.0,
        (true, Side::Max) => 0.0,
        (false, _) => value,
    }
}

/// A bound that takes in the 32-bit float of the same text: the file may be older than the column's
/// widening to 64 bits.
fn around_single(value: f64, side: Side) -> f64 {
    let single = f64::from(value as f32);
    match side {
        _ if !single.is_finite() => value,
        Side::Min => value.min(single),
        Side::Max => value.max(single),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::{DataType, Field};
    use deltalake_core::kernel::DecimalType;

    use super::*;
    use crate::scan::{Identity, SnapshotColumn};

    fn column(primitive: PrimitiveType) -> DeltaColumn {
        DeltaColumn {
            column: SnapshotColumn {
                field: Arc::new(Field::new("c", DataType::Null, true)),
                identity: Identity::PhysicalName("p".to_owned()),
                when_missing: None,
            },
            log_name: "p".to_owned(),
            primitive: Some(primitive),
            is_partition: false,
        }
    }

    #[test]
    fn bounds_take_in_what_the_writer_cut() {
        let decimal = |precision| {
            PrimitiveType::Decimal(DecimalType::try_new(precision, 2).expect("decimal"))
        };
        let at = |micros| ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()));
        for (json, primitive, min, max) in [
            ("3", PrimitiveType::Long, Some(3_i64.into()), Some(3_i64.into())),
            ("300", PrimitiveType::Byte, None, None),
            ("1.5", PrimitiveType::Long, None, None),
            ("0.0", PrimitiveType::Double, Some((-0.0_f64).into()), Some(0.0_f64.into())),
            ("0.1", PrimitiveType::Double, Some(0.1_f64.into()), Some(f64::from(0.1_f32).into())),
            ("1e300", PrimitiveType::Double, Some(1e300_f64.into()), Some(1e300_f64.into())),
            ("0.1", PrimitiveType::Float, Some(0.1_f32.into()), Some(0.1_f32.into())),
            ("\"ab\"", PrimitiveType::String, Some("ab".into()), Some("ab".into())),
            (
                "\"1970-01-01T00:00:00.001Z\"",
                PrimitiveType::Timestamp,
                Some(at(1000)),
                Some(at(1999)),
            ),
            (
                "\"1970-01-02\"",
                PrimitiveType::TimestampNtz,
                Some(ScalarValue::TimestampMicrosecond(Some(86_400_000_000), None)),
                Some(ScalarValue::TimestampMicrosecond(Some(86_400_000_000), None)),
            ),
            (
                "\"1970-01-01T00:00:00.001001Z\"",
                PrimitiveType::Timestamp,
                Some(at(1001)),
                Some(at(1001)),
            ),
            (
                "12.34",
                decimal(10),
                Some(ScalarValue::Decimal128(Some(1234), 10, 2)),
                Some(ScalarValue::Decimal128(Some(1234), 10, 2)),
            ),
            ("12.34", decimal(20), None, None),
            ("\"x\"", PrimitiveType::Binary, None, None),
        ] {
            let text = format!("{{\"minValues\":{{\"p\":{json}}},\"maxValues\":{{\"p\":{json}}}}}");
            let bounds = FileStatistics::parse(Some(&text)).bounds(&column(primitive));
            assert_eq!((bounds.min, bounds.max), (min, max), "{json}");
        }
    }

    #[test]
    fn null_counts_without_tight_bounds_are_all_or_nothing() {
        for (tight, count, nulls) in
            [("true", 1, Some(1)), ("false", 1, None), ("false", 0, Some(0)), ("false", 3, Some(3))]
        {
            let text = format!(
                "{{\"numRecords\":3,\"tightBounds\":{tight},\"nullCount\":{{\"p\":{count}}}}}"
            );
            let bounds = FileStatistics::parse(Some(&text)).bounds(&column(PrimitiveType::Long));
            assert_eq!((bounds.nulls, bounds.attained), (nulls, tight == "true"), "{text}");
        }
        assert_eq!(FileStatistics::parse(Some("{broken")).num_records, None);
    }
}
