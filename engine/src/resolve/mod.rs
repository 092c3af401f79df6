//! Stage 1: every name becomes a port at a snapshot.
//!
//! ```text
//! Statement ─names─▶ parts ─lookup─▶ Target ─pin─▶ ResolvedTable ─▶ ResolvedQuery
//! ```
//!
//! One picture of the mesh serves one whole statement, and all of its tables are pinned together.

mod bounds;
mod check_views;
mod column_names;
pub(crate) mod functions;
mod identifiers;
mod kill;
mod literals;
mod lookup;
mod moment;
mod names;
mod pin;
mod polysemes;
mod shims;
mod show;
mod statement;
mod substrait;
mod unsupported;
mod version;
mod views;

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::ast::TableVersion;

use crate::audit::{AccessDecision, TableAccess};
use crate::connector::{PinnedTable, SnapshotId};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::govern::{Asking, check_select};
use crate::mesh_catalog::postgres::{self, Database, Databases};
use crate::mesh_catalog::{self, Picture};
use crate::product::Mesh;
use crate::session::{Session, Settings};

pub(crate) use bounds::Depth;
pub use check_views::{check_services, check_views, view_names};
pub use column_names::ColumnNames;
pub(crate) use literals::lists_literals;
pub(crate) use lookup::{INFORMATION_SCHEMA, Lookup, MESH_CATALOG, PortTable, Target, not_found};
use moment::Moments;
pub(crate) use moment::name_in_token;
pub(crate) use names::{Named, reference};
pub(crate) use pin::server;
use pin::{Opening, ToOpen};
pub(crate) use polysemes::JoinedColumn;
pub(crate) use shims::{SessionValues, TWIN_MARK};
pub(crate) use show::Show;
pub use statement::Statement;
pub(crate) use statement::{Form, parse_one};
pub(crate) use version::{select as select_ports, successor};
use views::{FoundView, Views};
pub(crate) use views::{ResolvedView, input_of, of_view, query_of};

/// The longest name that means nothing and is noted, in characters.
const NAME_CHARS_MAX: usize = 300;

/// A statement whose every name is a port at a snapshot.
#[derive(Debug)]
pub struct ResolvedQuery {
    pub(crate) statement: Statement,
    pub(crate) settings: Settings,
    pub(crate) tables: Vec<ResolvedTable>,
    /// The pairs of columns that it joins by what they mean.
    pub(crate) pairs: Vec<(JoinedColumn, JoinedColumn)>,
    /// What its functions ask of the mesh; `None` if they ask nothing.
    pub(crate) postgres: Option<Arc<Database>>,
}

/// One name of a statement, and what it means.
#[derive(Debug)]
pub(crate) struct ResolvedTable {
    /// The name as it is written.
    pub(crate) reference: TableReference,
    /// The clause of time after it.
    pub(crate) version: Option<TableVersion>,
    pub(crate) source: Source,
}

/// What a name means, opened.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A table of a product, at a snapshot.
    Port(Box<(PortTable, PinnedTable)>),
    /// A virtual table, whose inputs are at a snapshot.
    View(Arc<ResolvedView>),
    /// A table of Samite's own.
    System(Arc<dyn TableProvider>),
}

impl Source {
    /// The snapshot; nothing for a table of Samite's own.
    fn snapshot(&self) -> &str {
        match self {
            Self::Port(port) => &port.1.snapshot.0,
            Self::View(view) => &view.snapshot.0,
            Self::System(_) => "",
        }
    }
}

/// A name of a statement, found.
enum Found {
    /// A port, by its place among those that are opened.
    Port(Box<PortTable>, usize),
    /// A virtual table, and the state of it that is asked for.
    View(Arc<FoundView>, Option<SnapshotId>),
    /// A table of Samite's own.
    System(Target),
}

/// Finds and opens every table that a statement names.
///
/// # Errors
///
/// When a name means nothing, or a port cannot be opened.
pub(crate) async fn resolve(session: &Session, statement: &Statement) -> Result<ResolvedQuery> {
    let engine = session.engine();
    let settings = session.settings();
    let now = engine.clock().now();
    let state = engine.base_state();
    let mut statement = statement.clone();
    let mut written = Vec::new();
    if !statement.joins_by_meaning() {
        written = statement.depth().on_stack(|| written_names(statement.form()?, state))?;
    }
    let mut tables = Vec::with_capacity(written.len());
    let (mut pairs, mut postgres) = (Vec::new(), None);
    if !written.is_empty() || statement.asks_catalog() || statement.joins_by_meaning() {
        let mesh = session.visible_mesh(&settings).await?;
        if statement.joins_by_meaning() {
            let lookup = Lookup::new(&mesh.listed, &settings, now);
            (statement, pairs) = match written_out(&statement, &lookup) {
                Ok(written_out) => written_out,
                Err(error) => {
                    note_names(&lookup, session.asking(&settings), (&statement, state)).await;
                    return Err(error);
                }
            };
            written = statement.depth().on_stack(|| written_names(statement.form()?, state))?;
        }
        let lookup = Lookup::new(&mesh.named, &settings, now);
        let principal = &session.principal().name;
        let is_administrator = session.is_administrator();
        let asking = session.asking(&settings);
        let (listed, whole) = (&mesh.listed, &mesh.whole);
        let picture =
            Picture { engine, mesh: listed, whole, principal, is_administrator, asking, now };
        let mut databases = Databases::new(picture, &settings);
        let asked = (&lookup, asking, mesh.whole.as_ref());
        tables = resolve_tables(&mut databases, asked, &written).await?;
        if statement.asks_catalog() {
            postgres = Some(databases.get(None)?);
        }
    }
    Ok(ResolvedQuery { statement, settings, tables, pairs, postgres })
}

