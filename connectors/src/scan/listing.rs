//! Where a table's scan gets its data files from.
//!
//! ```text
//! filters ──Pruner──▶ FileListing ──Listed──▶ one scan
//! ```
//!
//! Most formats know all files of a snapshot at once. One whose metadata is a tree finds them when the
//! filters of a scan are known, and reads only the branches that may hold rows.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use samite_engine::connector::{ColumnRange, NullCount};
use samite_engine::{Error, ErrorKind, Result};

use super::data_file::name_of;
use super::null_count::nulls_of;
use super::pruner::Pruner;
use super::value_range::range_of;
use super::{KeyDeletes, LakeFile};
use crate::stores::{StoreHandle, StoreId};

/// Finds the data files of one snapshot.
#[async_trait]
pub(crate) trait FileListing: fmt::Debug + Send + Sync {
    /// What is known of all files together before any of them is looked at.
    fn totals(&self) -> Totals;

    /// The files that may hold rows which the filters of a scan keep, with all that was deleted of them.
    ///
    /// # Errors
    ///
    /// If metadata cannot be read, or needs more than Samite reads.
    async fn files(&self, pruner: &Pruner) -> Result<Listed>;

    /// Between which values those of the column at `index` lie, by the metadata that was read so far.
    fn range(&self, index: usize) -> ColumnRange;

    /// How many rows have no value in the column at `index`, by the same.
    fn nulls(&self, index: usize) -> NullCount;
}

/// What is known of the data files of a snapshot together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    /// The rows that count, where the number is known exactly.
    pub(crate) rows: Option<u64>,
    /// The files.
    pub(crate) files: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
}

/// The data files of one scan.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The files to read.
    pub(crate) files: Vec<Arc<LakeFile>>,
    /// What deletes rows of them by their keys. Its columns come after those of the table in every
    /// list by column.
    pub(crate) key_deletes: Option<Arc<KeyDeletes>>,
    /// The files that are not read, for reports.
    pub(crate) passed: Vec<PassedOver>,
}

/// Files of one store that a scan does not read.
#[derive(Debug, Clone)]
pub(crate) struct PassedOver {
    /// The store.
    pub(crate) store: Arc<StoreHandle>,
    /// How many there are.
    pub(crate) files: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
}

/// Files that are all known.
#[derive(Debug)]
pub(crate) struct KnownFiles {
    files: Vec<Arc<LakeFile>>,
    key_deletes: Option<Arc<KeyDeletes>>,
    /// The ranges that were asked for, by column.
    ranges: Mutex<HashMap<usize, ColumnRange>>,
    /// The NULLs that were asked for, by column.
    nulls: Mutex<HashMap<usize, NullCount>>,
}

impl KnownFiles {
    /// Lists `files`.
    ///
    /// # Errors
    ///
    /// When what is known of one contradicts itself.
    pub(crate) fn new(files: Vec<LakeFile>, key_deletes: Option<Arc<KeyDeletes>>) -> Result<Self> {
        for file in &files {
            if file.deleted_rows.is_some() && file.rows.is_none() {
                return Err(Error::new(
                    ErrorKind::CorruptSource,
                    format!(
                        "data file \"{}\" has deleted rows but no number of rows",
                        name_of(&file.path)
                    ),
                ));
            }
        }
        let files = files.into_iter().map(Arc::new).collect();
        Ok(Self { files, key_deletes, ranges: Mutex::default(), nulls: Mutex::default() })
    }
}

#[async_trait]
impl FileListing for KnownFiles {
    fn totals(&self) -> Totals {
        Totals {
            rows: self.files.iter().map(|file| file.live_rows()).sum(),
            files: self.files.len() as u64,
            bytes: self.files.iter().map(|file| file.size).sum(),
        }
    }

    async fn files(&self, pruner: &Pruner) -> Result<Listed> {
        let judged: Vec<&LakeFile> = self.files.iter().map(AsRef::as_ref).collect();
        let kept = pruner.keeps(&judged)?;
        let (mut files, mut others) = (Vec::new(), Vec::new());
        for (file, kept) in self.files.iter().zip(kept) {
            let list = if kept { &mut files } else { &mut others };
            list.push(Arc::clone(file));
        }
        Ok(Listed { files, key_deletes: self.key_deletes.clone(), passed: passed_over(&others) })
    }

    fn range(&self, index: usize) -> ColumnRange {
        let mut known = self.ranges.lock();
        let range = || range_of(self.files.iter().map(AsRef::as_ref), index, true);
        known.entry(index).or_insert_with(range).clone()
    }

    fn nulls(&self, index: usize) -> NullCount {
        let mut known = self.nulls.lock();
        let count = || nulls_of(self.files.iter().map(AsRef::as_ref), index, true);
        *known.entry(index).or_insert_with(count)
    }
}

/// What a report says of files that are not read.
pub(crate) fn passed_over(files: &[Arc<LakeFile>]) -> Vec<PassedOver> {
    let mut stores: BTreeMap<&StoreId, PassedOver> = BTreeMap::new();
    for file in files {
        let store = &file.store;
        let of_store = || PassedOver { store: Arc::clone(store), files: 0, bytes: 0 };
        let passed = stores.entry(&store.id).or_insert_with(of_store);
        passed.files += 1;
        passed.bytes += file.size;
    }
    stores.into_values().collect()
}
