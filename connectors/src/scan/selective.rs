//! Whether the filters of a query keep so few rows of a scan that other columns are best read late.
//!
//! ```text
//! filters ──▶ the numbers that each column may have ──┐
//! bounds of each file ────────────────────────────────┴──▶ share of the rows that is kept, at a guess
//! ```
//!
//! Read late, a column is decoded only where the filters kept a row, which pays if hardly any is, and
//! costs if not. A guess decides about time and never about rows: values are taken to be spread evenly
//! between the bounds of their file, and columns to go together, so that the best of them counts.

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::Schema;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;

use super::LakeFile;

/// Columns are read late if at most one row of so many is kept.
const ROWS_FOR_ONE: f64 = 1000.0;

/// True if `filters` keep hardly a row of `files`, and `projection` has columns beyond the filters'.
pub(crate) fn is_selective(
    filters: &[Expr],
    projection: &[usize],
    files: &[&LakeFile],
    schema: &Schema,
) -> bool {
    let filtered = |index: &usize| {
        let name = schema.fields().get(*index).map(|field| field.name());
        filters
            .iter()
            .any(|filter| filter.column_refs().iter().any(|held| Some(&held.name) == name))
    };
    if projection.iter().all(filtered) {
        return false;
    }
    let mut wanted: BTreeMap<usize, Range> = BTreeMap::new();
    for conjunct in filters.iter().flat_map(split_conjunction) {
        let Some((name, range)) = range_of(conjunct) else { continue };
        if let Some((column, _)) = schema.column_with_name(name) {
            wanted.entry(column).or_insert(Range::ALL).narrow(range);
        }
    }
    let (mut rows, mut kept) = (0.0, 0.0);
    for file in files {
        let Some(of_file) = file.rows else { return false };
        rows += of_file as f64;
        kept += of_file as f64
            * wanted.iter().map(|(at, range)| range.share(file, *at)).fold(1.0, f64::min);
    }
    kept * ROWS_FOR_ONE <= rows
}

/// Whole numbers between two bounds, of which a filter may name fewer.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Range {
    min: i128,
    max: i128,
    /// How many numbers the filter names, if it names them.
    values: i128,
}

impl Range {
    const ALL: Self = Self { min: i128::MIN, max: i128::MAX, values: i128::MAX };

    fn narrow(&mut self, other: Self) {
        self.min = self.min.max(other.min);
        self.max = self.max.min(other.max);
        self.values = self.values.min(other.values);
    }

    /// The share of the rows of `file` whose column `at` may lie in the range.
    fn share(&self, file: &LakeFile, at: usize) -> f64 {
        let Some(bounds) = file.bounds.get(at) else { return 1.0 };
        let number = |bound: &Option<ScalarValue>| bound.as_ref().and_then(number);
        let (Some(min), Some(max)) = (number(&bounds.min), number(&bounds.max)) else { return 1.0 };
        let width = |min: i128, max: i128| max.saturating_sub(min).saturating_add(1).max(0) as f64;
        let kept = width(min.max(self.min), max.min(self.max)).min(self.values as f64);
        kept / width(min, max).max(1.0)
    }
}

/// The column that a filter is about, and the numbers of it that the filter may keep.
fn range_of(filter: &Expr) -> Option<(&str, Range)> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), Expr::Literal(value, _)) => {
                Some((&column.name, compared(*op, number(value)?)?))
            }
            (Expr::Literal(value, _), Expr::Column(column)) => {
                Some((&column.name, compared(op.swap()?, number(value)?)?))
            }
            _ => None,
        },
        Expr::Between(Between { expr, negated: false, low, high }) => {
            let Expr::Column(column) = expr.as_ref() else { return None };
            let (min, max) = (literal(low)?, literal(high)?);
            Some((&column.name, Range { min, max, ..Range::ALL }))
        }
        Expr::InList(list) if !list.negated => {
            let Expr::Column(column) = list.expr.as_ref() else { return None };
            let listed: Vec<i128> = list.list.iter().map(literal).collect::<Option<_>>()?;
            let (min, max) = (*listed.iter().min()?, *listed.iter().max()?);
            Some((&column.name, Range { min, max, values: listed.len() as i128 }))
        }
        _ => None,
    }
}

fn compared(operator: Operator, value: i128) -> Option<Range> {
    match operator {
        Operator::Eq => Some(Range { min: value, max: value, values: 1 }),
        Operator::Lt | Operator::LtEq => Some(Range { max: value, ..Range::ALL }),
        Operator::Gt | Operator::GtEq => Some(Range { min: value, ..Range::ALL }),
        _ => None,
    }
}

