//! The listener: connections, limits, and a stop that lets running statements end.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use samite_engine::{Engine, ErrorKind, Result};
use samite_flight_server::{Authenticator, Tls};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cancel::Cancels;
use crate::config::PgConfig;
use crate::conversation::Conversation;
use crate::error::{Coded, Severity, code, message};
use crate::startup::{Opened, open};

/// Wait after the system could not give a connection, for instance because files ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections beyond the limit that are told so; more are just closed.
const REFUSED_MAX: usize = 64;

/// Serves an engine over the PostgreSQL protocol.
#[derive(Debug)]
pub struct PgServer {
    engine: Engine,
    config: PgConfig,
    authenticator: Arc<Authenticator>,
    tls: Option<Tls>,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) config: PgConfig,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) tls: Option<Tls>,
    pub(crate) cancels: Cancels,
    /// Fires when nothing new may begin.
    pub(crate) stopping: CancellationToken,
    /// Fires when what runs must end.
    pub(crate) stopped: CancellationToken,
}

impl PgServer {
    /// A server of this engine. Everybody is `anonymous`, and nothing is encrypted.
    #[must_use]
    pub fn new(engine: Engine, config: PgConfig) -> Self {
        Self { engine, config, authenticator: Arc::new(Authenticator::open()), tls: None }
    }

    /// Lets in only who shows who it is.
    #[must_use]
    pub fn with_authenticator(mut self, authenticator: Arc<Authenticator>) -> Self {
        self.authenticator = authenticator;
        self
    }

    /// Takes encrypted connections only.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Serves until `shutdown` is ready. Then takes no new connections and statements, lets running
    /// statements end for the drain timeout, and ends those that are left.
    ///
    /// # Errors
    ///
    /// When the metrics cannot be registered.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<()> {
        let connected = self
            .engine
            .metrics()
            .gauge("pg_connections", "Connections over the PostgreSQL protocol.")?;
        let shared = Arc::new(Shared {
            engine: self.engine,
            config: self.config,
            authenticator: self.authenticator,
            tls: self.tls,
            cancels: Cancels::default(),
            stopping: CancellationToken::new(),
            stopped: CancellationToken::new(),
        });
        let mut connections = JoinSet::new();
        let accepting = async {
            let places = Arc::new(Semaphore::new(shared.config.connections_max));
            let refusals = Arc::new(Semaphore::new(REFUSED_MAX));
            loop {
                while connections.try_join_next().is_some() {}
                let Ok((socket, _)) = listener.accept().await else {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                };
                if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                    let (shared, connected) = (Arc::clone(&shared), connected.clone());
                    connections.spawn(async move {
                        connected.inc();
                        converse(socket, shared, place).await;
                        connected.dec();
                    });
                } else if let Ok(place) = Arc::clone(&refusals).try_acquire_owned() {
                    tracing::warn!("connection refused: there are too many");
                    connections.spawn(refuse(socket, Arc::clone(&shared), place));
                }
            }
        };
        tokio::select! {
            () = accepting => {}
            () = shutdown => {}
        }
        drop(listener);
        shared.stopping.cancel();
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(shared.config.drain_timeout, drained).await.is_err() {
            tracing::warn!("statements still run after the drain timeout, and are ended");
            shared.stopped.cancel();
            let ended = async { while connections.join_next().await.is_some() {} };
            // Who does not read its last message misses it.
            let _ = tokio::time::timeout(Duration::from_secs(1), ended).await;
        }
        Ok(())
    }
}

/// One connection, from its first byte to its last.
async fn converse(socket: TcpStream, shared: Arc<Shared>, _place: OwnedSemaphorePermit) {
    if let Err(error) = prepare(&socket, &shared.config) {
        tracing::debug!(%error, "a connection was lost at its start");
        return;
    }
    let opening = tokio::time::timeout(shared.config.startup_timeout, open(socket, &shared));
    let opened = tokio::select! {
        opened = opening => opened,
        () = shared.stopping.cancelled() => return,
    };
    match opened {
        Ok(Ok(Opened::Session(opened))) => Conversation::new(*opened, shared).hold().await,
        Ok(Ok(Opened::Done)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection was lost at its start"),
        Err(_) => tracing::debug!("a connection took too long to say who it is"),
    }
}

fn prepare(socket: &TcpStream, config: &PgConfig) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(config.keepalive_interval);
    SockRef::from(socket).set_tcp_keepalive(&keepalive)
}

/// Tells a client that there are too many.
async fn refuse(socket: TcpStream, shared: Arc<Shared>, _place: OwnedSemaphorePermit) {
    let refusal = Coded::new(
        code::TOO_MANY_CONNECTIONS,
        ErrorKind::Overloaded,
        "too many connections are open",
    )
    .with_hint("try again soon, or raise [limits] connections");
    let refusing = crate::startup::refuse(socket, &shared, message(&refusal, Severity::Fatal));
    // A client that says nothing is told nothing.
    let _ = tokio::time::timeout(Duration::from_secs(2), refusing).await;
}
