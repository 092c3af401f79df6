//! The files of one snapshot, found when the filters of a scan are known.
//!
//! ```text
//! manifest list ──summaries──▶ manifests ──bounds, partitions──▶ data files ──survivors──▶ their deletes
//! ```
//!
//! What cannot hold rows that the filters keep is not read: no manifest, no file of deletes.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use iceberg::spec::{Literal, ManifestContentType, ManifestFile, Snapshot, TableMetadata};
use samite_engine::Result;
use samite_engine::connector::{ColumnRange, NullCount, OpenRequest};
use samite_engine::product::Server;
use tokio::sync::OnceCell;

use super::columns::IcebergColumn;
use super::equality_deletes::EqualityDeletes;
use super::lake_files::{LakeFiles, SpecField, Specs};
use super::live::Live;
use super::manifests::{MANIFESTS_AT_ONCE, ManifestReader, Shared};
use super::position_deletes::PositionDeletes;
use super::summaries::Summaries;
use super::survivors::{Part, Survivors, part_of};
use super::vectors::VectorsByPath;
use crate::scan::{
    Deletes, FileListing, KeyDeletes, LakeFile, Listed, PassedOver, Pruner, Totals, nulls_of,
    passed_over, range_of, with_deletes,
};
use crate::source_table::{SourceListing, view_file};
use crate::stores::StoreHandle;

/// One state of a table, as its manifest list tells it.
pub(super) struct State {
    shared: Arc<Shared>,
    metadata: TableMetadata,
    columns: Vec<IcebergColumn>,
    /// The manifests of data files.
    data: Vec<ManifestFile>,
    /// The manifests of deletes.
    deletes: Vec<ManifestFile>,
    /// Where the manifest list lies.
    store: Arc<StoreHandle>,
    totals: Totals,
}

impl State {
    /// Reads the manifest list of `snapshot`.
    ///
    /// # Errors
    ///
    /// If it is missing or damaged, or something in it is not read.
    pub(super) async fn read(
        reader: &ManifestReader<'_>,
        metadata: TableMetadata,
        snapshot: &Snapshot,
        columns: Vec<IcebergColumn>,
    ) -> Result<Self> {
        let store = reader.place(snapshot.manifest_list())?.store;
        let list = reader.list(snapshot.manifest_list(), metadata.format_version()).await?;
        let is_data = |file: &ManifestFile| file.content == ManifestContentType::Data;
        let (data, deletes): (Vec<_>, Vec<_>) = list.into_iter().partition(is_data);
        let totals = totals(reader, snapshot, &data, !deletes.is_empty()).await?;
        let shared = Arc::clone(reader.shared);
        Ok(Self { shared, metadata, columns, data, deletes, store, totals })
    }
}

/// What the files of `data` are together. Where the manifest list and the snapshot do not say it, the
/// manifests do.
async fn totals(
    reader: &ManifestReader<'_>,
    snapshot: &Snapshot,
    data: &[ManifestFile],
    has_deletes: bool,
) -> Result<Totals> {
    let sum = |of: fn(&ManifestFile) -> Option<u64>| data.iter().map(of).sum::<Option<u64>>();
    let rows = sum(|file| file.added_rows_count?.checked_add(file.existing_rows_count?));
    let rows = rows.filter(|_| !has_deletes);
    let files = sum(|file| {
        Some(u64::from(file.added_files_count?) + u64::from(file.existing_files_count?))
    });
    let bytes = snapshot.summary().additional_properties.get("total-files-size");
    let bytes = bytes.and_then(|bytes| bytes.parse().ok());
    if let Some((files, bytes)) = files.zip(bytes) {
        return Ok(Totals { rows, files, bytes });
    }
    let mut told = Totals { rows, files: 0, bytes: 0 };
    for (_, manifest) in reader.manifests(data.to_vec()).await? {
        for entry in manifest.entries().iter().filter(|entry| entry.is_alive()) {
            told.files += 1;
            told.bytes += entry.data_file().file_size_in_bytes();
        }
    }
    Ok(told)
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("totals", &self.totals).finish_non_exhaustive()
    }
}

/// A state as the source of tables with the columns of a contract.
#[derive(Debug)]
pub(super) struct StateFiles(pub(super) Arc<State>);

impl SourceListing for StateFiles {
    fn file_count(&self) -> usize {
        usize::try_from(self.0.totals.files).unwrap_or(usize::MAX)
    }

    fn promised(&self, places: &[usize], request: &OpenRequest) -> Arc<dyn FileListing> {
        let state = Arc::clone(&self.0);
        let columns = places.iter().filter_map(|at| state.columns.get(*at).cloned()).collect();
        let made = state.data.iter().map(|_| OnceCell::new()).collect();
        let (server, name) = (Arc::clone(&request.server), request.name.to_string());
        Arc::new(Listing { state, columns, server, name, made })
    }
}

