//! What queries ran, and what running them took.

mod change;
mod logged_query;
mod metrics;
mod query_log;
mod record;
mod scan_reports;
mod spans;

pub use change::ProtocolCommand;
pub(crate) use change::tell_of_change;
pub(crate) use logged_query::{LoggedQuery, Phase};
pub(crate) use metrics::Load;
pub use metrics::Metrics;
pub(crate) use query_log::QueryLog;
pub(crate) use record::Record;
pub(crate) use scan_reports::scan_reports;
pub(crate) use spans::stage;
pub use spans::{LOG_TARGET, TRACE_TARGET};
