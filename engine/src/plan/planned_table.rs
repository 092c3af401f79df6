//! A table of a planned query, as reports name it.

use chrono::{DateTime, Utc};
use datafusion::sql::sqlparser::ast::TableVersion;

use crate::connector::SnapshotId;
use crate::error::{Error, ErrorKind, Result};
use crate::govern::{GovernedPort, GovernedTable, GovernedView, Visibility};
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
    /// True if it is made by a query over others.
    pub(super) is_virtual: bool,
}

impl PlannedTable {
    /// True if its principal may not see how it is read.
    pub(super) fn is_unexplained(&self) -> bool {
        self.visibility == Visibility::PartUnexplained
    }
}

/// The tables of a query that are ports, each once; and after a virtual one what it is made from, if its
/// principal may see all of that.
pub(super) fn planned_tables(
    tables: &[GovernedTable],
    asker: &Asker,
    now: DateTime<Utc>,
) -> Vec<PlannedTable> {
    let mut planned: Vec<PlannedTable> = Vec::new();
    for table in tables {
        if let Some(port) = table.governed_port() {
            add(&mut planned, (port, table.version()), asker, now);
        }
    }
    planned
}

fn add(
    planned: &mut Vec<PlannedTable>,
    (port, version): (&GovernedPort, Option<&TableVersion>),
    asker: &Asker,
    now: DateTime<Utc>,
) {
    let (table, pinned) = (port.table(), port.pinned());
    let name = table.name.to_string();
    let name_in_token = resolve::name_in_token(&name, version);
    if planned.iter().any(|known| known.name_in_token == name_in_token) {
        return;
    }
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
        is_virtual: port.view().is_some(),
    });
    for (input, version) in
        port.view().into_iter().filter(|view| view.is_transparent()).flat_map(GovernedView::inputs)
    {
        add(planned, (input, version), asker, now);
    }
}

/// What is promised of something that a virtual table is made from and that its reader need not know of.
#[derive(Debug, Clone)]
pub(super) struct HiddenInput {
    /// The virtual table.
    view: String,
    promised: PromisedTable,
}

/// The inputs of virtual tables that are not shown.
pub(super) fn hidden_inputs(tables: &[GovernedTable], now: DateTime<Utc>) -> Vec<HiddenInput> {
    let mut hidden = Vec::new();
    for port in tables.iter().filter_map(GovernedTable::governed_port) {
        if let Some(view) = port.view().filter(|view| !view.is_transparent()) {
            hide(&mut hidden, (&port.table().name.to_string(), view), now);
        }
    }
    hidden
}

fn hide(hidden: &mut Vec<HiddenInput>, (name, view): (&str, &GovernedView), now: DateTime<Utc>) {
    for (input, _) in view.inputs() {
        if let Some(promised) = promised(input, now) {
            hidden.push(HiddenInput { view: name.to_owned(), promised });
        }
        if let Some(inner) = input.view() {
            hide(hidden, (name, inner), now);
        }
    }
}

/// Looks at the promises about what is not shown; keeps each verdict.
///
/// # Errors
///
/// When one is broken whose contract says that the query is refused then: which, is not told.
pub(super) fn hidden_breaches(
    inputs: &[HiddenInput],
    verdicts: &VerdictLog,
    now: DateTime<Utc>,
) -> Result<()> {
    for HiddenInput { view, promised } in inputs {
        for judged in promised.judge(now) {
            verdicts.keep(promised, judged.index, judged.verdict);
            if let Some(Err(cause)) = promised.breach(&judged) {
                let cause = cause.to_line();
                tracing::warn!(table = view, cause, "an input of a virtual table breaks a promise");
                let message = format!("virtual table \"{view}\" cannot be read");
                return Err(Error::new(ErrorKind::ContractViolated, message)
                    .with_detail("what it is made from breaks a promise")
                    .with_hint("ask the owner of the product; the log has the cause"));
            }
        }
    }
    Ok(())
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
