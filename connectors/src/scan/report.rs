//! What a scan has read so far, out of its metrics.

use std::collections::HashSet;

use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::split_conjunction;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{Metric, MetricValue};
use samite_engine::connector::ScanReport;

use super::reader::{BYTES_READ, DATA_BYTES_READ, FILE};
use super::source::LakeSource;

/// The scan and its source, if `node` is a lakehouse scan.
pub(crate) fn lake_scan(node: &dyn ExecutionPlan) -> Option<(&FileScanConfig, &LakeSource)> {
    let scan = node.downcast_ref::<DataSourceExec>()?;
    let config = scan.data_source().downcast_ref::<FileScanConfig>()?;
    Some((config, config.file_source().downcast_ref::<LakeSource>()?))
}

/// What `node` has read so far, if it is a lakehouse scan. Files count as read once a byte of their
/// data was; bytes of footers that came out of the cache do not count. A table whose files lie in
/// several stores has one scan, and one report, for each.
pub fn report(node: &dyn ExecutionPlan) -> Option<ScanReport> {
    let (config, source) = lake_scan(node)?;
    let scanned = source.scanned();
    let mut report = ScanReport {
        table: scanned.table.clone(),
        snapshot: scanned.snapshot.clone(),
        files_total: scanned.files_total,
        bytes_total: scanned.bytes_total,
        ..ScanReport::default()
    };
    if let Some(filter) = config.file_source().filter() {
        report.filters = split_conjunction(&filter).into_iter().map(ToString::to_string).collect();
    }
    let Some(metrics) = node.metrics() else { return Some(report) };
    report.rows = metrics.output_rows().unwrap_or(0) as u64;
    let mut files = HashSet::new();
    for metric in metrics.iter() {
        let MetricValue::Count { name, count } = metric.value() else { continue };
        match name.as_ref() {
            BYTES_READ => report.bytes_read += count.value() as u64,
            DATA_BYTES_READ if count.value() > 0 => {
                files.extend(file_of(metric).map(str::to_owned));
            }
            _ => {}
        }
    }
    report.files_read = files.len() as u64;
    Some(report)
}

fn file_of(metric: &Metric) -> Option<&str> {
    metric.labels().iter().find(|label| label.name() == FILE).map(|label| label.value())
}
