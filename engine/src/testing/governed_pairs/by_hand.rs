//! What a principal may see of a table, computed row by row.
//!
//! Knows nothing of how the engine does it: no array, no expression, no plan. The rules are those of
//! the documentation of policies.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use datafusion::arrow::datatypes::{DataType, Field};
use sha2::{Digest, Sha256};

use super::cells::{CHARACTERS, Cell, Family, family, units_per_second};
use crate::authorizer::{Comparison, Mask, Obligations, RowPredicate, Value};

/// The digits after the point that all numbers are brought to.
const DIGITS: u32 = 9;

const NANOS_OF_DAY: i128 = 86_400_000_000_000;

/// The columns and rows that may be seen, as they may be seen. `promised` are the columns that a
/// contract says hold no NULL.
pub(super) fn seen(
    (columns, rows): (&[Field], &[Vec<Cell>]),
    obligations: &Obligations,
    promised: &BTreeSet<String>,
) -> (Vec<Field>, Vec<Vec<Cell>>) {
    let is_there = |column: &Field| !obligations.absent.contains(column.name());
    let is_seen = |row: &&Vec<Cell>| match &obligations.row_filter {
        Some(filter) => truth(filter, columns, row) == Some(true),
        None => true,
    };
    let shown = |row: &Vec<Cell>| {
        let cells = columns.iter().zip(row).filter(|(column, _)| is_there(column));
        let cell = |(column, cell): (&Field, &Cell)| {
            let may_be_null = column.is_nullable() && !promised.contains(column.name());
            match obligations.masks.get(column.name()) {
                Some(mask) => masked(*mask, cell, (column.data_type(), may_be_null)),
                None => cell.clone(),
            }
        };
        cells.map(cell).collect()
    };
    let fields = columns.iter().filter(|column| is_there(column)).cloned().collect();
    (fields, rows.iter().filter(is_seen).map(shown).collect())
}

/// True, false, or `None` for what SQL calls NULL.
fn truth(predicate: &RowPredicate, columns: &[Field], row: &[Cell]) -> Option<bool> {
    let cell = |name: &str| {
        let mut all = columns.iter().zip(row);
        all.find(|(column, _)| column.name() == name)
            .map(|(column, cell)| (column.data_type(), cell))
    };
    match predicate {
        RowPredicate::Constant(constant) => Some(*constant),
        RowPredicate::IsNull(column) => Some(cell(column)?.1 == &Cell::Null),
        RowPredicate::Compare { column, comparison, value } => {
            let (data_type, cell) = cell(column)?;
            let ordering = compared(cell, data_type, value)?;
            Some(match comparison {
                Comparison::Equal => ordering.is_eq(),
                Comparison::NotEqual => ordering.is_ne(),
                Comparison::Less => ordering.is_lt(),
                Comparison::LessOrEqual => ordering.is_le(),
                Comparison::Greater => ordering.is_gt(),
                Comparison::GreaterOrEqual => ordering.is_ge(),
            })
        }
        RowPredicate::In { column, values } => {
            let (data_type, cell) = cell(column)?;
            if cell == &Cell::Null {
                return None;
            }
            let is_it = |value| compared(cell, data_type, value) == Some(Ordering::Equal);
            Some(values.iter().any(is_it))
        }
        RowPredicate::And(parts) => {
            let all: Vec<_> = parts.iter().map(|part| truth(part, columns, row)).collect();
            if all.contains(&Some(false)) {
                return Some(false);
            }
            if all.contains(&None) { None } else { Some(true) }
        }
        RowPredicate::Or(parts) => {
            let any: Vec<_> = parts.iter().map(|part| truth(part, columns, row)).collect();
            if any.contains(&Some(true)) {
                return Some(true);
            }
            if any.contains(&None) { None } else { Some(false) }
        }
        RowPredicate::Not(inner) => truth(inner, columns, row).map(|truth| !truth),
    }
}

