//! What each scan of a plan has read.

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;

use crate::audit::TableReads;
use crate::connector::ScanReport;
use crate::engine::Engine;
use crate::govern::BarrierExec;

/// The longest text of a filter, in characters.
const FILTER_CHARS_MAX: usize = 600;

/// The bytes that a plan has read so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BytesRead {
    /// All of them, for the operator.
    pub(crate) all: u64,
    /// Those of tables that the asker sees as they are: how much of a table is left out tells of
    /// what is in it.
    pub(crate) shown: u64,
}

/// The bytes that a plan has read so far, of all tables.
#[must_use]
pub(crate) fn bytes_read(engine: &Engine, plan: &Arc<dyn ExecutionPlan>) -> BytesRead {
    let mut bytes = BytesRead::default();
    count(engine, plan, (&mut bytes, false));
    bytes
}

fn count(
    engine: &Engine,
    plan: &Arc<dyn ExecutionPlan>,
    (bytes, is_below): (&mut BytesRead, bool),
) {
    if let Some(read) = report(engine, plan).map(|report| report.bytes_read) {
        bytes.all += read;
        bytes.shown += if is_below { 0 } else { read };
    }
    if let Some(barrier) = plan.downcast_ref::<BarrierExec>() {
        count(engine, barrier.below(), (&mut *bytes, true));
    }
    for child in plan.children() {
        count(engine, child, (&mut *bytes, is_below));
    }
}

/// What one scan of a plan has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScannedTable {
    pub(crate) table: String,
    pub(crate) snapshot: String,
    pub(crate) reads: TableReads,
}

/// What each scan of a plan has read so far, those behind barriers included.
#[must_use]
pub(crate) fn scanned_tables(engine: &Engine, plan: &Arc<dyn ExecutionPlan>) -> Vec<ScannedTable> {
    let mut scanned = Vec::new();
    scan(engine, (plan, None), &mut scanned);
    scanned
}

fn scan(
    engine: &Engine,
    (plan, barrier): (&Arc<dyn ExecutionPlan>, Option<&BarrierExec>),
    scanned: &mut Vec<ScannedTable>,
) {
    if let Some(report) = report(engine, plan) {
        // What a barrier lets through is known of its own table alone.
        let barrier = barrier.filter(|barrier| barrier.table() == report.table);
        let rows_passed = barrier.map_or(report.rows, BarrierExec::rows_passed);
        let (rows, bytes, files) = (report.rows, report.bytes_read, report.files_read);
        let reads = TableReads { rows, rows_passed, bytes, files };
        scanned.push(ScannedTable { table: report.table, snapshot: report.snapshot, reads });
    }
    if let Some(barrier) = plan.downcast_ref::<BarrierExec>() {
        scan(engine, (barrier.below(), Some(barrier)), scanned);
    }
    for child in plan.children() {
        scan(engine, (child, barrier), scanned);
    }
}

fn report(engine: &Engine, plan: &Arc<dyn ExecutionPlan>) -> Option<ScanReport> {
    engine.connectors().iter().find_map(|connector| connector.report(plan.as_ref()))
}

/// What each table of a plan has read so far: one report for each, its scans added up. A table that the
/// asker sees in part has none.
#[must_use]
pub(crate) fn scan_reports(engine: &Engine, plan: &Arc<dyn ExecutionPlan>) -> Vec<ScanReport> {
    let mut reports = Vec::new();
    collect(engine, plan, &mut reports);
    reports
}

fn collect(engine: &Engine, plan: &Arc<dyn ExecutionPlan>, reports: &mut Vec<ScanReport>) {
    if let Some(mut report) = report(engine, plan) {
        report.filters = report.filters.iter().map(|filter| abbreviated(filter)).collect();
        add(report, reports);
    }
    for child in plan.children() {
        collect(engine, child, reports);
    }
}

/// A filter without the values of a join's lists, which can be hundreds, and cut where it is long.
fn abbreviated(filter: &str) -> String {
    const LIST: &str = "IN (SET) ([";
    let mut text = String::with_capacity(filter.len().min(FILTER_CHARS_MAX));
    let mut rest = filter;
    while let Some((before, list)) = rest.split_once(LIST) {
        text.push_str(before);
        text.push_str("IN (...)");
        rest = list.split_once("])").map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    match text.char_indices().nth(FILTER_CHARS_MAX) {
        Some((end, _)) => format!("{} ...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// A table that is named twice is scanned twice: what is there counts once, what was read adds up.
fn add(report: ScanReport, reports: &mut Vec<ScanReport>) {
    let Some(known) = reports.iter_mut().find(|known| known.table == report.table) else {
        reports.push(report);
        return;
    };
    known.files_read += report.files_read;
    known.bytes_read += report.bytes_read;
    known.rows += report.rows;
    for filter in report.filters {
        if !known.filters.contains(&filter) {
            known.filters.push(filter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_shows_no_long_list() {
        for (filter, shown) in [
            ("a = 1", "a = 1"),
            ("a >= 1 AND a IN (SET) ([1, 2, 3]) AND b = 2", "a >= 1 AND a IN (...) AND b = 2"),
            ("a IN (SET) ([{c0:1,c1:2}]) OR b IN (SET) ([4])", "a IN (...) OR b IN (...)"),
        ] {
            assert_eq!(abbreviated(filter), shown);
        }
        assert!(abbreviated(&"x".repeat(5000)).len() < 700);
    }
}
