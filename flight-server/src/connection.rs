//! One TCP connection: counted, and known by a number.

mod gathered;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures::Stream;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::transport::server::Connected;

use gathered::Gathered;

/// The number of a connection; a session may hang on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// One connection. Its place is free again once it is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Gathered<TcpStream>,
    id: ConnectionId,
    ended: Arc<Mutex<Vec<ConnectionId>>>,
    _place: OwnedSemaphorePermit,
}

/// The connections that ended since they were last asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct EndedConnections(Arc<Mutex<Vec<ConnectionId>>>);

impl EndedConnections {
    /// Takes them all.
    pub(crate) fn take(&self) -> Vec<ConnectionId> {
        std::mem::take(&mut self.0.lock())
    }
}

/// The connections that arrive at `listener`, at most `connections_max` at once.
pub(crate) fn incoming(
    listener: TcpListener,
    connections_max: usize,
    ended: EndedConnections,
) -> impl Stream<Item = io::Result<Connection>> {
    let places = Arc::new(Semaphore::new(connections_max));
    let next_id = AtomicU64::new(1);
    futures::stream::unfold((listener, places, next_id, ended), |state| async move {
        loop {
            let (listener, places, next_id, ended) = &state;
            let socket = match listener.accept().await {
                Ok((socket, _)) => socket,
                Err(error) => return Some((Err(error), state)),
            };
            let Ok(place) = Arc::clone(places).try_acquire_owned() else {
                tracing::warn!("connection refused: there are too many");
                continue;
            };
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "connection was lost at its start");
                continue;
            }
            let id = ConnectionId(next_id.fetch_add(1, Ordering::Relaxed));
            let ended = Arc::clone(&ended.0);
            let socket = Gathered::new(socket);
            return Some((Ok(Connection { socket, id, ended, _place: place }), state));
        }
    })
}

impl Connected for Connection {
    type ConnectInfo = ConnectionId;

    fn connect_info(&self) -> ConnectionId {
        self.id
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.ended.lock().push(self.id);
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
