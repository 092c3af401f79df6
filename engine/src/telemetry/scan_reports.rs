//! What each scan of a plan has read.

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;

use crate::connector::ScanReport;
use crate::engine::Engine;

/// What each table of a plan has read so far: one report for each, its scans added up.
#[must_use]
pub(crate) fn scan_reports(engine: &Engine, plan: &Arc<dyn ExecutionPlan>) -> Vec<ScanReport> {
    let mut reports = Vec::new();
    collect(engine, plan, &mut reports);
    reports
}

fn collect(engine: &Engine, plan: &Arc<dyn ExecutionPlan>, reports: &mut Vec<ScanReport>) {
    let report = engine.connectors().iter().find_map(|connector| connector.report(plan.as_ref()));
    if let Some(report) = report {
        add(report, reports);
    }
    for child in plan.children() {
        collect(engine, child, reports);
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