/// The files of a state for one contract.
struct Listing {
    state: Arc<State>,
    columns: Vec<IcebergColumn>,
    server: Arc<Server>,
    name: String,
    /// The data files of each manifest, once it was read.
    made: Vec<OnceCell<Arc<Made>>>,
}

/// The data files of a manifest.
#[derive(Debug)]
struct Made {
    files: Vec<Arc<LakeFile>>,
    /// What deletes are matched with, for each file.
    keys: Vec<FileKey>,
    spec: i32,
    fields: Vec<SpecField>,
}

/// What deletes know a data file by.
#[derive(Debug)]
struct FileKey {
    /// The path as the manifest writes it.
    path: Box<str>,
    age: i64,
    partition: Vec<Option<Literal>>,
}

/// A data file that a scan reads.
struct Survivor<'a> {
    file: &'a Arc<LakeFile>,
    key: &'a FileKey,
    made: &'a Made,
}

impl Survivor<'_> {
    fn part(&self) -> Part {
        part_of(self.made.spec, &self.key.partition)
    }
}

impl Listing {
    fn reader(&self) -> ManifestReader<'_> {
        ManifestReader { shared: &self.state.shared, server: &self.server, name: &self.name }
    }

    /// For each manifest, false if no row that the filters keep can be in a file of it.
    fn may_match(&self, manifests: &[ManifestFile], pruner: &Pruner) -> Result<Vec<bool>> {
        let summaries = Summaries {
            metadata: &self.state.metadata,
            columns: &self.columns,
            store: &self.state.store,
        };
        let told: Vec<LakeFile> = manifests.iter().map(|file| summaries.of(file)).collect();
        pruner.keeps(&told.iter().collect::<Vec<_>>())
    }

    /// The data files of the manifests that may hold rows which the filters keep.
    async fn read(&self, pruner: &Pruner) -> Result<Vec<Arc<Made>>> {
        let kept = self.may_match(&self.state.data, pruner)?;
        let manifests = self.state.data.iter().zip(&self.made).zip(kept);
        let reads: Vec<_> = manifests
            .filter_map(|((file, made), kept)| kept.then_some((file, made)))
            .map(|(file, made)| async move {
                made.get_or_try_init(|| self.make(file)).await.map(Arc::clone)
            })
            .collect();
        futures::stream::iter(reads).buffered(MANIFESTS_AT_ONCE).try_collect().await
    }

    async fn make(&self, file: &ManifestFile) -> Result<Arc<Made>> {
        let reader = self.reader();
        let manifests = [(file.clone(), reader.manifest(file).await?)];
        let live = Live::new(&reader, &manifests)?;
        let specs = Specs::new(&reader, &manifests)?;
        let makes = LakeFiles::new(&reader, &self.columns, &specs);
        let files = live.data.iter().map(|live| makes.make(live).map(Arc::new));
        let files = files.collect::<Result<_>>()?;
        let keys = live.data.iter().map(|live| FileKey {
            path: live.file.file_path().into(),
            age: live.age,
            partition: live.file.partition().fields().to_vec(),
        });
        let (keys, spec) = (keys.collect(), specs.id(0));
        let fields = specs.into_fields().pop().unwrap_or_default();
        Ok(Arc::new(Made { files, keys, spec, fields }))
    }

    /// The files of `survivors` without what was deleted of them.
    async fn without_deleted(
        &self,
        survivors: &[Survivor<'_>],
        pruner: &Pruner,
    ) -> Result<(Vec<Arc<LakeFile>>, Option<Arc<KeyDeletes>>)> {
        let kept = self.may_match(&self.state.deletes, pruner)?;
        let manifests = self.state.deletes.iter().zip(kept);
        let manifests = manifests.filter(|(_, kept)| *kept).map(|(file, _)| file.clone()).collect();
        let reader = self.reader();
        let manifests = reader.manifests(manifests).await?;
        let mut live = Live::new(&reader, &manifests)?;
        let specs = Specs::new(&reader, &manifests)?;
        let keys = survivors.iter().map(|file| (&*file.key.path, file.key.age, file.part()));
        let counting = Survivors::new(keys);
        live.positions.retain(|delete| counting.may_lose_positions(&specs, delete));
        live.keys.retain(|delete| counting.may_lose_keys(&specs, delete));
        let vectors = VectorsByPath::new(&reader, &self.server, &live.vectors, &counting)?;
        let positions = PositionDeletes::fetch(&reader, &live.positions).await?;
        let keys = EqualityDeletes::new(&reader, &self.state.metadata, &live, &specs)?;
        let key_deletes = keys.key_deletes(&reader, &live, &specs)?;
        let changed = |survivor: &Survivor<'_>| {
            let path = &*survivor.key.path;
            let held = || positions.of(path, survivor.key.age).map(Deletes::Held);
            let deleted_rows = vectors.of(path).or_else(held);
            let deletes = key_deletes.as_ref().map(|deletes| (&keys, deletes));
            let (part, has_deleted_keys) = match deletes {
                Some((keys, _)) => keys.of(&survivor.part(), survivor.key.age),
                None => (0, false),
            };
            if deleted_rows.is_none() && !has_deleted_keys {
                return Ok(Arc::clone(survivor.file));
            }
            let mut file = LakeFile { deleted_rows, ..survivor.file.as_ref().clone() };
            if let Some((keys, deletes)) = deletes.filter(|_| has_deleted_keys) {
                file.has_deleted_keys = true;
                let hidden = deletes.constants(self.columns.len(), survivor.key.age, part);
                file.constants.extend(hidden);
                self.tell_keys(&mut file, survivor, keys)?;
            }
            Ok(Arc::new(file))
        };
        let files = survivors.iter().map(changed).collect::<Result<_>>()?;
        Ok((files, key_deletes.map(Arc::new)))
    }

    /// Adds the columns of keys that all rows of a file have from its partition.
    fn tell_keys(
        &self,
        file: &mut LakeFile,
        survivor: &Survivor<'_>,
        keys: &EqualityDeletes,
    ) -> Result<()> {
        for (at, column) in keys.columns.iter().enumerate() {
            for field in survivor.made.fields.iter().filter(|field| field.is_whole(column)) {
                let partition = &survivor.key.partition;
                let constant = field.constant(&self.reader(), column, partition)?;
                file.constants.push((self.columns.len() + at, constant));
            }
        }
        view_file(file);
        Ok(())
    }

    /// What is not read: files that were looked at, and those of manifests that were not.
    fn passed(&self, seen: &[Arc<Made>], others: &[Arc<LakeFile>]) -> Vec<PassedOver> {
        let mut passed = passed_over(others);
        let seen = || seen.iter().flat_map(|made| &made.files);
        let bytes: u64 = seen().map(|file| file.size).sum();
        let files = self.state.totals.files.saturating_sub(seen().count() as u64);
        if files > 0 {
            let store = Arc::clone(&self.state.store);
            let bytes = self.state.totals.bytes.saturating_sub(bytes);
            passed.push(PassedOver { store, files, bytes });
        }
        passed
    }
}

