//! One version of a Delta table as columns and files.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::object_store::path::Path;
use deltalake_core::kernel::DeletionVectorDescriptor;
use samite_engine::connector::SnapshotId;
use samite_engine::product::Server;
use samite_engine::{Error, ErrorKind, Result};

use super::columns::{ColumnMapping, DeltaColumn, columns};
use super::config::DeltaConfig;
use super::deletion_vector::{self, Source};
use super::entry::Entry;
use super::in_commit::InCommitTimestamps;
use super::replayed::{Replayed, State};
use super::statistics::FileStatistics;
use super::vectors::{Vectors, broken};
use super::{commit_info, log, partition, protocol};
use crate::scan::{Bounds, Deletes, LakeFile, StoredDeletes};
use crate::source_table::SourceTable;
use crate::stores::{Place, Stores, shown, shown_name};

/// A deletion vector that the log tells of.
struct Added {
    rows: u64,
    place: usize,
}

/// What a table is read with.
pub(super) struct TableReader<'a> {
    pub(super) config: &'a DeltaConfig,
    pub(super) stores: &'a Stores,
    pub(super) server: &'a Server,
    pub(super) place: &'a Place,
    pub(super) name: &'a str,
}

impl TableReader<'_> {
    /// Reads the version that was replayed.
    ///
    /// # Errors
    ///
    /// If the table needs more than Samite reads, or its log cannot be understood.
    pub(super) async fn read(&self, replayed: &Replayed) -> Result<SourceTable> {
        let state = replayed.state().map_err(|error| self.damaged("nothing").with_source(error))?;
        let columns = self.columns(&state)?;
        let entries = replayed.entries().await;
        let entries =
            entries.map_err(|error| self.damaged("its list of files").with_source(error))?;
        let mut files = Vec::new();
        let mut vectors = Vectors::new(self.name, self.config);
        let mut added = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|what| self.damaged(&what))?;
            let file = self.file(&entry, &columns)?;
            if let Some(descriptor) = entry.vector {
                added.push((files.len(), self.add_vector(&mut vectors, &file, descriptor)?));
            }
            files.push(file);
        }
        let vectors: Arc<dyn StoredDeletes> = Arc::new(vectors);
        for (at, Added { rows, place }) in added {
            let Some(file) = files.get_mut(at) else { continue };
            file.deleted_rows = Some(Deletes::Stored { rows, of: Arc::clone(&vectors), place });
        }
        let id = SnapshotId(format!("delta:{}", state.version));
        let committed_at = self.committed_at(&state).await;
        let columns = columns.into_iter().map(|column| column.column).collect();
        Ok(SourceTable::new(id, committed_at, columns, files))
    }

    /// When the version was committed; none if its commit is gone.
    async fn committed_at(&self, state: &State) -> Option<DateTime<Utc>> {
        let properties = state.metadata.configuration();
        let tells = InCommitTimestamps::parse(self.name, properties)
            .is_ok_and(|rule| rule.tells(state.version));
        let ms = match tells {
            true => commit_info::in_commit_ms(self, state.version).await.ok(),
            false => state.committed_ms,
        };
        ms.and_then(DateTime::from_timestamp_millis)
    }

    fn columns(&self, state: &State) -> Result<Vec<DeltaColumn>> {
        let needed = &state.protocol;
        let features: Vec<String> = needed
            .reader_features()
            .unwrap_or_default()
            .iter()
            .map(|feature| feature.as_ref().to_owned())
            .collect();
        let version = needed.min_reader_version();
        protocol::check(self.name, version, &features)?;
        let metadata = &state.metadata;
        let mode = metadata.configuration().get("delta.columnMapping.mode").map(String::as_str);
        let is_enabled = version == 2 || features.iter().any(|feature| feature == "columnMapping");
        let mapping = ColumnMapping::parse(self.name, mode, is_enabled)?;
        columns(self.name, &state.schema, metadata.partition_columns(), mapping)
    }

    fn file(&self, entry: &Entry, columns: &[DeltaColumn]) -> Result<LakeFile> {
        let place = self.locate(&entry.path)?;
        let wrong = || self.damaged(&format!("the entry of file \"{}\"", shown(&entry.path)));
        let statistics = FileStatistics::parse(entry.stats.as_deref());
        let mut constants = Vec::new();
        let mut bounds = Vec::with_capacity(columns.len());
        for (at, column) in columns.iter().enumerate() {
            if !column.is_partition {
                bounds.push(statistics.bounds(column));
                continue;
            }
            let text = entry.values.get(&column.log_name).and_then(Option::as_deref);
            let data_type = column.column.field.data_type();
            let value = column
                .primitive
                .as_ref()
                .and_then(|primitive| partition::parse(text, primitive, data_type))
                .ok_or_else(|| self.unread_partition(column, text))?;
            bounds.push(Bounds::default());
            constants.push((at, value));
        }
        Ok(LakeFile {
            store: place.store,
            path: place.path,
            size: u64::try_from(entry.size).map_err(|_| wrong())?,
            last_modified: DateTime::from_timestamp_millis(entry.modified_ms).ok_or_else(wrong)?,
            e_tag: None,
            rows: statistics.num_records,
            bounds,
            constants,
            buckets: Vec::new(),
            deleted_rows: None,
            has_deleted_keys: false,
            lineage: None,
        })
    }

    /// Where a path of the log lies: below the table, or, as a URI, where it says.
    fn locate(&self, path: &str) -> Result<Place> {
        if path.is_empty() {
            return Err(self.damaged("a file without a path"));
        }
        let is_uri = path.contains("://") || path.starts_with("file:/") || path.starts_with('/');
        if is_uri {
            return self.stores.resolve_file(path, Some(self.server));
        }
        let below = format!("{}/{path}", self.place.path);
        if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            let location = format!("{}/{below}", self.place.store.root);
            return self.stores.resolve_file(&location, Some(self.server));
        }
        let path = Path::parse(&below).map_err(|error| {
            self.damaged(&format!("the path of file \"{}\"", shown(path))).with_source(error)
        })?;
        Ok(Place { store: Arc::clone(&self.place.store), path })
    }

    /// Adds the deletion vector of a file to `vectors`, as far as the log tells of it.
    fn add_vector(
        &self,
        vectors: &mut Vectors,
        file: &LakeFile,
        descriptor: DeletionVectorDescriptor,
    ) -> Result<Added> {
        if file.rows.is_none() {
            return Err(self.damaged(&format!(
                "file \"{}\", which has a deletion vector but no number of rows,",
                shown_name(file.path.filename().unwrap_or_default())
            )));
        }
        let broken = |why: &str| broken(self.name, why);
        let rows = deletion_vector::cardinality(&descriptor).map_err(broken)?;
        let place = match deletion_vector::source(&descriptor).map_err(broken)? {
            Source::Inline(bytes) => {
                let place = vectors.add_inline(descriptor, bytes);
                return Ok(Added { rows, place });
            }
            Source::Relative(path) => self.locate(&path)?,
            Source::Absolute(location) => self.locate(&location)?,
        };
        let range = deletion_vector::range(&descriptor).map_err(broken)?;
        if range.end.saturating_sub(range.start) > self.config.deletion_vector_bytes_max {
            return Err(broken("it is larger than the bound"));
        }
        Ok(Added { rows, place: vectors.add_stored(descriptor, place, range) })
    }

    fn unread_partition(&self, column: &DeltaColumn, text: Option<&str>) -> Error {
        let name = column.column.field.name();
        Error::new(
            ErrorKind::CorruptSource,
            format!("table \"{}\" has a partition value that cannot be read", self.name),
        )
        .with_detail(format!(
            "column \"{name}\" of type {} does not take '{}'",
            column.column.field.data_type(),
            text.unwrap_or_default()
        ))
    }

    fn damaged(&self, what: &str) -> Error {
        log::damaged(self.name, log::not_understood(what))
    }
}
