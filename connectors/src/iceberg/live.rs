//! The live files of a snapshot, each with its age, sorted by what they are.

use iceberg::spec::{
    DataContentType, DataFile, DataFileFormat, ManifestContentType, ManifestEntry, ManifestFile,
    ManifestStatus,
};
use samite_engine::{Error, ErrorKind, Result};

use super::manifests::{Listed, ManifestReader};
use crate::scan::FileLineage;

/// One live file.
#[derive(Debug, Clone, Copy)]
pub(super) struct LiveFile<'a> {
    pub(super) file: &'a DataFile,
    /// The sequence number: deletes count for what is older.
    pub(super) age: i64,
    /// The place of its manifest in the snapshot.
    pub(super) manifest: usize,
    /// The id of its first row, in a table that keeps track of rows.
    pub(super) first_row_id: Option<i64>,
}

impl LiveFile<'_> {
    /// What its rows inherit.
    pub(super) fn lineage(&self) -> Option<FileLineage> {
        let first_row_id = self.first_row_id?;
        Some(FileLineage { first_row_id, sequence_number: self.age })
    }
}

/// Gives the data files of a manifest the ids of their first rows ("First Row ID Assignment").
struct FirstRowIds(Option<i64>);

impl FirstRowIds {
    fn new(manifest: &ManifestFile) -> Self {
        Self(manifest.first_row_id.and_then(|first| first.try_into().ok()))
    }

    /// The id of the first row of the next live file.
    fn next(&mut self, file: &DataFile) -> Option<i64> {
        if let Some(own) = file.first_row_id() {
            return Some(own);
        }
        let inherited = self.0?;
        self.0 =
            i64::try_from(file.record_count()).ok().and_then(|rows| inherited.checked_add(rows));
        Some(inherited)
    }
}

/// The live files of a snapshot.
#[derive(Debug, Default)]
pub(super) struct Live<'a> {
    pub(super) data: Vec<LiveFile<'a>>,
    /// Files of deleted positions.
    pub(super) positions: Vec<LiveFile<'a>>,
    /// Deletion vectors.
    pub(super) vectors: Vec<LiveFile<'a>>,
    /// Files of deleted keys.
    pub(super) keys: Vec<LiveFile<'a>>,
}

impl<'a> Live<'a> {
    /// The live files that `manifests` name.
    ///
    /// # Errors
    ///
    /// `Unsupported` if one of them is encrypted or of a form that is not read; `CorruptSource` if
    /// the age of one is not told.
    pub(super) fn new(reader: &ManifestReader<'_>, manifests: &'a [Listed]) -> Result<Self> {
        let mut live = Self::default();
        for (manifest, (list_entry, parsed)) in manifests.iter().enumerate() {
            let mut first_row_ids = FirstRowIds::new(list_entry);
            for entry in parsed.entries().iter().filter(|entry| entry.is_alive()) {
                let file = entry.data_file();
                if file.key_metadata().is_some() {
                    return Err(reader.unsupported("encrypted files"));
                }
                let is_data = file.content_type() == DataContentType::Data;
                if is_data != (list_entry.content == ManifestContentType::Data) {
                    return Err(contradiction(reader));
                }
                let kind = match (file.content_type(), file.file_format()) {
                    (DataContentType::Data, DataFileFormat::Parquet) => &mut live.data,
                    (DataContentType::PositionDeletes, DataFileFormat::Parquet) => {
                        &mut live.positions
                    }
                    (DataContentType::PositionDeletes, DataFileFormat::Puffin) => &mut live.vectors,
                    (DataContentType::EqualityDeletes, DataFileFormat::Parquet) => &mut live.keys,
                    (_, other) => {
                        return Err(reader.unsupported(&format!("files of format {other}")));
                    }
                };
                let age = age(reader, list_entry, entry)?;
                let first_row_id = is_data.then(|| first_row_ids.next(file)).flatten();
                kind.push(LiveFile { file, age, manifest, first_row_id });
            }
        }
        Ok(live)
    }
}

fn contradiction(reader: &ManifestReader<'_>) -> Error {
    Error::new(
        ErrorKind::CorruptSource,
        format!("a manifest of table \"{}\" cannot be read", reader.name),
    )
    .with_detail("the manifest list says that it has data files, or deletes, and it has the other")
    .with_hint("ask the owner of the product to repair the table")
}

/// The age of a file; an entry that was just added has the age of its manifest.
fn age(reader: &ManifestReader<'_>, file: &ManifestFile, entry: &ManifestEntry) -> Result<i64> {
    let inherits = entry.status() == ManifestStatus::Added || file.sequence_number == 0;
    let inherited = inherits.then_some(file.sequence_number);
    entry.sequence_number().or(inherited).ok_or_else(|| {
        Error::new(
            ErrorKind::CorruptSource,
            format!("a manifest of table \"{}\" does not tell the age of a file", reader.name),
        )
    })
}
