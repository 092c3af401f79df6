//! What is told of one query, from its statement to its end.
//!
//! ```text
//! begin ─▶ planned ─▶ fetched ─▶ queued ─▶ running ─▶ dropped: log, metrics, events
//!             └─▶ dropped: forgotten
//! ```

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use tracing::Span;

use super::logged_query::{LoggedQuery, Phase};
use super::spans::{Stage, log_span, trace_span};
use crate::connector::SnapshotId;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::events::{Outcome, QueryEvent};
use crate::session::Asker;
use crate::snapshot_token::SnapshotToken;

/// Tells of one query when it is dropped, however the query ended.
#[derive(Debug)]
pub(crate) struct Record {
    engine: Engine,
    logged: Arc<LoggedQuery>,
    outcome: Outcome,
    message: Option<String>,
    snapshots: Vec<(String, SnapshotId)>,
    trace: Span,
}

impl Record {
    /// Begins to tell of a query.
    pub(crate) fn begin(engine: &Engine, asker: &Asker, sql: &str) -> Self {
        let query_id = uuid::Uuid::new_v4().simple().to_string();
        let sql_end = sql.floor_char_boundary(engine.config().sql_bytes_max);
        let sql = sql.get(..sql_end).unwrap_or_default().to_owned();
        let started_at = engine.clock().now();
        let traced_sql = engine.config().has_logged_sql.then_some(sql.as_str());
        let trace = trace_span(&query_id, asker, traced_sql);
        let logged = engine
            .query_log()
            .begin(|number| LoggedQuery::new((number, query_id), (asker.clone(), sql), started_at));
        Self {
            engine: engine.clone(),
            logged,
            outcome: Outcome::Cancelled,
            message: None,
            snapshots: Vec::new(),
            trace,
        }
    }

    /// What the log shows of it.
    pub(crate) fn logged(&self) -> &Arc<LoggedQuery> {
        &self.logged
    }

    /// What is entered while a part of the query is done, whose span in the trace this makes.
    pub(crate) fn stage(&self, make: impl FnOnce() -> Span) -> Stage {
        Stage { log: self.log_span(), trace: self.trace.in_scope(make) }
    }

    /// The same for what belongs to the query as a whole.
    pub(crate) fn whole(&self) -> Stage {
        Stage { log: self.log_span(), trace: self.trace.clone() }
    }

    fn log_span(&self) -> Span {
        log_span(self.query_id(), &self.logged.asker)
    }

    /// The id of the query.
    pub(crate) fn query_id(&self) -> &str {
        &self.logged.query_id
    }

    /// Says that the query is planned; until it is fetched there is nothing to tell.
    pub(crate) fn planned(&mut self, snapshots: Vec<(String, SnapshotId)>, token: &SnapshotToken) {
        self.snapshots = snapshots;
        self.logged.set_planned((!token.is_empty()).then(|| token.to_string()));
    }

    /// Says that the query is fetched.
    pub(crate) fn fetched(&self) {
        self.logged.set_fetched();
    }

    /// Says that the query waits for its turn.
    pub(crate) fn queued(&self) {
        self.logged.set_queued();
    }

    /// Says that the query runs.
    pub(crate) fn running(&self, plan: Option<&Arc<dyn ExecutionPlan>>) {
        self.logged.set_running(plan);
    }

    /// Counts rows that are handed out.
    pub(crate) fn count(&self, batch: &RecordBatch) {
        self.logged.count(batch.num_rows() as u64, batch.get_array_memory_size() as u64);
    }

    /// Says that the query has handed out every row.
    pub(crate) fn finished(&mut self) {
        self.outcome = Outcome::Finished;
    }

    /// Says with what the query ended before its last row.
    pub(crate) fn failed(&mut self, error: &Error) {
        self.outcome = match error.kind() {
            ErrorKind::Cancelled => Outcome::Cancelled,
            kind => Outcome::Failed(kind),
        };
        // What the engine asks in the name of a product is told where its answer is.
        self.message = Some(match self.logged.asker.owned {
            None => error.to_line(),
            Some(_) => format!("a rule about quality failed: {}", error.kind().as_str()),
        });
    }

    /// Says that there is nothing to tell.
    pub(crate) fn forget(self) {
        self.logged.set_planned(None);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let phase = self.logged.phase();
        if phase == Phase::Planned && self.message.is_none() {
            self.engine.query_log().forget(&self.logged);
            return;
        }
        if self.outcome == Outcome::Cancelled && self.message.is_none() {
            self.message = self.logged.kill_reason().map(|reason| reason.to_line());
        }
        let logged = &self.logged;
        logged.end(&self.engine, self.outcome, self.message.clone());
        self.engine.query_log().end(logged);
        let event = QueryEvent {
            query_id: logged.query_id.clone(),
            principal: logged.asker.principal.name.clone(),
            sql: logged.sql.clone(),
            started_at: logged.started_at,
            elapsed: logged.elapsed(),
            queued: logged.queued(),
            outcome: self.outcome,
            running: logged.running(),
            rows: logged.rows(),
            bytes: logged.bytes(),
            bytes_read: logged.bytes_read(&self.engine).all,
            snapshots: std::mem::take(&mut self.snapshots),
        };
        self.engine.metrics().ended(&event);
        // The end of the span is when it is left for the last time.
        self.trace.in_scope(|| {
            self.engine.events().query_ended(&event);
            end_trace(&self.trace, &event);
        });
    }
}

fn end_trace(trace: &Span, event: &QueryEvent) {
    if trace.is_disabled() {
        return;
    }
    // A number without a sign would become a text.
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    trace.record("rows", number(event.rows));
    trace.record("bytes", number(event.bytes));
    trace.record("bytes_read", number(event.bytes_read));
    let error = match event.outcome {
        Outcome::Finished => return,
        Outcome::Failed(kind) => kind.as_str(),
        Outcome::Cancelled => ErrorKind::Cancelled.as_str(),
    };
    trace.record("error.type", error);
    trace.record("otel.status_code", "ERROR");
}
