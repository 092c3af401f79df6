//! What the manifest list tells of the partitions of a manifest's files, as if they were one file.
//!
//! ```text
//! p = truncate(10, a), lower 20, upper 40   ──▶   20 <= a <= 49
//! ```
//!
//! A manifest that no row of such a file could come from is not read. What cannot be understood says
//! nothing: the manifest is read then, and tells more.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::object_store::path::Path;
use datafusion::scalar::ScalarValue;
use iceberg::spec::{
    Datum, FieldSummary, ManifestFile, PrimitiveLiteral, PrimitiveType, TableMetadata, Transform,
};

use super::columns::IcebergColumn;
use super::lake_files::narrow_to;
use super::transforms::source_bounds;
use super::values::{Side, bound};
use crate::scan::{Bounds, Bucket, LakeFile};
use crate::source_table::view_file;
use crate::stores::StoreHandle;

/// Reads the summaries of manifests of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Summaries<'a> {
    pub(super) metadata: &'a TableMetadata,
    pub(super) columns: &'a [IcebergColumn],
    /// Any store: nothing is read from it.
    pub(super) store: &'a Arc<StoreHandle>,
}

impl Summaries<'_> {
    /// A file that could hold the rows of all data files of `manifest`.
    pub(super) fn of(&self, manifest: &ManifestFile) -> LakeFile {
        let mut made = LakeFile {
            store: Arc::clone(self.store),
            path: Path::default(),
            size: 0,
            last_modified: DateTime::<Utc>::UNIX_EPOCH,
            e_tag: None,
            rows: rows(manifest),
            bounds: vec![Bounds::default(); self.columns.len()],
            constants: Vec::new(),
            buckets: Vec::new(),
            deleted_rows: None,
            has_deleted_keys: false,
            lineage: None,
        };
        let spec = self.metadata.partition_spec_by_id(manifest.partition_spec_id);
        let fields = spec.map(|spec| spec.fields()).unwrap_or_default();
        let summaries = manifest.partitions.as_deref().unwrap_or_default();
        if fields.len() != summaries.len() {
            return made;
        }
        for (field, summary) in fields.iter().zip(summaries) {
            let of_field = |column: &&IcebergColumn| column.id == field.source_id;
            for at in 0..self.columns.len() {
                if let Some(column) = self.columns.get(at).filter(of_field)
                    && let Some(to) = &column.primitive
                {
                    tell(&mut made, at, to, &Summary::new(field.transform, summary));
                }
            }
        }
        view_file(&mut made);
        made
    }
}

fn rows(manifest: &ManifestFile) -> Option<u64> {
    manifest.added_rows_count?.checked_add(manifest.existing_rows_count?)
}

/// What the list tells of one field of the partitions.
#[derive(Debug, Clone, Copy)]
struct Summary<'a> {
    transform: Transform,
    contains_null: bool,
    contains_nan: Option<bool>,
    lower: Option<&'a [u8]>,
    upper: Option<&'a [u8]>,
}

impl<'a> Summary<'a> {
    fn new(transform: Transform, told: &'a FieldSummary) -> Self {
        Self {
            transform,
            contains_null: told.contains_null,
            contains_nan: told.contains_nan,
            lower: told.lower_bound.as_deref().map(AsRef::as_ref),
            upper: told.upper_bound.as_deref().map(AsRef::as_ref),
        }
    }

    /// The NULLs of a column in files with so many rows.
    fn nulls(&self, rows: Option<u64>) -> Option<u64> {
        if !self.contains_null {
            return Some(0);
        }
        let is_all_null =
            self.contains_nan == Some(false) && self.lower.is_none() && self.upper.is_none();
        rows.filter(|_| is_all_null)
    }

    /// The bounds of a column of type `to`.
    fn bounds(&self, to: &PrimitiveType) -> (Option<ScalarValue>, Option<ScalarValue>) {
        let (lower, upper) = (self.value(self.lower, to), self.value(self.upper, to));
        if self.transform == Transform::Identity {
            let of = |value: Option<PrimitiveLiteral>, side| bound(&value?, to, to, side);
            return (of(lower, Side::Min), of(upper, Side::Max));
        }
        let of = |value: PrimitiveLiteral| source_bounds(self.transform, &value, to);
        (lower.and_then(|lower| of(lower).0), upper.and_then(|upper| of(upper).1))
    }

    /// The bucket that a bound is.
    fn bucket(&self, bytes: Option<&[u8]>, to: &PrimitiveType) -> Option<u32> {
        match self.value(bytes, to)? {
            PrimitiveLiteral::Int(number) => u32::try_from(number).ok(),
            _ => None,
        }
    }

