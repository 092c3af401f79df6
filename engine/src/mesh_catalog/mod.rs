//! The reserved catalog `mesh`, `information_schema`, and the listings behind them.
//!
//! Each table is made from one picture of the mesh when a query names it. None of them opens a
//! port, so that a domain that is gone never stops a listing.

mod builder;
mod columns;
mod domains;
mod information_schema;
mod listing;
mod ports;
mod problems;
mod products;
mod tables;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::product::{Mesh, TableName};
use crate::resolve::{self, Lookup, MESH_CATALOG, Target};
use crate::session::Session;

pub use listing::{ListedTable, TableKind};

/// The schema of the tables that describe the mesh.
const DISCOVERY: &str = "discovery";

/// What a table of the catalog `mesh` is made from.
#[derive(Debug, Clone, Copy)]
struct Picture<'a> {
    engine: &'a Engine,
    mesh: &'a Mesh,
    now: DateTime<Utc>,
}

type MakeTable = fn(Picture<'_>) -> Result<Arc<dyn TableProvider>>;

/// The tables of `mesh.discovery`.
const DISCOVERY_TABLES: [(&str, MakeTable); 6] = [
    ("columns", columns::table),
    ("domains", domains::table),
    ("ports", ports::table),
    ("problems", problems::table),
    ("products", products::table),
    ("tables", tables::table),
];

/// A table of the catalog `mesh`.
///
/// # Errors
///
/// When there is no such table.
pub(crate) fn mesh_table(
    engine: &Engine,
    mesh: &Mesh,
    now: DateTime<Utc>,
    (schema, table): (&str, &str),
) -> Result<Arc<dyn TableProvider>> {
    let found = DISCOVERY_TABLES.iter().find(|(name, _)| schema == DISCOVERY && *name == table);
    match found {
        Some((_, make)) => make(Picture { engine, mesh, now }),
        None => {
            let names: Vec<&str> = DISCOVERY_TABLES.iter().map(|(name, _)| *name).collect();
            Err(resolve::not_found(&format!("{MESH_CATALOG}.{schema}.{table}"))
                .with_hint(format!("the tables of mesh.discovery are {}", names.join(", "))))
        }
    }
}

/// A table of `information_schema`, of one domain or of the whole mesh.
///
/// # Errors
///
/// When there is no such table.
pub(crate) fn information_table(
    engine: &Engine,
    mesh: &Mesh,
    now: DateTime<Utc>,
    (domain, table): (Option<&str>, &str),
) -> Result<Arc<dyn TableProvider>> {
    information_schema::table(Picture { engine, mesh, now }, domain, table)
}

/// Every table that a principal may discover, ordered by catalog, schema and table.
pub(crate) async fn list(session: &Session) -> Result<Vec<ListedTable>> {
    let engine = session.engine();
    let mesh = engine.catalog().mesh().await?;
    listing::list(Picture { engine, mesh: &mesh, now: engine.clock().now() })
}

/// The schema that `SELECT *` of one table has.
pub(crate) async fn table_schema(session: &Session, name: &TableName) -> Result<SchemaRef> {
    let engine = session.engine().clone();
    let mesh = engine.catalog().mesh().await?;
    let now = engine.clock().now();
    let settings = session.settings();
    let parts = [name.domain.clone(), name.product.to_string(), name.table.clone()];
    match (Lookup { mesh: &mesh, settings: &settings, now }).find(&parts)? {
        Target::Port(table) => {
            let opener = engine.clone();
            let work = async move { resolve::open_within_limit(&opener, &table).await };
            Ok(engine.limits().processor().run(work).await?.provider.schema())
        }
        Target::Mesh { schema, table } => {
            Ok(mesh_table(&engine, &mesh, now, (&schema, &table))?.schema())
        }
        Target::Information { domain, table } => {
            Ok(information_table(&engine, &mesh, now, (domain.as_deref(), &table))?.schema())
        }
    }
}

/// The error for a table that could not be made from values of ours.
fn unmade(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, "a table of the mesh catalog cannot be made").with_source(error)
}
