//! One query, as `mesh.runtime.queries` shows it: who asked what, how far it is, what it took, and
//! the switch that ends it.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use datafusion::physical_plan::ExecutionPlan;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::scan_reports::{BytesRead, ScannedTable, bytes_read, scanned_tables};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::events::Outcome;
use crate::session::Asker;

/// One query.
#[derive(Debug)]
pub(crate) struct LoggedQuery {
    /// The place in the order in which queries began.
    pub(super) number: u64,
    pub(crate) query_id: String,
    pub(crate) asker: Asker,
    pub(crate) sql: String,
    pub(crate) started_at: DateTime<Utc>,
    rows: AtomicU64,
    bytes: AtomicU64,
    progress: Mutex<Progress>,
    killed: CancellationToken,
}

/// How far a query is.
#[derive(Debug)]
struct Progress {
    phase: Phase,
    /// When it began to be planned or executed; nothing while it waits for being fetched.
    busy_since: Option<Instant>,
    /// How long it was planned and executed before.
    busy: Duration,
    queued_since: Option<Instant>,
    queued: Duration,
    running_since: Option<Instant>,
    running: Option<Duration>,
    /// The token that asks the same of the same data; none if no port was read.
    snapshots: Option<String>,
    plan: Option<Weak<dyn ExecutionPlan>>,
    bytes_read: BytesRead,
    scanned: Vec<ScannedTable>,
    killer: Option<Killer>,
    end: Option<End>,
}

/// What is done for a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its names are looked up, its tables opened, its plan made.
    Planning,
    /// It waits for being fetched.
    Planned,
    /// It waits for its turn.
    Queued,
    /// It runs, or has run.
    Running,
}

/// How a query ended.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    /// What its client was told.
    pub(crate) message: Option<String>,
    /// True if no rows of tables were touched: then nothing of them is in the message.
    is_before_run: bool,
}

/// Who ended a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Killer {
    Owner,
    Administrator,
}

impl LoggedQuery {
    /// A query whose planning begins.
    pub(super) fn new(
        (number, query_id): (u64, String),
        (asker, sql): (Asker, String),
        started_at: DateTime<Utc>,
    ) -> Self {
        let progress = Progress {
            phase: Phase::Planning,
            busy_since: Some(Instant::now()),
            busy: Duration::ZERO,
            queued_since: None,
            queued: Duration::ZERO,
            running_since: None,
            running: None,
            snapshots: None,
            plan: None,
            bytes_read: BytesRead::default(),
            scanned: Vec::new(),
            killer: None,
            end: None,
        };
        Self {
            number,
            query_id,
            asker,
            sql,
            started_at,
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            progress: Mutex::new(progress),
            killed: CancellationToken::new(),
        }
    }

    /// Says that it is planned and waits for being fetched.
    pub(super) fn set_planned(&self, snapshots: Option<String>) {
        let mut progress = self.progress.lock();
        progress.pause();
        progress.snapshots = snapshots;
        progress.phase = Phase::Planned;
    }

    /// Says that it is fetched.
    pub(super) fn set_fetched(&self) {
        let mut progress = self.progress.lock();
        progress.busy_since.get_or_insert_with(Instant::now);
        progress.phase = Phase::Planning;
    }

    /// Says that it waits for its turn.
    pub(super) fn set_queued(&self) {
        let mut progress = self.progress.lock();
        progress.queued_since = Some(Instant::now());
        progress.phase = Phase::Queued;
    }

    /// Says that it runs.
    pub(super) fn set_running(&self, plan: Option<&Arc<dyn ExecutionPlan>>) {
        let mut progress = self.progress.lock();
        progress.stop_queueing();
        progress.running_since = Some(Instant::now());
        progress.plan = plan.map(Arc::downgrade);
        progress.phase = Phase::Running;
    }

