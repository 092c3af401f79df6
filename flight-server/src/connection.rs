//! One connection: counted, encrypted where that is asked for, and known by a number.
//!
//! ```text
//! TCP ─▶ place? ─▶ TLS handshake ─▶ Connection ─▶ HTTP/2
//! ```
//!
//! Handshakes run beside each other, and each has an end: whoever connects and says nothing is gone
//! soon, and keeps nobody waiting.

mod gathered;
mod socket;

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{Stream, StreamExt};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::transport::server::Connected;

use crate::metrics::{Counted, ServerMetrics};
use crate::tls::Tls;
use gathered::Gathered;
use socket::Socket;

/// The time from a connection to its first word, the TLS handshake included.
const PATIENCE: Duration = Duration::from_secs(10);

/// The number of a connection; a session may hang on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// The number of the connection.
    pub(crate) id: ConnectionId,
    /// The address.
    pub(crate) address: Option<IpAddr>,
    /// The common name of the client's certificate.
    pub(crate) certificate_name: Option<Arc<str>>,
}

/// One connection. Its place is free again once it is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Gathered<Socket>,
    peer: Peer,
    /// Runs until the first word.
    patience: Option<Pin<Box<tokio::time::Sleep>>>,
    ended: Arc<Mutex<Vec<ConnectionId>>>,
    _place: Place,
}

/// A place among the connections, counted.
#[derive(Debug)]
struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: Counted,
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

/// The connections that arrive at `listener`, at most so many at once, and counted.
pub(crate) fn incoming(
    listener: TcpListener,
    tls: Option<Tls>,
    (connections_max, metrics): (usize, ServerMetrics),
    ended: EndedConnections,
) -> impl Stream<Item = io::Result<Connection>> {
    let places = Arc::new(Semaphore::new(connections_max));
    let next_id = Arc::new(AtomicU64::new(1));
    accepted(listener, places, metrics)
        .map(move |arrived| {
            let id = ConnectionId(next_id.fetch_add(1, Ordering::Relaxed));
            let (tls, ended) = (tls.clone(), Arc::clone(&ended.0));
            async move { open(arrived?, tls, id, ended).await }
        })
        .buffer_unordered(connections_max)
        .filter_map(|opened| async move { opened.transpose() })
}

/// What arrives, and has a place.
fn accepted(
    listener: TcpListener,
    places: Arc<Semaphore>,
    metrics: ServerMetrics,
) -> impl Stream<Item = io::Result<(TcpStream, IpAddr, Place)>> {
    futures::stream::unfold((listener, places, metrics), |state| async move {
        loop {
            let (listener, places, metrics) = &state;
            let (socket, address) = match listener.accept().await {
                Ok(arrived) => arrived,
                Err(error) => return Some((Err(error), state)),
            };
            let Ok(permit) = Arc::clone(places).try_acquire_owned() else {
                tracing::warn!("connection refused: there are too many");
                continue;
            };
            let place = Place { _permit: permit, _counted: metrics.connected() };
            return Some((Ok((socket, address.ip().to_canonical(), place)), state));
        }
    })
}

/// Makes a connection of what arrived; nothing if it was lost at its start.
async fn open(
    (socket, address, place): (TcpStream, IpAddr, Place),
    tls: Option<Tls>,
    id: ConnectionId,
    ended: Arc<Mutex<Vec<ConnectionId>>>,
) -> io::Result<Option<Connection>> {
    let patience = tokio::time::Instant::now() + PATIENCE;
    let opening = async {
        socket.set_nodelay(true)?;
        match tls {
            Some(tls) => {
                let (socket, certificate_name) = tls.accept(socket).await?;
                io::Result::Ok((Socket::Tls(Box::new(socket)), certificate_name))
            }
            None => Ok((Socket::Plain(socket), None)),
        }
    };
    let (socket, certificate_name) = match tokio::time::timeout_at(patience, opening).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => {
            tracing::debug!(%error, %address, "connection was lost at its start");
            return Ok(None);
        }
        Err(_) => {
            tracing::debug!(%address, "connection said nothing");
            return Ok(None);
        }
    };
    Ok(Some(Connection {
        socket: Gathered::new(socket),
        peer: Peer {
            id,
            address: Some(address),
            certificate_name: certificate_name.map(Arc::from),
        },
        patience: Some(Box::pin(tokio::time::sleep_until(patience))),
        ended,
        _place: place,
    }))
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.ended.lock().push(self.peer.id);
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.socket).poll_read(context, buffer);
        if self.patience.is_none() {
            return read;
        }
        if read.is_ready() {
            self.patience = None;
            return read;
        }
        match self.patience.as_mut().map(|patience| patience.as_mut().poll(context)) {
            Some(Poll::Ready(())) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Some(Poll::Pending) | None => Poll::Pending,
        }
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
