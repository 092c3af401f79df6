//! Virtual tables: names whose meaning is a query over other products.
//!
//! ```text
//! PortTable ─view─▶ Statement ─names─▶ inputs: ports, and virtual tables again ─pin─▶ ResolvedView
//! ```
//!
//! Such a query means the same whoever asks: its names are whole, they are looked up in the whole mesh,
//! and of the session it takes nothing but the snapshots that are asked for. What it may read is what the
//! service of its product may read.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::lookup::{Lookup, PortTable, Target};
use super::moment::{Moments, Wanted, name_in_token};
use super::names::{self, Named};
use super::pin::{Opening, ToOpen};
use super::polysemes::JoinedColumn;
use super::statement::{Form, Statement};
use super::{ResolvedTable, Source, not_opened};
use crate::audit::Noted;
use crate::config::EngineConfig;
use crate::connector::{PinnedTable, SnapshotId};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::govern::{Service, check_select};
use crate::product::{Mesh, View};
use crate::session::Settings;

/// Virtual tables over each other.
const DEEP_MAX: usize = 16;

/// Tables that one virtual table may read, those of its virtual inputs counted as often as they are read.
const READ_MAX: usize = 1000;

/// A virtual table whose inputs are ports at a snapshot.
#[derive(Debug)]
pub(crate) struct ResolvedView {
    pub(crate) table: PortTable,
    /// The file with its query, relative to the mesh.
    pub(crate) file: String,
    pub(crate) statement: Statement,
    pub(crate) inputs: Vec<ResolvedTable>,
    /// The columns that its query joins by what they mean.
    pub(crate) pairs: Pairs,
    pub(crate) snapshot: SnapshotId,
}

/// The query of a virtual table.
#[derive(Debug, Clone)]
pub(crate) struct QueryOfView {
    pub(crate) statement: Statement,
    /// The names in it.
    pub(crate) named: Vec<Named>,
    /// The columns that it joins by what they mean.
    pub(crate) pairs: Pairs,
}

/// Columns that are joined by what they mean.
type Pairs = Vec<(JoinedColumn, JoinedColumn)>;

/// A virtual table whose inputs are still to be opened.
#[derive(Debug)]
pub(super) struct FoundView {
    table: PortTable,
    view: Arc<View>,
    query: QueryOfView,
    /// What each name in it means.
    inputs: Vec<Input>,
    /// Tables that are read for it.
    reads: usize,
}

/// What a virtual table reads.
#[derive(Debug)]
enum Input {
    /// A port, by its place among those that are opened.
    Port(Box<PortTable>, usize),
    View(Arc<FoundView>),
}

/// Finds virtual tables in one picture of the mesh.
#[derive(Debug)]
pub(super) struct Views<'a> {
    engine: &'a Engine,
    /// All of it, whoever asks.
    mesh: &'a Mesh,
    moments: &'a Moments<'a>,
    settings: Settings,
    /// Where it is noted what is decided.
    noted: Option<&'a Noted>,
    /// Those that are being looked into, outermost first.
    trail: Vec<(PortTable, String)>,
    known: Vec<Arc<FoundView>>,
}

impl<'a> Views<'a> {
    /// Finds what the names in the queries of `mesh` mean.
    pub(super) fn new(
        (engine, noted): (&'a Engine, Option<&'a Noted>),
        mesh: &'a Mesh,
        moments: &'a Moments<'a>,
    ) -> Self {
        let (settings, trail, known) = Default::default();
        Self { engine, mesh, moments, settings, noted, trail, known }
    }

