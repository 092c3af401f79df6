//! The rows of a query on their way to the client.
//!
//! ```text
//! QueryStream ─▶ join small batches ─▶ encode ─▶ head ─────────────────▶ gRPC    what is there at once
//!                                        └─────▶ bounded channel ──▶ gRPC    the rest, by a task
//! ```
//!
//! A slow reader costs what the channel holds; a reader that is gone ends the task, and the query
//! with it.

mod head;
mod rows;
mod watch;

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::common::runtime::SpawnedTask;
use futures::{FutureExt, Stream};
use samite_engine::session::Principal;
use samite_engine::{Error, ErrorKind, Result};
use tokio::sync::mpsc;
use tonic::Status;

use crate::config::FlightConfig;
use crate::encode::Encoder;
use crate::message::Message;
use crate::query::Query;
use crate::status::status;
use head::{Head, read_head};
use rows::Rows;
use watch::Watch;

pub(crate) use watch::Stop;

/// The messages of one query. Dropping it stops the query.
#[derive(Debug)]
pub(crate) struct MessageStream {
    head: std::vec::IntoIter<Message>,
    /// What comes after the head, if that is not all.
    rest: Option<Rest>,
}

/// The messages that a task makes.
#[derive(Debug)]
struct Rest {
    messages: mpsc::Receiver<Result<Message, Status>>,
    _task: SpawnedTask<()>,
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

/// Starts a query, decided by what is known now of its principal. Gives the engine's id of it, and its messages;
/// calls `on_end` when it ended, with its last row or without.
///
/// # Errors
///
/// When the query cannot start, or fails at once.
pub(crate) async fn start(
    (query, principal): (Arc<Query>, Arc<Principal>),
    config: &FlightConfig,
    stop: Stop,
    on_end: impl FnOnce() + Send + 'static,
) -> Result<(String, MessageStream)> {
    let fetch = Fetch { query: Arc::clone(&query), on_end: Some(on_end) };
    let watch = Watch::new(Arc::clone(&query), stop);
    let mut rows = watch.or(Rows::start((Arc::clone(&query), principal), config)).await?;
    let query_id = rows.query_id().to_owned();
    let mut encoder = Encoder::new(Arc::clone(&query.schema), config)?;
    let head = watch.or(read_head(&query, &mut rows, &mut encoder)).await?;
    let Head { messages: head, is_all } = head;
    let rest = if is_all { None } else { Some(spawn_rest((rows, encoder), watch, fetch, config)) };
    Ok((query_id, MessageStream { head: head.into_iter(), rest }))
}

fn spawn_rest<F: FnOnce() + Send + 'static>(
    (rows, encoder): (Rows, Encoder),
    watch: Watch,
    fetch: Fetch<F>,
    config: &FlightConfig,
) -> Rest {
    let (sender, messages) = mpsc::channel(config.stream_messages_max.max(1));
    let task = SpawnedTask::spawn(async move {
        let _fetch = fetch;
        let work = watch.or(pump(rows, encoder, &sender));
        let result = AssertUnwindSafe(work).catch_unwind().await;
        if let Err(error) = result.unwrap_or_else(|_| Err(panicked())) {
            // A reader that is gone needs no error.
            drop(sender.send(Err(status(&error))).await);
        }
    });
    Rest { messages, _task: task }
}

/// What a client gets when a task of its query panicked.
pub(crate) fn panicked() -> Error {
    Error::new(ErrorKind::Internal, "the server failed while it worked on this call")
        .with_hint("report it, with the statement")
}

async fn pump(
    mut rows: Rows,
    mut encoder: Encoder,
    sender: &mpsc::Sender<Result<Message, Status>>,
) -> Result<()> {
    let gone = |_| Error::new(ErrorKind::Cancelled, "the reader is gone");
    while let Some(joined) = rows.next_joined().await? {
        for piece in encoder.pieces(&joined) {
            for message in encoder.encode(piece)? {
                sender.send(Ok(message)).await.map_err(gone)?;
            }
        }
    }
    Ok(())
}

impl Stream for MessageStream {
    type Item = Result<Message, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(message) = self.head.next() {
            return Poll::Ready(Some(Ok(message)));
        }
        match &mut self.rest {
            Some(rest) => rest.messages.poll_recv(context),
            None => Poll::Ready(None),
        }
    }
}
