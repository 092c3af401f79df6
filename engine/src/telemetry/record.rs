//! What is told of one query, from its statement to its end.
//!
//! ```text
//! begin ─▶ planned ─▶ fetched ─▶ queued ─▶ running ─▶ dropped: log, metrics, ledger, events
//!             └─▶ dropped: forgotten
//! ```

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use tracing::Span;

use super::logged_query::{LoggedQuery, Phase};
use super::spans::{Stage, log_span, trace_span};
use crate::audit::{Noted, StatementText, TableAccess};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::events::{Asked, Outcome, QueryEvent, Recorded, StatementAction};
use crate::session::{Asker, Principal};
use crate::snapshot_token::SnapshotToken;

/// The longest purpose that is told, in characters.
const PURPOSE_CHARS_MAX: usize = 1000;

/// Tells of one query when it is dropped, however the query ended.
#[derive(Debug)]
pub(crate) struct Record {
    engine: Engine,
    logged: Arc<LoggedQuery>,
    /// Who asks, as known when it was planned, then when it is fetched.
    principal: Arc<Principal>,
    outcome: Outcome,
    message: Option<String>,
    purpose: Option<String>,
    statement: Arc<str>,
    action: StatementAction,
    noted: Noted,
    trace: Span,
}

impl Record {
    /// Begins to tell of a query.
    pub(crate) fn begin(
        engine: &Engine,
        (asker, purpose): (&Asker, Option<&str>),
        text: &StatementText,
    ) -> Self {
        let (query_id, sql) = (new_query_id(), &text.sql);
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
            principal: Arc::clone(&asker.principal),
            outcome: Outcome::Cancelled,
            message: None,
            purpose: purpose.map(told_purpose),
            statement: Arc::clone(&text.redacted),
            action: text.action,
            noted: Noted::of(Arc::clone(&asker.principal)),
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
    pub(crate) fn planned(&self, token: &SnapshotToken) {
        self.logged.set_planned((!token.is_empty()).then(|| token.to_string()));
    }

    /// Says that the query is fetched, by its principal as it is known now.
    pub(crate) fn fetched(&mut self, principal: &Arc<Principal>) {
        self.principal = Arc::clone(principal);
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

    /// Tells that the query begins to read tables. No row may leave before what this gives has ended.
    #[must_use]
    pub(crate) fn begun(&self) -> Option<Recorded> {
        let asked = self.asked();
        if asked.tables.is_empty() {
            return None;
        }
        let asked = Arc::new(asked);
        self.engine.history().begin(&asked);
        self.engine.events().query_started(&asked)
    }

    /// What is noted of its tables.
    pub(crate) fn noted(&self) -> &Noted {
        &self.noted
    }

    /// Keeps what was read, before the plan that knows it is gone.
    pub(crate) fn settle(&self) {
        self.logged.settle(&self.engine);
    }

    /// Who asked what, with what is noted of the tables by now.
    fn asked(&self) -> Asked {
        let (logged, tables) = (&self.logged, self.noted.all());
        let is_listing = self.action == StatementAction::Select
            && !tables.is_empty()
            && tables.iter().all(TableAccess::is_of_samite);
        Asked {
            query_id: logged.query_id.clone(),
            principal: Arc::clone(&self.principal),
            program: logged.asker.program.clone(),
            channel: logged.asker.channel,
            address: logged.asker.address,
            purpose: self.purpose.clone(),
            action: if is_listing { StatementAction::List } else { self.action },
            statement: Arc::clone(&self.statement),
            started_at: logged.started_at,
            tables,
        }
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
        let mut asked = self.asked();
        for scanned in logged.scanned() {
            let is_it = |table: &&mut TableAccess| {
                table.table == scanned.table
                    && table.snapshot.as_ref().is_some_and(|known| known.0 == scanned.snapshot)
            };
            if let Some(table) = asked.tables.iter_mut().find(is_it) {
                table.reads.add(scanned.reads);
            }
        }
        let has_sql = self.engine.config().has_logged_sql;
        let event = QueryEvent {
            asked,
            sql: has_sql.then(|| logged.sql.clone()),
            ended_at: self.engine.clock().now(),
            elapsed: logged.elapsed(),
            queued: logged.queued(),
            outcome: self.outcome,
            running: logged.running(),
            rows: logged.rows(),
            bytes: logged.bytes(),
            bytes_read: logged.bytes_read(&self.engine).all,
        };
        self.engine.metrics().ended(&event);
        // The end of the span is when it is left for the last time.
        self.trace.in_scope(|| {
            end_trace(&self.trace, &event);
            tell(&self.engine, event);
        });
    }
}

/// A purpose as it is told of: anybody can set one of any length.
pub(super) fn told_purpose(purpose: &str) -> String {
    purpose.chars().take(PURPOSE_CHARS_MAX).collect()
}

/// A new id of a statement.
pub(super) fn new_query_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Tells of a statement that ended: the ledger of the engine itself, and whoever records besides.
pub(super) fn tell(engine: &Engine, event: QueryEvent) {
    let event = Arc::new(event);
    engine.history().keep(&event);
    engine.movement().count(&event);
    engine.counters().count(&event);
    engine.events().query_ended(&event);
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
