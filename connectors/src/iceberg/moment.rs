//! Which snapshot and which schema a moment of a table means.

use std::collections::HashMap;
use std::sync::Arc;

use iceberg::spec::{SchemaRef, SnapshotRef, SnapshotReference, TableMetadata};
use samite_engine::product::Moment;
use samite_engine::{Error, ErrorKind, Result};

/// The snapshot at `moment`, `None` while the table has none, and the schema to read it with.
///
/// The newest state and branches are read with the table's schema, everything else with the schema
/// that the snapshot was made with.
///
/// # Errors
///
/// `NotFound` if the table has no such snapshot, branch or tag, or did not exist yet.
pub(super) fn state(
    table: &str,
    metadata: &TableMetadata,
    references: &HashMap<String, SnapshotReference>,
    moment: &Moment,
) -> Result<(Option<SnapshotRef>, SchemaRef)> {
    let missing =
        |what: String| Error::new(ErrorKind::NotFound, format!("table \"{table}\" has no {what}"));
    let by_id = |id: i64| {
        metadata.snapshot_by_id(id).cloned().ok_or_else(|| missing(format!("snapshot {id}")))
    };
    let snapshot = match moment {
        Moment::Latest => {
            let snapshot = metadata.current_snapshot().cloned();
            return Ok((snapshot, Arc::clone(metadata.current_schema())));
        }
        Moment::Reference(name) => {
            let Some(reference) = references.get(name) else {
                let mut known: Vec<&str> = references.keys().map(String::as_str).collect();
                known.sort_unstable();
                return Err(missing(format!("branch or tag \"{name}\""))
                    .with_detail(format!("it has {}", known.join(", "))));
            };
            let snapshot = by_id(reference.snapshot_id)?;
            if reference.is_branch() {
                return Ok((Some(snapshot), Arc::clone(metadata.current_schema())));
            }
            snapshot
        }
        Moment::Version(id) => by_id(*id)?,
        Moment::Timestamp(at) => {
            let at_ms = at.timestamp_millis();
            let entry = metadata.history().iter().rev().find(|entry| entry.timestamp_ms <= at_ms);
            match entry {
                Some(entry) => by_id(entry.snapshot_id)?,
                None => return Err(missing(format!("snapshot as old as {}", at.to_rfc3339()))),
            }
        }
    };
    let schema = snapshot.schema(metadata).map_err(|error| {
        Error::new(
            ErrorKind::CorruptSource,
            format!("the metadata of table \"{table}\" lacks the schema of a snapshot"),
        )
        .with_source(error)
    })?;
    Ok((Some(snapshot), schema))
}
