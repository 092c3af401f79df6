//! Values of tables that are made up, and the arrays that hold them.

use datafusion::arrow::array::{ArrayRef, new_empty_array};
use datafusion::arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use datafusion::common::Result as DataFusionResult;
use datafusion::common::scalar::ScalarStructBuilder;
use datafusion::scalar::ScalarValue;

use super::dice::Dice;

/// One value, whatever array it comes to lie in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    Bool(bool),
    /// A whole number of any width.
    Whole(i128),
    /// A decimal, in units of its column.
    Units(i128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// Days since 1970.
    Day(i32),
    /// An instant, or a time of day, in units of its column.
    Count(i64),
    List(Vec<i64>),
    Pair(String, i64),
}

/// What can be done with a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Whole,
    Exact,
    Float,
    Text,
    Bool,
    Day,
    Instant,
    /// Binary and times of day: they have an order, and that is all.
    Plain,
    Nested,
}

/// What a character of a text is, for who covers it.
pub(super) const CHARACTERS: [(char, char); 18] = [
    ('A', 'x'),
    ('b', 'x'),
    ('q', 'x'),
    ('Z', 'x'),
    ('å', 'x'),
    ('ß', 'x'),
    ('中', 'x'),
    ('0', 'n'),
    ('4', 'n'),
    ('7', 'n'),
    ('٣', 'n'),
    ('½', 'n'),
    (' ', ' '),
    ('-', '-'),
    ('_', '_'),
    ('%', '%'),
    ('€', '€'),
    ('🎵', '🎵'),
];

/// Texts that casts can read; their characters are covered by what [`CHARACTERS`] says.
pub(super) const READABLE: [&str; 5] = ["7", "40", "-4", "0", "4077-07-07"];

const UNITS_OF_TIME: [TimeUnit; 4] =
    [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];

pub(super) fn units_per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

pub(super) fn pair_fields() -> Fields {
    vec![Field::new("a", DataType::Utf8, true), Field::new("b", DataType::Int64, true)].into()
}

/// A type of a column.
pub(super) fn any_type(dice: &mut Dice) -> DataType {
    let dictionary = |key| DataType::Dictionary(Box::new(key), Box::new(DataType::Utf8));
    let types = [
        DataType::Boolean,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int32,
        DataType::Int64,
        DataType::Int64,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float32,
        DataType::Float64,
        DataType::Decimal128(10, 2),
        DataType::Decimal128(24, 6),
        DataType::Utf8,
        DataType::Utf8,
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        dictionary(DataType::Int32),
        dictionary(DataType::UInt8),
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
        DataType::FixedSizeBinary(4),
        DataType::Date32,
        DataType::Date32,
        DataType::Date64,
        DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Time64(TimeUnit::Microsecond),
        DataType::new_list(DataType::Int64, true),
        DataType::Struct(pair_fields()),
    ];
    if dice.once_in(12) {
        let unit = dice.one(&UNITS_OF_TIME).copied().unwrap_or(TimeUnit::Second);
        return DataType::Timestamp(unit, dice.once_in(2).then(|| "UTC".into()));
    }
    dice.one(&types).cloned().unwrap_or(DataType::Int64)
}

/// What can be done with a column of this type.
pub(super) fn family(data_type: &DataType) -> Family {
    match data_type {
        whole if whole.is_integer() => Family::Whole,
        DataType::Decimal128(..) => Family::Exact,
        DataType::Float32 | DataType::Float64 => Family::Float,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
            Family::Text
        }
        DataType::Boolean => Family::Bool,
        DataType::Date32 | DataType::Date64 => Family::Day,
        DataType::Timestamp(..) => Family::Instant,
        DataType::List(_) | DataType::Struct(_) => Family::Nested,
        _ => Family::Plain,
    }
}

/// Texts that a mesh is made of: few, so that they meet.
pub(super) fn texts(dice: &mut Dice) -> Vec<String> {
    let mut texts: Vec<String> = READABLE.map(str::to_owned).to_vec();
    for _ in 0..9 {
        let length = dice.roll(9);
        let character = |_| dice.one(&CHARACTERS).map(|(character, _)| *character);
        texts.push((0..length).filter_map(character).collect());
    }
    texts
}

/// A value of a type, that is never NULL. Floats are whole quarters, so that sums of them are exact.
pub(super) fn any_cell(dice: &mut Dice, data_type: &DataType, texts: &[String]) -> Cell {
    let least = if data_type.is_unsigned_integer() { 0 } else { -10 };
    let small = dice.between(least, 40);
    match data_type {
        DataType::Boolean => Cell::Bool(dice.once_in(2)),
        DataType::Decimal128(..) => Cell::Units(i128::from(dice.between(-1_000, 4_000))),
        DataType::Float32 | DataType::Float64 => Cell::Float(small as f64 / 4.0),
        DataType::FixedSizeBinary(width) => {
            let byte = dice.roll(5) as u8;
            Cell::Bytes(vec![byte; usize::try_from(*width).unwrap_or_default()])
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            let length = dice.roll(5);
            Cell::Bytes((0..length).map(|_| dice.roll(3) as u8).collect())
        }
        DataType::Date32 | DataType::Date64 => Cell::Day(any_day(dice)),
        DataType::Timestamp(unit, _) => {
            let seconds = i64::from(any_day(dice)) * 86_400 + dice.between(0, 3) * 21_600;
            Cell::Count(seconds * units_per_second(*unit))
        }
        DataType::Time64(_) => Cell::Count(dice.between(0, 23) * 3_600_000_000),
        DataType::List(_) => {
            let length = dice.roll(4);
            Cell::List((0..length).map(|_| dice.between(0, 9)).collect())
        }
        DataType::Struct(_) => Cell::Pair(any_text(dice, texts), small),
        _ if family(data_type) == Family::Text => Cell::Text(any_text(dice, texts)),
        _ => Cell::Whole(i128::from(small)),
    }
}