/// The statement with its joins by meaning written out, and the columns that they join.
fn written_out(
    statement: &Statement,
    lookup: &Lookup<'_>,
) -> Result<(Statement, Vec<(JoinedColumn, JoinedColumn)>)> {
    statement.depth().on_stack(|| {
        let mut form = statement.form()?.clone();
        let mut inner = &mut form;
        while let Form::Explain { query, .. } = inner {
            inner = query;
        }
        let Form::Query(query) = inner else { return Ok((statement.clone(), Vec::new())) };
        let written = polysemes::write_out(query, lookup)?;
        // A mapping is a subquery in a join in the place of a table.
        let levels = 1 + written.added.saturating_mul(6);
        Ok((statement.with_form(form, levels), written.pairs))
    })
}

fn written_names(form: &Form, state: &SessionState) -> Result<Vec<Named>> {
    match form {
        Form::Query(query) => names::tables(query),
        Form::Substrait(plan) => plan.tables(state),
        Form::Explain { query, .. } => written_names(query, state),
        Form::Show(Show::Columns(table)) => Ok(vec![Named { parts: table.clone(), version: None }]),
        Form::Show(_) => Ok(Vec::new()),
        Form::Set { .. } | Form::Use { .. } | Form::Kill(_) | Form::Nothing => {
            Err(Error::new(ErrorKind::InvalidQuery, "the statement gives no rows"))
        }
    }
}

async fn resolve_tables(
    databases: &mut Databases<'_>,
    (lookup, asking, whole): (&Lookup<'_>, Asking<'_>, &Mesh),
    written: &[Named],
) -> Result<Vec<ResolvedTable>> {
    let picture = databases.picture();
    let engine = picture.engine;
    let moments = Moments::new(lookup.settings, engine.base_state(), lookup.now)?;
    let mut opening = Opening::default();
    let mut views = Views::new((engine, asking.noted), whole, &moments);
    let mut found = Vec::with_capacity(written.len());
    for named in written {
        let target = match lookup.find(&named.parts) {
            Ok(target) => target,
            Err(error) => {
                note_missing(lookup, asking, &named.parts).await;
                return Err(error);
            }
        };
        found.push(match target {
            Target::Port(table) => {
                check_select(asking, &table)?;
                port(table, named, &mut views, &mut opening)?
            }
            target => {
                let name = named.parts.join(".");
                if named.version.is_some() {
                    return Err(names::no_history(&name));
                }
                asking.note(|| TableAccess::named(name, AccessDecision::Allowed));
                Found::System(target)
            }
        });
    }
    let pinned = pin::open_all(engine, &opening).await?;
    let mut tables = Vec::with_capacity(found.len());
    for (named, found) in written.iter().zip(found) {
        let source = match found {
            Found::Port(table, place) => pinned
                .get(place)
                .map(|pinned| Source::Port(Box::new((*table, pinned.clone()))))
                .ok_or_else(not_opened)?,
            Found::View(view, wanted) => Source::View(view.resolved_as(wanted.as_ref(), &pinned)?),
            Found::System(target) => Source::System(system_table(databases, picture, &target)?),
        };
        let reference = reference(&named.parts)?;
        tables.push(ResolvedTable { reference, version: named.version.clone(), source });
    }
    Ok(tables)
}

/// Notes the names of a statement whose joins could not be written out: one of them may mean nothing.
async fn note_names(
    lookup: &Lookup<'_>,
    asking: Asking<'_>,
    (statement, state): (&Statement, &SessionState),
) {
    let names = statement.depth().on_stack(|| written_names(statement.form()?, state));
    for named in names.unwrap_or_default() {
        match lookup.find(&named.parts) {
            // Whether it may be read is noted with it.
            Ok(Target::Port(table)) => drop(check_select(asking, &table)),
            Ok(_) => {}
            Err(_) => note_missing(lookup, asking, &named.parts).await,
        }
    }
}

