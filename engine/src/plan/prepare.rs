//! From a statement to its plan: on which threads, how long, and what is told of it.

use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tracing::Instrument;

use super::{Aim, QueryPlan, plan};
use crate::error::{Error, ErrorKind, Result};
use crate::govern;
use crate::resolve::{self, Statement};
use crate::session::Session;
use crate::telemetry::{Record, stage};

/// Resolves, governs and plans a query: on the threads for that, but for a list of literals.
pub(crate) async fn prepare(
    session: &Session,
    statement: &Statement,
    aim: Aim,
) -> Result<QueryPlan> {
    let (session, statement) = (session.clone(), statement.clone());
    let engine = session.engine().clone();
    engine.events().admit().await?;
    let limit = engine.config().query_timeout;
    let is_short = resolve::lists_literals(statement.form()?);
    let (asker, asked, settings) = (session.asker().clone(), statement.clone(), session.settings());
    let record = || Record::begin(&engine, (&asker, settings.purpose()), asked.text());
    let known = (!is_short).then(record);
    let session = match &known {
        Some(known) => session.noting(known.noted().clone()),
        None => session,
    };
    let work = async move {
        let resolving = resolve::resolve(&session, &statement).instrument(stage!("resolve"));
        let governed = govern::govern(resolving.await?, &session).await?;
        plan(governed, &session, aim).instrument(stage!("plan")).await
    };
    let begin = Instant::now();
    let planned = match &known {
        None => work.await,
        Some(record) => {
            let running = tokio::time::timeout(
                limit,
                engine.limits().processor().run(record.whole().on(work)),
            );
            let running: BoxFuture<'_, _> =
                Box::pin(async { running.await.unwrap_or_else(|_| Err(too_late(limit))) });
            record.logged().unless_killed(running).await
        }
    };
    engine.metrics().planned(begin.elapsed());
    match planned {
        Ok(plan) => {
            if let Some(known) = known {
                keep(known, &plan, aim);
            }
            Ok(plan)
        }
        Err(error) => {
            let mut record = known.unwrap_or_else(record);
            record.failed(&error);
            Err(error.of_query(record.query_id()))
        }
    }
}

/// Lets a plan tell of its planning once it is executed; one that is made for its schema is not.
fn keep(record: Record, plan: &QueryPlan, aim: Aim) {
    match aim {
        Aim::Schema => record.forget(),
        Aim::Rows => {
            record.planned(&plan.snapshot_token());
            plan.keep(record);
        }
    }
}

fn too_late(limit: Duration) -> Error {
    let message = format!("planning the query took longer than {} s", limit.as_secs());
    Error::new(ErrorKind::DeadlineExceeded, message)
        .with_hint("write a smaller query, or raise [limits] query_timeout")
}