/// One of the texts.
pub(super) fn any_text(dice: &mut Dice, texts: &[String]) -> String {
    dice.one(texts).cloned().unwrap_or_default()
}

/// A day of three years around 1970, or of three years around 2024.
pub(super) fn any_day(dice: &mut Dice) -> i32 {
    let from = if dice.once_in(4) { -500 } else { 19_500 };
    (from + dice.between(0, 24) * 41) as i32
}

/// The column of these values.
///
/// # Errors
///
/// When one of them is none of this type.
pub(super) fn array<'a>(
    data_type: &DataType,
    cells: impl Iterator<Item = &'a Cell>,
) -> DataFusionResult<ArrayRef> {
    let scalars: DataFusionResult<Vec<ScalarValue>> =
        cells.map(|cell| scalar(data_type, cell)).collect();
    match scalars? {
        none if none.is_empty() => Ok(new_empty_array(data_type)),
        scalars => ScalarValue::iter_to_array(scalars),
    }
}

fn scalar(data_type: &DataType, cell: &Cell) -> DataFusionResult<ScalarValue> {
    use ScalarValue as S;
    Ok(match (data_type, cell) {
        (_, Cell::Null) => S::try_new_null(data_type)?,
        (_, Cell::Bool(value)) => S::Boolean(Some(*value)),
        (DataType::Int8, Cell::Whole(n)) => S::Int8(Some(*n as i8)),
        (DataType::Int16, Cell::Whole(n)) => S::Int16(Some(*n as i16)),
        (DataType::Int32, Cell::Whole(n)) => S::Int32(Some(*n as i32)),
        (DataType::UInt8, Cell::Whole(n)) => S::UInt8(Some(*n as u8)),
        (DataType::UInt16, Cell::Whole(n)) => S::UInt16(Some(*n as u16)),
        (DataType::UInt32, Cell::Whole(n)) => S::UInt32(Some(*n as u32)),
        (DataType::UInt64, Cell::Whole(n)) => S::UInt64(Some(*n as u64)),
        (_, Cell::Whole(n)) => S::Int64(Some(*n as i64)),
        (DataType::Decimal128(digits, scale), Cell::Units(units)) => {
            S::Decimal128(Some(*units), *digits, *scale)
        }
        (_, Cell::Units(units)) => S::Decimal128(Some(*units), 38, 0),
        (DataType::Float32, Cell::Float(value)) => S::Float32(Some(*value as f32)),
        (_, Cell::Float(value)) => S::Float64(Some(*value)),
        (DataType::LargeUtf8, Cell::Text(text)) => S::LargeUtf8(Some(text.clone())),
        (DataType::Utf8View, Cell::Text(text)) => S::Utf8View(Some(text.clone())),
        (DataType::Dictionary(key, values), Cell::Text(_)) => {
            S::Dictionary(key.clone(), Box::new(scalar(values, cell)?))
        }
        (_, Cell::Text(text)) => S::Utf8(Some(text.clone())),
        (DataType::LargeBinary, Cell::Bytes(bytes)) => S::LargeBinary(Some(bytes.clone())),
        (DataType::BinaryView, Cell::Bytes(bytes)) => S::BinaryView(Some(bytes.clone())),
        (DataType::FixedSizeBinary(width), Cell::Bytes(bytes)) => {
            S::FixedSizeBinary(*width, Some(bytes.clone()))
        }
        (_, Cell::Bytes(bytes)) => S::Binary(Some(bytes.clone())),
        (DataType::Date64, Cell::Day(day)) => S::Date64(Some(i64::from(*day) * 86_400_000)),
        (_, Cell::Day(day)) => S::Date32(Some(*day)),
        (DataType::Timestamp(TimeUnit::Second, zone), Cell::Count(count)) => {
            S::TimestampSecond(Some(*count), zone.clone())
        }
        (DataType::Timestamp(TimeUnit::Millisecond, zone), Cell::Count(count)) => {
            S::TimestampMillisecond(Some(*count), zone.clone())
        }
        (DataType::Timestamp(TimeUnit::Microsecond, zone), Cell::Count(count)) => {
            S::TimestampMicrosecond(Some(*count), zone.clone())
        }
        (DataType::Timestamp(TimeUnit::Nanosecond, zone), Cell::Count(count)) => {
            S::TimestampNanosecond(Some(*count), zone.clone())
        }
        (_, Cell::Count(count)) => S::Time64Microsecond(Some(*count)),
        (_, Cell::List(items)) => {
            let items: Vec<S> = items.iter().map(|item| S::Int64(Some(*item))).collect();
            S::List(S::new_list_nullable(&items, &DataType::Int64))
        }
        (_, Cell::Pair(a, b)) => ScalarStructBuilder::new()
            .with_scalar(Field::new("a", DataType::Utf8, true), S::Utf8(Some(a.clone())))
            .with_scalar(Field::new("b", DataType::Int64, true), S::Int64(Some(*b)))
            .build()?,
    })
}
