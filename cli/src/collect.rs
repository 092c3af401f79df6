//! All rows of a query at once.

use std::future::Future;

use datafusion::arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use samite_engine::Result;
use samite_engine::execute::QueryStream;

/// All rows of a query at once, for answers that fit into memory.
pub trait Collect {
    /// Waits for all rows.
    ///
    /// # Errors
    ///
    /// When the query fails before its last row.
    fn collect(self) -> impl Future<Output = Result<Vec<RecordBatch>>> + Send;
}

impl Collect for QueryStream {
    fn collect(self) -> impl Future<Output = Result<Vec<RecordBatch>>> + Send {
        self.try_collect()
    }
}
