//! Opens the tables of a statement, all at once, and pins each to one snapshot.

use std::sync::Arc;

use futures::future::try_join_all;
use tracing::Instrument;

use super::lookup::PortTable;
use super::moment::Wanted;
use crate::connector::{Connector, OpenRequest, PinnedTable, SnapshotId};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::product::{Contract, Moment, Server};
use crate::telemetry::stage;

/// Opens the tables concurrently, in the order given.
///
/// # Errors
///
/// The first table's error that comes; or that the time for it ran out.
pub(super) async fn open_all(
    engine: &Engine,
    tables: &[(PortTable, Wanted)],
) -> Result<Vec<PinnedTable>> {
    let all = try_join_all(tables.iter().map(|(table, wanted)| {
        open(engine, table, wanted).instrument(stage!("open", table = %table.name))
    }));
    let limit = engine.config().resolve_timeout;
    match tokio::time::timeout(limit, all).await {
        Ok(pinned) => pinned,
        Err(_) => {
            let names: Vec<String> =
                tables.iter().map(|(table, _)| table.name.to_string()).collect();
            Err(Error::new(
                ErrorKind::SourceUnavailable,
                format!("opening {} took longer than {} s", names.join(", "), limit.as_secs()),
            )
            .with_hint("try again; if it goes on, ask the owner of the port"))
        }
    }
}

/// Opens one table.
///
/// # Errors
///
/// The table's error, or that the time for it ran out.
pub(crate) async fn open_within_limit(engine: &Engine, table: &PortTable) -> Result<PinnedTable> {
    let mut pinned = open_all(engine, &[(table.clone(), Wanted::Newest)]).await?;
    pinned.pop().ok_or_else(|| Error::new(ErrorKind::Internal, "a table was not opened"))
}

async fn open(engine: &Engine, table: &PortTable, wanted: &Wanted) -> Result<PinnedTable> {
    let (server, connector) = choose(engine, table)?;
    let address = table.name.to_string();
    let request = |moment: Moment| OpenRequest {
        name: table.name.clone(),
        contract: Arc::clone(&table.port.contract),
        server: Arc::clone(server),
        table: Arc::clone(&table.table),
        moment,
    };
    let about = |error: Error| error.about_table(&address);
    let opened = connector.open(request(moment(&address, &server.moment, wanted)?));
    let opened = opened.await.map_err(about);
    if *wanted == Wanted::Newest {
        remember(engine, table, &opened);
    }
    let opened = opened?;
    let Wanted::Exactly(snapshot) = wanted else { return Ok(opened) };
    if opened.snapshot == *snapshot {
        return Ok(opened);
    }
    let earlier = number_of(snapshot).filter(|_| server.moment == Moment::Latest);
    let gone = || gone(&address, snapshot, &opened.snapshot);
    let Some(number) = earlier else { return Err(gone()) };
    let earlier = connector.open(request(Moment::Version(number))).await.map_err(about)?;
    if earlier.snapshot == *snapshot { Ok(earlier) } else { Err(gone()) }
}

/// Remembers whether a table could be opened as its contract promises.
fn remember(engine: &Engine, table: &PortTable, opened: &Result<PinnedTable>) {
    let (of, now) =
        ((table.port.contract.as_ref(), table.table.name.as_str()), engine.clock().now());
    match opened {
        Ok(_) => engine.shapes().opened(of, now),
        Err(error) if error.kind() == ErrorKind::ContractViolated => {
            engine.shapes().failed(of, error, now);
        }
        Err(_) => {}
    }
}

/// The number of a snapshot in its table's history, where it has one.
fn number_of(SnapshotId(id): &SnapshotId) -> Option<i64> {
    id.strip_prefix("delta:").or_else(|| id.strip_prefix("iceberg:"))?.parse().ok()
}

/// The point in the history of a table that a connector is asked for. `pinned` is what the contract
/// says: its owner serves that and nothing else.
fn moment(address: &str, pinned: &Moment, wanted: &Wanted) -> Result<Moment> {
    match (pinned, wanted) {
        (Moment::Latest, Wanted::At(moment)) => Ok(moment.clone()),
        (Moment::Latest, Wanted::AsOf(instant)) => Ok(Moment::Timestamp(*instant)),
        // An exact snapshot is most often the newest still.
        (pinned, Wanted::Newest | Wanted::AsOf(_) | Wanted::Exactly(_)) => Ok(pinned.clone()),
        (_, Wanted::At(_)) => Err(Error::new(
            ErrorKind::Unsupported,
            format!("table \"{address}\" cannot be read at another time"),
        )
        .with_detail("its contract serves one fixed state of it")
        .with_hint("leave out VERSION AS OF and TIMESTAMP AS OF after it")),
    }
}

fn gone(address: &str, wanted: &SnapshotId, now: &SnapshotId) -> Error {
    Error::new(ErrorKind::NotFound, format!("snapshot {wanted} of table \"{address}\" is gone"))
        .with_detail(format!("the table is at {now}"))
        .with_hint("RESET mesh.snapshots to read the newest")
}

/// The server of a contract that is read.
pub(crate) fn server<'a>(engine: &Engine, contract: &'a Contract) -> Option<&'a Arc<Server>> {
    contract.server(engine.config().environment.as_deref(), |server| {
        server.unreadable.is_none() && reader(engine, server).is_some()
    })
}

fn reader<'a>(engine: &'a Engine, server: &Server) -> Option<&'a Arc<dyn Connector>> {
    engine.connectors().iter().find(|connector| connector.reads(server))
}

/// The server to read, and the connector that reads it.
fn choose<'a>(
    engine: &'a Engine,
    table: &'a PortTable,
) -> Result<(&'a Arc<Server>, &'a Arc<dyn Connector>)> {
    if let Some(server) = server(engine, &table.port.contract)
        && let Some(connector) = reader(engine, server)
    {
        return Ok((server, connector));
    }
    Err(unreadable(table, engine.config().environment.as_deref()))
}

fn unreadable(table: &PortTable, environment: Option<&str>) -> Error {
    let servers: Vec<String> = table
        .port
        .contract
        .servers
        .iter()
        .filter(|server| environment.is_none() || server.environment.as_deref() == environment)
        .map(|server| match &server.unreadable {
            Some(reason) => format!("\"{}\" {reason}", server.name),
            None => format!(
                "\"{}\" has type {} and format {}",
                server.name,
                server.kind,
                server.format.as_deref().unwrap_or("unknown")
            ),
        })
        .collect();
    let place = match environment {
        Some(environment) => format!(" in environment \"{environment}\""),
        None => String::new(),
    };
    let error = Error::new(
        ErrorKind::Unsupported,
        format!("table \"{}\" has no server{place} that Samite reads", table.name),
    );
    if servers.is_empty() {
        return error.with_hint("add a server to its contract, or choose another --environment");
    }
    error.with_detail(servers.join("; ")).with_hint(
        "Samite reads parquet, delta and iceberg on local, s3, azure, gs and http servers",
    )
}
