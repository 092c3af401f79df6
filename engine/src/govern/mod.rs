//! Stage 2: every table carries its decision.
//!
//! ```text
//! ResolvedQuery ─decide─▶ GovernedQuery
//! ```
//!
//! Decides nothing itself: decisions come from an [`Authorizer`](crate::authorizer::Authorizer).

mod decide;

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::sql::sqlparser::ast::TableVersion;

use crate::connector::PinnedTable;
use crate::error::Result;
use crate::mesh_catalog::postgres::Database;
use crate::resolve::{PortTable, ResolvedQuery, Source, Statement};
use crate::session::{Session, Settings};

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
    provider: Arc<dyn TableProvider>,
    port: Option<Box<(PortTable, PinnedTable)>>,
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
        &self.provider
    }

    /// The port and its snapshot; `None` for a table of Samite's own.
    pub(crate) fn port(&self) -> Option<(&PortTable, &PinnedTable)> {
        self.port.as_deref().map(|(table, pinned)| (table, pinned))
    }
}

/// Decides on every table of a query.
///
/// # Errors
///
/// When a table is denied, which reads like a table that does not exist, or no decision can be made.
pub async fn govern(query: ResolvedQuery, session: &Session) -> Result<GovernedQuery> {
    let now = session.engine().clock().now();
    let mut tables = Vec::with_capacity(query.tables.len());
    for table in query.tables {
        let (provider, port) = match table.source {
            Source::System(provider) => (provider, None),
            Source::Port(port) => {
                let schema = port.1.provider.schema();
                let columns: Vec<&str> =
                    schema.fields().iter().map(|field| field.name().as_str()).collect();
                decide::decide(session, &query.settings, now, (&port.0, &columns)).await?;
                (Arc::clone(&port.1.provider), Some(port))
            }
        };
        let (reference, version) = (table.reference, table.version);
        tables.push(GovernedTable { reference, version, provider, port });
    }
    let principal = session.principal().name.clone();
    let (statement, settings, postgres) = (query.statement, query.settings, query.postgres);
    Ok(GovernedQuery { statement, settings, principal, tables, postgres })
}
