//! Runs one physical plan to its end, within its limits.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, execute_stream};
use datafusion::prelude::SessionConfig;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::queue::Place;
use super::stream::{Message, QueryStream, Reporter};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::events::Recorded;
use crate::telemetry::{Record, stage};

/// Batches that wait for a slow reader.
const WAITING_BATCHES_MAX: usize = 2;

/// What is to be run.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) engine: Engine,
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) config: SessionConfig,
    /// The schema that every batch gets.
    pub(crate) schema: SchemaRef,
    /// The time that is left.
    pub(crate) timeout: Duration,
}

/// Starts a plan. The record is taken once it runs; until then the caller has it.
///
/// # Errors
///
/// When there is no room for one more query, or the plan cannot be started.
pub(crate) async fn start(job: Job, slot: &mut Option<Record>) -> Result<QueryStream> {
    let engine = job.engine.clone();
    let record = slot.as_ref().ok_or_else(unrecorded)?;
    let place = place(&engine, record).await?;
    record.running(Some(&job.plan));
    let query_id = record.query_id().to_owned();
    let record = slot.take().ok_or_else(unrecorded)?;
    let (sender, messages) = mpsc::channel(WAITING_BATCHES_MAX);
    let schema = Arc::clone(&job.schema);
    let reporter = reporter(&job);
    let stage = record.stage(|| stage!("execute"));
    let recorded = record.begun();
    let run = Run { record, job, place, recorded };
    let task = engine.limits().processor().start(stage.on(run.drive(sender)))?;
    Ok(QueryStream::new(schema, query_id, (messages, task), reporter))
}

async fn place(engine: &Engine, record: &Record) -> Result<Place> {
    let asked_at = Instant::now();
    let places = engine.limits().places();
    let principal = &record.logged().asker.principal;
    let place = match places.try_take(principal) {
        Some(place) => place,
        None => {
            record.queued();
            record.stage(|| stage!("queue")).on(places.take(principal)).await?
        }
    };
    engine.metrics().waited(asked_at.elapsed());
    Ok(place)
}

fn unrecorded() -> Error {
    Error::new(ErrorKind::Internal, "the query is not recorded")
}

/// Answers with one batch that is there already: without a thread, and without a place among the
/// queries that run.
pub(crate) fn answer(mut record: Record, batch: RecordBatch) -> QueryStream {
    record.running(None);
    record.count(&batch);
    record.finished();
    QueryStream::ready(batch, record.query_id().to_owned())
}

fn reporter(job: &Job) -> Reporter {
    let plan = Arc::clone(&job.plan);
    let engine = job.engine.clone();
    Arc::new(move || crate::telemetry::scan_reports(&engine, &plan))
}

/// Where a run is dropped, what was read is told while the plan that knows it is there.
struct Run {
    record: Record,
    job: Job,
    place: Place,
    /// Ends once it is recorded that the run has begun.
    recorded: Option<Recorded>,
}

impl Run {
    async fn drive(mut self, sender: mpsc::Sender<Message>) {
        let logged = Arc::clone(self.record.logged());
        let end = match logged.unless_killed(self.send_rows(&sender)).await {
            Ok(()) => {
                self.record.finished();
                Message::End
            }
            Err(error) => {
                self.record.failed(&error);
                Message::Failure(error.of_query(self.record.query_id()))
            }
        };
        // What the query holds is free before its reader learns of its end.
        self.record.settle();
        drop(self.job);
        drop(self.place);
        drop(self.record);
        // A reader that is gone needs no answer.
        let _ = sender.send(end).await;
    }

    async fn send_rows(&mut self, sender: &mpsc::Sender<Message>) -> Result<()> {
        let deadline = Instant::now() + self.job.timeout;
        let mut rows = self.rows()?;
        loop {
            let next = tokio::time::timeout_at(deadline, rows.next());
            let Some(batch) = next.await.map_err(|_| self.too_late())? else { break };
            let batch = relabel(&self.job.schema, batch?)?;
            if batch.num_rows() == 0 {
                continue;
            }
            self.wait_for_record(deadline).await?;
            self.record.count(&batch);
            let send = tokio::time::timeout_at(deadline, sender.send(Message::Rows(batch)));
            if send.await.map_err(|_| self.too_late())?.is_err() {
                return Err(Error::new(ErrorKind::Cancelled, "the reader went away"));
            }
        }
        self.wait_for_record(deadline).await
    }

    /// Waits until it is recorded that the run has begun; as a rule that is so long before the first row is there.
    async fn wait_for_record(&mut self, deadline: Instant) -> Result<()> {
        let Some(recorded) = self.recorded.take() else { return Ok(()) };
        tokio::time::timeout_at(deadline, recorded).await.map_err(|_| self.too_late())?
    }

    fn rows(&self) -> Result<SendableRecordBatchStream> {
        let runtime = self.job.engine.limits().query_runtime();
        // A physical plan holds its functions; nothing looks them up by name any more.
        let context = TaskContext::new(
            None,
            self.record.query_id().to_owned(),
            self.job.config.clone(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            runtime,
        );
        Ok(execute_stream(Arc::clone(&self.job.plan), Arc::new(context))?)
    }

    fn too_late(&self) -> Error {
        Error::new(
            ErrorKind::DeadlineExceeded,
            format!("the query took longer than {} s", self.job.timeout.as_secs()),
        )
        .with_hint("ask for less, or raise [limits] query_timeout")
    }
}

/// Gives a batch the schema of the query: operators differ in metadata and nullability only.
fn relabel(schema: &SchemaRef, batch: RecordBatch) -> Result<RecordBatch> {
    if batch.schema_ref() == schema {
        return Ok(batch);
    }
    let options =
        datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options)
        .map_err(|error| {
            Error::new(ErrorKind::Internal, "the rows do not have the schema of the query")
                .with_source(error)
        })
}
