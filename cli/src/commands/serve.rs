//! `samite serve`: a mesh over Arrow Flight SQL, until a signal.

use std::net::{IpAddr, SocketAddr};

use clap::Args;
use samite_engine::{Error, ErrorKind};
use samite_flight_server::FlightServer;
use tokio::net::{TcpListener, lookup_host};
use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use super::places::MeshPlace;
use super::terminal;
use crate::config::Environment;
use crate::mesh::Mesh;

/// Arguments of `samite serve`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: MeshPlace,
    /// Address to listen on; port 0 picks a free one [default: 127.0.0.1:32010]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Listen beyond loopback although there are neither TLS nor logins
    #[arg(long)]
    insecure: bool,
}

/// Serves until SIGTERM or SIGINT, then lets running queries end.
pub(crate) async fn run(arguments: Arguments, environment: Environment) -> Result<(), Failure> {
    let mut configuration = arguments.place.configuration(environment)?;
    if let Some(listen) = arguments.listen {
        configuration.listen = listen;
    }
    let mut stop = StopSignals::catch()?;
    // The address first: a port in use is told before a large mesh is read.
    let listener = listen(&configuration.listen, arguments.insecure).await?;
    let mesh = tokio::select! {
        mesh = arguments.place.open(configuration) => mesh?,
        () = stop.wait() => return Ok(()),
    };
    let problems = mesh.picture().problems.len();
    if problems > 0 {
        tracing::warn!(problems, "some documents have problems; samite check lists them");
    }
    tracing::info!("no policy files: the mesh is open to everyone who can connect");
    serve(mesh, listener, stop.wait()).await
}

/// Says where, and serves until `stop` is ready.
async fn serve(
    mesh: Mesh,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let address = listener.local_addr().map_err(Failure::from_io)?;
    let server = FlightServer::new(mesh.engine().clone(), mesh.configuration().flight.clone());
    terminal::print(&format!("samite listening on grpc://{address}\n"))?;
    Ok(server.serve(listener, stop).await?)
}

/// Listens on `address`, which must be loopback unless `is_insecure`.
///
/// # Errors
///
/// When it is no address, is not loopback, or is in use.
pub(crate) async fn listen(address: &str, is_insecure: bool) -> Result<TcpListener, Failure> {
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
        && !is_insecure
    {
        return Err(Failure::Usage(
            Error::new(
                ErrorKind::PermissionDenied,
                format!("listening on {open} would show the mesh to everyone who can reach it"),
            )
            .with_detail("this version has neither TLS nor logins")
            .with_hint("listen on 127.0.0.1, or give --insecure if the network is trusted"),
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
        for (address, is_insecure, is_allowed) in [
            ("127.0.0.1:0", false, true),
            ("localhost:0", false, true),
            ("0.0.0.0:0", false, false),
            ("0.0.0.0:0", true, true),
            ("192.0.2.1:0", false, false),
            ("nonsense", false, false),
        ] {
            let listener = listen(address, is_insecure).await;
            assert_eq!(listener.is_ok(), is_allowed, "{address} {is_insecure} {listener:?}");
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