    pub(super) fn engine(&self) -> &'a Engine {
        self.engine
    }

    pub(super) fn moments(&self) -> &'a Moments<'a> {
        self.moments
    }

    /// Finds what a virtual table reads that a statement names, and which state of it is asked for.
    ///
    /// # Errors
    ///
    /// When its query is none, reads itself, or reads what is not there or what its product may not read; or
    /// when another time is asked for.
    pub(super) fn find(
        &mut self,
        table: &PortTable,
        view: &Arc<View>,
        opening: &mut Opening,
    ) -> Result<(Arc<FoundView>, Option<SnapshotId>)> {
        let address = table.name.to_string();
        let wanted = match self.moments.wanted(&address, None)? {
            Wanted::Newest => None,
            Wanted::Exactly(snapshot) => Some(snapshot),
            Wanted::At(_) | Wanted::AsOf(_) => return Err(no_history(&address)),
        };
        Ok((self.look_into(table, view, opening)?, wanted))
    }

    fn inputs(
        &mut self,
        table: &PortTable,
        view: &View,
        opening: &mut Opening,
    ) -> Result<(QueryOfView, Vec<Input>)> {
        let cycle = self.trail.split_last().and_then(|((last, _), before)| {
            let start = before.iter().position(|(known, _)| known.is_same(last))?;
            self.trail.get(start..)
        });
        if let Some(cycle) = cycle {
            let names = cycle.iter().map(|(table, _)| table.name.to_string());
            return Err(reads_itself(&names.collect::<Vec<_>>()));
        }
        if self.trail.len() > DEEP_MAX {
            return Err(Error::new(ErrorKind::InvalidQuery, "virtual tables are too deep")
                .with_detail(format!("{DEEP_MAX} over each other are allowed")));
        }
        let query = query_of(view, self.engine.config(), &self.lookup())?;
        let service = Service::of(self.engine, &table.product);
        let mut inputs = Vec::with_capacity(query.named.len());
        for named in &query.named {
            inputs.push(self.input(&service, named, opening)?);
        }
        let reads: usize = inputs.iter().map(Input::reads).sum();
        if reads > READ_MAX {
            return Err(Error::new(ErrorKind::InvalidQuery, "the query reads too many tables")
                .with_detail(format!("{reads}, and {READ_MAX} are allowed")));
        }
        Ok((query, inputs))
    }

    /// Names mean the same whoever asks.
    fn lookup(&self) -> Lookup<'_> {
        Lookup::new(self.mesh, &self.settings, self.moments.now())
    }

    fn input(&mut self, service: &Service, named: &Named, opening: &mut Opening) -> Result<Input> {
        let now = self.moments.now();
        let table = input_of(&self.lookup(), named)?;
        let settings = service.settings(self.engine, &table, now)?;
        check_select(service.asking((self.engine, self.noted), &settings, now), &table)?;
        if let Some(view) = super::pin::view_of(self.engine, &table)? {
            if named.version.is_some() {
                return Err(no_history(&table.name.to_string()));
            }
            return Ok(Input::View(self.look_into(&table, &view, opening)?));
        }
        let address = table.name.to_string();
        let wanted = self.moments.wanted_inside(&address, named.version.as_ref())?;
        let outermost = self.trail.first();
        let through = outermost.map(|(table, file)| (table.name.to_string(), file.clone()));
        let place = opening.place_of(ToOpen { table: (*table).clone(), wanted, through });
        Ok(Input::Port(table, place))
    }

    /// Finds what a virtual table reads, or remembers it.
    fn look_into(
        &mut self,
        table: &PortTable,
        view: &Arc<View>,
        opening: &mut Opening,
    ) -> Result<Arc<FoundView>> {
        if let Some(known) = self.known.iter().find(|known| known.table.is_same(table)) {
            return Ok(Arc::clone(known));
        }
        self.trail.push((table.clone(), view.file.clone()));
        let inputs = self.inputs(table, view, opening);
        self.trail.pop();
        let address = table.name.to_string();
        let (query, inputs) =
            inputs.map_err(|error| of_view(self.engine, (&address, &view.file), error))?;
        let reads = inputs.iter().map(Input::reads).sum();
        let (table, view) = (table.clone(), Arc::clone(view));
        let found = Arc::new(FoundView { table, view, query, inputs, reads });
        self.known.push(Arc::clone(&found));
        Ok(found)
    }
}

impl Input {
    fn reads(&self) -> usize {
        match self {
            Self::Port(..) => 1,
            Self::View(view) => view.reads.saturating_add(1),
        }
    }
}

impl FoundView {
    /// The same with what was opened, in the state that is asked for.
    ///
    /// # Errors
    ///
    /// When that is an earlier state.
    pub(super) fn resolved_as(
        &self,
        wanted: Option<&SnapshotId>,
        pinned: &[PinnedTable],
    ) -> Result<Arc<ResolvedView>> {
        let resolved = self.resolved(pinned)?;
        match wanted.filter(|wanted| **wanted != resolved.snapshot) {
            Some(wanted) => Err(gone(&self.table.name.to_string(), wanted, &resolved.snapshot)),
            None => Ok(resolved),
        }
    }

    fn resolved(&self, pinned: &[PinnedTable]) -> Result<Arc<ResolvedView>> {
        let mut inputs = Vec::with_capacity(self.inputs.len());
        let mut digest = Sha256::new();
        digest.update(self.view.sql.as_bytes());
        for (named, input) in self.query.named.iter().zip(&self.inputs) {
            let (address, source) = match input {
                Input::Port(table, place) => {
                    let opened = pinned.get(*place).cloned().ok_or_else(not_opened)?;
                    (table.name.to_string(), Source::Port(Box::new(((**table).clone(), opened))))
                }
                Input::View(view) => {
                    (view.table.name.to_string(), Source::View(view.resolved(pinned)?))
                }
            };
            let name = name_in_token(&address, named.version.as_ref());
            digest.update(format!("\n{name} {}", source.snapshot()).as_bytes());
            let reference = names::reference(&named.parts)?;
            inputs.push(ResolvedTable { reference, version: named.version.clone(), source });
        }
        let bytes: [u8; 32] = digest.finalize().into();
        let text: String = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let snapshot = SnapshotId(format!("virtual:{text}"));
        let (table, file) = (self.table.clone(), self.view.file.clone());
        let (statement, pairs) = (self.query.statement.clone(), self.query.pairs.clone());
        Ok(Arc::new(ResolvedView { table, file, statement, inputs, pairs, snapshot }))
    }
}

