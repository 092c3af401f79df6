//! One snapshot of an Iceberg table as columns and files.

use std::sync::Arc;

use iceberg::spec::{FormatVersion, SnapshotRef};
use samite_engine::connector::SnapshotId;
use samite_engine::product::Moment;
use samite_engine::{ErrorKind, Result};

use super::columns::{IcebergColumn, columns};
use super::equality_deletes::EqualityDeletes;
use super::lake_files::{LakeFiles, Specs};
use super::live::{Live, LiveFile};
use super::manifests::ManifestReader;
use super::metadata::Metadata;
use super::moment;
use super::name_mapping::MappedNames;
use super::position_deletes::PositionDeletes;
use super::vectors::Vectors;
use crate::scan::{Deletes, KeyDeletes, LakeFile};
use crate::source_table::SourceTable;

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
    let names = MappedNames::new(reader.name, &metadata.table)?;
    let columns = columns(reader.name, &schema, &names)?;
    let (files, key_deletes) = match &snapshot {
        Some(snapshot) => files(reader, metadata, snapshot, columns.clone()).await?,
        None => (Vec::new(), None),
    };
    let id = match &snapshot {
        Some(snapshot) => SnapshotId(format!("iceberg:{}", snapshot.snapshot_id())),
        None => SnapshotId("iceberg:empty".to_owned()),
    };
    let committed_at = snapshot.and_then(|snapshot| snapshot.timestamp().ok());
    let columns = columns.into_iter().map(|column| column.column).collect();
    let source = SourceTable::new(id, committed_at, columns, files);
    Ok(match key_deletes {
        Some(deletes) => source.with_key_deletes(deletes),
        None => source,
    })
}

async fn files(
    reader: &ManifestReader<'_>,
    metadata: &Metadata,
    snapshot: &SnapshotRef,
    mut columns: Vec<IcebergColumn>,
) -> Result<(Vec<LakeFile>, Option<KeyDeletes>)> {
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
    let live = Live::new(reader, &manifests)?;
    let specs = Specs::new(reader, &manifests)?;
    let keys = EqualityDeletes::new(reader, &metadata.table, &live, &specs)?;
    let vectors = Vectors::fetch(reader, &live).await?;
    let positions = PositionDeletes::fetch(reader, &live.positions).await?;
    let seen = columns.len();
    columns.extend(keys.columns.iter().cloned());
    let files = LakeFiles::new(reader, &columns, &specs);
    let key_deletes = keys.key_deletes(reader, &live, &specs)?;
    let make = |data: &LiveFile<'_>| {
        let mut file = files.make(data)?;
        let path = data.file.file_path();
        file.deleted_rows = match vectors.of(path) {
            Some(vector) => Some(Arc::clone(vector)),
            None => positions.of(path, data.age).map(Arc::new),
        }
        .map(Deletes::Held);
        if let Some(deletes) = &key_deletes {
            let (part, has_deleted_keys) = keys.of(&specs, data);
            file.has_deleted_keys = has_deleted_keys;
            file.constants.extend(deletes.constants(seen, data.age, part));
        }
        Ok(file)
    };
    let files = live.data.iter().map(make).collect::<Result<_>>()?;
    Ok((files, key_deletes))
}
