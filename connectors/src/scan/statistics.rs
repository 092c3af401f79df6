//! What metadata says about values, at two levels.
//!
//! | level | read by | rule |
//! | --- | --- | --- |
//! | one file | skipping the file, constant columns; only what is *exact* counts | every valid bound is exact |
//! | the scan | answers to `count`, `min`, `max`; the order of joins | exact only if no row could say otherwise |
//!
//! The two are never mixed: a bound that is good enough to skip a file may be no answer.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::scalar::ScalarValue;

use super::{Bounds, LakeFile};

/// What decides whether a file can be skipped; by the columns of `schema`.
pub(crate) fn of_file(file: &LakeFile, schema: &SchemaRef) -> Statistics {
    let rows = file.rows.map(to_usize);
    let column = |(index, field): (usize, &Arc<datafusion::arrow::datatypes::Field>)| match file
        .constant(index)
    {
        Some(value) => constant(value, rows),
        None => file.bounds.get(index).map_or_else(ColumnStatistics::new_unknown, |bounds| {
            bounded(bounds, field.data_type(), file)
        }),
    };
    Statistics {
        num_rows: rows.map_or(Precision::Absent, Precision::Exact),
        total_byte_size: Precision::Absent,
        column_statistics: schema.fields().iter().enumerate().map(column).collect(),
    }
}

/// A column whose minimum and maximum are one, without NULLs, or which is all NULL, is never read
/// from the file: DataFusion puts the value in its place.
fn constant(value: &ScalarValue, rows: Option<usize>) -> ColumnStatistics {
    let unknown = ColumnStatistics::new_unknown();
    if value.is_null() {
        return unknown.with_null_count(rows.map_or(Precision::Absent, Precision::Exact));
    }
    unknown
        .with_min_value(Precision::Exact(value.clone()))
        .with_max_value(Precision::Exact(value.clone()))
        .with_null_count(Precision::Exact(0))
}

fn bounded(bounds: &Bounds, data_type: &DataType, file: &LakeFile) -> ColumnStatistics {
    let has_deletes = file.may_lack_rows();
    // NaN lies in no bound, but above all.
    let is_bounded = !data_type.is_floating() || bounds.has_no_nan;
    let precise = |value: &Option<ScalarValue>| match value {
        Some(value) if is_bounded && !value.is_null() => Precision::Exact(value.clone()),
        _ => Precision::Absent,
    };
    let is_text = !(data_type.is_numeric() || data_type.is_temporal());
    let is_all_null = bounds.nulls.is_some() && bounds.nulls == file.rows;
    let nulls = match bounds.nulls.map(to_usize) {
        // With an exact number of NULLs a text column of one value would become a constant, and a
        // writer may have cut that value.
        Some(nulls) if is_text && !is_all_null => Precision::Inexact(nulls),
        Some(0) => Precision::Exact(0),
        Some(nulls) if !has_deletes => Precision::Exact(nulls),
        Some(nulls) => Precision::Inexact(nulls),
        None => Precision::Absent,
    };
    ColumnStatistics::new_unknown()
        .with_min_value(precise(&bounds.min))
        .with_max_value(precise(&bounds.max))
        .with_null_count(nulls)
}

/// What the scan of `files` as a whole can say; by the columns of `schema`.
pub(crate) fn of_scan(files: &[&LakeFile], schema: &SchemaRef) -> Statistics {
    let rows: Option<u64> = files.iter().map(|file| file.rows_at_most()).sum();
    let rows = rows.map_or(Precision::Absent, |rows| Precision::Exact(to_usize(rows)));
    let has_deleted_keys = files.iter().any(|file| file.has_deleted_keys);
    let has_deletes = has_deleted_keys || files.iter().any(|file| file.deleted_rows.is_some());
    let columns = schema.fields().iter().enumerate().map(|(index, field)| {
        let mut column = files
            .iter()
            .map(|file| answer(file, index, field.data_type()))
            .reduce(|one, other| merged(one, &other))
            .unwrap_or_else(ColumnStatistics::new_unknown);
        if has_deletes {
            column = column.to_inexact();
        }
        column
    });
    Statistics {
        num_rows: if has_deleted_keys { rows.to_inexact() } else { rows },
        total_byte_size: Precision::Inexact(to_usize(files.iter().map(|file| file.size).sum())),
        column_statistics: columns.collect(),
    }
}

fn answer(file: &LakeFile, index: usize, data_type: &DataType) -> ColumnStatistics {
    let unknown = ColumnStatistics::new_unknown();
    if let Some(value) = file.constant(index) {
        let nulls = if value.is_null() { file.rows } else { Some(0) };
        let bound = if value.is_null() { None } else { Some(value.clone()) };
        // In a file without rows, the value does not occur.
        let occurs = file.rows.is_some_and(|rows| rows > 0);
        let bounds =
            Bounds { min: bound.clone(), max: bound, nulls, attained: occurs, ..Bounds::default() };
        return answer_of(&bounds, data_type, file.rows);
    }
    file.bounds.get(index).map_or(unknown, |bounds| answer_of(bounds, data_type, file.rows))
}

fn answer_of(bounds: &Bounds, data_type: &DataType, rows: Option<u64>) -> ColumnStatistics {
    let is_answer = bounds.attained && (data_type.is_integer() || is_instant(data_type));
    let is_all_null = bounds.nulls.is_some() && bounds.nulls == rows;
    let precise = |value: &Option<ScalarValue>| match value {
        // Of a file in which everything is NULL, the bound is NULL, and known.
        None if is_all_null => {
            ScalarValue::try_new_null(data_type).map_or(Precision::Absent, Precision::Exact)
        }
        Some(value) if is_answer && !value.is_null() => Precision::Exact(value.clone()),
        Some(value) if !value.is_null() => Precision::Inexact(value.clone()),
        _ => Precision::Absent,
    };
    ColumnStatistics::new_unknown()
        .with_min_value(precise(&bounds.min))
        .with_max_value(precise(&bounds.max))
        .with_null_count(
            bounds.nulls.map_or(Precision::Absent, |nulls| Precision::Inexact(to_usize(nulls))),
        )
}

fn is_instant(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..))
}

fn merged(one: ColumnStatistics, other: &ColumnStatistics) -> ColumnStatistics {
    ColumnStatistics::new_unknown()
        .with_min_value(bound(&one.min_value, &other.min_value, Precision::min))
        .with_max_value(bound(&one.max_value, &other.max_value, Precision::max))
        .with_null_count(one.null_count.add(&other.null_count))
}

/// NULL is the bound of no value at all, and yields to any other.
fn bound(
    one: &Precision<ScalarValue>,
    other: &Precision<ScalarValue>,
    pick: fn(&Precision<ScalarValue>, &Precision<ScalarValue>) -> Precision<ScalarValue>,
) -> Precision<ScalarValue> {
    let is_null = |value: &Precision<ScalarValue>| matches!(value, Precision::Exact(value) if value.is_null());
    match (is_null(one), is_null(other)) {
        (true, _) => other.clone(),
        (_, true) => one.clone(),
        (false, false) => pick(one, other),
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