/// The query of a virtual table, its joins by meaning written out, and the names in it.
///
/// # Errors
///
/// When it is not exactly one query over tables of products, or joins by what nothing is bound to.
pub(crate) fn query_of(
    view: &View,
    config: &EngineConfig,
    lookup: &Lookup<'_>,
) -> Result<QueryOfView> {
    let mut statement = Statement::parse(&view.sql, config)?;
    let mut pairs = Vec::new();
    if statement.joins_by_meaning() {
        (statement, pairs) = super::written_out(&statement, lookup)?;
    }
    let named = names_in(&statement)?;
    Ok(QueryOfView { statement, named, pairs })
}

/// The names in the query of a virtual table, as it writes them.
///
/// # Errors
///
/// When it is not exactly one query over tables of products.
pub(super) fn names_in(statement: &Statement) -> Result<Vec<Named>> {
    statement.depth().on_stack(|| match statement.form()? {
        Form::Query(query) if !statement.asks_catalog() => names::tables(query),
        Form::Query(_) => Err(Error::new(
            ErrorKind::Unsupported,
            "the query of a virtual table cannot ask what there is in the mesh",
        )),
        Form::Substrait(_)
        | Form::Show(_)
        | Form::Explain { .. }
        | Form::Set { .. }
        | Form::Use { .. }
        | Form::Kill(_)
        | Form::Nothing => {
            Err(Error::new(ErrorKind::InvalidQuery, "the file does not hold a query")
                .with_hint("write one SELECT into it"))
        }
    })
}

/// The table of a product that a name in the query of a virtual table means.
///
/// # Errors
///
/// When it means none.
pub(crate) fn input_of(lookup: &Lookup<'_>, named: &Named) -> Result<Box<PortTable>> {
    let name = named.parts.join(".");
    if named.parts.len() != 3 {
        return Err(Error::new(ErrorKind::InvalidQuery, format!("name \"{name}\" is not whole"))
            .with_detail("the query of a virtual table means the same in every session")
            .with_hint("write domain.product.table"));
    }
    match lookup.find(&named.parts)? {
        Target::Port(table) => Ok(table),
        Target::Mesh { .. } | Target::Information { .. } | Target::Postgres { .. } => {
            Err(Error::new(ErrorKind::Unsupported, format!("\"{name}\" is no table of a product"))
                .with_detail("a virtual table reads tables of products"))
        }
    }
}

/// The error for virtual tables that read each other in a circle.
fn reads_itself(cycle: &[String]) -> Error {
    Error::new(ErrorKind::ContractViolated, "virtual tables read each other in a circle")
        .with_detail(cycle.join(" -> "))
        .with_hint("take one of them out of the query of another")
}

/// What is said of an error inside of a virtual table: which one it is. What it is made from is told to
/// those alone who may know of everything.
pub(crate) fn of_view(engine: &Engine, (table, file): (&str, &str), error: Error) -> Error {
    let kind = match error.kind() {
        ErrorKind::InvalidQuery
        | ErrorKind::NotFound
        | ErrorKind::Unsupported
        | ErrorKind::InvalidConfiguration
        | ErrorKind::ContractViolated => ErrorKind::ContractViolated,
        kind @ (ErrorKind::PermissionDenied
        | ErrorKind::Unauthenticated
        | ErrorKind::SourceUnavailable
        | ErrorKind::CorruptSource
        | ErrorKind::ResourcesExhausted
        | ErrorKind::Overloaded
        | ErrorKind::DeadlineExceeded
        | ErrorKind::Cancelled
        | ErrorKind::Internal) => kind,
    };
    let told = Error::new(kind, format!("virtual table \"{table}\" cannot be read"));
    if engine.authorizer().is_open() {
        return told
            .with_detail(format!("{file}: {}", error.to_line()))
            .with_hint("ask the owner of the product to mend it")
            .with_source(error);
    }
    tracing::warn!(table, file, cause = error.to_line(), "a virtual table cannot be read");
    told.with_detail(match kind {
        ErrorKind::PermissionDenied => "its product may not read what it is made from",
        _ => "what it is made from cannot be read",
    })
    .with_hint("ask the owner of the product; the log has the cause")
}

/// The error for a clause or a setting of time.
pub(super) fn no_history(address: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("virtual table \"{address}\" cannot be read at another time"),
    )
    .with_detail("it is a query over other products, and has no history")
    .with_hint("leave out VERSION AS OF and TIMESTAMP AS OF after it, and RESET mesh.as_of")
}

fn gone(address: &str, wanted: &SnapshotId, now: &SnapshotId) -> Error {
    let message = format!("snapshot {wanted} of virtual table \"{address}\" is gone");
    Error::new(ErrorKind::NotFound, message)
        .with_detail(format!("what it is made from has changed; it is at {now}"))
        .with_hint("RESET mesh.snapshots to read the newest")
}