    /// Adds rows that were handed out.
    pub(super) fn count(&self, rows: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Says how it ended.
    pub(super) fn end(&self, engine: &Engine, outcome: Outcome, message: Option<String>) {
        self.settle(engine);
        let mut progress = self.progress.lock();
        progress.pause();
        progress.stop_queueing();
        progress.running = progress.running_since.take().map(|since| since.elapsed());
        let is_before_run = progress.phase != Phase::Running;
        progress.end = Some(End { outcome, message, is_before_run });
    }

    /// Keeps what was read, before the plan that knows it is gone.
    pub(super) fn settle(&self, engine: &Engine) {
        let plan = self.progress.lock().plan.take();
        let Some(plan) = plan.as_ref().and_then(Weak::upgrade) else { return };
        let (bytes_read, scanned) = (bytes_read(engine, &plan), scanned_tables(engine, &plan));
        let mut progress = self.progress.lock();
        progress.bytes_read = bytes_read;
        progress.scanned = scanned;
    }

    /// What each scan read; known once it has ended.
    pub(super) fn scanned(&self) -> Vec<ScannedTable> {
        std::mem::take(&mut self.progress.lock().scanned)
    }

    /// Ends it. The first who does is the one who did.
    pub(super) fn kill(&self, killer: Killer) {
        self.progress.lock().killer.get_or_insert(killer);
        self.killed.cancel();
    }

    /// Why it ends, if somebody ended it.
    pub(crate) fn kill_reason(&self) -> Option<Error> {
        let killer = self.progress.lock().killer?;
        let who = match killer {
            Killer::Owner => "its owner",
            Killer::Administrator => "an administrator",
        };
        let message = format!("the query was cancelled by {who}");
        Some(Error::new(ErrorKind::Cancelled, message).of_query(&self.query_id))
    }

    /// Does `work` unless somebody ends the query first.
    ///
    /// # Errors
    ///
    /// Those of `work`, and when somebody ends it.
    pub(crate) async fn unless_killed<T>(
        &self,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        tokio::select! {
            biased;
            () = self.killed.cancelled() => {
                let cancelled = || Error::new(ErrorKind::Cancelled, "the query was cancelled");
                Err(self.kill_reason().unwrap_or_else(cancelled))
            }
            result = work => result,
        }
    }

    /// The rows that were handed out so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Their bytes, as Arrow in memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The bytes that were read from ports so far.
    pub(crate) fn bytes_read(&self, engine: &Engine) -> BytesRead {
        let (plan, known) = {
            let progress = self.progress.lock();
            (progress.plan.as_ref().and_then(Weak::upgrade), progress.bytes_read)
        };
        plan.map_or(known, |plan| bytes_read(engine, &plan))
    }

    /// The token that asks the same of the same data.
    pub(crate) fn snapshots(&self) -> Option<String> {
        self.progress.lock().snapshots.clone()
    }

    /// How long it waited for its turn.
    pub(crate) fn queued(&self) -> Duration {
        let progress = self.progress.lock();
        progress.queued + progress.queued_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// How long it was planned, waited for its turn, and ran.
    pub(crate) fn elapsed(&self) -> Duration {
        let progress = self.progress.lock();
        progress.busy + progress.busy_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// How long it ran before it ended; `None` if it did not run.
    pub(super) fn running(&self) -> Option<Duration> {
        self.progress.lock().running
    }

    /// What is done for it.
    pub(crate) fn phase(&self) -> Phase {
        self.progress.lock().phase
    }

    /// How it ended; `None` while it has not.
    pub(crate) fn ended(&self) -> Option<End> {
        self.progress.lock().end.clone()
    }

    /// What its texts take, in bytes.
    pub(super) fn text_bytes(&self) -> usize {
        let progress = self.progress.lock();
        let message = progress.end.as_ref().and_then(|end| end.message.as_ref());
        let texts = [progress.snapshots.as_ref(), message];
        self.sql.len() + texts.into_iter().flatten().map(String::len).sum::<usize>()
    }
}

impl Progress {
    fn pause(&mut self) {
        self.busy += self.busy_since.take().map_or(Duration::ZERO, |since| since.elapsed());
    }

    fn stop_queueing(&mut self) {
        self.queued += self.queued_since.take().map_or(Duration::ZERO, |since| since.elapsed());
    }
}

impl End {
    /// What its client was told, as another person may read it: an error of a run can name a value
    /// that this person may not see.
    pub(crate) fn message_for_others(&self) -> Option<&str> {
        let is_of_limits = match self.outcome {
            Outcome::Finished | Outcome::Cancelled => true,
            Outcome::Failed(kind) => matches!(
                kind,
                ErrorKind::SourceUnavailable
                    | ErrorKind::ResourcesExhausted
                    | ErrorKind::Overloaded
                    | ErrorKind::DeadlineExceeded
            ),
        };
        self.message.as_deref().filter(|_| is_of_limits || self.is_before_run)
    }
}
