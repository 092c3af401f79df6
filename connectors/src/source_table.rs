//! One state of a table as its own metadata tells it, before any contract is looked at.
//!
//! Several contracts may promise the same table, and one table is asked for many times: this is
//! what connectors keep, and where they get the promised part of it from.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use parking_lot::Mutex;
use samite_engine::Result;
use samite_engine::connector::{OpenRequest, PinnedTable, SnapshotId};
use samite_engine::product::{Table, TableName};

use crate::scan::{
    Bucket, Identity, KeyDeletes, LakeFile, SnapshotColumn, TableSnapshot, pinned, promise,
};

/// How many promised forms of one state are kept.
const PROMISED_MAX: usize = 8;

/// One state of a table, with all columns of the source.
#[derive(Debug)]
pub(crate) struct SourceTable {
    id: SnapshotId,
    committed_at: Option<DateTime<Utc>>,
    columns: Vec<SnapshotColumn>,
    files: Vec<LakeFile>,
    key_deletes: Option<Arc<KeyDeletes>>,
    promised: Mutex<VecDeque<Promised>>,
}

/// The same state as one contract promises it.
#[derive(Debug)]
struct Promised {
    name: TableName,
    table: Arc<Table>,
    pinned: PinnedTable,
}

impl SourceTable {
    /// Keeps what the metadata told; bounds and constants of `files` go by the index in `columns`.
    ///
    /// Text and bytes become views, which is how Parquet files are read fastest.
    pub(crate) fn new(
        id: SnapshotId,
        committed_at: Option<DateTime<Utc>>,
        mut columns: Vec<SnapshotColumn>,
        mut files: Vec<LakeFile>,
    ) -> Self {
        columns.iter_mut().for_each(view_column);
        files.iter_mut().for_each(view_file);
        let promised = Mutex::default();
        Self { id, committed_at, columns, files, key_deletes: None, promised }
    }

    /// Adds what deletes rows by their keys. Its columns come after all others in the files' lists.
    #[must_use]
    pub(crate) fn with_key_deletes(mut self, mut deletes: KeyDeletes) -> Self {
        deletes.columns.iter_mut().for_each(view_column);
        deletes.sets.iter_mut().flat_map(|set| &mut set.files).for_each(view_file);
        self.key_deletes = Some(Arc::new(deletes));
        self
    }

    /// How many data files there are.
    pub(crate) fn file_count(&self) -> usize {
        self.files.len()
    }

    /// The table as the contract of `request` promises it.
    ///
    /// # Errors
    ///
    /// When the source does not have what the contract promises.
    pub(crate) fn open(&self, request: &OpenRequest) -> Result<PinnedTable> {
        let kept = self
            .promised
            .lock()
            .iter()
            .find(|kept| kept.is_for(request))
            .map(|kept| kept.pinned.clone());
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let columns = promise(self.columns.clone(), &request.table, &request.name)?;
        let pinned = pinned(self.snapshot(columns), request)?;
        let mut promised = self.promised.lock();
        if promised.len() >= PROMISED_MAX {
            promised.pop_front();
        }
        promised.push_back(Promised {
            name: request.name.clone(),
            table: Arc::clone(&request.table),
            pinned: pinned.clone(),
        });
        Ok(pinned)
    }

    /// The snapshot with just `columns`, each file's bounds and constants in their order.
    fn snapshot(&self, columns: Vec<SnapshotColumn>) -> TableSnapshot {
        let places: HashMap<&Identity, usize> =
            self.columns.iter().enumerate().map(|(at, column)| (&column.identity, at)).collect();
        let mut sources: Vec<Option<usize>> =
            columns.iter().map(|column| places.get(&column.identity).copied()).collect();
        let hidden = self.key_deletes.as_ref().map_or(0, |deletes| deletes.columns.len());
        sources.extend((0..hidden).map(|at| Some(self.columns.len() + at)));
        let files = self.files.iter().map(|file| chosen(file, &sources)).collect();
        let (id, committed_at) = (self.id.clone(), self.committed_at);
        TableSnapshot { id, committed_at, columns, files, key_deletes: self.key_deletes.clone() }
    }
}

impl Promised {
    fn is_for(&self, request: &OpenRequest) -> bool {
        let is_same_table = Arc::ptr_eq(&self.table, &request.table) || self.table == request.table;
        self.name == request.name && is_same_table
    }
}

