//! Runs a query until its end, a number of rows, or a stop: by the client, over another connection,
//! by the server, or by the time.

use std::future::Future;
use std::sync::Arc;

use futures::StreamExt;
use samite_engine::plan::QueryPlan;
use samite_engine::{Error, ErrorKind};
use tokio::time::Instant;

use super::portal::{Portal, Progress};
use super::{Conversation, End};
use crate::error::{Coded, code, warning};
use crate::protocol::Backend;
use crate::rows::Rows;

/// Time after the end of a query for what it sent last to be read.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(30);

impl Conversation {
    /// Does some work of the engine, which is dropped where it must stop.
    pub(super) async fn unless_stopped<T>(
        &mut self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, End> {
        tokio::select! {
            done = work => done.map_err(End::from),
            () = self.cancelled.cancelled() => Err(cancelled().into()),
            () = self.shared.stopped.cancelled() => Err(stopped().into()),
            () = self.link.left() => Err(End::Gone),
        }
    }

    /// Tells the client what it should know of a plan.
    pub(super) async fn warn(&mut self, plan: &QueryPlan) -> Result<(), End> {
        for text in plan.warnings() {
            self.link.say(warning(&text)).await?;
        }
        Ok(())
    }

    /// Begins to run a portal, unless it runs already.
    pub(super) async fn begin(&mut self, portal: &mut Portal) -> Result<(), End> {
        let (Progress::New, Some(plan), Some(columns)) =
            (&portal.progress, &portal.plan, &portal.columns)
        else {
            return Ok(());
        };
        let deadline = Instant::now() + plan.timeout();
        let session = self.session.clone();
        let stream = self.unless_stopped(session.execute(plan)).await?;
        let rows = Rows::new(stream, Arc::clone(columns), portal.formats.clone(), self.zone()?);
        portal.progress = Progress::Running { rows: Box::new(rows), deadline };
        // The engine has it now.
        portal.plan = None;
        Ok(())
    }

    /// Sends rows of a portal, at most so many, and says how many; the portal has ended if there are
    /// no more.
    pub(super) async fn send_rows(
        &mut self,
        portal: &mut Portal,
        rows_max: Option<u64>,
    ) -> Result<u64, End> {
        self.begin(portal).await?;
        let Progress::Running { rows, deadline } = &mut portal.progress else { return Ok(0) };
        let deadline = *deadline;
        let mut sent = 0;
        loop {
            let left = rows_max.map_or(u64::MAX, |max| max.saturating_sub(sent));
            if left == 0 {
                return Ok(sent);
            }
            if let Some((bytes, count)) = rows.chunk(left)? {
                self.send_until(bytes, deadline).await?;
                sent += count;
                continue;
            }
            let next = rows.stream.next();
            match self.unless_stopped(async { next.await.transpose() }).await? {
                Some(batch) => rows.take(&batch)?,
                None => {
                    portal.progress = Progress::Ended;
                    return Ok(sent);
                }
            }
        }
    }

    /// Sends rows; a client that does not take them in time is left.
    async fn send_until(&mut self, bytes: bytes::BytesMut, deadline: Instant) -> Result<(), End> {
        let Self { link, cancelled: token, shared, .. } = self;
        tokio::select! {
            biased;
            // First: a client that reads fast is always ready for more.
            () = token.cancelled() => Err(cancelled().into()),
            () = shared.stopped.cancelled() => Err(stopped().into()),
            sent = link.send(Backend::Written(bytes)) => Ok(sent?),
            () = tokio::time::sleep_until(deadline + LAST_WORDS) => Err(End::Gone),
        }
    }
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the statement was cancelled by its user")
}

fn stopped() -> Coded {
    Coded::new(code::ADMIN_SHUTDOWN, ErrorKind::Cancelled, "the server is stopping")
}
