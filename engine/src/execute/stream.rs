//! The rows of a query, as they come.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use futures::{FutureExt, Stream};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::processor;
use crate::connector::ScanReport;
use crate::error::{Error, ErrorKind, Result};

/// What the running query sends.
#[derive(Debug)]
pub(super) enum Message {
    /// Some rows.
    Rows(RecordBatch),
    /// There are no more: without this message the rows are not all.
    End,
    /// It failed.
    Failure(Error),
}

/// Says what each scan has read so far.
pub(super) type Reporter = Arc<dyn Fn() -> Vec<ScanReport> + Send + Sync>;

/// The rows of a query, as they come. Dropping it stops the query and frees what it holds.
///
/// A stream that ends without an error has handed out every row.
pub struct QueryStream {
    schema: SchemaRef,
    query_id: String,
    state: State,
    reporter: Option<Reporter>,
}

enum State {
    Running {
        messages: mpsc::Receiver<Message>,
        task: AbortOnDropHandle<()>,
    },
    /// The task ended without saying so: it panicked or was aborted.
    Lost(AbortOnDropHandle<()>),
    /// The whole answer is there.
    Ready(RecordBatch),
    Ended,
}

impl QueryStream {
    /// A stream without columns and rows, for a statement that gives none.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            schema: Arc::new(Schema::empty()),
            query_id: String::new(),
            state: State::Ended,
            reporter: None,
        }
    }

    /// A stream of one batch that is there already.
    pub(super) fn ready(batch: RecordBatch, query_id: String) -> Self {
        let (schema, state) = (batch.schema(), State::Ready(batch));
        Self { schema, query_id, state, reporter: None }
    }

    pub(super) fn new(
        schema: SchemaRef,
        query_id: String,
        (messages, task): (mpsc::Receiver<Message>, AbortOnDropHandle<()>),
        reporter: Reporter,
    ) -> Self {
        Self {
            schema,
            query_id,
            state: State::Running { messages, task },
            reporter: Some(reporter),
        }
    }

    /// The schema of every batch.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The id of the query, for logs and support.
    #[must_use]
    pub fn query_id(&self) -> &str {
        &self.query_id
    }

    /// What each scan has read so far.
    #[must_use]
    pub fn reports(&self) -> Vec<ScanReport> {
        self.reporter.as_ref().map(|report| report()).unwrap_or_default()
    }

    fn poll_lost(
        &mut self,
        mut task: AbortOnDropHandle<()>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<RecordBatch>>> {
        match task.poll_unpin(context) {
            Poll::Pending => {
                self.state = State::Lost(task);
                Poll::Pending
            }
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(processor::stopped(&error)))),
            Poll::Ready(Ok(())) => Poll::Ready(Some(Err(Error::new(
                ErrorKind::Internal,
                "the query ended before its last row",
            )))),
        }
    }
}

impl Stream for QueryStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let message = match &mut self.state {
            State::Running { messages, .. } => ready!(messages.poll_recv(context)),
            State::Lost(_) | State::Ready(_) => None,
            State::Ended => return Poll::Ready(None),
        };
        let previous = std::mem::replace(&mut self.state, State::Ended);
        match (message, previous) {
            (Some(Message::Rows(batch)), running) => {
                self.state = running;
                Poll::Ready(Some(Ok(batch)))
            }
            (Some(Message::End), _) => Poll::Ready(None),
            (Some(Message::Failure(error)), _) => Poll::Ready(Some(Err(error))),
            (None, State::Running { task, .. } | State::Lost(task)) => {
                self.poll_lost(task, context)
            }
            (None, State::Ready(batch)) => Poll::Ready(Some(Ok(batch))),
            (None, State::Ended) => Poll::Ready(None),
        }
    }
}

impl fmt::Debug for QueryStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryStream").field("query_id", &self.query_id).finish_non_exhaustive()
    }
}