fn view_column(column: &mut SnapshotColumn) {
    if let Some(view) = view_type(column.field.data_type()) {
        column.field = Arc::new(column.field.as_ref().clone().with_data_type(view));
        column.when_missing = column.when_missing.take().map(view_value);
    }
}

fn view_file(file: &mut LakeFile) {
    for bounds in &mut file.bounds {
        bounds.min = bounds.min.take().map(view_value);
        bounds.max = bounds.max.take().map(view_value);
    }
    for (_, value) in &mut file.constants {
        *value = view_value(std::mem::replace(value, ScalarValue::Null));
    }
}

fn view_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Utf8 => Some(DataType::Utf8View),
        DataType::Binary => Some(DataType::BinaryView),
        _ => None,
    }
}

fn view_value(value: ScalarValue) -> ScalarValue {
    match value {
        ScalarValue::Utf8(text) => ScalarValue::Utf8View(text),
        ScalarValue::Binary(bytes) => ScalarValue::BinaryView(bytes),
        other => other,
    }
}

fn chosen(file: &LakeFile, sources: &[Option<usize>]) -> LakeFile {
    let bounds = sources
        .iter()
        .map(|source| source.and_then(|at| file.bounds.get(at)).cloned().unwrap_or_default())
        .collect();
    let constants = sources
        .iter()
        .enumerate()
        .filter_map(|(at, source)| Some((at, file.constant((*source)?)?.clone())))
        .collect();
    let buckets = sources
        .iter()
        .enumerate()
        .flat_map(|(at, source)| {
            let of_source =
                file.buckets.iter().filter(move |bucket| Some(bucket.column) == *source);
            of_source.map(move |bucket| Bucket { column: at, ..*bucket })
        })
        .collect();
    LakeFile {
        store: Arc::clone(&file.store),
        path: file.path.clone(),
        size: file.size,
        last_modified: file.last_modified,
        e_tag: file.e_tag.clone(),
        rows: file.rows,
        bounds,
        constants,
        buckets,
        deleted_rows: file.deleted_rows.clone(),
        has_deleted_keys: file.has_deleted_keys,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Field;
    use datafusion::object_store::ObjectMeta;

    use super::*;
    use crate::scan::Bounds;
    use crate::stores::{Stores, StoresConfig};

    fn column(name: &str, physical: &str, data_type: DataType) -> SnapshotColumn {
        SnapshotColumn {
            field: Arc::new(Field::new(name, data_type, true)),
            identity: Identity::PhysicalName(physical.to_owned()),
            when_missing: None,
        }
    }

    fn source() -> SourceTable {
        let config = StoresConfig { allow: vec!["/".to_owned()], ..StoresConfig::default() };
        let place = Stores::new(config).unwrap().resolve("/x", None).unwrap();
        let meta = ObjectMeta {
            location: place.path,
            last_modified: Utc::now(),
            size: 1,
            e_tag: None,
            version: None,
        };
        let least = |value: ScalarValue| Bounds { min: Some(value), ..Bounds::default() };
        let file = LakeFile {
            bounds: vec![least(1_i64.into()), least("a".into()), Bounds::default()],
            constants: vec![(2, "p".into())],
            ..LakeFile::new(place.store, meta)
        };
        let columns = vec![
            column("id", "c1", DataType::Int64),
            column("text", "c2", DataType::Utf8),
            column("part", "c3", DataType::Utf8),
        ];
        SourceTable::new(SnapshotId("x:1".to_owned()), None, columns, vec![file])
    }

    #[test]
    fn bounds_and_constants_follow_their_columns() {
        let source = source();
        let view = |text: &str| ScalarValue::Utf8View(Some(text.to_owned()));
        let column = |at: usize| source.columns[at].clone();
        let renamed = SnapshotColumn {
            field: Arc::new(column(2).field.as_ref().clone().with_name("country")),
            ..column(2)
        };
        let snapshot = source.snapshot(vec![renamed, column(1), column(0), column(1)]);
        let file = &snapshot.files[0];
        let least: Vec<Option<ScalarValue>> = file.bounds.iter().map(|b| b.min.clone()).collect();
        assert_eq!(least, [None, Some(view("a")), Some(1_i64.into()), Some(view("a"))]);
        assert_eq!(file.constants, [(0, view("p"))]);
        assert_eq!(*snapshot.columns[1].field.data_type(), DataType::Utf8View);
    }
}
