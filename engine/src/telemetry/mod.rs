//! What running a query took.

mod scan_reports;

pub(crate) use scan_reports::scan_reports;
