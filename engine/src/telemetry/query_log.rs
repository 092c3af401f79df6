//! The queries that run, and those that ran lately: what `mesh.runtime.queries` shows.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use crate::events::Outcome;

/// Queries that are remembered.
const QUERIES_MAX: usize = 10_000;

/// What their texts may take together, in bytes.
const BYTES_MAX: usize = 32 << 20;

/// The queries that run, and those that ran lately, oldest first.
#[derive(Debug, Default)]
pub(crate) struct QueryLog(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    queries: VecDeque<Arc<LoggedQuery>>,
    bytes: usize,
}

/// One query.
#[derive(Debug)]
pub(crate) struct LoggedQuery {
    pub(crate) query_id: String,
    pub(crate) principal: String,
    pub(crate) sql: String,
    pub(crate) started_at: DateTime<Utc>,
    /// The token that asks the same of the same data; none if no port was read.
    pub(crate) snapshots: Option<String>,
    rows: AtomicU64,
    bytes: AtomicU64,
    ended: OnceLock<(Outcome, Duration)>,
}

impl QueryLog {
    /// Remembers a query that begins, and forgets the oldest ones if there are too many.
    pub(crate) fn begin(&self, query: LoggedQuery) -> Arc<LoggedQuery> {
        let query = Arc::new(query);
        let mut kept = self.0.lock();
        kept.bytes += query.text_bytes();
        kept.queries.push_back(Arc::clone(&query));
        while kept.queries.len() > 1 && (kept.queries.len() > QUERIES_MAX || kept.bytes > BYTES_MAX)
        {
            let bytes = kept.queries.pop_front().map_or(0, |oldest| oldest.text_bytes());
            kept.bytes -= bytes;
        }
        query
    }

    /// The queries of one principal, oldest first.
    pub(crate) fn of(&self, principal: &str) -> Vec<Arc<LoggedQuery>> {
        let kept = self.0.lock();
        kept.queries.iter().filter(|query| query.principal == principal).cloned().collect()
    }
}

impl LoggedQuery {
    /// A query that begins.
    pub(crate) fn new(
        (query_id, started_at): (String, DateTime<Utc>),
        (principal, sql): (String, String),
        snapshots: Option<String>,
    ) -> Self {
        Self {
            query_id,
            principal,
            sql,
            started_at,
            snapshots,
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            ended: OnceLock::new(),
        }
    }

    /// Adds rows that were handed out.
    pub(crate) fn count(&self, rows: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Says how it ended, and after which time.
    pub(crate) fn end(&self, outcome: Outcome, elapsed: Duration) {
        // It ends once.
        let _ = self.ended.set((outcome, elapsed));
    }

    /// The rows that were handed out so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Their bytes, as Arrow in memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How it ended, and after which time; `None` while it runs.
    pub(crate) fn ended(&self) -> Option<(Outcome, Duration)> {
        self.ended.get().copied()
    }

    fn text_bytes(&self) -> usize {
        self.sql.len() + self.snapshots.as_ref().map_or(0, String::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(id: usize, principal: &str, sql: &str) -> LoggedQuery {
        let (id, now) = (id.to_string(), DateTime::UNIX_EPOCH);
        LoggedQuery::new((id, now), (principal.to_owned(), sql.to_owned()), None)
    }

    #[test]
    fn principal_sees_its_own_queries() {
        let log = QueryLog::default();
        log.begin(query(1, "a", "SELECT 1"));
        log.begin(query(2, "b", "SELECT 2")).end(Outcome::Finished, Duration::from_secs(1));
        let seen = log.of("b");
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].sql, "SELECT 2");
        assert!(seen[0].ended().is_some());
    }

    #[test]
    fn oldest_queries_are_forgotten() {
        let log = QueryLog::default();
        (0..QUERIES_MAX + 5).for_each(|id| drop(log.begin(query(id, "a", ""))));
        let seen = log.of("a");
        assert_eq!(seen.len(), QUERIES_MAX);
        assert_eq!(seen[0].query_id, "5");
        let long = "x".repeat(BYTES_MAX / 3);
        (0..9).for_each(|id| drop(log.begin(query(id, "a", &long))));
        assert_eq!(log.of("a").len(), 3);
    }
}
