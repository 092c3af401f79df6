//! The seam to whatever records what happened.

use std::fmt::Debug;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::connector::SnapshotId;
use crate::error::ErrorKind;

/// How a query ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every row was handed out.
    Finished,
    /// It failed.
    Failed(ErrorKind),
    /// Its reader went away, or somebody cancelled it.
    Cancelled,
}

impl Outcome {
    /// The name, in logs, metrics and listings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One query, after its end.
#[derive(Debug, Clone)]
pub struct QueryEvent {
    /// The id that the client got too.
    pub query_id: String,
    /// The name of the principal.
    pub principal: String,
    /// The statement.
    pub sql: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it was planned, waited for its turn, and ran.
    pub elapsed: Duration,
    /// How long it waited for its turn.
    pub queued: Duration,
    /// How long it ran; `None` if it did not.
    pub running: Option<Duration>,
    /// How it ended.
    pub outcome: Outcome,
    /// The rows that were handed out.
    pub rows: u64,
    /// The bytes that were handed out, as Arrow in memory.
    pub bytes: u64,
    /// The bytes that were read from ports.
    pub bytes_read: u64,
    /// The tables, each with its snapshot.
    pub snapshots: Vec<(String, SnapshotId)>,
}

/// Records what happened.
pub trait EventSink: Debug + Send + Sync {
    /// Records the end of a query, also of one that could not be planned. Must not block.
    fn query_ended(&self, event: &QueryEvent);
}

/// Writes each query to the log: at `info`, but for what reads no table and goes well, at `debug`.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogEvents {
    /// True if the text of each statement is written too; it can hold what is confidential.
    pub has_sql: bool,
}

impl EventSink for LogEvents {
    fn query_ended(&self, event: &QueryEvent) {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let error = match event.outcome {
            Outcome::Failed(kind) => Some(kind.as_str()),
            Outcome::Finished | Outcome::Cancelled => None,
        };
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    query_id = %event.query_id,
                    principal = %event.principal,
                    outcome = event.outcome.as_str(),
                    error,
                    rows = event.rows,
                    bytes = event.bytes,
                    bytes_read = event.bytes_read,
                    elapsed_ms = millis(event.elapsed),
                    queued_ms = millis(event.queued),
                    sql = self.has_sql.then_some(event.sql.as_str()),
                    "query ended"
                )
            };
        }
        if event.outcome == Outcome::Finished && event.snapshots.is_empty() {
            log!(debug);
        } else {
            log!(info);
        }
    }
}
