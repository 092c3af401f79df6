//! Large writes gathered into larger ones.
//!
//! HTTP/2 writes and flushes each frame of 16 KiB on its own: a call of the system for each, and a
//! wake-up of the reader. A flush right after a frame of full size therefore waits for the next
//! one; the frames end with a flush of their own. Whatever is smaller is flushed at once.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A write from this size on is one of many, most likely: the payload of a full frame.
const LARGE_WRITE_BYTES: usize = 16 << 10;

/// What is gathered before it is written.
const GATHERED_BYTES_MAX: usize = 128 << 10;

/// A socket with its large writes gathered.
#[derive(Debug)]
pub(crate) struct Gathered<S> {
    socket: S,
    waiting: Vec<u8>,
    /// How much of `waiting` is written.
    written: usize,
    /// True right after a large write, before any flush.
    expects_more: bool,
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    pub(crate) fn new(socket: S) -> Self {
        Self { socket, waiting: Vec::new(), written: 0, expects_more: false }
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

    /// Takes a large write in, if there is room.
    fn gather(&mut self, slices: &[IoSlice<'_>], bytes: usize) -> bool {
        let is_taken = bytes >= LARGE_WRITE_BYTES
            && self.written == 0
            && self.waiting.len().saturating_add(bytes) <= GATHERED_BYTES_MAX;
        if is_taken {
            self.waiting.reserve(GATHERED_BYTES_MAX.saturating_sub(self.waiting.len()));
            slices.iter().for_each(|slice| self.waiting.extend_from_slice(slice));
        }
        self.expects_more = is_taken;
        is_taken
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = slices.iter().map(|slice| slice.len()).sum();
        if self.gather(slices, bytes) {
            return Poll::Ready(Ok(bytes));
        }
        ready!(self.poll_drain(context))?;
        if self.gather(slices, bytes) {
            return Poll::Ready(Ok(bytes));
        }
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.expects_more) {
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
    async fn small_write_is_there_at_once() {
        let (mut writer, mut reader) = pair();
        writer.write_all(&[1; 100]).await.unwrap();
        assert_eq!(readable(&mut reader), 100);
    }

    #[tokio::test]
    async fn large_writes_wait_for_each_other_until_the_last_flush() {
        let (mut writer, mut reader) = pair();
        for _ in 0..3 {
            writer.write_all(&[2; LARGE_WRITE_BYTES]).await.unwrap();
            writer.flush().await.unwrap();
        }
        assert_eq!(readable(&mut reader), 0);
        writer.flush().await.unwrap();
        assert_eq!(readable(&mut reader), 3 * LARGE_WRITE_BYTES);
    }

    #[tokio::test]
    async fn whoever_holds_a_flush_back_is_called_again() {
        let (mut writer, _reader) = pair();
        writer.write_all(&[2; LARGE_WRITE_BYTES]).await.unwrap();
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
