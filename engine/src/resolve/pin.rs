//! Opens the tables of a statement, all at once, and pins each to one snapshot.
//!
//! A port that is named several times, in the statement and in the queries of virtual tables, is opened once.

use std::sync::Arc;

use futures::future::try_join_all;
use tracing::Instrument;

use super::lookup::PortTable;
use super::moment::Wanted;
use super::views::of_view;
use crate::connector::{Connector, OpenRequest, PinnedTable, SnapshotId};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::product::{Contract, Moment, Server, View};
use crate::telemetry::stage;

/// The ports that a statement reads, each at one moment once.
#[derive(Debug, Default)]
pub(super) struct Opening(Vec<ToOpen>);

/// A port that is to be opened.
#[derive(Debug)]
pub(super) struct ToOpen {
    pub(super) table: PortTable,
    pub(super) wanted: Wanted,
    /// The virtual table that reads it, and the file with its query, if the statement itself does not name it.
    pub(super) through: Option<(String, String)>,
}

impl Opening {
    /// Where a table stands among those that are opened.
    pub(super) fn place_of(&mut self, wanted: ToOpen) -> usize {
        let is_known =
            |known: &ToOpen| known.table.is_same(&wanted.table) && known.wanted == wanted.wanted;
        if let Some(place) = self.0.iter().position(is_known) {
            if let (Some(known), None) = (self.0.get_mut(place), &wanted.through) {
                known.through = None;
            }
            return place;
        }
        self.0.push(wanted);
        self.0.len() - 1
    }
}

impl ToOpen {
    /// What it is called in an error: those who name a virtual table need not know what it reads.
    fn shown(&self) -> String {
        match &self.through {
            Some((view, _)) => view.clone(),
            None => self.table.name.to_string(),
        }
    }
}

/// Opens the tables concurrently, in the order given.
///
/// # Errors
///
/// The first table's error that comes; or that the time for it ran out.
pub(super) async fn open_all(engine: &Engine, opening: &Opening) -> Result<Vec<PinnedTable>> {
    let all = try_join_all(opening.0.iter().map(|one| {
        let opened = async {
            let opened = open(engine, &one.table, &one.wanted).await;
            opened.map_err(|error| match &one.through {
                Some((view, file)) => of_view(engine, (view, file), error),
                None => error,
            })
        };
        opened.instrument(stage!("open", table = %one.table.name))
    }));
    let limit = engine.config().resolve_timeout;
    match tokio::time::timeout(limit, all).await {
        Ok(pinned) => pinned,
        Err(_) => {
            let mut names: Vec<String> = opening.0.iter().map(ToOpen::shown).collect();
            names.dedup();
            Err(Error::new(
                ErrorKind::SourceUnavailable,
                format!("opening {} took longer than {} s", names.join(", "), limit.as_secs()),
            )
            .with_hint("try again; if it goes on, ask the owner of the port"))
        }
    }
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
        server.unreadable.is_none() && (server.is_virtual() || reader(engine, server).is_some())
    })
}

/// The query of a table, if the server that is read makes it by one.
///
/// # Errors
///
/// When the server has none for this table.
pub(super) fn view_of(engine: &Engine, table: &PortTable) -> Result<Option<Arc<View>>> {
    let server = server(engine, &table.port.contract).filter(|server| server.is_virtual());
    let Some(server) = server else { return Ok(None) };
    match server.view(&table.table) {
        Some(view) => Ok(Some(Arc::clone(view))),
        None => Err(unreadable(table, engine.config().environment.as_deref())),
    }
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