    /// A bound of the field, if it is made of a column of type `from`.
    fn value(&self, bytes: Option<&[u8]>, from: &PrimitiveType) -> Option<PrimitiveLiteral> {
        let bytes = bytes?;
        let written_as = match self.transform {
            Transform::Identity | Transform::Truncate(_) => from.clone(),
            _ => PrimitiveType::Int,
        };
        // Any other length would be a value as well.
        if written_as == PrimitiveType::Boolean && bytes.len() != 1 {
            return None;
        }
        Some(Datum::try_from_bytes(bytes, written_as).ok()?.literal().clone())
    }
}

/// Adds what a summary tells about the column at `at`, of type `to`.
fn tell(made: &mut LakeFile, at: usize, to: &PrimitiveType, summary: &Summary<'_>) {
    if matches!(summary.transform, Transform::Void | Transform::Unknown) {
        return;
    }
    if let Transform::Bucket(buckets) = summary.transform {
        let ends = summary.bucket(summary.lower, to).zip(summary.bucket(summary.upper, to));
        made.buckets.extend(ends.map(|(first, last)| Bucket { column: at, buckets, first, last }));
    }
    let nulls = summary.nulls(made.rows);
    let Some(bounds) = made.bounds.get_mut(at) else { return };
    bounds.nulls = bounds.nulls.or(nulls);
    if summary.transform == Transform::Identity {
        bounds.has_no_nan |= summary.contains_nan == Some(false);
    }
    narrow_to(bounds, summary.bounds(to));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary<'a>(transform: Transform, ends: [&'a [u8]; 2]) -> Summary<'a> {
        let (contains_null, contains_nan) = (true, Some(false));
        let [lower, upper] = ends.map(Some);
        Summary { transform, contains_null, contains_nan, lower, upper }
    }

    #[test]
    fn bounds_are_those_of_the_column_that_the_field_is_made_of() {
        let day = |value| Some(ScalarValue::Date32(Some(value)));
        let long = |value: i64| Some(ScalarValue::from(value));
        for (transform, ends, to, expected) in [
            // An older list has shorter numbers, and a number of no known length says nothing.
            (
                Transform::Identity,
                [&[3, 0, 0, 0][..], &[9, 0, 0, 0]],
                PrimitiveType::Long,
                (long(3), long(9)),
            ),
            (Transform::Identity, [&[3, 0, 0][..], &[9]], PrimitiveType::Long, (None, None)),
            (Transform::Identity, [&[][..], &[1, 0]], PrimitiveType::Boolean, (None, None)),
            (
                Transform::Truncate(10),
                [&[0; 8][..], &[10, 0, 0, 0, 0, 0, 0, 0]],
                PrimitiveType::Long,
                (long(0), long(19)),
            ),
            (
                Transform::Year,
                [&[1, 0, 0, 0][..], &[1, 0, 0, 0]],
                PrimitiveType::Date,
                (day(365), day(729)),
            ),
            (
                Transform::Bucket(4),
                [&[1, 0, 0, 0][..], &[2, 0, 0, 0]],
                PrimitiveType::Long,
                (None, None),
            ),
        ] {
            let summary = summary(transform, ends);
            assert_eq!(summary.bounds(&to), expected, "{summary:?} {to}");
        }
    }

    #[test]
    fn all_are_null_where_there_is_no_value_and_none_is_nan() {
        let empty = Summary {
            transform: Transform::Identity,
            contains_null: true,
            contains_nan: Some(false),
            lower: None,
            upper: None,
        };
        for (summary, rows, nulls) in [
            (empty, Some(7), Some(7)),
            (empty, None, None),
            (Summary { contains_nan: None, ..empty }, Some(7), None),
            (Summary { contains_nan: Some(true), ..empty }, Some(7), None),
            (Summary { lower: Some(&[1]), ..empty }, Some(7), None),
            (Summary { contains_null: false, ..empty }, None, Some(0)),
        ] {
            assert_eq!(summary.nulls(rows), nulls, "{summary:?} {rows:?}");
        }
    }

    #[test]
    fn buckets_are_those_between_the_ends() {
        let ends = summary(Transform::Bucket(9), [&[2, 0, 0, 0], &[5, 0, 0, 0]]);
        let long = PrimitiveType::Long;
        assert_eq!(
            ends.bucket(ends.lower, &long).zip(ends.bucket(ends.upper, &long)),
            Some((2, 5))
        );
        let negative = summary(Transform::Bucket(9), [&[255; 4], &[255; 4]]);
        assert_eq!(negative.bucket(negative.lower, &long), None);
    }
}
