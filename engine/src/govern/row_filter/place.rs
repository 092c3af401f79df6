//! Where a value lies among the values that a type can hold.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::{DataType, TimeUnit, i256};
use datafusion::scalar::ScalarValue;

use crate::authorizer::Value;

const NANOS_OF_SECOND: i64 = 1_000_000_000;

const NANOS_OF_DAY: i64 = 86_400 * NANOS_OF_SECOND;

/// Digits after the point of a [`Value::Decimal`].
const DECIMAL_DIGITS: i16 = 4;

/// Where a value lies among the values that a type can hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    /// The largest value of the type that is not above it.
    pub(super) floor: Option<ScalarValue>,
    /// The smallest value of the type that is not below it.
    pub(super) ceiling: Option<ScalarValue>,
    /// True if the type holds the value itself. Then floor and ceiling are equal; but for the two
    /// zeros of a float they are the same.
    pub(super) is_exact: bool,
}

/// The place of a value among those of a type; `None` if the two cannot be compared.
pub(super) fn of(value: &Value, data_type: &DataType) -> Option<Place> {
    match value {
        Value::Bool(value) => {
            let value = ScalarValue::Boolean(Some(*value));
            (*data_type == DataType::Boolean).then(|| exactly(value))
        }
        Value::Text(text) => of_text(text, data_type),
        Value::Integer(number) => of_number(Number { digits: *number, scale: 0 }, data_type),
        Value::Decimal(number) => {
            of_number(Number { digits: *number, scale: DECIMAL_DIGITS }, data_type)
        }
        Value::Instant(instant) => of_instant(*instant, data_type),
    }
}

fn exactly(value: ScalarValue) -> Place {
    Place { floor: Some(value.clone()), ceiling: Some(value), is_exact: true }
}

fn of_text(text: &str, data_type: &DataType) -> Option<Place> {
    let text = Some(text.to_owned());
    match data_type {
        DataType::Utf8 => Some(exactly(ScalarValue::Utf8(text))),
        DataType::LargeUtf8 => Some(exactly(ScalarValue::LargeUtf8(text))),
        DataType::Utf8View => Some(exactly(ScalarValue::Utf8View(text))),
        DataType::Dictionary(key, values) => {
            let within = of_text(&text?, values)?.floor?;
            Some(exactly(ScalarValue::Dictionary(key.clone(), Box::new(within))))
        }
        _ => None,
    }
}

/// A number: its digits, of which so many are after the point.
#[derive(Clone, Copy)]
struct Number {
    digits: i64,
    scale: i16,
}

fn of_number(number: Number, data_type: &DataType) -> Option<Place> {
    let scale = match data_type {
        DataType::Float32 => {
            let finite = |value: f32| value.is_finite().then_some(value);
            let around = around(number, number.near() as f32, (f32::next_down, f32::next_up));
            return Some(around.place(|value| Some(ScalarValue::Float32(Some(finite(value)?)))));
        }
        DataType::Float64 => {
            let around = around(number, number.near(), (f64::next_down, f64::next_up));
            return Some(around.place(|value| Some(ScalarValue::Float64(Some(value)))));
        }
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => i16::from(*scale),
        whole if whole.is_integer() => 0,
        _ => return None,
    };
    let ten = |power: i16| i256::from(10).checked_pow(u32::try_from(power).ok()?);
    let digits = i256::from(number.digits);
    match scale - number.scale {
        // More digits than any type has: what is not zero is beyond its values.
        up @ 0.. => {
            let beyond = if digits.is_negative() { i256::MIN } else { i256::MAX };
            let units = match ten(up) {
                Some(factor) => digits.checked_mul(factor).unwrap_or(beyond),
                None if number.digits == 0 => digits,
                None => beyond,
            };
            counted(units, i256::ONE, data_type)
        }
        down => counted(digits, ten(-down).unwrap_or(i256::MAX), data_type),
    }
}

fn of_instant(instant: DateTime<Utc>, data_type: &DataType) -> Option<Place> {
    let nanos_of_unit = match data_type {
        DataType::Date32 => NANOS_OF_DAY,
        DataType::Date64 | DataType::Timestamp(TimeUnit::Millisecond, _) => 1_000_000,
        DataType::Timestamp(TimeUnit::Second, _) => NANOS_OF_SECOND,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 1_000,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 1,
        _ => return None,
    };
    let nanos = i128::from(instant.timestamp()) * i128::from(NANOS_OF_SECOND)
        + i128::from(instant.timestamp_subsec_nanos());
    counted(i256::from_i128(nanos), i256::from(nanos_of_unit), data_type)
}

/// Places a fraction among the values of a type that counts units.
fn counted(numerator: i256, denominator: i256, data_type: &DataType) -> Option<Place> {
    let (least, most) = range(data_type)?;
    let rest = numerator.checked_rem(denominator)?;
    let toward_zero = numerator.checked_div(denominator)?;
    let is_whole = rest == i256::ZERO;
    let floor = if rest.is_negative() { toward_zero.checked_sub(i256::ONE)? } else { toward_zero };
    let ceiling = if is_whole { floor } else { floor.checked_add(i256::ONE)? };
    let value = |units: i256| unit(units, data_type);
    Some(Place {
        floor: if floor < least { None } else { Some(value(floor.min(most))?) },
        ceiling: if ceiling > most { None } else { Some(value(ceiling.max(least))?) },
        is_exact: is_whole && (least..=most).contains(&floor),
    })
}

