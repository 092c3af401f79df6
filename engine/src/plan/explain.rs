//! The answers of EXPLAIN and EXPLAIN ANALYZE.
//!
//! Two columns, as DataFusion's: `plan_type` and `plan`. Each port has a row of its own, of type
//! `port`, in a form that people read and programs can take apart:
//!
//! ```text
//! media_player.play_events@2.plays: version 2.1.0, snapshot delta:3, files 2 of 12, bytes 900 of 8100, rows 40, filters a = 1
//! ```
//!
//! Of a table that the principal sees in part, the plan shows no more than a leaf, and its row has no
//! counts: they would tell of what is hidden. Who may not see how it is read gets no plan at all.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::display::DisplayableExecutionPlan;

use super::PlannedTable;
use crate::connector::ScanReport;
use crate::error::{Error, ErrorKind, Result};
use crate::govern::Visibility;

/// The columns of the answer.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("plan_type", DataType::Utf8, true),
        Field::new("plan", DataType::Utf8, true),
    ]))
}

/// The answer of EXPLAIN: the plans, and what each port has.
pub(super) fn plans(
    logical: &LogicalPlan,
    physical: &Arc<dyn ExecutionPlan>,
    tables: &[PlannedTable],
    is_verbose: bool,
) -> Result<RecordBatch> {
    let mut rows = vec![
        ("logical_plan", logical.display_indent().to_string()),
        (
            "physical_plan",
            DisplayableExecutionPlan::new(physical.as_ref()).indent(is_verbose).to_string(),
        ),
    ];
    rows.extend(tables.iter().map(|table| ("port", describe(table))));
    batch(rows)
}

/// The answer of EXPLAIN ANALYZE: the plan with its metrics, and what each port had to read.
pub(super) fn analysis(
    physical: &Arc<dyn ExecutionPlan>,
    tables: &[PlannedTable],
    reports: &[ScanReport],
) -> Result<RecordBatch> {
    let plan = DisplayableExecutionPlan::with_metrics(physical.as_ref()).indent(false).to_string();
    let mut rows = vec![("Plan with Metrics", plan)];
    for table in tables {
        let report = reports.iter().find(|report| report.table == table.name);
        let line = match (table.visibility, report) {
            (Visibility::Whole, _) if table.is_virtual => describe(table),
            (Visibility::Whole, Some(report)) => measure(table, report),
            (Visibility::Whole, None) => unread(table),
            (Visibility::Part | Visibility::PartUnexplained, _) => describe(table),
        };
        rows.push(("port", line));
    }
    batch(rows)
}

/// The answer to who may not see how one of the tables is read.
pub(super) fn withheld(tables: &[PlannedTable]) -> Result<RecordBatch> {
    batch(tables.iter().map(|table| ("port", describe(table))).collect())
}

fn describe(table: &PlannedTable) -> String {
    match table.visibility {
        Visibility::Whole if table.is_virtual => return restricted(table, "virtual"),
        Visibility::Part if table.is_virtual => return restricted(table, "virtual, seen in part"),
        Visibility::Whole => {}
        Visibility::Part => return restricted(table, "seen in part"),
        Visibility::PartUnexplained => {
            return restricted(table, "seen in part; its plan is not shown");
        }
    }
    format!(
        "{}: version {}, snapshot {}, files {}, bytes {}",
        table.name, table.version, table.snapshot, table.files, table.bytes
    )
}

fn restricted(table: &PlannedTable, how: &str) -> String {
    let PlannedTable { name, version, snapshot, .. } = table;
    format!("{name}: version {version}, snapshot {snapshot}, {how}")
}

fn measure(table: &PlannedTable, report: &ScanReport) -> String {
    let mut filters = report.filters.join(" AND ");
    if filters.is_empty() {
        filters.push_str("none");
    }
    format!(
        "{}: version {}, snapshot {}, files {} of {}, bytes {} of {}, rows {}, filters {filters}",
        table.name,
        table.version,
        table.snapshot,
        report.files_read,
        report.files_total,
        report.bytes_read,
        report.bytes_total,
        report.rows,
    )
}

/// A table that metadata answered, or that the optimizer found to be empty.
fn unread(table: &PlannedTable) -> String {
    format!(
        "{}: version {}, snapshot {}, files 0 of {}, bytes 0 of {}, rows 0, filters none",
        table.name, table.version, table.snapshot, table.files, table.bytes
    )
}

fn batch(rows: Vec<(&str, String)>) -> Result<RecordBatch> {
    let kinds: StringArray = rows.iter().map(|(kind, _)| Some(*kind)).collect();
    let plans: StringArray = rows.iter().map(|(_, plan)| Some(plan.as_str())).collect();
    RecordBatch::try_new(schema(), vec![Arc::new(kinds), Arc::new(plans)])
        .map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}
