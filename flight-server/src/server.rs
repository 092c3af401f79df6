//! The server: listener, limits, health, and a stop that lets running queries end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use datafusion::common::runtime::SpawnedTask;
use samite_engine::{Engine, Error, ErrorKind, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::server::NamedService;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::auth::Authenticator;
use crate::config::FlightConfig;
use crate::connection::{EndedConnections, incoming};
use crate::message::Uncopied;
use crate::metrics::ServerMetrics;
use crate::service::{Service, State};
use crate::tls::Tls;

/// How often ended sessions, statements and queries are forgotten.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The time that connections get to send what a stopped query ended with.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Bytes that may be on their way to us on one stream.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;

/// Bytes that may be on their way to us on one connection.
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// Calls that a client reset before they were taken up; more end the connection.
const PENDING_RESETS_MAX: usize = 20;

/// Serves an engine over Flight SQL.
#[derive(Debug)]
pub struct FlightServer {
    engine: Engine,
    config: FlightConfig,
    authenticator: Arc<Authenticator>,
    tls: Option<Tls>,
    ready: Option<watch::Receiver<bool>>,
}

impl FlightServer {
    /// A server of this engine.
    #[must_use]
    pub fn new(engine: Engine, config: FlightConfig) -> Self {
        Self {
            engine,
            config,
            authenticator: Arc::new(Authenticator::open()),
            tls: None,
            ready: None,
        }
    }

    /// Lets in only who shows who it is; everybody is `anonymous` without.
    #[must_use]
    pub fn with_authenticator(mut self, authenticator: Arc<Authenticator>) -> Self {
        self.authenticator = authenticator;
        self
    }

    /// Encrypts connections.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Says over gRPC that it serves only while this is true.
    #[must_use]
    pub fn with_readiness(mut self, ready: watch::Receiver<bool>) -> Self {
        self.ready = Some(ready);
        self
    }

    /// Serves until `shutdown` is ready. Then takes no new connections and calls, lets running
    /// queries end for the drain timeout, and ends those that are left.
    ///
    /// # Errors
    ///
    /// When the listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<()> {
        let (stopping, stopped) = (CancellationToken::new(), CancellationToken::new());
        let config = self.config;
        let metrics = ServerMetrics::new(self.engine.metrics())?;
        let counting = metrics.clone();
        let state =
            State::new(self.engine, self.authenticator, metrics, config.clone(), stopped.clone())?;
        let state = Arc::new(state);
        let tls = self.tls;
        let _certificates =
            tls.clone().map(|tls| SpawnedTask::spawn(async move { tls.keep_current().await }));
        let ended = EndedConnections::default();
        let _sweeper = SpawnedTask::spawn(sweep(Arc::clone(&state), ended.clone()));

        let (health, health_service) = tonic_health::server::health_reporter();
        let service = FlightServiceServer::new(Service::new(state))
            .max_decoding_message_size(config.request_bytes_max)
            .max_encoding_message_size(usize::MAX);
        let telling = self.ready.map(|ready| SpawnedTask::spawn(tell(ready, health.clone())));
        if telling.is_none() {
            health.set_serving::<FlightServiceServer<Service>>().await;
        }
        let serving = builder(&config)
            .add_service(health_service)
            .add_service(Uncopied(service))
            .serve_with_incoming_shutdown(
                incoming(listener, tls, (config.connections_max, counting), ended),
                stopping.clone().cancelled_owned(),
            );
        tokio::pin!(serving);
        tokio::select! {
            result = &mut serving => return result.map_err(lost),
            () = shutdown => {}
        }
        tracing::info!("stopping: running queries may end");
        drop(telling);
        health.set_service_status("", ServingStatus::NotServing).await;
        health.set_not_serving::<FlightServiceServer<Service>>().await;
        stopping.cancel();
        if let Ok(result) = tokio::time::timeout(config.drain_timeout, &mut serving).await {
            return result.map_err(lost);
        }
        tracing::warn!("queries still run after the drain timeout, and are ended");
        stopped.cancel();
        match tokio::time::timeout(LAST_WORDS, serving).await {
            Ok(result) => result.map_err(lost),
            Err(_) => Ok(()),
        }
    }
}

fn builder(config: &FlightConfig) -> Server {
    let mut server = Server::builder()
        .max_concurrent_streams(config.connection_streams_max)
        .http2_max_header_list_size(config.header_bytes_max)
        .http2_keepalive_interval(Some(config.keepalive_interval))
        .http2_keepalive_timeout(Some(config.keepalive_timeout))
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    if let Some(age) = config.connection_age_max {
        server = server.max_connection_age(age);
    }
    server
}

/// Tells whether the server is ready, for as long as it runs.
async fn tell(mut ready: watch::Receiver<bool>, health: HealthReporter) {
    loop {
        let status = match *ready.borrow_and_update() {
            true => ServingStatus::Serving,
            false => ServingStatus::NotServing,
        };
        health.set_service_status("", status).await;
        health.set_service_status(FlightServiceServer::<Service>::NAME, status).await;
        if ready.changed().await.is_err() {
            return;
        }
    }
}

/// Forgets what has ended, for as long as the server runs.
async fn sweep(state: Arc<State>, ended: EndedConnections) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        state.sweep(&ended.take());
    }
}

fn lost(error: tonic::transport::Error) -> Error {
    Error::new(ErrorKind::SourceUnavailable, "the server's listener failed").with_source(error)
}