fn literal(item: &Expr) -> Option<i128> {
    match item {
        Expr::Literal(value, _) => number(value),
        _ => None,
    }
}

/// The value as a whole number, where its type is a sequence of them.
fn number(value: &ScalarValue) -> Option<i128> {
    use ScalarValue as S;
    match value {
        S::Int8(value) => value.map(i128::from),
        S::Int16(value) => value.map(i128::from),
        S::Int32(value) | S::Date32(value) => value.map(i128::from),
        S::Int64(value)
        | S::TimestampMicrosecond(value, _)
        | S::TimestampNanosecond(value, _)
        | S::TimestampMillisecond(value, _) => value.map(i128::from),
        S::UInt8(value) => value.map(i128::from),
        S::UInt16(value) => value.map(i128::from),
        S::UInt32(value) => value.map(i128::from),
        S::UInt64(value) => value.map(i128::from),
        S::Decimal128(value, ..) => *value,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field};
    use datafusion::prelude::{col, lit};
    use object_store::ObjectMeta;

    use super::*;
    use crate::scan::Bounds;
    use crate::stores::{Stores, StoresConfig};

    fn file(min: i64) -> LakeFile {
        let config = StoresConfig { allow: vec!["/".to_owned()], ..StoresConfig::default() };
        let place = Stores::new(config).unwrap().resolve("/x", None).unwrap();
        let meta = ObjectMeta {
            location: place.path,
            last_modified: chrono::Utc::now(),
            size: 1,
            e_tag: None,
            version: None,
        };
        let (min, max) = (Some(min.into()), Some((min + 9999).into()));
        LakeFile {
            rows: Some(1000),
            bounds: vec![Bounds { min, max, ..Bounds::default() }],
            ..LakeFile::new(place.store, meta)
        }
    }

    /// Two files of a thousand rows, with keys of 0 to 9,999 and 10,000 to 19,999.
    fn files() -> Vec<LakeFile> {
        vec![file(0), file(10_000)]
    }

    #[test]
    fn few_rows_are_expected_where_filters_name_few_of_many_numbers() {
        let fields = ["key", "text"].map(|name| Field::new(name, DataType::Int64, true));
        let schema = Schema::new(fields.to_vec());
        let files = files();
        let files: Vec<&LakeFile> = files.iter().collect();
        let key = || col("key");
        for (filters, expected) in [
            (vec![], false),
            (vec![key().eq(lit(5_i64))], true),
            (vec![lit(5_i64).eq(key())], true),
            (vec![key().in_list(vec![lit(5_i64), lit(19_000_i64)], false)], true),
            (vec![key().in_list(vec![lit(5_i64), lit(19_000_i64)], true)], false),
            (vec![key().in_list((0..50).map(|at| lit(at * 300_i64)).collect(), false)], false),
            (vec![key().between(lit(10_i64), lit(19_i64))], true),
            (vec![key().between(lit(10_i64), lit(99_i64))], false),
            (vec![key().gt(lit(10_i64)), key().lt(lit(15_i64))], true),
            (vec![key().gt(lit(10_i64)).and(key().lt(lit(15_i64)))], true),
            (vec![key().gt(lit(10_i64)).or(key().lt(lit(15_i64)))], false),
            (vec![lit(19_995_i64).lt_eq(key())], true),
            (vec![key().lt(lit(0_i64))], true),
            (vec![key().not_eq(lit(5_i64))], false),
            (vec![col("text").eq(lit(5_i64))], false),
        ] {
            assert_eq!(is_selective(&filters, &[0, 1], &files, &schema), expected, "{filters:?}");
        }
    }

    #[test]
    fn columns_of_the_filters_alone_are_not_read_late() {
        let schema = Schema::new(vec![Field::new("key", DataType::Int64, true)]);
        let files = files();
        let files: Vec<&LakeFile> = files.iter().collect();
        assert!(!is_selective(&[col("key").eq(lit(5_i64))], &[0], &files, &schema));
    }

    #[test]
    fn unknown_numbers_of_rows_promise_nothing() {
        let fields = ["key", "text"].map(|name| Field::new(name, DataType::Int64, true));
        let schema = Schema::new(fields.to_vec());
        let mut files = files();
        files[1].rows = None;
        let files: Vec<&LakeFile> = files.iter().collect();
        assert!(!is_selective(&[col("key").eq(lit(5_i64))], &[0, 1], &files, &schema));
    }
}
