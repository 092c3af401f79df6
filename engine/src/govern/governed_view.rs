//! A virtual table: its inputs as its product's service may see them, and over them the query.
//!
//! ```text
//! caller's decision ─▶ [barrier] ─▶ query of the product ─▶ each input with the service's decision
//! ```
//!
//! Who may read the virtual table need not be able to read what it is made from: it is a barrier then,
//! as a table that is seen in part is. Who may read all of that as it is gets the query itself, and with
//! it its speed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::sql::sqlparser::ast::TableVersion;
use futures::future::BoxFuture;

use super::decide::{Asking, decide, request_of};
use super::governed_port::GovernedPort;
use super::joined_alike;
use super::salt::Salt;
use super::service::Service;
use crate::authorizer::Action;
use crate::connector::{NoFacts, PinnedTable};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{ReadTable, ViewParts, ViewQuery, view_table};
use crate::resolve::{PortTable, ResolvedView, Source, of_view};

/// What a virtual table is made from, decided upon.
#[derive(Debug)]
pub(crate) struct GovernedView {
    resolved: Arc<ResolvedView>,
    inputs: Vec<Input>,
    /// True if the caller may read all of the inputs as they are.
    is_transparent: bool,
}

/// One name in the query.
#[derive(Debug)]
struct Input {
    reference: TableReference,
    version: Option<TableVersion>,
    port: GovernedPort,
}

impl GovernedView {
    /// Decides on what a virtual table is made from.
    ///
    /// # Errors
    ///
    /// When one of its inputs is denied to its product; which, is told to those who may know.
    pub(super) fn decided<'a>(
        asking: Asking<'a>,
        resolved: Arc<ResolvedView>,
        salt: Salt,
    ) -> BoxFuture<'a, Result<Self>> {
        Box::pin(async move {
            let service = Service::of(asking.engine, &resolved.table.product);
            let address = resolved.table.name.to_string();
            let told = |error| of_view(asking.engine, (&address, &resolved.file), error);
            let mut inputs = Vec::with_capacity(resolved.inputs.len());
            for input in &resolved.inputs {
                let decided = decided(asking, &service, &input.source, salt.clone()).await;
                let port = decided.map_err(&told)?;
                let (reference, version) = (input.reference.clone(), input.version.clone());
                inputs.push(Input { reference, version, port });
            }
            let ports: Vec<_> = inputs.iter().map(|one| (&one.reference, &one.port)).collect();
            joined_alike::check(&resolved.pairs, &ports).map_err(&told)?;
            let is_transparent =
                asking.engine.authorizer().is_open() || all_are_whole(asking, &inputs).await;
            Ok(Self { resolved, inputs, is_transparent })
        })
    }

    /// What reads it, and its snapshot. `is_inlined` if the query may become part of the caller's.
    ///
    /// # Errors
    ///
    /// When the query makes no sense, or gives something else than the contract promises.
    pub(super) fn pinned(&self, asking: Asking<'_>, is_inlined: bool) -> Result<PinnedTable> {
        let resolved = &self.resolved;
        let service = Service::of(asking.engine, &resolved.table.product);
        let read = |input: &Input| ReadTable {
            reference: input.reference.clone(),
            version: input.version.clone(),
            provider: Arc::clone(input.port.provider()),
        };
        let query = ViewQuery {
            engine: asking.engine,
            statement: &resolved.statement,
            tables: self.inputs.iter().map(read).collect(),
            service: service.name(),
            now: asking.now,
        };
        let parts = ViewParts { table: &resolved.table, query, is_inlined };
        let provider = view_table(parts).map_err(|error| {
            let address = resolved.table.name.to_string();
            of_view(asking.engine, (&address, &resolved.file), error)
        })?;
        Ok(PinnedTable {
            snapshot: resolved.snapshot.clone(),
            committed_at: self.committed_at(),
            rows: None,
            files: 0,
            bytes: 0,
            provider,
            facts: Arc::new(NoFacts),
        })
    }

    /// When the oldest of its inputs was committed; `None` if that is not known of each.
    fn committed_at(&self) -> Option<DateTime<Utc>> {
        let times = self.inputs.iter().map(|input| input.port.pinned().committed_at);
        times.collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    pub(super) fn resolved(&self) -> &Arc<ResolvedView> {
        &self.resolved
    }

    /// True if the caller may read all of the inputs as they are.
    pub(crate) fn is_transparent(&self) -> bool {
        self.is_transparent
    }

    /// The ports and virtual tables that it is made from, each with its clause of time.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = (&GovernedPort, Option<&TableVersion>)> {
        self.inputs.iter().map(|input| (&input.port, input.version.as_ref()))
    }

    /// True if everything was decided as before.
    pub(super) fn is_decided_like(&self, other: &Self) -> bool {
        let pairs = self.inputs.iter().zip(&other.inputs);
        self.is_transparent == other.is_transparent
            && pairs.into_iter().all(|(one, other)| one.port.is_decided_like(&other.port))
    }
}

async fn decided(
    asking: Asking<'_>,
    service: &Service,
    source: &Source,
    salt: Salt,
) -> Result<GovernedPort> {
    let (engine, now) = (asking.engine, asking.now);
    let table = match source {
        Source::Port(port) => &port.0,
        Source::View(view) => &view.table,
        Source::System(_) => return Err(Error::new(ErrorKind::Internal, "no table of a product")),
    };
    let settings = service.settings(engine, table, now)?;
    let asking = service.asking((engine, asking.noted), &settings, now);
    GovernedPort::decided(asking, source.clone(), salt).await
}

/// True if the service sees all inputs as they are, and the caller may do so too.
fn all_are_whole<'a>(asking: Asking<'a>, inputs: &'a [Input]) -> BoxFuture<'a, bool> {
    Box::pin(async move {
        for input in inputs {
            let port = &input.port;
            if !port.is_unrestricted() || !is_whole(asking, port.table(), port.provider()).await {
                return false;
            }
            if let Some(view) = port.view()
                && !all_are_whole(asking, &view.inputs).await
            {
                return false;
            }
        }
        true
    })
}

/// True if the caller may know of a table and read it as it is.
async fn is_whole(
    asking: Asking<'_>,
    table: &PortTable,
    provider: &Arc<dyn TableProvider>,
) -> bool {
    let request = request_of(asking, (&table.product, &table.port, &table.table));
    if !asking.engine.authorizer().allows(Action::Discover, &request) {
        return false;
    }
    let schema = provider.schema();
    let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let permitted = decide(asking, (table, &columns)).await;
    permitted.is_ok_and(|permitted| permitted.obligations.is_empty())
}
