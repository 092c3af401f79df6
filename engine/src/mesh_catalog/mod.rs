//! The reserved catalog `mesh`, `information_schema`, `pg_catalog`, and the listings behind them.
//!
//! Each table is made from one picture of the mesh when a query names it. None of them opens a
//! port, so that a domain that is gone never stops a listing.

mod administered;
mod audit;
mod builder;
mod columns;
mod data_movement;
mod domains;
mod information_schema;
mod lineage;
mod listing;
mod polysemes;
mod ports;
pub mod postgres;
mod problems;
mod products;
mod promised_schema;
mod quality;
mod queries;
mod slo;
mod tables;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::govern::{self, Asking};
use crate::product::{Mesh, TableName};
use crate::resolve::{self, Lookup, MESH_CATALOG, Target};
use crate::session::Session;

pub use listing::{ListedTable, TableKind};
pub use promised_schema::promised_schema;

/// The schema of the tables that describe the mesh.
const DISCOVERY: &str = "discovery";

/// The schema of the tables that tell what runs.
const RUNTIME: &str = "runtime";

/// What a table of the catalog `mesh` is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Picture<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) mesh: &'a Mesh,
    /// All of it: what the queries of virtual products mean does not depend on who asks.
    pub(crate) whole: &'a Mesh,
    /// The name of whoever asks.
    pub(crate) principal: &'a str,
    /// True for one who sees the queries of all.
    pub(crate) is_administrator: bool,
    /// Who asks, for what policies decide.
    pub(crate) asking: Asking<'a>,
    pub(crate) now: DateTime<Utc>,
}

type MakeTable = fn(Picture<'_>) -> Result<Arc<dyn TableProvider>>;

/// The tables of the catalog `mesh`, each with its schema.
const MESH_TABLES: &[(&str, &str, MakeTable)] = &[
    (DISCOVERY, "columns", columns::table),
    (DISCOVERY, "domains", domains::table),
    (DISCOVERY, "lineage", lineage::table),
    (DISCOVERY, "polysemes", polysemes::table),
    (DISCOVERY, "ports", ports::table),
    (DISCOVERY, "problems", problems::table),
    (DISCOVERY, "products", products::table),
    (DISCOVERY, "quality", quality::table),
    (DISCOVERY, "slo", slo::table),
    (DISCOVERY, "tables", tables::table),
    (RUNTIME, "audit", audit::table),
    (RUNTIME, "data_movement", data_movement::table),
    (RUNTIME, "queries", queries::table),
];

/// A table of the catalog `mesh`.
///
/// # Errors
///
/// When there is no such table.
pub(crate) fn mesh_table(
    picture: Picture<'_>,
    (schema, table): (&str, &str),
) -> Result<Arc<dyn TableProvider>> {
    let found = MESH_TABLES.iter().find(|known| (known.0, known.1) == (schema, table));
    match found {
        Some((_, _, make)) => make(picture),
        None => {
            let of_schema = MESH_TABLES.iter().filter(|known| known.0 == schema);
            let mut names: Vec<String> = of_schema.map(|known| known.1.to_owned()).collect();
            let place = match names.is_empty() {
                true => MESH_CATALOG.to_owned(),
                false => format!("{MESH_CATALOG}.{schema}"),
            };
            if names.is_empty() {
                names =
                    MESH_TABLES.iter().map(|known| format!("{}.{}", known.0, known.1)).collect();
            }
            Err(resolve::not_found(&format!("{MESH_CATALOG}.{schema}.{table}"))
                .with_hint(format!("the tables of {place} are {}", names.join(", "))))
        }
    }
}

/// A table of `information_schema`, of one domain or of the whole mesh.
///
/// # Errors
///
/// When there is no such table.
pub(crate) fn information_table(
    picture: Picture<'_>,
    (domain, table): (Option<&str>, &str),
) -> Result<Arc<dyn TableProvider>> {
    information_schema::table(picture, domain, table)
}

/// Every table that a principal may discover, ordered by catalog, schema and table.
pub(crate) async fn list(session: &Session) -> Result<Vec<ListedTable>> {
    let engine = session.engine();
    let settings = session.settings();
    let visible = session.visible_mesh(&settings).await?;
    let (mesh, whole) = (visible.listed.as_ref(), visible.whole.as_ref());
    let principal = &session.principal().name;
    let (is_administrator, asking) = (session.is_administrator(), session.asking(&settings));
    let now = asking.now;
    listing::list(Picture { engine, mesh, whole, principal, is_administrator, asking, now })
}

/// The schema that `SELECT *` of one table has.
pub(crate) async fn table_schema(session: &Session, name: &TableName) -> Result<SchemaRef> {
    let engine = session.engine().clone();
    let settings = session.settings();
    let mesh = session.visible_mesh(&settings).await?;
    let now = engine.clock().now();
    let parts = [name.domain.clone(), name.product.to_string(), name.table.clone()];
    let principal = &session.principal().name;
    let is_administrator = session.is_administrator();
    let (listed, whole, asking) = (&mesh.listed, &mesh.whole, session.asking(&settings));
    let engine_of = &engine;
    let picture = Picture {
        engine: engine_of,
        mesh: listed,
        whole,
        principal,
        is_administrator,
        asking,
        now,
    };
    match Lookup::new(&mesh.named, &settings, now).find(&parts)? {
        Target::Port(table) => {
            let (opener, whole) = (engine.clone(), Arc::clone(whole));
            govern::check_select(asking, &table)?;
            let work = async move { resolve::open_one(&opener, &whole, *table).await };
            let opened = engine.limits().processor().run(work).await?;
            govern::schema(asking, opened).await
        }
        Target::Mesh { schema, table } => Ok(mesh_table(picture, (&schema, &table))?.schema()),
        Target::Information { domain, table } => {
            Ok(information_table(picture, (domain.as_deref(), &table))?.schema())
        }
        Target::Postgres { domain, table } => {
            let database = postgres::Database::new(picture, domain.as_deref(), &settings)?;
            Ok(postgres::table(&database, &table)?.schema())
        }
    }
}

/// The error for a table that could not be made from values of ours.
fn unmade(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, "a table of the mesh catalog cannot be made").with_source(error)
}