#[async_trait]
impl FileListing for Listing {
    fn totals(&self) -> Totals {
        self.state.totals
    }

    async fn files(&self, pruner: &Pruner) -> Result<Listed> {
        let read = self.read(pruner).await?;
        let all = read.iter().flat_map(|made| {
            let files = made.files.iter().zip(&made.keys);
            files.map(|(file, key)| Survivor { file, key, made })
        });
        let all: Vec<Survivor<'_>> = all.collect();
        let judged: Vec<&LakeFile> = all.iter().map(|survivor| survivor.file.as_ref()).collect();
        let kept = pruner.keeps(&judged)?;
        let (mut survivors, mut others) = (Vec::new(), Vec::new());
        for (survivor, kept) in all.into_iter().zip(kept) {
            match kept {
                true => survivors.push(survivor),
                false => others.push(Arc::clone(survivor.file)),
            }
        }
        let passed = self.passed(&read, &others);
        if self.state.deletes.is_empty() || survivors.is_empty() {
            let files = survivors.iter().map(|survivor| Arc::clone(survivor.file)).collect();
            return Ok(Listed { files, key_deletes: None, passed });
        }
        let (files, key_deletes) = self.without_deleted(&survivors, pruner).await?;
        Ok(Listed { files, key_deletes, passed })
    }

    fn range(&self, index: usize) -> ColumnRange {
        let seen: Vec<&Arc<Made>> = self.made.iter().filter_map(OnceCell::get).collect();
        let files = seen.iter().flat_map(|made| &made.files).map(AsRef::as_ref);
        let range = range_of(files, index, seen.len() == self.made.len());
        // Which file loses rows is not known here.
        if self.state.deletes.is_empty() { range } else { with_deletes(range) }
    }

    fn nulls(&self, index: usize) -> NullCount {
        let seen: Vec<&Arc<Made>> = self.made.iter().filter_map(OnceCell::get).collect();
        let files = seen.iter().flat_map(|made| &made.files).map(AsRef::as_ref);
        let nulls = nulls_of(files, index, seen.len() == self.made.len());
        if self.state.deletes.is_empty() { nulls } else { NullCount { at_least: 0, ..nulls } }
    }
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing").field("name", &self.name).finish_non_exhaustive()
    }
}
