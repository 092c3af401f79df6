//! What queries ran, and what running them took.

mod metrics;
mod query_log;
mod scan_reports;

pub(crate) use metrics::Load;
pub use metrics::Metrics;
pub(crate) use query_log::{LoggedQuery, QueryLog};
pub(crate) use scan_reports::scan_reports;
