//! `mesh.runtime.queries`: what a principal asked lately, and asks now.

use std::sync::Arc;

use datafusion::catalog::TableProvider;

use super::Picture;
use super::builder::TableBuilder;
use crate::error::Result;
use crate::events::Outcome;
use crate::telemetry::LoggedQuery;

pub(super) fn table(picture: Picture<'_>) -> Result<Arc<dyn TableProvider>> {
    let queries = picture.engine.query_log().of(picture.principal);
    TableBuilder::new(&queries)
        .text("query_id", |query| Some(&query.query_id))
        .time("started_at", |query| Some(query.started_at))
        .text("principal", |query| Some(&query.principal))
        .text("sql", |query| Some(&query.sql))
        .text("state", |query| Some(state(query)))
        .number("rows", |query| i64::try_from(query.rows()).ok())
        .number("bytes", |query| i64::try_from(query.bytes()).ok())
        .text("snapshots", |query| query.snapshots.as_ref())
        .number("elapsed_ms", |query| i64::try_from(query.ended()?.1.as_millis()).ok())
        .text("error", |query| match query.ended()?.0 {
            Outcome::Failed(kind) => Some(format!("{kind:?}")),
            Outcome::Finished | Outcome::Cancelled => None,
        })
        .build()
}

fn state(query: &LoggedQuery) -> &'static str {
    match query.ended().map(|(outcome, _)| outcome) {
        None => "running",
        Some(Outcome::Finished) => "finished",
        Some(Outcome::Failed(_)) => "failed",
        Some(Outcome::Cancelled) => "cancelled",
    }
}
