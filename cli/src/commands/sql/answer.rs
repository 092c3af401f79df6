//! The rows that come back, and printing them.

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use samite_engine::{Error, Result};

use super::progress::Progress;
use crate::commands::failure::Failure;
use crate::commands::terminal;
use crate::output::{Format, TableOptions, Target, begin};

/// The rows that come back, as they come.
pub(crate) struct Answer {
    schema: SchemaRef,
    batches: BoxStream<'static, Result<RecordBatch>>,
    warnings: Vec<String>,
}

impl Answer {
    /// Rows with `schema`.
    pub(crate) fn new(
        schema: SchemaRef,
        batches: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
        warnings: Vec<String>,
    ) -> Self {
        Self { schema, batches: batches.boxed(), warnings }
    }

    /// The answer of a statement that gives no rows.
    pub(crate) fn empty() -> Self {
        Self::new(SchemaRef::new(Schema::empty()), futures::stream::empty(), Vec::new())
    }

    /// False for the answer of a statement that changes the session.
    pub(crate) fn has_rows(&self) -> bool {
        !self.schema.fields().is_empty()
    }

    /// Prints what the asker should know, on standard error.
    pub(crate) fn print_warnings(&self) {
        for warning in &self.warnings {
            terminal::note(&format!("warning: {warning}"));
        }
    }

    /// All rows at once.
    ///
    /// # Errors
    ///
    /// When the query fails before its last row.
    pub(crate) async fn collect(mut self) -> Result<Vec<RecordBatch>> {
        let mut batches = Vec::new();
        while let Some(batch) = self.batches.next().await {
            batches.push(batch?);
        }
        Ok(batches)
    }

    /// Waits for the end and forgets the rows.
    ///
    /// # Errors
    ///
    /// When the query fails before its last row.
    pub(crate) async fn drain(mut self) -> Result<()> {
        while let Some(batch) = self.batches.next().await {
            batch?;
        }
        Ok(())
    }
}

/// How answers are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    /// The format.
    pub(crate) format: Format,
    /// How a table looks.
    pub(crate) table: TableOptions,
}

impl Printer {
    /// Prints an answer as it comes; a file that `target` names appears only if all of it came.
    ///
    /// # Errors
    ///
    /// When the query fails, or the target takes no more.
    pub(crate) async fn print(self, answer: Answer, target: Target) -> Result<u64, Failure> {
        let closed = target.closed();
        self.write(answer, target).await.map_err(|error| {
            if closed.is_closed() { Failure::Closed } else { Failure::Failed(error) }
        })
    }

    async fn write(self, mut answer: Answer, target: Target) -> Result<u64, Error> {
        // Rows that are printed as they come show progress themselves.
        let is_silent = self.format == Format::Table || !terminal::is_output_terminal();
        let mut progress = Progress::start(is_silent && terminal::is_error_terminal());
        let mut output = begin(self.format, answer.schema, target, self.table)?;
        while let Some(batch) = progress.until(answer.batches.next()).await {
            let batch = batch?;
            progress.add_rows(batch.num_rows() as u64);
            output.write(&batch)?;
        }
        let rows = progress.rows();
        progress.clear();
        output.finish()?;
        Ok(rows)
    }
}
