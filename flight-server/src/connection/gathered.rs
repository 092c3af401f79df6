//! Writes gathered into larger ones.
//!
//! HTTP/2 writes and flushes each frame of data on its own: a call of the system for each, and a
//! wake-up of the reader, who can do nothing before he has the end of the message. A flush right after
//! such a frame therefore waits for what comes next; every message ends with a frame that is too
//! short for that, or with a flush of its own.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// From this size on, what is flushed is a frame of data: HTTP/2 joins the short frames itself, as long
/// as the socket does not promise to write many pieces at once.
const DATA_BYTES: usize = 1 << 10;

/// What is gathered before it is written.
const GATHERED_BYTES_MAX: usize = 128 << 10;

/// A socket with its writes gathered.
#[derive(Debug)]
pub(crate) struct Gathered<S> {
    socket: S,
    waiting: Vec<u8>,
    /// How much of `waiting` is written.
    written: usize,
    /// What was taken in since the last flush, in bytes.
    unflushed: usize,
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    pub(crate) fn new(socket: S) -> Self {
        Self { socket, waiting: Vec::new(), written: 0, unflushed: 0 }
    }

    /// Writes all that waits.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.waiting.get(self.written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.socket).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        self.waiting.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.written > 0 || self.waiting.len() >= GATHERED_BYTES_MAX {
            ready!(self.poll_drain(context))?;
        }
        let room = GATHERED_BYTES_MAX.saturating_sub(self.waiting.len());
        let (taken, _) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.waiting.extend_from_slice(taken);
        self.unflushed = self.unflushed.saturating_add(taken.len());
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.unflushed) >= DATA_BYTES {
            // Nothing stays behind: whoever writes is called once more, and flushes then.
            context.waker().wake_by_ref();
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_drain(context))?;
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context))?;
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use futures::task::noop_waker_ref;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    fn pair() -> (Gathered<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(1 << 20);
        (Gathered::new(ours), theirs)
    }

    fn readable(reader: &mut DuplexStream) -> usize {
        let mut bytes = vec![0; 1 << 20];
        let mut buffer = ReadBuf::new(&mut bytes);
        let mut context = Context::from_waker(noop_waker_ref());
        let _ = Pin::new(reader).poll_read(&mut context, &mut buffer);
        buffer.filled().len()
    }

    #[tokio::test]
    async fn short_frame_is_there_at_once() {
        let (mut writer, mut reader) = pair();
        writer.write_all(&[1; 100]).await.unwrap();
        writer.flush().await.unwrap();
        assert_eq!(readable(&mut reader), 100);
    }

    #[tokio::test]
    async fn frames_of_data_wait_for_each_other_until_the_last_flush() {
        let (mut writer, mut reader) = pair();
        for _ in 0..3 {
            writer.write_all(&[2; 16 << 10]).await.unwrap();
            writer.flush().await.unwrap();
        }
        assert_eq!(readable(&mut reader), 0);
        writer.flush().await.unwrap();
        assert_eq!(readable(&mut reader), 3 * (16 << 10));
    }

    #[tokio::test]
    async fn frame_of_data_goes_with_the_short_one_that_ends_its_message() {
        let (mut writer, mut reader) = pair();
        writer.write_all(&[2; DATA_BYTES]).await.unwrap();
        writer.flush().await.unwrap();
        assert_eq!(readable(&mut reader), 0);
        writer.write_all(&[3; 20]).await.unwrap();
        writer.flush().await.unwrap();
        assert_eq!(readable(&mut reader), DATA_BYTES + 20);
    }

    /// Otherwise HTTP/2 flushes frames of a few hundred bytes on their own, before the end of the message.
    #[tokio::test]
    async fn it_does_not_promise_to_write_many_pieces_at_once() {
        let (writer, _reader) = pair();
        assert!(!writer.is_write_vectored());
    }

    #[tokio::test]
    async fn whoever_holds_a_flush_back_is_called_again() {
        let (mut writer, _reader) = pair();
        writer.write_all(&[2; DATA_BYTES]).await.unwrap();
        let (waker, calls) = counting_waker();
        let mut context = Context::from_waker(&waker);
        assert!(Pin::new(&mut writer).poll_flush(&mut context).is_ready());
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[derive(Debug)]
    struct Counter(Arc<AtomicUsize>);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counting_waker() -> (Waker, Arc<AtomicUsize>) {
        let calls = Arc::<AtomicUsize>::default();
        (Arc::new(Counter(Arc::clone(&calls))).into(), calls)
    }

    #[tokio::test]
    async fn bytes_stay_in_order_whatever_their_sizes_and_a_reader_that_is_slow() {
        let (ours, mut reader) = duplex(1000);
        let mut writer = Gathered::new(ours);
        let sizes = [10, 20 << 10, 16 << 10, 5, 300 << 10, 16 << 10, 16 << 10, 130 << 10, 1];
        let pieces: Vec<Vec<u8>> = (1u8..).zip(sizes).map(|(at, size)| vec![at; size]).collect();
        let expected = pieces.concat();
        let writing = async move {
            for piece in &pieces {
                writer.write_all(piece).await.unwrap();
                writer.flush().await.unwrap();
            }
            writer.shutdown().await.unwrap();
        };
        let mut found = Vec::new();
        let (_, result) = futures::join!(writing, reader.read_to_end(&mut found));
        result.unwrap();
        assert!(found == expected, "{} of {} bytes", found.len(), expected.len());
    }
}
