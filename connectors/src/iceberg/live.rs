//! The live files of a snapshot, each with its age, sorted by what they are.

use iceberg::spec::{
    DataContentType, DataFile, DataFileFormat, ManifestContentType, ManifestEntry, ManifestFile,
    ManifestStatus,
};
use samite_engine::{Error, ErrorKind, Result};

use super::manifests::{Listed, ManifestReader};

/// One live file.
#[derive(Debug, Clone, Copy)]
pub(super) struct LiveFile<'a> {
    pub(super) file: &'a DataFile,
    /// The sequence number: deletes count for what is older.
    pub(super) age: i64,
    /// The place of its manifest in the snapshot.
    pub(super) manifest: usize,
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
                kind.push(LiveFile { file, age: age(reader, list_entry, entry)?, manifest });
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
