//! What queries ran, and what running them took.

mod query_log;
mod scan_reports;

pub(crate) use query_log::{LoggedQuery, QueryLog};
pub(crate) use scan_reports::scan_reports;
