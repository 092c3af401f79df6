//! Types that hold less than before, or something else.

use crate::mesh_catalog::postgres::type_numbers::{
    BIGINT, BPCHAR, DOUBLE, INTEGER, NUMERIC, REAL, SMALLINT, TEXT, VARCHAR,
};
use crate::mesh_catalog::postgres::{PostgresType, known_type};
use crate::product::{Column, LogicalType};

/// What a consumer loses by the new type of a column: the end of a sentence that begins with the column.
///
/// Returns `None` if each value that was promised still fits, or nothing was promised.
pub(super) fn narrowing(old: &Column, new: &Column) -> Option<String> {
    let change = || Some(format!("changes from {} to {}", word(old), word(new)));
    match (old.logical_type, new.logical_type) {
        (Some(before), Some(after)) if before != after => return change(),
        (Some(_), None) if new.physical_type.is_none() => return change(),
        _ => {}
    }
    let (Some(before), Some(after)) = (&old.physical_type, &new.physical_type) else {
        // Only one of them says how the source keeps it: the meaning is the promise.
        return None;
    };
    if same_word(before, after) || is_judged_by_its_parts(old, new) {
        return None;
    }
    match (by_word(before), by_word(after)) {
        (Some(held), Some(offered)) if holds(offered, held, (before, after)) => None,
        _ => change(),
    }
}

/// The type that an owner's word means, whatever the column is about.
fn by_word(word: &str) -> Option<PostgresType> {
    known_type(&Column { physical_type: Some(word.to_owned()), ..Column::default() })
}

/// True for what children say more exactly than the words for the whole.
fn is_judged_by_its_parts(old: &Column, new: &Column) -> bool {
    let is_nested = |column: &Column| {
        let nested = [LogicalType::Object, LogicalType::Array, LogicalType::Map];
        column.logical_type.is_some_and(|logical| nested.contains(&logical))
            && !column.children.is_empty()
    };
    is_nested(old) && is_nested(new)
}

/// True if every value of `held` fits into `offered`.
fn holds(offered: PostgresType, held: PostgresType, (before, after): (&str, &str)) -> bool {
    match (held.oid, offered.oid) {
        (SMALLINT, SMALLINT) => is_byte(before) || !is_byte(after),
        (SMALLINT, INTEGER | BIGINT) | (INTEGER, INTEGER | BIGINT) | (REAL, DOUBLE) => true,
        (NUMERIC, NUMERIC) => match (digits(held), digits(offered)) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some((whole, scale)), Some((wider, finer))) => wider >= whole && finer >= scale,
        },
        (TEXT | VARCHAR | BPCHAR, TEXT) => true,
        (VARCHAR | BPCHAR, VARCHAR | BPCHAR) => match (held.length(), offered.length()) {
            (Some(held), Some(offered)) => offered >= held,
            (_, None) => true,
            (None, Some(_)) => false,
        },
        _ => held == offered,
    }
}

/// PostgreSQL has no whole number of one byte.
fn is_byte(word: &str) -> bool {
    matches!(word.trim().to_ascii_lowercase().as_str(), "tinyint" | "byte" | "int8_t")
}

/// Digits before and after the point.
fn digits(number: PostgresType) -> Option<(i32, i32)> {
    let (precision, scale) = number.precision().zip(number.scale())?;
    Some((precision - scale, scale))
}

fn same_word(left: &str, right: &str) -> bool {
    let plain = |word: &str| {
        let letters = word.chars().filter(|letter| !letter.is_whitespace());
        letters.collect::<String>().to_ascii_lowercase()
    };
    plain(left) == plain(right)
}

fn word(column: &Column) -> String {
    let logical = column.logical_type.map(LogicalType::as_str);
    match (&column.physical_type, logical) {
        (Some(physical), Some(logical)) => format!("{logical} ({physical})"),
        (Some(physical), None) => physical.clone(),
        (None, Some(logical)) => logical.to_owned(),
        (None, None) => "any type".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_may_hold_more_but_not_less_or_something_else() {
        use LogicalType::{Array, Integer, Number, String};
        for (old, new, is_kept) in [
            ((Some(Integer), None), (Some(Integer), None), true),
            ((Some(Integer), None), (Some(Number), None), false),
            ((Some(Integer), Some("BIGINT")), (Some(String), Some("BIGINT")), false),
            ((None, Some("INT")), (None, Some("BIGINT")), true),
            ((None, Some("BIGINT")), (None, Some("int")), false),
            ((None, Some("tinyint")), (None, Some("smallint")), true),
            ((None, Some("smallint")), (None, Some("tinyint")), false),
            ((None, Some("float")), (None, Some("double")), true),
            ((None, Some("double")), (None, Some("float")), false),
            ((None, Some("INT")), (None, Some("DOUBLE")), false),
            ((None, Some("DECIMAL(12,2)")), (None, Some("decimal( 12, 2 )")), true),
            ((None, Some("DECIMAL(12,2)")), (None, Some("DECIMAL(14,4)")), true),
            ((None, Some("DECIMAL(12,2)")), (None, Some("DECIMAL(12,4)")), false),
            ((None, Some("DECIMAL(12,2)")), (None, Some("DECIMAL(12,1)")), false),
            ((None, Some("VARCHAR(20)")), (None, Some("VARCHAR(30)")), true),
            ((None, Some("VARCHAR(20)")), (None, Some("VARCHAR(10)")), false),
            ((None, Some("VARCHAR(20)")), (None, Some("TEXT")), true),
            ((None, Some("TEXT")), (None, Some("VARCHAR(20)")), false),
            ((None, Some("timestamp")), (None, Some("timestamptz")), false),
            ((None, Some("timestamp")), (None, Some("TIMESTAMP_NTZ")), true),
            ((None, Some("geography")), (None, Some("GEOGRAPHY")), true),
            ((None, Some("geography")), (None, Some("geometry")), false),
            ((Some(Array), Some("ARRAY<INT>")), (Some(Array), Some("ARRAY<BIGINT>")), false),
            ((Some(Integer), None), (Some(Integer), Some("INT")), true),
            ((None, None), (Some(Integer), Some("INT")), true),
            ((Some(Integer), None), (None, None), false),
        ] {
            let column = |(logical_type, physical): (Option<LogicalType>, Option<&str>)| Column {
                logical_type,
                physical_type: physical.map(str::to_owned),
                ..Column::default()
            };
            let lost = narrowing(&column(old), &column(new));
            assert_eq!(lost.is_none(), is_kept, "{old:?} to {new:?}: {lost:?}");
        }
    }
}
