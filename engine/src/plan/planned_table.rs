//! A table of a planned query, as reports name it.

use chrono::{DateTime, Utc};

use crate::connector::SnapshotId;
use crate::error::Result;
use crate::govern::{GovernedPort, GovernedTable, Visibility};
use crate::promises::{PromiseReport, PromisedTable, ShapeLog, VerdictLog};
use crate::resolve;
use crate::session::Asker;
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
    /// What is promised of it; `None` if that is nothing about time or values.
    pub(super) promised: Option<PromisedTable>,
    pub(super) visibility: Visibility,
}

impl PlannedTable {
    /// True if its principal may not see how it is read.
    pub(super) fn is_unexplained(&self) -> bool {
        self.visibility == Visibility::PartUnexplained
    }
}

/// The tables of a query that are ports, each once.
pub(super) fn planned_tables(
    tables: &[GovernedTable],
    asker: &Asker,
    now: DateTime<Utc>,
) -> Vec<PlannedTable> {
    let mut planned: Vec<PlannedTable> = Vec::new();
    let ports = tables.iter().filter_map(|table| Some((table.governed_port()?, table.version())));
    for (port, version) in ports {
        let (table, pinned) = (port.table(), port.pinned());
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
                // A promise that is broken does not keep its owner from looking.
                promised: promised(port, now).filter(|_| !asker.owns(&table.product)),
                visibility: port.visibility(),
            });
        }
    }
    planned
}

fn promised(port: &GovernedPort, now: DateTime<Utc>) -> Option<PromisedTable> {
    let (table, pinned) = (port.table(), port.pinned());
    let address = format!("{}.{}@{}", table.product.domain, table.product.name, table.port.version);
    let promise = (&table.port.contract, &table.table);
    let promised = PromisedTable::new(address, table.port.stage(now), promise, pinned)?;
    Some(match port.visibility() {
        Visibility::Whole => promised,
        Visibility::Part | Visibility::PartUnexplained => {
            promised.in_part(port.provider().schema())
        }
    })
}

/// What is broken of the promises about the tables, by the metadata that was read so far; keeps each verdict.
///
/// # Errors
///
/// When one is broken whose contract says that the query is refused then.
pub(super) fn breaches(
    tables: &[PlannedTable],
    (verdicts, shapes): (&VerdictLog, &ShapeLog),
    now: DateTime<Utc>,
) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for table in tables.iter().filter_map(|table| table.promised.as_ref()) {
        for judged in table.judge(now) {
            verdicts.keep(table, judged.index, judged.verdict);
            if let Some(breach) = table.breach(&judged) {
                warnings.push(breach?);
            }
        }
        let missing = table.missing_values();
        let breaches: Vec<_> = missing.iter().map(|it| table.breach_of_shape(it)).collect();
        shapes.judged(table, missing, now);
        for breach in breaches {
            warnings.push(breach?);
        }
    }
    warnings.dedup();
    Ok(warnings)
}

/// The promises about the tables, and whether they are kept.
pub(super) fn reports(tables: &[PlannedTable], now: DateTime<Utc>) -> Vec<PromiseReport> {
    let promised = tables.iter().filter_map(|table| table.promised.as_ref());
    promised
        .flat_map(|table| {
            let judged = table.judge(now).into_iter().filter_map(|judged| table.report(&judged));
            let missing = table.missing_values();
            let missing = missing.iter().map(|missing| table.report_of_shape(missing));
            judged.chain(missing).collect::<Vec<_>>()
        })
        .collect()
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
