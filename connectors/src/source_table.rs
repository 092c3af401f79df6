//! One state of a table as its own metadata tells it, before any contract is looked at.
//!
//! Several contracts may promise the same table, and one table is asked for many times: this is
//! what connectors keep, and where they get the promised part of it from.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use samite_engine::Result;
use samite_engine::connector::{OpenRequest, PinnedTable, SnapshotId};
use samite_engine::product::{Table, TableName};

use crate::scan::{Identity, LakeFile, SnapshotColumn, TableSnapshot, pinned, promise};

/// How many promised forms of one state are kept.
const PROMISED_MAX: usize = 8;

/// One state of a table, with all columns of the source.
#[derive(Debug)]
pub(crate) struct SourceTable {
    id: SnapshotId,
    committed_at: Option<DateTime<Utc>>,
    columns: Vec<SnapshotColumn>,
    files: Vec<LakeFile>,
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
    pub(crate) fn new(
        id: SnapshotId,
        committed_at: Option<DateTime<Utc>>,
        columns: Vec<SnapshotColumn>,
        files: Vec<LakeFile>,
    ) -> Self {
        Self { id, committed_at, columns, files, promised: Mutex::default() }
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
        let sources: Vec<Option<usize>> =
            columns.iter().map(|column| places.get(&column.identity).copied()).collect();
        let files = self.files.iter().map(|file| chosen(file, &sources)).collect();
        let (id, committed_at) = (self.id.clone(), self.committed_at);
        TableSnapshot { id, committed_at, columns, files }
    }
}

impl Promised {
    fn is_for(&self, request: &OpenRequest) -> bool {
        let is_same_table = Arc::ptr_eq(&self.table, &request.table) || self.table == request.table;
        self.name == request.name && is_same_table
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
    LakeFile {
        store: Arc::clone(&file.store),
        path: file.path.clone(),
        size: file.size,
        last_modified: file.last_modified,
        e_tag: file.e_tag.clone(),
        rows: file.rows,
        bounds,
        constants,
        deleted_rows: file.deleted_rows.clone(),
    }
}