/// How a cell compares with a value; `None` for NULL.
fn compared(cell: &Cell, data_type: &DataType, value: &Value) -> Option<Ordering> {
    match (cell, value) {
        (Cell::Bool(cell), Value::Bool(value)) => Some(cell.cmp(value)),
        (Cell::Text(cell), Value::Text(value)) => Some(cell.as_str().cmp(value)),
        (_, Value::Integer(value)) => {
            Some(number(cell, data_type)?.cmp(&(i128::from(*value) * ten(DIGITS))))
        }
        (_, Value::Decimal(value)) => {
            Some(number(cell, data_type)?.cmp(&(i128::from(*value) * ten(DIGITS - 4))))
        }
        (_, Value::Instant(value)) => Some(nanos(cell, data_type)?.cmp(&nanos_of(*value))),
        _ => None,
    }
}

fn ten(power: u32) -> i128 {
    10_i128.pow(power)
}

fn number(cell: &Cell, data_type: &DataType) -> Option<i128> {
    match (cell, data_type) {
        (Cell::Whole(number), _) => Some(number * ten(DIGITS)),
        (Cell::Units(units), DataType::Decimal128(_, scale)) => {
            Some(units * ten(DIGITS - u32::try_from(*scale).ok()?))
        }
        (Cell::Float(float), _) => Some((float * 4.0) as i128 * (ten(DIGITS) / 4)),
        _ => None,
    }
}

fn nanos(cell: &Cell, data_type: &DataType) -> Option<i128> {
    match (cell, data_type) {
        (Cell::Day(day), _) => Some(i128::from(*day) * NANOS_OF_DAY),
        (Cell::Count(count), DataType::Timestamp(unit, _)) => {
            Some(i128::from(*count) * (ten(9) / i128::from(units_per_second(*unit))))
        }
        _ => None,
    }
}

fn nanos_of(instant: DateTime<Utc>) -> i128 {
    i128::from(instant.timestamp()) * ten(9) + i128::from(instant.timestamp_subsec_nanos())
}

/// What is shown in place of a cell.
fn masked(mask: Mask, cell: &Cell, (data_type, may_be_null): (&DataType, bool)) -> Cell {
    let of = family(data_type);
    let is_binary =
        matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView);
    let is_fitting = match mask {
        Mask::Null => may_be_null,
        Mask::FixedValue => false,
        Mask::Sha256Global | Mask::Sha256QueryLocal => {
            matches!(of, Family::Text | Family::Whole) || is_binary
        }
        Mask::Alphanum | Mask::ShowFirst4 | Mask::ShowLast4 => of == Family::Text,
        Mask::TruncateToMonth | Mask::TruncateToYear => {
            matches!(of, Family::Day | Family::Instant)
        }
    };
    if !is_fitting {
        return fixed(data_type);
    }
    match (mask, cell) {
        (Mask::Null, _) | (_, Cell::Null) => Cell::Null,
        (Mask::Sha256Global, _) => digested(b"", cell, data_type),
        (Mask::Sha256QueryLocal, _) => digested(b"whatever a query has", cell, data_type),
        (_, Cell::Text(text)) => Cell::Text(covered(mask, text)),
        (_, Cell::Day(day)) => Cell::Day(start(mask, *day)),
        (_, Cell::Count(count)) => Cell::Count(start_of_instant(mask, *count, data_type)),
        _ => fixed(data_type),
    }
}

fn covered(mask: Mask, text: &str) -> String {
    let length = text.chars().count();
    let shown = |place: usize| match mask {
        Mask::ShowFirst4 => place < 4,
        Mask::ShowLast4 => place + 4 >= length,
        _ => false,
    };
    let cover = |character: char| {
        let known = CHARACTERS.iter().find(|(known, _)| *known == character);
        known.map_or(character, |(_, cover)| *cover)
    };
    let all = text.chars().enumerate();
    all.map(|(place, character)| if shown(place) { character } else { cover(character) }).collect()
}

fn start(mask: Mask, day: i32) -> i32 {
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap_or_default();
    let date = NaiveDate::from_num_days_from_ce_opt(epoch.num_days_from_ce() + day);
    let month = |date: NaiveDate| if mask == Mask::TruncateToYear { 1 } else { date.month() };
    let first = date.and_then(|date| NaiveDate::from_ymd_opt(date.year(), month(date), 1));
    first.map_or(0, |first| first.num_days_from_ce() - epoch.num_days_from_ce())
}

