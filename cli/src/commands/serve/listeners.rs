//! What a server listens on, and how all of it begins and ends together.

use std::fmt::Write as _;
use std::sync::Arc;

use datafusion::common::runtime::SpawnedTask;
use samite_flight_server::{Authenticator, FlightConfig, FlightServer, Tls};
use samite_pg_server::{PgConfig, PgServer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::StopSignals;
use super::health::Health;
use super::quality::keep_checking;
use super::watch::watch;
use crate::commands::failure::Failure;
use crate::commands::terminal;
use crate::mesh::Mesh;

/// What a server listens on.
#[derive(Debug)]
pub(super) struct Listeners {
    /// For Arrow Flight SQL.
    pub(super) flight: TcpListener,
    /// For the PostgreSQL protocol.
    pub(super) pg: Option<TcpListener>,
    /// For whoever watches the server.
    pub(super) watchers: Option<TcpListener>,
}

impl Listeners {
    /// Serves on all of them until a signal, then lets running queries end.
    ///
    /// # Errors
    ///
    /// When a listener fails; the others end too.
    pub(super) async fn serve(
        self,
        mesh: &Mesh,
        (authenticator, tls): (Arc<Authenticator>, Option<Tls>),
        mut stop: StopSignals,
    ) -> Result<(), Failure> {
        let (engine, config) = (mesh.engine(), &mesh.configuration().flight);
        let health = Health::new();
        let mut places = String::new();
        let mut place = |scheme: &str, listener: &TcpListener| {
            let address = listener.local_addr().map_err(Failure::from_io)?;
            // A text takes everything.
            let _ = writeln!(places, "samite listening on {scheme}://{address}");
            Ok::<_, Failure>(())
        };
        place(if tls.is_some() { "grpc+tls" } else { "grpc" }, &self.flight)?;
        if let Some(listener) = &self.pg {
            place("postgresql", listener)?;
        }
        let mut flight = FlightServer::new(engine.clone(), config.clone())
            .with_authenticator(Arc::clone(&authenticator))
            .with_readiness(health.follow());
        let mut pg =
            PgServer::new(engine.clone(), pg_config(config)).with_authenticator(authenticator);
        if let Some(tls) = tls {
            flight = flight.with_tls(tls.clone());
            pg = pg.with_tls(tls);
        }
        let _watching = self.watchers.map(|listener| {
            if let Ok(address) = listener.local_addr() {
                tracing::info!(%address, "metrics and health over HTTP");
            }
            SpawnedTask::spawn(watch(listener, engine.clone(), health.clone()))
        });
        terminal::print(&places)?;
        health.set(true);
        let stopping = CancellationToken::new();
        // One that fails stops the other one too.
        let serving = async {
            let served = flight.serve(self.flight, stopping.clone().cancelled_owned()).await;
            stopping.cancel();
            served
        };
        let serving_pg = async {
            let Some(listener) = self.pg else { return Ok(()) };
            let served = pg.serve(listener, stopping.clone().cancelled_owned()).await;
            stopping.cancel();
            served
        };
        let stopped = async {
            tokio::select! {
                () = stop.wait() => {}
                () = stopping.cancelled() => {}
                () = health.look(mesh) => {}
                () = keep_checking(mesh) => {}
            }
            health.set(false);
            stopping.cancel();
        };
        let (served, served_pg, ()) = tokio::join!(serving, serving_pg, stopped);
        served?;
        Ok(served_pg?)
    }
}

/// The limits of the Flight SQL server, for the PostgreSQL protocol.
fn pg_config(flight: &FlightConfig) -> PgConfig {
    PgConfig {
        connections_max: flight.connections_max,
        message_bytes_max: flight.request_bytes_max,
        drain_timeout: flight.drain_timeout,
        ..PgConfig::default()
    }
}
