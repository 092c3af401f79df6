//! One snapshot of an Iceberg table as columns and files.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use iceberg::spec::{
    DataContentType, DataFile, DataFileFormat, FormatVersion, Manifest, ManifestEntry,
    ManifestFile, ManifestStatus, PrimitiveType, SnapshotRef, Transform,
};
use samite_engine::connector::SnapshotId;
use samite_engine::product::Moment;
use samite_engine::{Error, ErrorKind, Result};

use super::columns::{IcebergColumn, columns};
use super::manifests::ManifestReader;
use super::metadata::Metadata;
use super::moment;
use super::position_deletes::PositionDeletes;
use super::values::{Side, bound, is_exact, scalar};
use crate::scan::{Bounds, LakeFile};
use crate::source_table::SourceTable;

/// The value of a column that a file's partition tells: where it stands, whose it is, its type.
struct PartitionValue {
    place: usize,
    column: usize,
    written_as: PrimitiveType,
}

/// Reads the state of a table at `moment`.
///
/// # Errors
///
/// If there is no such state, a part of it is missing or damaged, or it needs more than Samite reads.
pub(super) async fn read(
    reader: &ManifestReader<'_>,
    metadata: &Metadata,
    moment: &Moment,
) -> Result<SourceTable> {
    if metadata.table.encryption_keys_iter().next().is_some() {
        return Err(reader.unsupported("encryption keys"));
    }
    let (snapshot, schema) =
        moment::state(reader.name, &metadata.table, &metadata.references, moment)?;
    let columns = columns(reader.name, &schema)?;
    let files = match &snapshot {
        Some(snapshot) => files(reader, metadata, snapshot, &columns).await?,
        None => Vec::new(),
    };
    let id = match &snapshot {
        Some(snapshot) => SnapshotId(format!("iceberg:{}", snapshot.snapshot_id())),
        None => SnapshotId("iceberg:empty".to_owned()),
    };
    let committed_at = snapshot.and_then(|snapshot| snapshot.timestamp().ok());
    let columns = columns.into_iter().map(|column| column.column).collect();
    Ok(SourceTable::new(id, committed_at, columns, files))
}

async fn files(
    reader: &ManifestReader<'_>,
    metadata: &Metadata,
    snapshot: &SnapshotRef,
    columns: &[IcebergColumn],
) -> Result<Vec<LakeFile>> {
    if snapshot.encryption_key_id().is_some() {
        return Err(reader.unsupported("an encrypted manifest list"));
    }
    let version = metadata.table.format_version();
    let manifests = match reader.load(snapshot.manifest_list(), version).await {
        // A table that was upgraded may still have a list of the first version.
        Err(error) if error.kind() == ErrorKind::CorruptSource && version != FormatVersion::V1 => {
            let older = reader.load(snapshot.manifest_list(), FormatVersion::V1).await;
            older.map_err(|_| error)?
        }
        other => other?,
    };
    let mut deletes = PositionDeletes::default();
    for (file, entry) in live(&manifests) {
        let data = entry.data_file();
        check(reader, data)?;
        if data.content_type() == DataContentType::PositionDeletes {
            deletes.add(reader, data, sequence(reader, file, entry)?).await?;
        }
    }
    let mut files = Vec::new();
    for (file, manifest) in &manifests {
        let values = partition_values(reader, manifest, columns)?;
        for entry in manifest.entries().iter().filter(|entry| entry.is_alive()) {
            if entry.content_type() != DataContentType::Data {
                continue;
            }
            let mut data = lake_file(reader, entry.data_file(), columns, &values)?;
            let sequence = sequence(reader, file, entry)?;
            data.deleted_rows = deletes.of(entry.file_path(), sequence).map(Arc::new);
            files.push(data);
        }
    }
    Ok(files)
}

fn live(
    manifests: &[(ManifestFile, Arc<Manifest>)],
) -> impl Iterator<Item = (&ManifestFile, &ManifestEntry)> {
    manifests.iter().flat_map(|(file, manifest)| {
        let alive = manifest.entries().iter().filter(|entry| entry.is_alive());
        alive.map(move |entry| (file, entry.as_ref()))
    })
}