fn start_of_instant(mask: Mask, count: i64, data_type: &DataType) -> i64 {
    let DataType::Timestamp(unit, _) = data_type else { return 0 };
    let counts_of_day = 86_400 * units_per_second(*unit);
    let day = i32::try_from(count.div_euclid(counts_of_day)).unwrap_or_default();
    i64::from(start(mask, day)) * counts_of_day
}

fn digested(salt: &[u8], cell: &Cell, data_type: &DataType) -> Cell {
    let digest = |bytes: &[u8]| Sha256::digest([salt, bytes].concat());
    match cell {
        Cell::Text(text) => {
            let digits = digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            Cell::Text(digits)
        }
        Cell::Bytes(bytes) => Cell::Bytes(digest(bytes).to_vec()),
        Cell::Whole(number) => Cell::Whole(digested_number(*number, data_type, digest)),
        _ => fixed(data_type),
    }
}

/// The first bytes of the digest of a number's own bytes, as many as it has.
fn digested_number(
    number: i128,
    data_type: &DataType,
    digest: impl Fn(&[u8]) -> sha2::digest::Output<Sha256>,
) -> i128 {
    let width = data_type.primitive_width().unwrap_or(8);
    let own: Vec<u8> = number.to_le_bytes().into_iter().take(width).collect();
    let mut first = [0; 8];
    for (place, byte) in first.iter_mut().zip(digest(&own).iter().take(width)) {
        *place = *byte;
    }
    let bits = u64::from_le_bytes(first);
    match data_type {
        DataType::Int8 => i128::from(bits as i8),
        DataType::Int16 => i128::from(bits as i16),
        DataType::Int32 => i128::from(bits as i32),
        DataType::Int64 => i128::from(bits as i64),
        _ => i128::from(bits),
    }
}

fn fixed(data_type: &DataType) -> Cell {
    match data_type {
        DataType::FixedSizeBinary(width) => {
            Cell::Bytes(vec![0; usize::try_from(*width).unwrap_or_default()])
        }
        DataType::List(_) => Cell::List(Vec::new()),
        DataType::Struct(_) => Cell::Pair("X".repeat(8), 0),
        DataType::Timestamp(..) | DataType::Time64(_) => Cell::Count(0),
        _ => match family(data_type) {
            Family::Whole => Cell::Whole(0),
            Family::Exact => Cell::Units(0),
            Family::Float => Cell::Float(0.0),
            Family::Text => Cell::Text("X".repeat(8)),
            Family::Bool => Cell::Bool(false),
            Family::Day => Cell::Day(0),
            Family::Instant => Cell::Count(0),
            Family::Plain | Family::Nested => Cell::Bytes(Vec::new()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_those_of_the_documentation() {
        let text = |text: &str| Cell::Text(text.to_owned());
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for (mask, data_type, cell, expected) in [
            (Mask::Alphanum, DataType::Utf8, text("Ab-4€"), text("xx-n€")),
            (Mask::ShowFirst4, DataType::Utf8, text("Ab-47 中"), text("Ab-4n x")),
            (Mask::ShowLast4, DataType::Utf8, text("Ab-47 中"), text("xx-47 中")),
            (Mask::ShowLast4, DataType::Utf8, text("Ab"), text("Ab")),
            (Mask::Sha256Global, DataType::LargeUtf8, text("abc"), text(digest)),
            (Mask::TruncateToYear, DataType::Date32, Cell::Day(20_000), Cell::Day(19_723)),
            (Mask::TruncateToMonth, DataType::Date32, Cell::Day(-1), Cell::Day(-31)),
            (Mask::FixedValue, DataType::Utf8, Cell::Null, text(&"X".repeat(8))),
            (Mask::Alphanum, DataType::Int64, Cell::Whole(7), Cell::Whole(0)),
            (Mask::Null, DataType::Int64, Cell::Whole(7), Cell::Null),
            (Mask::Alphanum, DataType::Utf8, Cell::Null, Cell::Null),
        ] {
            assert_eq!(masked(mask, &cell, (&data_type, true)), expected, "{mask} on {cell:?}");
        }
    }
}
