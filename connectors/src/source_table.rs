//! One state of a table as its own metadata tells it, before any contract is looked at.
//!
//! Several contracts may promise the same table, and one table is asked for many times: this is
//! what connectors keep, and where they get the promised part of it from.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use parking_lot::Mutex;
use samite_engine::Result;
use samite_engine::connector::{OpenRequest, PinnedTable, SnapshotId};
use samite_engine::product::{Table, TableName};

use crate::scan::{
    Bucket, FileListing, Identity, LakeFile, SnapshotColumn, TableSnapshot, pinned, pinned_listing,
    promise,
};

/// How many promised forms of one state are kept.
const PROMISED_MAX: usize = 8;

/// One state of a table, with all columns of the source.
#[derive(Debug)]
pub(crate) struct SourceTable {
    id: SnapshotId,
    committed_at: Option<DateTime<Utc>>,
    columns: Vec<SnapshotColumn>,
    files: SourceFiles,
    promised: Mutex<VecDeque<Promised>>,
}

/// The files of a state.
#[derive(Debug)]
enum SourceFiles {
    Known(Vec<LakeFile>),
    Listed(Arc<dyn SourceListing>),
}

/// Finds the files of a state when the filters of a scan are known.
pub(crate) trait SourceListing: fmt::Debug + Send + Sync {
    /// How many data files there are.
    fn file_count(&self) -> usize;

    /// Finds files for `request`, which asks for the columns at `places` of the source.
    fn promised(&self, places: &[usize], request: &OpenRequest) -> Arc<dyn FileListing>;
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
        let files = SourceFiles::Known(files);
        Self { id, committed_at, columns, files, promised: Mutex::default() }
    }

    /// Keeps what the metadata told, and who finds the files.
    pub(crate) fn listed(
        (id, committed_at): (SnapshotId, Option<DateTime<Utc>>),
        mut columns: Vec<SnapshotColumn>,
        files: Arc<dyn SourceListing>,
    ) -> Self {
        columns.iter_mut().for_each(view_column);
        let files = SourceFiles::Listed(files);
        Self { id, committed_at, columns, files, promised: Mutex::default() }
    }

    /// How many data files there are.
    pub(crate) fn file_count(&self) -> usize {
        match &self.files {
            SourceFiles::Known(files) => files.len(),
            SourceFiles::Listed(files) => files.file_count(),
        }
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
        let places = self.places(&columns);
        let pinned = match &self.files {
            SourceFiles::Known(files) => pinned(self.snapshot(columns, &places, files), request)?,
            SourceFiles::Listed(files) => {
                let id = (self.id.clone(), self.committed_at);
                pinned_listing(id, columns, files.promised(&places, request), request)?
            }
        };
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

    /// Where each of `columns`, which are some of the source's, is in the source.
    fn places(&self, columns: &[SnapshotColumn]) -> Vec<usize> {
        let places: HashMap<&Identity, usize> =
            self.columns.iter().enumerate().map(|(at, column)| (&column.identity, at)).collect();
        columns.iter().filter_map(|column| places.get(&column.identity).copied()).collect()
    }

    /// The snapshot with just `columns`, each file's bounds and constants in their order.
    fn snapshot(
        &self,
        columns: Vec<SnapshotColumn>,
        places: &[usize],
        files: &[LakeFile],
    ) -> TableSnapshot {
        let files = files.iter().map(|file| chosen(file, places)).collect();
        let (id, committed_at) = (self.id.clone(), self.committed_at);
        TableSnapshot { id, committed_at, columns, files, key_deletes: None }
    }
}

impl Promised {
    fn is_for(&self, request: &OpenRequest) -> bool {
        let is_same_table = Arc::ptr_eq(&self.table, &request.table) || self.table == request.table;
        self.name == request.name && is_same_table
    }
}

/// Makes text and bytes of a column views.
pub(crate) fn view_column(column: &mut SnapshotColumn) {
    if let Some(view) = view_type(column.field.data_type()) {
        column.field = Arc::new(column.field.as_ref().clone().with_data_type(view));
        column.when_missing = column.when_missing.take().map(view_value);
    }
}

/// Makes text and bytes in what is known of a file views.
pub(crate) fn view_file(file: &mut LakeFile) {
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

fn chosen(file: &LakeFile, places: &[usize]) -> LakeFile {
    let bounds =
        places.iter().map(|source| file.bounds.get(*source).cloned().unwrap_or_default()).collect();
    let constants = places
        .iter()
        .enumerate()
        .filter_map(|(at, source)| Some((at, file.constant(*source)?.clone())))
        .collect();
    let buckets = places
        .iter()
        .enumerate()
        .flat_map(|(at, source)| {
            let of_source = file.buckets.iter().filter(move |bucket| bucket.column == *source);
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
        lineage: file.lineage,
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
        let columns = vec![renamed, column(1), column(0), column(1)];
        let places = source.places(&columns);
        let SourceFiles::Known(files) = &source.files else { panic!("the files are known") };
        let snapshot = source.snapshot(columns, &places, files);
        let file = &snapshot.files[0];
        let least: Vec<Option<ScalarValue>> = file.bounds.iter().map(|b| b.min.clone()).collect();
        assert_eq!(least, [None, Some(view("a")), Some(1_i64.into()), Some(view("a"))]);
        assert_eq!(file.constants, [(0, view("p"))]);
        assert_eq!(*snapshot.columns[1].field.data_type(), DataType::Utf8View);
    }
}