/// The least and the most units that a type holds.
fn range(data_type: &DataType) -> Option<(i256, i256)> {
    let wide = |least: i128, most: i128| Some((i256::from_i128(least), i256::from_i128(most)));
    match data_type {
        DataType::Int8 => wide(i8::MIN.into(), i8::MAX.into()),
        DataType::Int16 => wide(i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 | DataType::Date32 | DataType::Decimal32(..) => {
            wide(i32::MIN.into(), i32::MAX.into())
        }
        DataType::Int64 | DataType::Date64 | DataType::Timestamp(..) | DataType::Decimal64(..) => {
            wide(i64::MIN.into(), i64::MAX.into())
        }
        DataType::UInt8 => wide(0, u8::MAX.into()),
        DataType::UInt16 => wide(0, u16::MAX.into()),
        DataType::UInt32 => wide(0, u32::MAX.into()),
        DataType::UInt64 => wide(0, u64::MAX.into()),
        DataType::Decimal128(..) => wide(i128::MIN, i128::MAX),
        // The outermost two stand for all that is beyond them.
        DataType::Decimal256(..) => {
            Some((i256::MIN.checked_add(i256::ONE)?, i256::MAX.checked_sub(i256::ONE)?))
        }
        _ => None,
    }
}

/// So many units of a type, which holds them.
fn unit(units: i256, data_type: &DataType) -> Option<ScalarValue> {
    use ScalarValue as S;
    let narrow = units.to_i128();
    let small = narrow.and_then(|units| i64::try_from(units).ok());
    Some(match data_type {
        DataType::Int8 => S::Int8(Some(i8::try_from(small?).ok()?)),
        DataType::Int16 => S::Int16(Some(i16::try_from(small?).ok()?)),
        DataType::Int32 => S::Int32(Some(i32::try_from(small?).ok()?)),
        DataType::Int64 => S::Int64(Some(small?)),
        DataType::UInt8 => S::UInt8(Some(u8::try_from(small?).ok()?)),
        DataType::UInt16 => S::UInt16(Some(u16::try_from(small?).ok()?)),
        DataType::UInt32 => S::UInt32(Some(u32::try_from(small?).ok()?)),
        DataType::UInt64 => S::UInt64(Some(u64::try_from(narrow?).ok()?)),
        DataType::Decimal32(p, s) => S::Decimal32(Some(i32::try_from(small?).ok()?), *p, *s),
        DataType::Decimal64(p, s) => S::Decimal64(Some(small?), *p, *s),
        DataType::Decimal128(p, s) => S::Decimal128(Some(narrow?), *p, *s),
        DataType::Decimal256(p, s) => S::Decimal256(Some(units), *p, *s),
        DataType::Date32 => S::Date32(Some(i32::try_from(small?).ok()?)),
        DataType::Date64 => S::Date64(Some(small?)),
        DataType::Timestamp(TimeUnit::Second, zone) => S::TimestampSecond(small, zone.clone()),
        DataType::Timestamp(TimeUnit::Millisecond, zone) => {
            S::TimestampMillisecond(small, zone.clone())
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            S::TimestampMicrosecond(small, zone.clone())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            S::TimestampNanosecond(small, zone.clone())
        }
        _ => return None,
    })
}

impl Number {
    /// A float near it.
    fn near(self) -> f64 {
        self.digits as f64 / 10_f64.powi(i32::from(self.scale))
    }

    /// How a float compares with it, exactly: both are brought to whole numbers.
    fn compared_with(self, float: f64) -> Ordering {
        let bits = float.to_bits();
        let exponent = i32::try_from((bits >> 52) & 0x7ff).unwrap_or_default();
        let fraction = i128::from(bits & ((1 << 52) - 1));
        let mantissa = if exponent == 0 { fraction } else { fraction | (1 << 52) };
        let mantissa = if float.is_sign_negative() { -mantissa } else { mantissa };
        let exponent = exponent.max(1) - 1075;
        let power =
            |base: i64, power: i32| i256::from(base).checked_pow(u32::try_from(power.max(0)).ok()?);
        let whole = || {
            let float = i256::from_i128(mantissa).checked_mul(power(2, exponent)?)?;
            let float = float.checked_mul(power(10, i32::from(self.scale))?)?;
            let number = i256::from(self.digits).checked_mul(power(2, -exponent)?)?;
            Some(float.cmp(&number))
        };
        // Only what is far from every number of this kind is too large for that.
        whole().unwrap_or_else(|| float.total_cmp(&self.near()))
    }
}

/// The floats on both sides of a number.
struct Around<F> {
    floor: F,
    ceiling: F,
    is_exact: bool,
}

impl<F> Around<F> {
    fn place(self, value: impl Fn(F) -> Option<ScalarValue>) -> Place {
        let Self { floor, ceiling, is_exact } = self;
        Place { floor: value(floor), ceiling: value(ceiling), is_exact }
    }
}

/// Looks for them from `near` on.
fn around<F: Copy + Into<f64> + Default + std::ops::Neg<Output = F>>(
    number: Number,
    near: F,
    (down, up): (impl Fn(F) -> F, impl Fn(F) -> F),
) -> Around<F> {
    let compared = |float: F| number.compared_with(float.into());
    if number.digits == 0 {
        return Around { floor: F::default(), ceiling: -F::default(), is_exact: true };
    }
    let mut floor = near;
    while compared(floor) == Ordering::Greater {
        floor = down(floor);
    }
    while compared(up(floor)) != Ordering::Greater {
        floor = up(floor);
    }
    let is_exact = compared(floor) == Ordering::Equal;
    Around { floor, ceiling: if is_exact { floor } else { up(floor) }, is_exact }
}
