//! What is told of a statement that is no query: what it set, or which query it ended.

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};

use crate::error::{ErrorKind, Result};
use crate::events::{Asked, Outcome, QueryEvent, StatementAction};
use crate::resolve::{Form, Statement};
use crate::session::Session;

/// Tells of a statement that is no query, once it is carried out. One that does nothing, such as `BEGIN`, is not
/// told of.
pub(crate) fn tell_of_change(
    session: &Session,
    statement: &Statement,
    (started_at, began): (DateTime<Utc>, Instant),
    result: &Result<()>,
) {
    if matches!(statement.form(), Ok(Form::Nothing)) {
        return;
    }
    let (engine, asker, text) = (session.engine(), session.asker(), statement.text());
    let action = match text.action {
        StatementAction::Select | StatementAction::Explain | StatementAction::List => return,
        action => action,
    };
    let asked = Asked {
        query_id: super::record::new_query_id(),
        principal: Arc::clone(&asker.principal),
        program: asker.program.clone(),
        channel: asker.channel,
        address: asker.address,
        purpose: session.settings().purpose().map(super::record::told_purpose),
        action,
        statement: Arc::clone(&text.redacted),
        started_at,
        tables: Vec::new(),
    };
    let outcome = match result.as_ref().err().map(crate::error::Error::kind) {
        None => Outcome::Finished,
        Some(ErrorKind::Cancelled) => Outcome::Cancelled,
        Some(kind) => Outcome::Failed(kind),
    };
    super::record::tell(
        engine,
        QueryEvent {
            asked,
            sql: None,
            ended_at: engine.clock().now(),
            elapsed: began.elapsed(),
            queued: std::time::Duration::ZERO,
            running: None,
            outcome,
            rows: 0,
            bytes: 0,
            bytes_read: 0,
        },
    );
}
