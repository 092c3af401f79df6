//! The last statements, as `mesh.runtime.audit` shows them.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::events::QueryEvent;

/// What they may take together, in bytes.
const BYTES_MAX: usize = 64 << 20;

/// The last statements.
#[derive(Debug)]
pub(crate) struct History {
    statements_max: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<Arc<QueryEvent>>,
    bytes: usize,
}

impl History {
    /// Keeps at most this many.
    pub(crate) fn new(statements_max: usize) -> Self {
        Self { statements_max, kept: Mutex::default() }
    }

    /// Keeps a statement that ended, and forgets the oldest ones if there are too many.
    pub(crate) fn keep(&self, event: &Arc<QueryEvent>) {
        if self.statements_max == 0 {
            return;
        }
        let mut kept = self.kept.lock();
        kept.bytes += bytes(event);
        kept.events.push_back(Arc::clone(event));
        while kept.events.len() > 1
            && (kept.events.len() > self.statements_max || kept.bytes > BYTES_MAX)
        {
            let bytes = kept.events.pop_front().map_or(0, |oldest| bytes(&oldest));
            kept.bytes = kept.bytes.saturating_sub(bytes);
        }
    }

    /// The statements in the order of their ends.
    pub(crate) fn all(&self) -> Vec<Arc<QueryEvent>> {
        self.kept.lock().events.iter().cloned().collect()
    }
}

fn bytes(event: &QueryEvent) -> usize {
    let asked = &event.asked;
    let texts =
        asked.statement.len() + asked.query_id.len() + event.sql.as_ref().map_or(0, String::len);
    let tables: usize = asked.tables.iter().map(super::TableAccess::bytes).sum();
    size_of::<QueryEvent>() + texts + tables
}