/// Refuses what the scan would read wrongly or not at all.
fn check(reader: &ManifestReader<'_>, file: &DataFile) -> Result<()> {
    if file.key_metadata().is_some() {
        return Err(reader.unsupported("encrypted files"));
    }
    match (file.content_type(), file.file_format()) {
        (DataContentType::Data | DataContentType::PositionDeletes, DataFileFormat::Parquet) => {
            Ok(())
        }
        (DataContentType::EqualityDeletes, _) => Err(reader.unsupported("equality deletes")),
        (DataContentType::PositionDeletes, DataFileFormat::Puffin) => {
            Err(reader.unsupported("deletion vectors"))
        }
        (_, other) => Err(reader.unsupported(&format!("files of format {other}"))),
    }
}

/// The age of a file; an entry that was just added has the age of its manifest.
fn sequence(
    reader: &ManifestReader<'_>,
    file: &ManifestFile,
    entry: &ManifestEntry,
) -> Result<i64> {
    let inherits = entry.status() == ManifestStatus::Added || file.sequence_number == 0;
    let inherited = inherits.then_some(file.sequence_number);
    entry.sequence_number().or(inherited).ok_or_else(|| {
        Error::new(
            ErrorKind::CorruptSource,
            format!("a manifest of table \"{}\" does not tell the age of a file", reader.name),
        )
    })
}

/// The columns that the partition of a manifest's files tells, by the manifest's own spec.
fn partition_values(
    reader: &ManifestReader<'_>,
    manifest: &Manifest,
    columns: &[IcebergColumn],
) -> Result<Vec<PartitionValue>> {
    let spec = manifest.metadata().partition_spec();
    let types = spec.partition_type(manifest.metadata().schema()).map_err(|error| {
        Error::new(
            ErrorKind::CorruptSource,
            format!("a manifest of table \"{}\" does not tell its partitions", reader.name),
        )
        .with_source(error)
    })?;
    let fields = spec.fields().iter().zip(types.fields()).enumerate();
    Ok(fields
        .filter(|(_, (field, _))| field.transform == Transform::Identity)
        .filter_map(|(place, (field, partition))| {
            let column = columns.iter().position(|column| column.id == field.source_id)?;
            let written_as = partition.field_type.as_primitive_type()?.clone();
            Some(PartitionValue { place, column, written_as })
        })
        .collect())
}

fn lake_file(
    reader: &ManifestReader<'_>,
    file: &DataFile,
    columns: &[IcebergColumn],
    values: &[PartitionValue],
) -> Result<LakeFile> {
    let place = reader.place(file.file_path())?;
    let mut constants = Vec::with_capacity(values.len());
    for value in values {
        let unread = || {
            Error::new(
                ErrorKind::CorruptSource,
                format!("table \"{}\" has a partition value that cannot be read", reader.name),
            )
        };
        let column = columns.get(value.column).ok_or_else(unread)?;
        let literal = file.partition().fields().get(value.place).ok_or_else(unread)?;
        let constant = match literal {
            None => column.column.field.data_type().try_into().map_err(|_| unread())?,
            Some(literal) => literal
                .as_primitive_literal()
                .zip(column.primitive.as_ref())
                .and_then(|(literal, to)| scalar(&literal, &value.written_as, to))
                .ok_or_else(unread)?,
        };
        constants.push((value.column, constant));
    }
    Ok(LakeFile {
        store: place.store,
        path: place.path,
        size: file.file_size_in_bytes(),
        last_modified: DateTime::<Utc>::UNIX_EPOCH,
        e_tag: None,
        rows: Some(file.record_count()),
        bounds: columns.iter().map(|column| bounds(file, column)).collect(),
        constants,
        deleted_rows: None,
    })
}

fn bounds(file: &DataFile, column: &IcebergColumn) -> Bounds {
    let Some(to) = &column.primitive else { return Bounds::default() };
    let id = &column.id;
    let min = file.lower_bounds().get(id);
    let max = file.upper_bounds().get(id);
    Bounds {
        min: min.and_then(|min| bound(min.literal(), min.data_type(), to, Side::Min)),
        max: max.and_then(|max| bound(max.literal(), max.data_type(), to, Side::Max)),
        nulls: file.null_value_counts().get(id).copied(),
        attained: is_exact(to),
        has_no_nan: file.nan_value_counts().get(id) == Some(&0),
    }
}
