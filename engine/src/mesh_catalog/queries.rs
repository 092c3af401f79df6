//! `mesh.runtime.queries`: what a principal asked lately, and asks now; for an administrator, what all
//! did.

use std::sync::Arc;
use std::time::Duration;

use datafusion::catalog::TableProvider;

use super::Picture;
use super::builder::TableBuilder;
use crate::engine::Engine;
use crate::error::Result;
use crate::events::Outcome;
use crate::telemetry::{LoggedQuery, Phase};

pub(super) fn table(picture: Picture<'_>) -> Result<Arc<dyn TableProvider>> {
    let (engine, principal) = (picture.engine, picture.principal);
    let whose = (!picture.is_administrator).then_some(principal);
    let queries = engine.query_log().queries(whose);
    let reader = Reader { name: principal, is_administrator: picture.is_administrator };
    let rows: Vec<Row<'_>> = queries.iter().map(|query| Row::new(query, engine, reader)).collect();
    TableBuilder::new(&rows)
        .text("query_id", |row| Some(&row.query.query_id))
        .time("started_at", |row| Some(row.query.started_at))
        .text("principal", |row| Some(&row.query.asker.principal.name))
        .text("program", |row| row.query.asker.program.as_ref())
        .text("sql", |row| Some(&row.query.sql))
        .text("state", |row| Some(row.state))
        .number("rows", |row| i64::try_from(row.query.rows()).ok())
        .number("bytes", |row| i64::try_from(row.query.bytes()).ok())
        .number("bytes_read", |row| i64::try_from(row.bytes_read).ok())
        .text("snapshots", |row| row.query.snapshots())
        .number("queued_ms", |row| millis(row.query.queued()))
        .number("elapsed_ms", |row| millis(row.query.elapsed()))
        .text("error", |row| row.error.as_ref())
        .text("message", |row| row.message.as_ref())
        .build()
}

/// A query, with what is true of it at one moment.
struct Row<'a> {
    query: &'a LoggedQuery,
    state: &'static str,
    bytes_read: u64,
    error: Option<String>,
    message: Option<String>,
}

/// Who reads the table.
#[derive(Clone, Copy)]
struct Reader<'a> {
    name: &'a str,
    is_administrator: bool,
}

impl<'a> Row<'a> {
    fn new(query: &'a LoggedQuery, engine: &Engine, reader: Reader<'_>) -> Self {
        let ended = query.ended();
        let outcome = ended.as_ref().map(|end| end.outcome);
        let message =
            ended.as_ref().and_then(|end| match query.asker.principal.name == reader.name {
                true => end.message.as_deref(),
                false => end.message_for_others(),
            });
        let bytes_read = query.bytes_read(engine);
        Self {
            query,
            state: match (outcome, query.phase()) {
                (Some(outcome), _) => outcome.as_str(),
                (None, Phase::Planning) => "planning",
                (None, Phase::Planned) => "planned",
                (None, Phase::Queued) => "queued",
                (None, Phase::Running) => "running",
            },
            bytes_read: match reader.is_administrator {
                true => bytes_read.all,
                false => bytes_read.shown,
            },
            error: match outcome {
                Some(Outcome::Failed(kind)) => Some(format!("{kind:?}")),
                Some(Outcome::Finished | Outcome::Cancelled) | None => None,
            },
            message: message.map(str::to_owned),
        }
    }
}

fn millis(time: Duration) -> Option<i64> {
    i64::try_from(time.as_millis()).ok()
}
