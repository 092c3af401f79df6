//! The rows of a query on their way to the client.
//!
//! ```text
//! QueryStream ─▶ join small batches ─▶ encode ─▶ bounded channel ─▶ gRPC
//!   └──────────── one task, ended with the stream ────────┘
//! ```
//!
//! A slow reader costs what the channel holds; a reader that is gone ends the task, and the query
//! with it.

mod rows;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use arrow_flight::FlightData;
use datafusion::common::runtime::SpawnedTask;
use futures::{FutureExt, Stream};
use samite_engine::{Error, ErrorKind, Result};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::config::FlightConfig;
use crate::encode::Encoder;
use crate::query::Query;
use crate::status::status;
use rows::Rows;

/// The messages of one query. Dropping it stops the query.
#[derive(Debug)]
pub(crate) struct MessageStream {
    messages: mpsc::Receiver<Result<FlightData, Status>>,
    _task: SpawnedTask<()>,
}

/// What ends a query before its last row.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    /// When the caller stops waiting.
    pub(crate) deadline: Option<Instant>,
    /// Fires when the server ends.
    pub(crate) shutdown: CancellationToken,
}

impl Stop {
    /// Waits for the end, and says why.
    async fn reason(&self, query: &Query) -> Error {
        let deadline = async {
            match self.deadline {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = query.cancelled.cancelled() => {
                Error::new(ErrorKind::Cancelled, "the query was cancelled")
            }
            () = deadline => {
                Error::new(ErrorKind::DeadlineExceeded, "the query did not end in the client's time")
            }
            () = self.shutdown.cancelled() => {
                Error::new(ErrorKind::Overloaded, "the server is stopping")
                    .with_hint("try again on another server, or later")
            }
        }
    }

    /// Does `work` unless the end comes first.
    async fn or<T>(&self, query: &Query, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            reason = self.reason(query) => Err(reason),
            result = work => result,
        }
    }
}

/// Says that a query was fetched once it is dropped, however the fetch ended.
struct Fetch<F: FnOnce()> {
    query: Arc<Query>,
    on_end: Option<F>,
}

impl<F: FnOnce()> Drop for Fetch<F> {
    fn drop(&mut self) {
        self.query.set_fetched();
        if let Some(on_end) = self.on_end.take() {
            on_end();
        }
    }
}

/// Starts a query. Gives the engine's id of it, and its messages; calls `on_end` when it ended,
/// with its last row or without.
///
/// # Errors
///
/// When the query cannot start.
pub(crate) async fn start(
    query: Arc<Query>,
    config: &FlightConfig,
    stop: Stop,
    on_end: impl FnOnce() + Send + 'static,
) -> Result<(String, MessageStream)> {
    let fetch = Fetch { query: Arc::clone(&query), on_end: Some(on_end) };
    let rows = stop.or(&query, Rows::start(Arc::clone(&query), config)).await?;
    let query_id = rows.query_id().to_owned();
    let encoder = Encoder::new(Arc::clone(&query.schema), config);
    let (sender, messages) = mpsc::channel(config.stream_messages_max.max(1));
    let task = SpawnedTask::spawn(async move {
        let _fetch = fetch;
        let work = stop.or(&query, pump(rows, encoder, &sender));
        let result = AssertUnwindSafe(work).catch_unwind().await;
        if let Err(error) = result.unwrap_or_else(|_| Err(panicked())) {
            // A reader that is gone needs no error.
            drop(sender.send(Err(status(&error))).await);
        }
    });
    Ok((query_id, MessageStream { messages, _task: task }))
}

/// What a client gets when a task of its query panicked.
pub(crate) fn panicked() -> Error {
    Error::new(ErrorKind::Internal, "the server failed while it worked on this call")
        .with_hint("report it, with the statement")
}

async fn pump(
    mut rows: Rows,
    mut encoder: Encoder,
    sender: &mpsc::Sender<Result<FlightData, Status>>,
) -> Result<()> {
    let gone = |_| Error::new(ErrorKind::Cancelled, "the reader is gone");
    sender.send(Ok(encoder.schema_message())).await.map_err(gone)?;
    while let Some(batch) = rows.next_joined().await? {
        for (start, count) in encoder.pieces(&batch) {
            for message in encoder.encode(batch.slice(start, count))? {
                sender.send(Ok(message)).await.map_err(gone)?;
            }
        }
    }
    Ok(())
}

impl Stream for MessageStream {
    type Item = Result<FlightData, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.messages.poll_recv(context)
    }
}
