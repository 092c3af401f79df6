//! Which snapshot and which schema a moment of a table means.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::DateTime;
use iceberg::spec::{SchemaRef, SnapshotRef, SnapshotReference, TableMetadata};
use samite_engine::nearest::nearest;
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
                return Err(unknown_reference(
                    missing(format!("branch or tag \"{name}\"")),
                    name,
                    references,
                ));
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
                Some(entry) => by_id(entry.snapshot_id).map_err(|error| {
                    let detail = "it was current then, and was expired since".to_owned();
                    error.with_detail(detail)
                })?,
                None => {
                    let error = missing(format!("snapshot as old as {}", at.to_rfc3339()));
                    let first = metadata.history().first();
                    let first =
                        first.and_then(|entry| DateTime::from_timestamp_millis(entry.timestamp_ms));
                    return Err(match first {
                        Some(first) => {
                            error.with_detail(format!("the first is of {}", first.to_rfc3339()))
                        }
                        None => error,
                    });
                }
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

/// How many branches and tags an error names.
const NAMED_MAX: usize = 20;

fn unknown_reference(
    error: Error,
    name: &str,
    references: &HashMap<String, SnapshotReference>,
) -> Error {
    let mut known: Vec<&str> = references.keys().map(String::as_str).collect();
    known.sort_unstable();
    let like = nearest(name, known.iter().copied());
    let more = known.len().saturating_sub(NAMED_MAX);
    known.truncate(NAMED_MAX);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let error = error.with_detail(format!("it has {}{more}", known.join(", ")));
    if like.is_empty() {
        return error;
    }
    error.with_hint(format!("did you mean {}?", like.join(", ")))
}
