//! Stage 2: every table carries its decision.
//!
//! ```text
//! ResolvedQuery ─decide─▶ obligations ─barrier─▶ GovernedQuery
//! ```
//!
//! Decides nothing itself: decisions come from an [`Authorizer`](crate::authorizer::Authorizer). Enforces
//! them: a table with obligations is a barrier, behind which its rows are filtered and its columns
//! masked; a table without is read as it is.

mod barrier;
mod barrier_exec;
mod below;
mod decide;
mod governed_port;
mod governed_view;
mod hidden_error;
mod joined_alike;
mod leakproof;
mod lines;
mod masks;
mod named_values;
mod row_filter;
mod salt;
mod service;
mod visible_mesh;

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::sql::sqlparser::ast::TableVersion;

use crate::connector::PinnedTable;
use crate::error::Result;
use crate::mesh_catalog::postgres::Database;
use crate::resolve::{Depth, PortTable, ResolvedQuery, Source, Statement};
use crate::session::{Session, Settings};

pub(crate) use barrier_exec::BarrierExec;
pub(crate) use decide::{Asking, check_select, may_administer};
pub(crate) use governed_port::{GovernedPort, Visibility};
pub(crate) use governed_view::GovernedView;
pub(crate) use service::Service;
pub(crate) use visible_mesh::{VisibleMesh, VisibleMeshes, visible_mesh};

use salt::Salt;

/// A query whose every table carries its decision. Only [`govern`] makes one, and only this can be
/// planned, so that an ungoverned query does not compile:
///
/// ```compile_fail
/// let query = samite_engine::govern::GovernedQuery { tables: Vec::new() };
/// ```
#[derive(Debug)]
pub struct GovernedQuery {
    statement: Statement,
    settings: Settings,
    /// The name of who asks.
    principal: String,
    tables: Vec<GovernedTable>,
    postgres: Option<Arc<Database>>,
}

/// A table as the principal may see it.
#[derive(Debug)]
pub struct GovernedTable {
    reference: TableReference,
    version: Option<TableVersion>,
    source: Governed,
}

/// What a name means, decided upon.
#[derive(Debug)]
enum Governed {
    Port(Arc<GovernedPort>),
    /// A table of Samite's own.
    System(Arc<dyn TableProvider>),
}

impl GovernedQuery {
    pub(crate) fn statement(&self) -> &Statement {
        &self.statement
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn principal(&self) -> &str {
        &self.principal
    }

    pub(crate) fn tables(&self) -> &[GovernedTable] {
        &self.tables
    }

    /// How deep its plan can be: queries of virtual products become part of it.
    pub(crate) fn depth(&self) -> Depth {
        let mut ports = self.tables.iter().filter_map(GovernedTable::governed_port);
        match ports.any(|port| port.view().is_some()) {
            true => Depth::DEEP,
            false => self.statement.depth(),
        }
    }

    /// What its functions ask of the mesh.
    pub(crate) fn postgres(&self) -> Option<&Arc<Database>> {
        self.postgres.as_ref()
    }
}

impl GovernedTable {
    /// The name as the statement writes it.
    pub(crate) fn reference(&self) -> &TableReference {
        &self.reference
    }

    /// The clause of time after the name.
    pub(crate) fn version(&self) -> Option<&TableVersion> {
        self.version.as_ref()
    }

    /// What reads it.
    pub(crate) fn provider(&self) -> &Arc<dyn TableProvider> {
        match &self.source {
            Governed::Port(port) => port.provider(),
            Governed::System(provider) => provider,
        }
    }

    /// The port with its decision; `None` for a table of Samite's own.
    pub(crate) fn governed_port(&self) -> Option<&Arc<GovernedPort>> {
        match &self.source {
            Governed::Port(port) => Some(port),
            Governed::System(_) => None,
        }
    }

    /// The port and its snapshot; `None` for a table of Samite's own.
    pub(crate) fn port(&self) -> Option<(&PortTable, &PinnedTable)> {
        self.governed_port().map(|port| (port.table(), port.pinned()))
    }
}

/// The schema that a port has for whoever asks.
///
/// # Errors
///
/// When it is denied, or no decision can be made.
pub(crate) async fn schema(asking: Asking<'_>, opened: Source) -> Result<SchemaRef> {
    let port = GovernedPort::decided(asking, opened, Salt::random()).await?;
    Ok(port.provider().schema())
}

/// Decides on every table of a query.
///
/// # Errors
///
/// When a table is denied, which reads like a table that does not exist, or no decision can be made.
pub async fn govern(query: ResolvedQuery, session: &Session) -> Result<GovernedQuery> {
    let asking = session.asking(&query.settings);
    let salt = Salt::random();
    let mut tables = Vec::with_capacity(query.tables.len());
    for table in query.tables {
        let source = match table.source {
            Source::System(provider) => Governed::System(provider),
            port @ (Source::Port(_) | Source::View(_)) => {
                let joined = joined_alike::columns(&query.pairs, &table.reference)?;
                let decided = GovernedPort::decided(asking, port, salt.clone()).await?;
                Governed::Port(Arc::new(decided.with_joined(joined)))
            }
        };
        tables.push(GovernedTable { reference: table.reference, version: table.version, source });
    }
    let ports = tables.iter().filter_map(|table| Some((&table.reference, table.governed_port()?)));
    let ports: Vec<_> = ports.map(|(reference, port)| (reference, port.as_ref())).collect();
    joined_alike::check(&query.pairs, &ports)?;
    let principal = session.principal().name.clone();
    let (statement, settings, postgres) = (query.statement, query.settings, query.postgres);
    Ok(GovernedQuery { statement, settings, principal, tables, postgres })
}
