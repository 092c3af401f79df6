//! A table of a planned query, as reports name it.

use crate::connector::SnapshotId;
use crate::govern::GovernedTable;
use crate::resolve;
use crate::snapshot_token::SnapshotToken;

/// A table of the query, as reports name it.
#[derive(Debug, Clone)]
pub(crate) struct PlannedTable {
    pub(super) name: String,
    /// What a snapshot token calls it.
    pub(super) name_in_token: String,
    pub(super) version: String,
    pub(super) snapshot: SnapshotId,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// The tables of a query that are ports, each once.
pub(super) fn planned_tables(tables: &[GovernedTable]) -> Vec<PlannedTable> {
    let mut planned: Vec<PlannedTable> = Vec::new();
    let ports = tables.iter().filter_map(|table| Some((table.port()?, table.version())));
    for ((table, pinned), version) in ports {
        let name = table.name.to_string();
        let name_in_token = resolve::name_in_token(&name, version);
        if planned.iter().all(|known| known.name_in_token != name_in_token) {
            planned.push(PlannedTable {
                name,
                name_in_token,
                version: table.port.version.to_string(),
                snapshot: pinned.snapshot.clone(),
                files: pinned.files,
                bytes: pinned.bytes,
            });
        }
    }
    planned
}

/// What asks the same of the same data again.
pub(super) fn token_of(tables: &[PlannedTable]) -> SnapshotToken {
    tables.iter().map(|table| (table.name_in_token.clone(), table.snapshot.clone())).collect()
}

/// What the asker should know of the tables.
pub(super) fn warnings(tables: &[GovernedTable]) -> Vec<String> {
    let mut warnings: Vec<String> =
        tables.iter().filter_map(|table| table.port()?.0.warning.clone()).collect();
    warnings.dedup();
    warnings
}
