//! The batches of a query: of all its runs, and small ones joined.

use std::collections::VecDeque;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use futures::{FutureExt, StreamExt};
use samite_engine::execute::QueryStream;
use samite_engine::session::Principal;
use samite_engine::{Error, ErrorKind, Result};

use crate::config::FlightConfig;
use crate::encode::Measured;
use crate::query::Query;

/// The batches of a query.
#[derive(Debug)]
pub(super) struct Rows {
    query: Arc<Query>,
    /// Who fetches it, as known now.
    principal: Arc<Principal>,
    current: QueryStream,
    /// The runs that were started.
    started: usize,
    is_at_end: bool,
    /// Batches that come next: what did not fit into the last one, or was put back.
    held: VecDeque<Measured>,
    rows_max: usize,
    bytes_max: usize,
}

impl Rows {
    /// Starts the first run.
    ///
    /// # Errors
    ///
    /// When it cannot start.
    pub(super) async fn start(
        (query, principal): (Arc<Query>, Arc<Principal>),
        config: &FlightConfig,
    ) -> Result<Self> {
        let mut rows = Self {
            query,
            principal,
            current: QueryStream::empty(),
            started: 0,
            is_at_end: false,
            held: VecDeque::new(),
            rows_max: config.joined_rows_max,
            bytes_max: config.joined_bytes_max,
        };
        rows.start_next().await?;
        Ok(rows)
    }

    /// The engine's id of the query; empty if nothing runs.
    pub(super) fn query_id(&self) -> &str {
        self.current.query_id()
    }

    async fn start_next(&mut self) -> Result<()> {
        match self.query.work.plan(self.started)? {
            Some(plan) => {
                self.current = plan.execute_as(&self.principal).await?;
                self.started += 1;
            }
            None => self.is_at_end = true,
        }
        Ok(())
    }

    /// The next batch that has rows.
    async fn next(&mut self) -> Result<Option<Measured>> {
        if let Some(held) = self.held.pop_front() {
            return Ok(Some(held));
        }
        while !self.is_at_end {
            match self.current.next().await {
                Some(batch) => {
                    let batch = batch?;
                    if batch.num_rows() > 0 {
                        return Ok(Some(Measured::new(batch)));
                    }
                }
                None => self.start_next().await?,
            }
        }
        Ok(None)
    }

    /// Lets rows come next.
    pub(super) fn put_back(&mut self, rows: Measured) {
        self.held.push_front(rows);
    }

    /// The next batch without waiting for it, unless many short runs are to be joined.
    async fn next_ready(&mut self) -> Result<Option<Measured>> {
        if self.query.work.is_repeated() {
            return self.next().await;
        }
        match self.current.next().now_or_never() {
            Some(Some(batch)) => Ok(Some(Measured::new(batch?))),
            Some(None) => {
                self.is_at_end = true;
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// The next rows: one batch, or several small ones that are there, joined.
    ///
    /// # Errors
    ///
    /// As the query's.
    pub(super) async fn next_joined(&mut self) -> Result<Option<Measured>> {
        let Some(first) = self.next().await? else { return Ok(None) };
        let (mut rows, mut bytes) = (first.batch.num_rows(), first.bytes);
        let mut batches = vec![first.batch];
        // A batch that is large enough alone is not copied.
        while self.held.is_empty()
            && !self.is_at_end
            && rows < self.rows_max / 2
            && bytes < self.bytes_max / 2
        {
            let Some(next) = self.next_ready().await? else { break };
            let (more_rows, more_bytes) =
                (rows + next.batch.num_rows(), bytes.saturating_add(next.bytes));
            if more_rows > self.rows_max || more_bytes > self.bytes_max {
                self.held.push_back(next);
                break;
            }
            (rows, bytes) = (more_rows, more_bytes);
            batches.push(next.batch);
        }
        let batch = match batches.as_slice() {
            [batch] => batch.clone(),
            _ => self.join(&batches)?,
        };
        Ok(Some(Measured { batch, bytes }))
    }

    /// In wire types, since the batches of different runs may differ in what may be null.
    fn join(&self, batches: &[RecordBatch]) -> Result<RecordBatch> {
        let schema = &self.query.schema;
        let converted: Vec<RecordBatch> =
            batches.iter().map(|batch| schema.convert(batch)).collect::<Result<_>>()?;
        concat_batches(schema.schema(), &converted).map_err(|error| {
            Error::new(ErrorKind::Internal, "batches cannot be joined").with_source(error)
        })
    }
}
