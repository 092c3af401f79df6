//! The line to one client: what it says, what is said to it, and whether it is still there.

use std::collections::VecDeque;
use std::io;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use pgwire::messages::PgWireBackendMessage;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::Framed;

use crate::protocol::{Backend, Codec, Frontend};

/// Bytes of messages that are read ahead while a statement runs, and as much as one message more;
/// beyond, a client that leaves is noticed when it is written to.
const WAITING_BYTES_MAX: usize = 64 << 10;

/// A socket, encrypted or not.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

type Messages = Framed<Box<dyn Socket>, Codec>;

/// The line to one client.
pub(crate) struct Link {
    sink: SplitSink<Messages, Backend>,
    source: Source,
}

struct Source {
    messages: SplitStream<Messages>,
    /// What was read while a statement ran, each with the bytes that it had.
    waiting: VecDeque<(io::Result<Frontend>, usize)>,
    /// The bytes of those.
    waiting_bytes: usize,
    /// True once the client has left.
    is_over: bool,
}

/// The client is gone, or does not speak the protocol.
#[derive(Debug)]
pub(crate) struct Gone;

impl Link {
    /// A line over a socket, with messages of up to so many bytes.
    pub(crate) fn new(socket: Box<dyn Socket>, bytes_max: usize) -> Self {
        let (sink, messages) = Framed::new(socket, Codec::new(bytes_max)).split();
        let source =
            Source { messages, waiting: VecDeque::new(), waiting_bytes: 0, is_over: false };
        Self { sink, source }
    }

    /// The same line for a client that is known now, and may send longer messages.
    ///
    /// # Errors
    ///
    /// When the halves do not belong together, which does not happen.
    pub(crate) fn with_bytes_max(self, bytes_max: usize) -> Result<Self, Gone> {
        let whole = self.source.messages.reunite(self.sink).map_err(|_| Gone)?;
        let (sink, messages) = whole.map_codec(|_| Codec::new(bytes_max)).split();
        Ok(Self { sink, source: Source { messages, ..self.source } })
    }

    /// What the client says next; `None` once it has left.
    pub(crate) async fn next(&mut self) -> Option<io::Result<Frontend>> {
        match self.source.waiting.pop_front() {
            Some((message, bytes)) => {
                self.source.waiting_bytes = self.source.waiting_bytes.saturating_sub(bytes);
                Some(message)
            }
            None if self.source.is_over => None,
            None => Some(self.source.messages.next().await?.map(|(message, _)| message)),
        }
    }

    /// Waits until the client leaves, and keeps what it says before.
    pub(crate) async fn left(&mut self) {
        self.source.left().await;
    }

    /// Puts a message on its way.
    ///
    /// # Errors
    ///
    /// When the client is gone.
    pub(crate) async fn say(&mut self, message: PgWireBackendMessage) -> Result<(), Gone> {
        self.send(Backend::Message(message)).await
    }

    /// Puts something on its way; waits for a client that reads slowly, but not for one that leaves.
    ///
    /// # Errors
    ///
    /// When the client is gone.
    pub(crate) async fn send(&mut self, what: Backend) -> Result<(), Gone> {
        let Self { sink, source } = self;
        tokio::select! {
            biased;
            sent = sink.feed(what) => sent.map_err(|_| Gone),
            () = source.left() => Err(Gone),
        }
    }

    /// Sends what is on its way, and says that nothing follows.
    ///
    /// # Errors
    ///
    /// When the client is gone.
    pub(crate) async fn close(&mut self) -> Result<(), Gone> {
        self.sink.close().await.map_err(|_| Gone)
    }

    /// Sends what is on its way.
    ///
    /// # Errors
    ///
    /// When the client is gone.
    pub(crate) async fn flush(&mut self) -> Result<(), Gone> {
        self.sink.flush().await.map_err(|_| Gone)
    }
}

impl Source {
    async fn left(&mut self) {
        while self.waiting_bytes < WAITING_BYTES_MAX && !self.is_over {
            match self.messages.next().await {
                None | Some(Ok((Frontend::Terminate, _))) => self.is_over = true,
                Some(Ok((message, bytes))) => {
                    self.waiting_bytes += bytes;
                    self.waiting.push_back((Ok(message), bytes));
                }
                // Nothing that follows can be read.
                Some(Err(error)) => {
                    self.waiting_bytes += WAITING_BYTES_MAX;
                    self.waiting.push_back((Err(error), WAITING_BYTES_MAX));
                }
            }
        }
        if !self.is_over {
            std::future::pending::<()>().await;
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Link")
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn what_is_read_ahead_is_bounded_by_its_bytes() {
        let (ours, mut theirs) = tokio::io::duplex(16 << 20);
        let mut link = Link::new(Box::new(ours), 1 << 20);
        let message = |bytes: usize| {
            let length = u32::try_from(bytes + 4).unwrap_or_default().to_be_bytes();
            [&b"d"[..], &length, &vec![b'x'; bytes]].concat()
        };
        for (count, bytes, kept) in [(100, 40 << 10, 2), (100, 1 << 10, 64), (100, 0, 100)] {
            for _ in 0..count {
                theirs.write_all(&message(bytes)).await.unwrap();
            }
            assert!(futures::poll!(std::pin::pin!(link.left())).is_pending());
            assert_eq!(link.source.waiting.len(), kept, "{count} messages of {bytes} bytes");
            for _ in 0..count {
                assert!(matches!(link.next().await, Some(Ok(Frontend::Copy))));
            }
            assert_eq!(link.source.waiting_bytes, 0);
        }
        drop(theirs);
        link.left().await;
        assert!(link.next().await.is_none());
    }
}
