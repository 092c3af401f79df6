//! One snapshot of an Iceberg table as columns, and as what finds its files.

use std::sync::Arc;

use iceberg::spec::FormatVersion;
use samite_engine::Result;
use samite_engine::connector::SnapshotId;
use samite_engine::product::Moment;

use super::columns::{columns, lineage_columns};
use super::listing::{State, StateFiles};
use super::manifests::ManifestReader;
use super::metadata::Metadata;
use super::moment;
use super::name_mapping::MappedNames;
use crate::source_table::SourceTable;

/// Reads the state of a table at `moment`: its columns, and the list of its manifests.
///
/// # Errors
///
/// If there is no such state, a part of it is missing or damaged, or it needs more than Samite reads.
pub(super) async fn read(
    reader: &ManifestReader<'_>,
    metadata: Metadata,
    moment: &Moment,
) -> Result<SourceTable> {
    if metadata.table.encryption_keys_iter().next().is_some() {
        return Err(reader.unsupported("encryption keys"));
    }
    let (snapshot, schema) =
        moment::state(reader.name, &metadata.table, &metadata.references, moment)?;
    let names = MappedNames::new(reader.name, &metadata.table)?;
    let mut columns = columns(reader.name, &schema, &names)?;
    if metadata.table.format_version() >= FormatVersion::V3 {
        columns.extend(lineage_columns());
    }
    let seen = columns.iter().map(|column| column.column.clone()).collect();
    let Some(snapshot) = snapshot else {
        let id = SnapshotId("iceberg:empty".to_owned());
        return Ok(SourceTable::new(id, None, seen, Vec::new()));
    };
    if snapshot.encryption_key_id().is_some() {
        return Err(reader.unsupported("an encrypted manifest list"));
    }
    let id = SnapshotId(format!("iceberg:{}", snapshot.snapshot_id()));
    let state = State::read(reader, metadata.table, &snapshot, columns).await?;
    let made = (id, snapshot.timestamp().ok());
    Ok(SourceTable::listed(made, seen, Arc::new(StateFiles(Arc::new(state)))))
}
