//! What is told of a statement that is no query (what it set, or which query it ended), and of what a protocol asks
//! without a statement: a listing, a savepoint.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::error::{Error, ErrorKind, Result};
use crate::events::{Asked, Outcome, QueryEvent, StatementAction};
use crate::resolve::Statement;
use crate::session::Session;

/// Tells of a statement that is no query, once it is carried out.
pub(crate) fn tell_of_change(
    session: &Session,
    statement: &Statement,
    began: (DateTime<Utc>, Instant),
    result: &Result<()>,
) {
    let text = statement.text();
    let action = match text.action {
        StatementAction::Select | StatementAction::Explain | StatementAction::List => return,
        action => action,
    };
    let outcome = outcome(result.as_ref().err().map(Error::kind));
    tell(session, (action, &text.redacted), began, (outcome, 0));
}

/// A command of a protocol that is no statement. Its record is made when this is dropped: as of one that was
/// cancelled, unless it is said how it ended.
#[derive(Debug)]
pub struct ProtocolCommand {
    session: Session,
    action: StatementAction,
    name: Arc<str>,
    began: (DateTime<Utc>, Instant),
    end: (Outcome, u64),
}

impl ProtocolCommand {
    pub(crate) fn begin(session: &Session, action: StatementAction, name: &str) -> Self {
        Self {
            session: session.clone(),
            action,
            name: name.into(),
            began: (session.engine().clock().now(), Instant::now()),
            end: (Outcome::Cancelled, 0),
        }
    }

    /// Says that it went well, and how many rows were handed out.
    pub fn finished(mut self, rows: u64) {
        self.end = (Outcome::Finished, rows);
    }

    /// Says that it failed.
    pub fn failed(mut self, kind: ErrorKind) {
        self.end = (outcome(Some(kind)), 0);
    }
}

impl Drop for ProtocolCommand {
    fn drop(&mut self) {
        tell(&self.session, (self.action, &self.name), self.began, self.end);
    }
}

fn outcome(failure: Option<ErrorKind>) -> Outcome {
    match failure {
        None => Outcome::Finished,
        Some(ErrorKind::Cancelled) => Outcome::Cancelled,
        Some(kind) => Outcome::Failed(kind),
    }
}

fn tell(
    session: &Session,
    (action, text): (StatementAction, &Arc<str>),
    (started_at, began): (DateTime<Utc>, Instant),
    (outcome, rows): (Outcome, u64),
) {
    let (engine, asker) = (session.engine(), session.asker());
    let asked = Asked {
        query_id: super::record::new_query_id(),
        principal: Arc::clone(&asker.principal),
        program: asker.program.clone(),
        channel: asker.channel,
        address: asker.address,
        purpose: session.settings().purpose().map(super::record::told_purpose),
        action,
        statement: Arc::clone(text),
        started_at,
        tables: Vec::new(),
    };
    let event = QueryEvent {
        asked,
        sql: None,
        ended_at: engine.clock().now(),
        elapsed: began.elapsed(),
        queued: Duration::ZERO,
        running: None,
        outcome,
        rows,
        bytes: 0,
        bytes_read: 0,
    };
    super::record::tell(engine, event);
}
