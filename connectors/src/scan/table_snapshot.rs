//! One immutable state of a lakehouse table, whatever format described it.
//!
//! ```text
//! TableSnapshot ─┬─ SnapshotColumn   what a consumer sees, and how a file's column is recognised
//!                ├─ LakeFile         one Parquet file: size, rows, bounds, constants, deleted rows
//!                └─ KeyDeletes       files of keys whose rows no longer count
//! ```
//!
//! Plain values: a connector fills them in, the scan reads them. Every list "by column" goes by the
//! index in [`TableSnapshot::columns`], so that a connector asks [`promise`](super::promise) first.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::FieldRef;
use datafusion::scalar::ScalarValue;
use object_store::ObjectMeta;
use object_store::path::Path;
use samite_engine::connector::SnapshotId;

use super::{Bucket, Deletes, FileLineage, KeyDeletes, Lineage};
use crate::stores::StoreHandle;

/// One immutable state of a table.
#[derive(Debug, Clone)]
pub(crate) struct TableSnapshot {
    /// Which state.
    pub(crate) id: SnapshotId,
    /// When it was committed, where the source knows.
    pub(crate) committed_at: Option<DateTime<Utc>>,
    /// What a consumer sees, in this order.
    pub(crate) columns: Vec<SnapshotColumn>,
    /// The data files.
    pub(crate) files: Vec<LakeFile>,
    /// What deletes rows by their keys. Its columns come after those of the snapshot in every list
    /// by column.
    pub(crate) key_deletes: Option<Arc<KeyDeletes>>,
}

/// One column of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SnapshotColumn {
    /// Name, type and nullability as a consumer sees them. Nested fields that are not recognised by
    /// their own name carry `PARQUET:field_id` or `delta.columnMapping.physicalName` as metadata,
    /// every field that a file without ids knows by name `samite.mapped_names`, and every nested one
    /// with a default value `samite.when_missing`; the scan takes all metadata off before anyone sees the field.
    pub(crate) field: FieldRef,
    /// How a file's column is recognised as this one.
    pub(crate) identity: Identity,
    /// The value of every row of a file that lacks the column; NULL without it.
    pub(crate) when_missing: Option<ScalarValue>,
}

/// How a file's column is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    /// By the field id in the file's schema.
    FieldId(i32),
    /// By its name in the file, exactly.
    PhysicalName(String),
    /// By the field id that is reserved for it; what a file lacks, its rows inherit.
    Lineage(Lineage),
}

/// One Parquet file of a snapshot.
#[derive(Debug, Clone)]
pub(crate) struct LakeFile {
    /// The store that it lies in, resolved from the file's own location.
    pub(crate) store: Arc<StoreHandle>,
    /// Its path in the store: a raw string that is never encoded again.
    pub(crate) path: Path,
    /// Its bytes.
    pub(crate) size: u64,
    /// When it was written; the epoch where the source does not tell.
    pub(crate) last_modified: DateTime<Utc>,
    /// The tag of its content. Where there is one, a read of other content is an error.
    pub(crate) e_tag: Option<String>,
    /// Its rows, deleted ones among them. Needed where `deleted_rows` is set.
    pub(crate) rows: Option<u64>,
    /// What is known of each column's values; shorter than the columns, or empty, where nothing is.
    pub(crate) bounds: Vec<Bounds>,
    /// Columns with one value in all rows, whatever the file holds: partition values.
    pub(crate) constants: Vec<(usize, ScalarValue)>,
    /// Columns of which all values fall into one bucket.
    pub(crate) buckets: Vec<Bucket>,
    /// The rows that no longer count.
    pub(crate) deleted_rows: Option<Deletes>,
    /// True if rows of it may also be deleted by their keys.
    pub(crate) has_deleted_keys: bool,
    /// What its rows inherit, if the table keeps track of rows.
    pub(crate) lineage: Option<FileLineage>,
}

/// What is known of one column's values in one file. Every bound is valid (no value lies outside),
/// though it may be wider than need be. Values have the type of the snapshot's column.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Bounds {
    /// No value is less.
    pub(crate) min: Option<ScalarValue>,
    /// No value is greater, NaN aside.
    pub(crate) max: Option<ScalarValue>,
    /// The NULLs, deleted rows among them.
    pub(crate) nulls: Option<u64>,
    /// True if `min` and `max` both occur: not cut, not rounded.
    pub(crate) attained: bool,
    /// For instants that are not `attained`: how far `min` and `max` are at most from values that occur, in
    /// microseconds; `None` if that is not known.
    pub(crate) rounded_us: Option<i64>,
    /// True if a float column is known to hold no NaN.
    pub(crate) has_no_nan: bool,
}

impl LakeFile {
    /// A file of which nothing but place and size is known.
    pub(crate) fn new(store: Arc<StoreHandle>, meta: ObjectMeta) -> Self {
        Self {
            store,
            path: meta.location,
            size: meta.size,
            last_modified: meta.last_modified,
            e_tag: meta.e_tag,
            rows: None,
            bounds: Vec::new(),
            constants: Vec::new(),
            buckets: Vec::new(),
            deleted_rows: None,
            has_deleted_keys: false,
            lineage: None,
        }
    }

    /// The rows that count, where all numbers are known.
    pub(crate) fn live_rows(&self) -> Option<u64> {
        if self.has_deleted_keys { None } else { self.rows_at_most() }
    }

    /// The rows that count unless their keys are deleted, where both numbers are known.
    pub(crate) fn rows_at_most(&self) -> Option<u64> {
        let deleted = self.deleted_rows.as_ref().map_or(0, Deletes::len);
        self.rows?.checked_sub(deleted)
    }

    /// The value that every row has in column `index`, if the snapshot says so.
    pub(crate) fn constant(&self, index: usize) -> Option<&ScalarValue> {
        self.constants.iter().find(|(column, _)| *column == index).map(|(_, value)| value)
    }
    /// What is known of all its values in column `index`.
    pub(crate) fn column(&self, index: usize) -> KnownColumn<'_> {
        if self.rows == Some(0) {
            return KnownColumn::NoRows;
        }
        match (self.constant(index), self.bounds.get(index)) {
            (Some(value), _) if value.is_null() => KnownColumn::NoValues,
            (Some(value), _) => KnownColumn::Constant(value),
            (None, Some(bounds)) if bounds.nulls.is_some() && bounds.nulls == self.rows => {
                KnownColumn::NoValues
            }
            (None, Some(bounds)) => KnownColumn::Bounds(bounds),
            (None, None) => KnownColumn::Unknown,
        }
    }

    /// True if rows of it may be deleted.
    pub(crate) fn may_lack_rows(&self) -> bool {
        self.deleted_rows.is_some() || self.has_deleted_keys
    }
}

/// What is known of all values of a column in one file, deleted rows included.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KnownColumn<'a> {
    /// The file is empty.
    NoRows,
    /// Every value is NULL.
    NoValues,
    /// Every row has this value, which is not NULL.
    Constant(&'a ScalarValue),
    /// Some of it, perhaps nothing.
    Bounds(&'a Bounds),
    /// Nothing.
    Unknown,
}
