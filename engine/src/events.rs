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
    /// How long it took.
    pub elapsed: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// The rows that were handed out.
    pub rows: u64,
    /// The bytes that were handed out, as Arrow in memory.
    pub bytes: u64,
    /// The tables, each with its snapshot.
    pub snapshots: Vec<(String, SnapshotId)>,
}

/// Records what happened.
pub trait EventSink: Debug + Send + Sync {
    /// Records the end of a query. Must not block.
    fn query_ended(&self, event: &QueryEvent);
}

/// Writes each query to the log.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogEvents;

impl EventSink for LogEvents {
    fn query_ended(&self, event: &QueryEvent) {
        tracing::debug!(
            query_id = %event.query_id,
            principal = %event.principal,
            outcome = ?event.outcome,
            rows = event.rows,
            elapsed_ms = event.elapsed.as_millis() as u64,
            "query ended"
        );
    }
}
