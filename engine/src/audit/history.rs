//! The last statements, and those that run, as `mesh.runtime.audit` shows them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::events::{Asked, QueryEvent};

/// What they may take together, in bytes.
const BYTES_MAX: usize = 64 << 20;

/// Of what drivers send by themselves so many times fewer are kept: it is much, and says little.
const ASIDES_FEWER: usize = 10;

/// The last statements, and those that run.
#[derive(Debug)]
pub(crate) struct History {
    statements_max: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// How many have ended.
    ended: u64,
    statements: Ring,
    /// What drivers send by themselves: it takes no place from the others.
    asides: Ring,
    /// Those that run, by id: as many as the limits let in.
    running: HashMap<String, Arc<Asked>>,
}

/// The last of some statements, each with its place in the order of all ends.
#[derive(Debug, Default)]
struct Ring {
    events: VecDeque<(u64, Arc<QueryEvent>)>,
    bytes: usize,
}

/// A statement of the ledger.
#[derive(Debug, Clone)]
pub(crate) enum ToldStatement {
    /// It runs.
    Running(Arc<Asked>),
    /// It has ended.
    Ended(Arc<QueryEvent>),
}

impl ToldStatement {
    /// Who asked what.
    pub(crate) fn asked(&self) -> &Asked {
        match self {
            Self::Running(asked) => asked,
            Self::Ended(event) => &event.asked,
        }
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&self) -> Option<&QueryEvent> {
        match self {
            Self::Running(_) => None,
            Self::Ended(event) => Some(event),
        }
    }
}

impl History {
    /// Keeps at most this many.
    pub(crate) fn new(statements_max: usize) -> Self {
        Self { statements_max, kept: Mutex::default() }
    }

    /// Remembers a statement that runs, until it is kept as one that ended.
    pub(crate) fn begin(&self, asked: &Arc<Asked>) {
        if self.statements_max > 0 {
            self.kept.lock().running.insert(asked.query_id.clone(), Arc::clone(asked));
        }
    }

    /// Keeps a statement that ended, and forgets the oldest ones if there are too many.
    pub(crate) fn keep(&self, event: &Arc<QueryEvent>) {
        if self.statements_max == 0 {
            return;
        }
        let mut kept = self.kept.lock();
        kept.running.remove(&event.asked.query_id);
        kept.ended += 1;
        let (place, event) = (kept.ended, Arc::clone(event));
        match event.asked.action.is_aside() {
            false => kept.statements.keep((place, event), (self.statements_max, BYTES_MAX)),
            true => {
                let statements_max = self.statements_max.div_ceil(ASIDES_FEWER);
                kept.asides.keep((place, event), (statements_max, BYTES_MAX / ASIDES_FEWER));
            }
        }
    }

    /// The statements in the order of their ends, then those that run.
    pub(crate) fn all(&self) -> Vec<ToldStatement> {
        let kept = self.kept.lock();
        let mut ended: Vec<(u64, Arc<QueryEvent>)> =
            kept.statements.events.iter().chain(&kept.asides.events).cloned().collect();
        let mut running: Vec<Arc<Asked>> = kept.running.values().cloned().collect();
        drop(kept);
        ended.sort_by_key(|(place, _)| *place);
        running.sort_by(|a, b| (a.started_at, &a.query_id).cmp(&(b.started_at, &b.query_id)));
        let ended = ended.into_iter().map(|(_, event)| ToldStatement::Ended(event));
        ended.chain(running.into_iter().map(ToldStatement::Running)).collect()
    }
}

impl Ring {
    fn keep(
        &mut self,
        (place, event): (u64, Arc<QueryEvent>),
        (statements_max, bytes_max): (usize, usize),
    ) {
        self.bytes += bytes(&event);
        self.events.push_back((place, event));
        while self.events.len() > 1
            && (self.events.len() > statements_max || self.bytes > bytes_max)
        {
            let bytes = self.events.pop_front().map_or(0, |(_, oldest)| bytes(&oldest));
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }
}

fn bytes(event: &QueryEvent) -> usize {
    let asked = &event.asked;
    let texts =
        asked.statement.len() + asked.query_id.len() + event.sql.as_ref().map_or(0, String::len);
    let tables: usize = asked.tables.iter().map(super::TableAccess::bytes).sum();
    size_of::<QueryEvent>() + texts + tables
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::DateTime;

    use super::*;
    use crate::events::{Outcome, StatementAction};
    use crate::session::Principal;

    fn asked(id: &str, action: StatementAction) -> Asked {
        Asked {
            query_id: id.to_owned(),
            principal: Arc::new(Principal::user("anna")),
            program: None,
            channel: "embedded",
            address: None,
            purpose: None,
            action,
            statement: "?".into(),
            started_at: DateTime::UNIX_EPOCH,
            tables: Vec::new(),
        }
    }

    fn ended(id: &str, action: StatementAction) -> Arc<QueryEvent> {
        Arc::new(QueryEvent {
            asked: asked(id, action),
            sql: None,
            ended_at: DateTime::UNIX_EPOCH,
            elapsed: Duration::ZERO,
            queued: Duration::ZERO,
            running: None,
            outcome: Outcome::Finished,
            rows: 0,
            bytes: 0,
            bytes_read: 0,
        })
    }

    #[test]
    fn what_drivers_send_by_themselves_takes_no_place_from_statements() {
        use StatementAction::{Metadata, Select, Set, Transaction};
        let history = History::new(20);
        history.begin(&Arc::new(asked("runs", Select)));
        history.begin(&Arc::new(asked("s1", Select)));
        for id in ["s1", "s2"] {
            history.keep(&ended(id, Select));
            for (number, action) in
                [Transaction, Metadata, Set].into_iter().cycle().take(30).enumerate()
            {
                history.keep(&ended(&format!("{id}-{number}"), action));
            }
        }
        let all = history.all();
        let ids: Vec<&str> = all.iter().map(|told| told.asked().query_id.as_str()).collect();
        assert_eq!(ids, ["s1", "s2", "s2-28", "s2-29", "runs"]);
        let is_running: Vec<bool> = all.iter().map(|told| told.ended().is_none()).collect();
        assert_eq!(is_running, [false, false, false, false, true]);
    }
}
