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
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;

use super::stream::{Message, QueryStream, Reporter};
use crate::connector::SnapshotId;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::events::{Outcome, QueryEvent};
use crate::snapshot_token::SnapshotToken;
use crate::telemetry::LoggedQuery;

/// Batches that wait for a slow reader.
const WAITING_BATCHES_MAX: usize = 2;

/// Who asked what, of which data.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) engine: Engine,
    pub(crate) principal: String,
    pub(crate) sql: String,
    pub(crate) snapshots: Vec<(String, SnapshotId)>,
    /// The same for asking again.
    pub(crate) token: SnapshotToken,
}

/// What is to be run.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) asked: Asked,
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) config: SessionConfig,
    /// The schema that every batch gets.
    pub(crate) schema: SchemaRef,
    /// The time that is left.
    pub(crate) timeout: Duration,
}

/// Starts a plan.
///
/// # Errors
///
/// When there is no room for one more query, or the plan cannot be started.
pub(crate) async fn start(job: Job) -> Result<QueryStream> {
    let asked_at = Instant::now();
    let place = job.asked.engine.limits().place().await?;
    job.asked.engine.metrics().waited(asked_at.elapsed());
    let query_id = new_id();
    let (sender, messages) = mpsc::channel(WAITING_BATCHES_MAX);
    let schema = Arc::clone(&job.schema);
    let reporter = reporter(&job);
    let engine = job.asked.engine.clone();
    let run = Run { record: Record::new(&job.asked, query_id.clone()), job, place };
    let task = engine.limits().processor().start(run.drive(sender))?;
    Ok(QueryStream::new(schema, query_id, (messages, task), reporter))
}

/// Answers with one batch that is there already: without a thread, and without a place among the
/// queries that run.
pub(crate) fn answer(asked: &Asked, batch: RecordBatch) -> QueryStream {
    let query_id = new_id();
    let mut record = Record::new(asked, query_id.clone());
    record.count(&batch);
    record.event.outcome = Outcome::Finished;
    QueryStream::ready(batch, query_id)
}

fn new_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

fn reporter(job: &Job) -> Reporter {
    let plan = Arc::clone(&job.plan);
    let engine = job.asked.engine.clone();
    Arc::new(move || crate::telemetry::scan_reports(&engine, &plan))
}

struct Run {
    job: Job,
    record: Record,
    place: OwnedSemaphorePermit,
}

impl Run {
    async fn drive(mut self, sender: mpsc::Sender<Message>) {
        let end = match self.send_rows(&sender).await {
            Ok(()) => {
                self.record.event.outcome = Outcome::Finished;
                Message::End
            }
            Err(error) => {
                self.record.event.outcome = match error.kind() {
                    ErrorKind::Cancelled => Outcome::Cancelled,
                    kind => Outcome::Failed(kind),
                };
                Message::Failure(error)
            }
        };
        // What the query holds is free before its reader learns of its end.
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
            let Some(batch) = next.await.map_err(|_| self.too_late())? else { return Ok(()) };
            let batch = relabel(&self.job.schema, batch?)?;
            if batch.num_rows() == 0 {
                continue;
            }
            self.record.count(&batch);
            let send = tokio::time::timeout_at(deadline, sender.send(Message::Rows(batch)));
            if send.await.map_err(|_| self.too_late())?.is_err() {
                return Err(Error::new(ErrorKind::Cancelled, "the reader went away"));
            }
        }
    }

    fn rows(&self) -> Result<SendableRecordBatchStream> {
        let runtime = self.job.asked.engine.limits().query_runtime();
        // A physical plan holds its functions; nothing looks them up by name any more.
        let context = TaskContext::new(
            None,
            self.record.event.query_id.clone(),
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

/// Tells of the query when it is dropped, however it ended.
struct Record {
    engine: Engine,
    started: Instant,
    event: QueryEvent,
    logged: Arc<LoggedQuery>,
}

impl Record {
    fn new(asked: &Asked, query_id: String) -> Self {
        let started_at = asked.engine.clock().now();
        let token = (!asked.token.is_empty()).then(|| asked.token.to_string());
        let logged = LoggedQuery::new(
            (query_id.clone(), started_at),
            (asked.principal.clone(), asked.sql.clone()),
            token,
        );
        Self {
            logged: asked.engine.query_log().begin(logged),
            engine: asked.engine.clone(),
            started: Instant::now(),
            event: QueryEvent {
                query_id,
                principal: asked.principal.clone(),
                sql: asked.sql.clone(),
                started_at,
                elapsed: Duration::ZERO,
                outcome: Outcome::Cancelled,
                rows: 0,
                bytes: 0,
                snapshots: asked.snapshots.clone(),
            },
        }
    }

    fn count(&mut self, batch: &RecordBatch) {
        let (rows, bytes) = (batch.num_rows() as u64, batch.get_array_memory_size() as u64);
        self.event.rows += rows;
        self.event.bytes += bytes;
        self.logged.count(rows, bytes);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.event.elapsed = self.started.elapsed();
        self.logged.end(self.event.outcome, self.event.elapsed);
        self.engine.metrics().ended(&self.event);
        self.engine.events().query_ended(&self.event);
    }
}
