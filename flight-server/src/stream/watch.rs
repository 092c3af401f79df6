//! What ends a query before its last row.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::{Duration, Instant};

use samite_engine::{Error, ErrorKind, Result};
use tokio_util::sync::CancellationToken;

use crate::query::Query;

/// What ends a query from outside.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    /// When the caller stops waiting.
    pub(crate) deadline: Option<Instant>,
    /// Fires when the server ends.
    pub(crate) shutdown: CancellationToken,
}

/// All that may end one fetch of a query.
#[derive(Debug)]
pub(super) struct Watch {
    query: Arc<Query>,
    stop: Stop,
    /// The time of all runs together, and its end.
    timeout: Option<(Duration, Instant)>,
}

impl Watch {
    /// Watches a fetch that begins now.
    pub(super) fn new(query: Arc<Query>, stop: Stop) -> Self {
        let timeout = query.work.timeout();
        let timeout = timeout.and_then(|time| Some((time, Instant::now().checked_add(time)?)));
        Self { query, stop, timeout }
    }

    /// Does `work` unless the end comes first.
    ///
    /// # Errors
    ///
    /// Those of `work`, and the reason of an early end.
    pub(super) async fn or<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            reason = self.reason() => Err(reason),
            result = work => result,
        }
    }

    /// Waits for the end, and says why.
    async fn reason(&self) -> Error {
        tokio::select! {
            () = self.query.cancelled.cancelled() => {
                Error::new(ErrorKind::Cancelled, "the query was cancelled")
            }
            () = reached(self.stop.deadline) => {
                Error::new(ErrorKind::DeadlineExceeded, "the query did not end in the client's time")
            }
            () = reached(self.timeout.map(|(_, end)| end)) => self.too_late(),
            () = self.stop.shutdown.cancelled() => {
                Error::new(ErrorKind::Overloaded, "the server is stopping")
                    .with_hint("try again on another server, or later")
            }
        }
    }

    fn too_late(&self) -> Error {
        let seconds = self.timeout.map_or(0, |(time, _)| time.as_secs());
        let message = format!("the query took longer than {seconds} s for all rows of parameters");
        Error::new(ErrorKind::DeadlineExceeded, message)
            .with_hint("bind fewer rows at once, or raise [limits] query_timeout")
    }
}

async fn reached(end: Option<Instant>) {
    match end {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => pending().await,
    }
}
