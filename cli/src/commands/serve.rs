//! `samite serve`: a mesh over Arrow Flight SQL, until a signal.

mod health;
mod listeners;
mod quality;
mod watch;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use clap::Args;
use datafusion::common::runtime::SpawnedTask;
use samite_engine::authorizer::Authorizer as _;
use samite_engine::{Error, ErrorKind};
use samite_flight_server::Authenticator;
use tokio::net::{TcpListener, lookup_host};
use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use super::places::MeshPlace;
use crate::config::{Configuration, Environment};
use crate::telemetry::Telemetry;
use listeners::Listeners;

/// Open files that suffice for all connections and what queries read.
const FILES_WANTED: u64 = 65_536;

/// Arguments of `samite serve`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: MeshPlace,
    /// Address to listen on; port 0 picks a free one [default: 127.0.0.1:32010]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Address for metrics and health over HTTP, for instance 127.0.0.1:9464; none without it
    #[arg(long, value_name = "ADDR")]
    metrics_listen: Option<String>,
    /// Address for clients that speak the PostgreSQL protocol, for instance 127.0.0.1:5432; none without it
    #[arg(long, value_name = "ADDR")]
    pg_listen: Option<String>,
    /// How the log is written: text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Listen beyond loopback although TLS or logins are not set up
    #[arg(long)]
    insecure: bool,
}

/// Serves until SIGTERM or SIGINT, then lets running queries end.
pub(crate) async fn run(arguments: Arguments, environment: Environment) -> Result<(), Failure> {
    let mut configuration = arguments.place.configuration(environment)?;
    if let Some(format) = &arguments.log_format {
        configuration.log_format.clone_from(format);
    }
    let options = configuration.telemetry().map_err(Failure::Usage)?;
    let telemetry = Telemetry::start(&options).map_err(Failure::Usage)?;
    let outcome = Box::pin(serve(arguments, configuration)).await;
    telemetry.end().await;
    outcome
}

async fn serve(arguments: Arguments, mut configuration: Configuration) -> Result<(), Failure> {
    if let Some(listen) = arguments.listen {
        configuration.listen = listen;
    }
    let mut stop = StopSignals::catch()?;
    raise_file_limit();
    // The addresses first: a port in use is told before a large mesh is read.
    let security = configuration.security.clone();
    let may_be_open = (security.has_tls() && security.has_logins()) || arguments.insecure;
    let listeners = Listeners {
        flight: listen(&configuration.listen, may_be_open).await?,
        pg: match arguments.pg_listen.or(configuration.pg_listen.clone()) {
            Some(address) => Some(listen(&address, may_be_open).await?),
            None => None,
        },
        watchers: match arguments.metrics_listen.or(configuration.metrics_listen.clone()) {
            Some(address) => Some(listen(&address, true).await?),
            None => None,
        },
    };
    let (auth, users_file) = security.auth().map_err(Failure::Usage)?;
    let tls = security.tls().map_err(Failure::Usage)?;
    let authenticator = Arc::new(Authenticator::new(auth).map_err(Failure::Usage)?);
    let _users = users_file.map(|file| SpawnedTask::spawn(file.keep_current()));
    let mesh = tokio::select! {
        mesh = arguments.place.open(configuration) => mesh?,
        () = stop.wait() => return Ok(()),
    };
    let problems = mesh.picture().problems.len();
    if problems > 0 {
        tracing::warn!(
            problems,
            "some documents or policies have problems; samite check lists them"
        );
    }
    if mesh.policies().is_open() {
        tracing::info!("no policy files: the mesh is open to everyone who can connect");
    }
    let served = listeners.serve(&mesh, (authenticator, tls), stop).await;
    mesh.end().await;
    served
}

/// Asks the system for as many open files as it gives: each connection is one, and the usual limit is
/// lower than that of connections.
fn raise_file_limit() {
    match rlimit::increase_nofile_limit(FILES_WANTED) {
        Ok(files) => tracing::debug!(files, "files that may be open"),
        Err(error) => tracing::warn!(%error, "the limit of open files cannot be raised"),
    }
}

/// Listens on `address`, which must be loopback unless `may_be_open`.
///
/// # Errors
///
/// When it is no address, is not loopback, or is in use.
pub(crate) async fn listen(address: &str, may_be_open: bool) -> Result<TcpListener, Failure> {
    let hint = "write an address and a port, such as 127.0.0.1:32010";
    let mut addresses: Vec<SocketAddr> = lookup_host(address)
        .await
        .map_err(|error| {
            Failure::Usage(
                Error::new(
                    ErrorKind::InvalidConfiguration,
                    format!("\"{address}\" is no address to listen on"),
                )
                .with_detail(error.to_string())
                .with_hint(hint),
            )
        })?
        .collect();
    addresses.sort_by_key(|address| !address.is_ipv4());
    if let Some(open) = addresses.iter().find(|address| !is_loopback(address.ip()))
        && !may_be_open
    {
        return Err(Failure::Usage(
            Error::new(
                ErrorKind::PermissionDenied,
                format!("listening on {open} would show the mesh to everyone who can reach it"),
            )
            .with_detail("TLS and logins are not both set up")
            .with_hint("set [server] tls_certificate and [auth] users_file or jwks, listen on 127.0.0.1, or give --insecure if the network is trusted"),
        ));
    }
    TcpListener::bind(addresses.as_slice()).await.map_err(|error| {
        Failure::Failed(
            Error::new(ErrorKind::SourceUnavailable, format!("cannot listen on {address}"))
                .with_detail(error.to_string())
                .with_hint("stop what uses the port, or give --listen another one; port 0 picks a free one")
                .with_source(error),
        )
    })
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// The signals that stop a server. Caught from the start, so that none is lost.
pub(crate) struct StopSignals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignals {
    /// Begins to catch them.
    ///
    /// # Errors
    ///
    /// When the system does not let us.
    pub(crate) fn catch() -> Result<Self, Failure> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(Failure::from_io)?,
            interrupt: signal(SignalKind::interrupt()).map_err(Failure::from_io)?,
        })
    }

    /// Waits for one.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_loopback_is_listened_on_without_insecure() {
        for (address, may_be_open, is_allowed) in [
            ("127.0.0.1:0", false, true),
            ("localhost:0", false, true),
            ("0.0.0.0:0", false, false),
            ("0.0.0.0:0", true, true),
            ("192.0.2.1:0", false, false),
            ("nonsense", false, false),
        ] {
            let listener = listen(address, may_be_open).await;
            assert_eq!(listener.is_ok(), is_allowed, "{address} {may_be_open} {listener:?}");
        }
    }

    #[tokio::test]
    async fn port_in_use_is_named() {
        let first = listen("127.0.0.1:0", false).await.unwrap();
        let address = first.local_addr().unwrap().to_string();
        match listen(&address, false).await {
            Err(Failure::Failed(error)) => {
                assert_eq!(error.message(), format!("cannot listen on {address}"));
            }
            other => panic!("{other:?}"),
        }
    }
}