/// Notes a name that means nothing to whoever asks: whether there is such a table, the record says and they do not
/// learn. Nor do they learn it from the time that this takes: as much is decided where there is none.
async fn note_missing(lookup: &Lookup<'_>, asking: Asking<'_>, parts: &[String]) {
    let Ok(mesh) = asking.engine.catalog().mesh().await else { return };
    let whole = Lookup { suggests: false, ..Lookup::new(&mesh, lookup.settings, lookup.now) };
    match whole.find(parts) {
        Ok(Target::Port(table)) => asking.note_refusal(&table, AccessDecision::Hidden),
        _ => {
            if let Some(other) = whole.stand_in(parts) {
                asking.decide_for_nothing(&other);
            }
            let name: String = parts.join(".").chars().take(NAME_CHARS_MAX).collect();
            asking.note(|| TableAccess::named(name, AccessDecision::Unknown));
        }
    }
}

/// A port that a statement names, or a virtual table.
fn port(
    table: Box<PortTable>,
    named: &Named,
    views: &mut Views<'_>,
    opening: &mut Opening,
) -> Result<Found> {
    let address = table.name.to_string();
    if let Some(view) = pin::view_of(views.engine(), &table)? {
        if named.version.is_some() {
            return Err(views::no_history(&address));
        }
        let (view, wanted) = views.find(&table, &view, opening)?;
        return Ok(Found::View(view, wanted));
    }
    let wanted = views.moments().wanted(&address, named.version.as_ref())?;
    let place = opening.place_of(ToOpen { table: (*table).clone(), wanted, through: None });
    Ok(Found::Port(table, place))
}

fn system_table(
    databases: &mut Databases<'_>,
    picture: Picture<'_>,
    target: &Target,
) -> Result<Arc<dyn TableProvider>> {
    match target {
        Target::Mesh { schema, table } => mesh_catalog::mesh_table(picture, (schema, table)),
        Target::Information { domain, table } => {
            mesh_catalog::information_table(picture, (domain.as_deref(), table))
        }
        Target::Postgres { domain, table } => {
            postgres::table(&*databases.get(domain.as_deref())?, table)
        }
        Target::Port(_) => Err(not_opened()),
    }
}

fn not_opened() -> Error {
    Error::new(ErrorKind::Internal, "a table was not opened")
}

/// Opens one table in its newest state, within the time for that. `whole` is the mesh, whoever asks.
///
/// # Errors
///
/// The table's error, or that the time for it ran out.
pub(crate) async fn open_one(engine: &Engine, whole: &Mesh, table: PortTable) -> Result<Source> {
    let settings = Settings::default();
    let moments = Moments::new(&settings, engine.base_state(), engine.clock().now())?;
    let mut opening = Opening::default();
    let mut views = Views::new((engine, None), whole, &moments);
    let named = Named { parts: Vec::new(), version: None };
    let found = port(Box::new(table), &named, &mut views, &mut opening)?;
    let pinned = pin::open_all(engine, &opening).await?;
    match found {
        Found::Port(table, place) => {
            let pinned = pinned.get(place).cloned().ok_or_else(not_opened)?;
            Ok(Source::Port(Box::new((*table, pinned))))
        }
        Found::View(view, _) => Ok(Source::View(view.resolved_as(None, &pinned)?)),
        Found::System(_) => Err(not_opened()),
    }
}

/// Checks that a setting may have a value: a catalog must be a domain, a schema one of its products.
pub(crate) async fn check_setting(session: &Session, name: &str, value: &str) -> Result<()> {
    let mut settings = session.settings();
    settings.set(name, value)?;
    let is = |setting: &str| name.eq_ignore_ascii_case(setting);
    if value.is_empty() || !(is("catalog") || is("schema")) {
        return Ok(());
    }
    let mesh = session.visible_mesh(&settings).await?.named;
    let now = session.engine().clock().now();
    let lookup = Lookup::new(&mesh, &settings, now);
    match settings.catalog() {
        Some(catalog) if is("schema") => lookup.check_schema(catalog, value),
        _ if is("catalog") => lookup.check_catalog(value),
        _ => Ok(()),
    }
}

/// Carries out a statement that changes the session, or ends a query.
///
/// # Errors
///
/// When it is a query, or sets what cannot be set.
pub(crate) async fn apply(session: &Session, statement: &Statement) -> Result<()> {
    match statement.form()? {
        Form::Set { name, value: Some(value) } => session.set(name, value).await,
        Form::Set { name, value: None } => session.reset(name),
        Form::Use { catalog, schema } => {
            if let Some(catalog) = catalog {
                session.set("catalog", catalog).await?;
            }
            match schema {
                Some(schema) => session.set("schema", schema).await,
                None => session.reset("schema"),
            }
        }
        Form::Kill(query_id) => session.kill(query_id),
        Form::Nothing => Ok(()),
        Form::Query(_) | Form::Substrait(_) | Form::Show(_) | Form::Explain { .. } => {
            Err(Error::new(ErrorKind::InvalidQuery, "the statement is a query"))
        }
    }
}
