//! What a footer says about the values of a column.
//!
//! Stricter than DataFusion's own summary, which takes the bounds of some row groups for those of
//! all.

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::scalar::ScalarValue;

use crate::scan::Bounds;

/// What the footer says about column `name`, whose values are read as `data_type`.
pub(crate) fn bounds(
    footer: &ParquetMetaData,
    schema: &Schema,
    name: &str,
    data_type: &DataType,
) -> Bounds {
    if data_type.is_nested() {
        return Bounds::default();
    }
    summarised(footer, schema, name, data_type).unwrap_or_default()
}

fn summarised(
    footer: &ParquetMetaData,
    schema: &Schema,
    name: &str,
    data_type: &DataType,
) -> Option<Bounds> {
    let groups = footer.row_groups();
    let descriptor = footer.file_metadata().schema_descr();
    // A number of NULLs that the footer does not tell is unknown, and not 0.
    let converter = StatisticsConverter::try_new(name, schema, descriptor)
        .ok()?
        .with_missing_null_counts_as_zero(false);
    let nulls = converter.row_group_null_counts(groups).ok()?;
    let total: Option<u64> = nulls.iter().sum();
    let mut bounds = Bounds { nulls: total, ..Bounds::default() };
    // NaN may be in a bound or beyond it, and nobody says.
    if data_type.is_floating() {
        return Some(bounds);
    }
    // A row group that is all NULL has no bound, and needs none.
    let needs_bound: Vec<bool> = groups
        .iter()
        .zip(nulls.iter())
        .map(|(group, nulls)| u64::try_from(group.num_rows()).ok() != nulls)
        .collect();
    let minima = converter.row_group_mins(groups).ok()?;
    let maxima = converter.row_group_maxes(groups).ok()?;
    bounds.min = extreme(&minima, &needs_bound, data_type, std::cmp::Ordering::Less);
    bounds.max = extreme(&maxima, &needs_bound, data_type, std::cmp::Ordering::Greater);
    let is_exact = |exact: Option<bool>| exact == Some(true);
    let is_attained = |exact: datafusion::arrow::array::BooleanArray| {
        exact.iter().zip(&needs_bound).all(|(exact, needed)| !needed || is_exact(exact))
    };
    bounds.attained = is_attained(converter.row_group_is_min_value_exact(groups).ok()?)
        && is_attained(converter.row_group_is_max_value_exact(groups).ok()?);
    Some(bounds)
}

/// The extreme of the values of all row groups that need one; none if one of them lacks it.
fn extreme(
    values: &ArrayRef,
    needs_bound: &[bool],
    data_type: &DataType,
    wanted: std::cmp::Ordering,
) -> Option<ScalarValue> {
    let mut found: Option<ScalarValue> = None;
    for index in (0..values.len()).filter(|index| needs_bound.get(*index) == Some(&true)) {
        if values.is_null(index) {
            return None;
        }
        let value = ScalarValue::try_from_array(values, index).ok()?.cast_to(data_type).ok()?;
        let is_better = match &found {
            Some(found) => value.partial_cmp(found)? == wanted,
            None => true,
        };
        if is_better {
            found = Some(value);
        }
    }
    found
}
