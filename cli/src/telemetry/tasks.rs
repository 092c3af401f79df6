//! Keeps the span of a query in the tasks and threads that DataFusion starts for it.

use std::any::Any;

use datafusion::common::runtime::{JoinSetTracer, set_join_set_tracer};
use futures::FutureExt;
use futures::future::BoxFuture;
use tracing::{Instrument, Span};

/// What a task gives.
type Outcome = Box<dyn Any + Send>;

struct CurrentSpan;

impl JoinSetTracer for CurrentSpan {
    fn trace_future(&self, future: BoxFuture<'static, Outcome>) -> BoxFuture<'static, Outcome> {
        let span = Span::current();
        if span.is_none() { future } else { future.instrument(span).boxed() }
    }

    fn trace_block(
        &self,
        block: Box<dyn FnOnce() -> Outcome + Send>,
    ) -> Box<dyn FnOnce() -> Outcome + Send> {
        let span = Span::current();
        if span.is_none() { block } else { Box::new(move || span.in_scope(block)) }
    }
}

/// From now on a task is in the span in which it was started.
pub(super) fn keep_spans() {
    // Whoever embeds this program may have its own way; then that stays.
    drop(set_join_set_tracer(&CurrentSpan));
}
