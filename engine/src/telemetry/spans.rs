//! The spans of a query: one for the log, which names the query in each line that is about it, and those
//! that are exported as a trace.
//!
//! ```text
//! log:    query{query_id principal}
//! trace:  rpc ─▶ parse, query ─▶ resolve ─▶ open ...
//!                             ├▶ plan
//!                             ├▶ queue
//!                             └▶ execute
//! ```
//!
//! Both have a target of their own. Where nobody exports traces, making their spans costs nothing.

use std::future::Future;

use tracing::Span;
use tracing::field::Empty;
use tracing::instrument::{Instrument, Instrumented};

use crate::session::Asker;

/// The target of the spans that are exported.
pub const TRACE_TARGET: &str = "samite::trace";

/// The target of the span that names the query in the log.
pub const LOG_TARGET: &str = "samite::query";

/// A span of a stage, exported only.
macro_rules! stage {
    ($name:literal $(, $($fields:tt)*)?) => {
        tracing::info_span!(target: $crate::telemetry::TRACE_TARGET, $name $(, $($fields)*)?)
    };
}
pub(crate) use stage;

/// What is entered while something is done for a query. Each layer sees of the spans that are entered
/// its own alone, so that both are.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(super) log: Span,
    pub(super) trace: Span,
}

impl Stage {
    /// Does `work` in it.
    pub(crate) fn on<F: Future>(self, work: F) -> Instrumented<Instrumented<F>> {
        work.instrument(self.log).instrument(self.trace)
    }
}

/// The span of a query in the log. It is there whatever is logged, so that a warning names it too.
pub(crate) fn log_span(query_id: &str, asker: &Asker) -> Span {
    tracing::error_span!(
        target: LOG_TARGET,
        "query",
        query_id,
        principal = asker.principal.name.as_str()
    )
}

/// The span of a query in a trace, from its planning to its last row.
pub(crate) fn trace_span(query_id: &str, asker: &Asker, sql: Option<&str>) -> Span {
    tracing::info_span!(
        target: TRACE_TARGET,
        "query",
        db.system = "samite",
        db.query.id = query_id,
        db.query.text = sql,
        enduser.id = asker.principal.name.as_str(),
        rows = Empty,
        bytes = Empty,
        bytes_read = Empty,
        error.type = Empty,
        otel.status_code = Empty,
    )
}
