//! The queries that run, and those that ran lately: what `mesh.runtime.queries` shows and `KILL` ends.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;

use super::logged_query::{Killer, LoggedQuery};
use crate::error::{Error, ErrorKind, Result};

/// Queries that are remembered after their end.
const QUERIES_MAX: usize = 10_000;

/// What their texts may take together, in bytes.
const BYTES_MAX: usize = 32 << 20;

/// The queries that run, and those that ran lately.
#[derive(Debug, Default)]
pub(crate) struct QueryLog(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    next_number: u64,
    /// Those that have not ended: as many as the limits on queries and calls let in.
    live: HashMap<String, Arc<LoggedQuery>>,
    /// Those that have, in the order of their ends.
    ended: VecDeque<Arc<LoggedQuery>>,
    ended_bytes: usize,
}

impl QueryLog {
    /// Remembers a query that begins; `make` gets its place in the order.
    pub(super) fn begin(&self, make: impl FnOnce(u64) -> LoggedQuery) -> Arc<LoggedQuery> {
        let mut kept = self.0.lock();
        let number = kept.next_number;
        kept.next_number += 1;
        let query = Arc::new(make(number));
        kept.live.insert(query.query_id.clone(), Arc::clone(&query));
        query
    }

    /// Remembers that a query ended, and forgets the oldest ones if there are too many.
    pub(super) fn end(&self, query: &Arc<LoggedQuery>) {
        let bytes = query.text_bytes();
        let mut kept = self.0.lock();
        kept.live.remove(&query.query_id);
        kept.ended_bytes += bytes;
        kept.ended.push_back(Arc::clone(query));
        while kept.ended.len() > 1
            && (kept.ended.len() > QUERIES_MAX || kept.ended_bytes > BYTES_MAX)
        {
            let bytes = kept.ended.pop_front().map_or(0, |oldest| oldest.text_bytes());
            kept.ended_bytes -= bytes;
        }
    }

    /// Forgets a query that did nothing.
    pub(super) fn forget(&self, query: &LoggedQuery) {
        self.0.lock().live.remove(&query.query_id);
    }

    /// The queries of one principal, or of all, in the order in which they began.
    pub(crate) fn queries(&self, principal: Option<&str>) -> Vec<Arc<LoggedQuery>> {
        let kept = self.0.lock();
        let all = kept.ended.iter().chain(kept.live.values());
        let is_wanted = |query: &&Arc<LoggedQuery>| {
            principal.is_none_or(|principal| query.asker.principal.name == principal)
        };
        let mut queries: Vec<Arc<LoggedQuery>> = all.filter(is_wanted).cloned().collect();
        drop(kept);
        queries.sort_by_key(|query| query.number);
        queries
    }

    /// Ends a query, in the name of `principal`, who may end its own, and those of all if it is an
    /// administrator.
    ///
    /// # Errors
    ///
    /// When there is no such query, or none that this principal may end: the two read the same.
    pub(crate) fn kill(
        &self,
        query_id: &str,
        (principal, is_administrator): (&str, bool),
    ) -> Result<()> {
        let query = self.0.lock().live.get(query_id).cloned();
        let killer = |query: &Arc<LoggedQuery>| {
            if query.asker.principal.name == principal {
                return Some(Killer::Owner);
            }
            is_administrator.then_some(Killer::Administrator)
        };
        match query.as_ref().and_then(|query| Some((query, killer(query)?))) {
            Some((query, killer)) => {
                tracing::info!(query_id, principal, owner = %query.asker.principal.name, "query killed");
                query.kill(killer);
                Ok(())
            }
            None => {
                let shown: String = query_id.chars().filter(|c| !c.is_control()).take(80).collect();
                let message = format!("query \"{shown}\" does not exist, or has ended");
                Err(Error::new(ErrorKind::NotFound, message)
                    .with_hint("mesh.runtime.queries lists the queries that you may end"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::engine::Engine;
    use crate::events::Outcome;
    use crate::session::{Asker, Principal};
    use crate::testing::{MemoryConnector, engine_with, mesh_of};

    fn begin(log: &QueryLog, id: &str, principal: &str) -> Arc<LoggedQuery> {
        let asker = Asker {
            principal: Arc::new(Principal::user(principal)),
            program: None,
            channel: "embedded",
            owned: None,
            address: None,
        };
        let sql = "SELECT 1".to_owned();
        log.begin(|number| {
            LoggedQuery::new((number, id.to_owned()), (asker, sql), DateTime::UNIX_EPOCH)
        })
    }

    fn end(log: &QueryLog, engine: &Engine, query: &Arc<LoggedQuery>) {
        query.end(engine, Outcome::Finished, None);
        log.end(query);
    }

    fn engine() -> Engine {
        engine_with(mesh_of(vec![]), MemoryConnector::default()).unwrap()
    }

    fn ids(queries: &[Arc<LoggedQuery>]) -> Vec<&str> {
        queries.iter().map(|query| query.query_id.as_str()).collect()
    }

    #[test]
    fn queries_come_in_the_order_in_which_they_began() {
        let (log, engine) = (QueryLog::default(), engine());
        let first = begin(&log, "1", "a");
        let second = begin(&log, "2", "b");
        begin(&log, "3", "a");
        end(&log, &engine, &second);
        end(&log, &engine, &first);
        assert_eq!(ids(&log.queries(None)), ["1", "2", "3"]);
        assert_eq!(ids(&log.queries(Some("a"))), ["1", "3"]);
        assert!(log.queries(Some("c")).is_empty());
    }

    #[test]
    fn oldest_queries_are_forgotten_and_none_that_runs() {
        let (log, engine) = (QueryLog::default(), engine());
        begin(&log, "runs", "a");
        for id in 0..QUERIES_MAX + 5 {
            let query = begin(&log, &id.to_string(), "a");
            end(&log, &engine, &query);
        }
        let seen = log.queries(None);
        assert_eq!(seen.len(), QUERIES_MAX + 1);
        assert_eq!(ids(&seen)[..2], ["runs", "5"]);
    }

    #[test]
    fn query_of_another_reads_like_one_that_does_not_exist() {
        let (log, engine) = (QueryLog::default(), engine());
        let query = begin(&log, "1", "owner");
        let ended = begin(&log, "2", "other");
        end(&log, &engine, &ended);
        for id in ["1", "2", "3", "x' OR\n1"] {
            let refusal = log.kill(id, ("other", false)).err().unwrap();
            assert_eq!(refusal.kind(), ErrorKind::NotFound, "{id}");
            let shown = id.replace('\n', "");
            assert_eq!(
                refusal.message(),
                format!("query \"{shown}\" does not exist, or has ended")
            );
        }
        assert!(query.kill_reason().is_none());
    }

    #[test]
    fn owner_and_administrator_end_a_query_and_the_first_is_named() {
        for (killer, is_administrator, who) in
            [("owner", false, "its owner"), ("chief", true, "an administrator")]
        {
            let log = QueryLog::default();
            let query = begin(&log, "1", "owner");
            log.kill("1", (killer, is_administrator)).unwrap();
            log.kill("1", ("owner", false)).unwrap();
            let reason = query.kill_reason().unwrap();
            assert_eq!(reason.kind(), ErrorKind::Cancelled);
            assert_eq!(reason.message(), format!("the query was cancelled by {who}"));
        }
    }
}
