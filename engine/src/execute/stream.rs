//! The rows of a query, as they come.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use futures::Stream;
use futures::stream::BoxStream;

use crate::connector::ScanReport;
use crate::error::Result;

/// The rows of a query, as they come. Dropping it stops the query and frees what it holds.
pub struct QueryStream {
    schema: SchemaRef,
    query_id: String,
    batches: BoxStream<'static, Result<RecordBatch>>,
}

impl QueryStream {
    /// A stream without columns and rows, for a statement that gives none.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            schema: Arc::new(Schema::empty()),
            query_id: String::new(),
            batches: Box::pin(futures::stream::empty()),
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
        Vec::new()
    }
}

impl Stream for QueryStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.as_mut().poll_next(context)
    }
}

impl std::fmt::Debug for QueryStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryStream").field("query_id", &self.query_id).finish_non_exhaustive()
    }
}
