//! A session: who asks, and what they have set.
//!
//! ```text
//! Session::parse ─▶ Statement ─▶ Session::plan ─▶ QueryPlan ─▶ QueryPlan::execute ─▶ QueryStream
//!                       └──────▶ Session::apply (SET, RESET, USE)
//! ```

mod asker;
mod principal;
mod settings;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::datatypes::SchemaRef;
use futures::future::BoxFuture;
use parking_lot::RwLock;

use crate::audit::{Noted, StatementText};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::events::StatementAction;
use crate::execute::QueryStream;
use crate::govern::{Asking, VisibleMesh, visible_mesh};
use crate::mesh_catalog::ListedTable;
use crate::plan::{Aim, QueryPlan};
use crate::product::{DataProduct, TableName};
use crate::resolve::Statement;
use crate::telemetry::{ProtocolCommand, Record, stage, tell_of_change};

pub(crate) use asker::{Asker, OwnedProduct};
pub use principal::Principal;
pub(crate) use settings::canonical_setting;
pub use settings::{SETTINGS, SettingDefinition, Settings};

/// The channel of a program that embeds the engine.
const EMBEDDED: &str = "embedded";

/// Who asks, and what they have set. Cheap to clone; clones share the settings.
#[derive(Debug, Clone)]
pub struct Session {
    engine: Engine,
    asker: Asker,
    settings: Arc<RwLock<Settings>>,
    /// Where it is noted what a statement wants of which table, while one is worked on.
    noted: Option<Noted>,
}

impl Session {
    /// Opens a session; [`Engine::session`] is the usual way.
    #[must_use]
    pub fn new(engine: Engine, principal: impl Into<Arc<Principal>>) -> Self {
        let principal = principal.into();
        let asker =
            Asker { principal, program: None, channel: EMBEDDED, address: None, owned: None };
        Self { engine, asker, settings: Arc::default(), noted: None }
    }

    /// Opens a session of the engine's own, in the name of a product: policies are not asked about its own
    /// tables. Nothing that a client says reaches it, and it reaches no client.
    pub(crate) fn of_owner(engine: Engine, product: &DataProduct, sees_others: bool) -> Self {
        let (domain, name) = (&product.domain, &product.name);
        let mut session = Self::new(engine, Principal::of_product(domain, name));
        let (domain, product) = (domain.clone(), name.clone());
        session.asker.owned = Some(Arc::new(OwnedProduct { domain, product, sees_others }));
        session
    }

    /// The same session, with what is known of its principal now: groups and attributes can change while
    /// somebody is logged in.
    #[must_use]
    pub fn for_principal(&self, principal: Arc<Principal>) -> Self {
        let asker = Asker { principal, owned: None, ..self.asker.clone() };
        Self { asker, ..self.clone() }
    }

    /// The same session, asked by this program, as it calls itself: the log of queries shows it.
    #[must_use]
    pub fn with_program(mut self, program: &str) -> Self {
        self.asker.program = asker::program(program);
        self
    }

    /// The same session, asked over this channel, as policies call it: `flight-sql`, `postgresql`. A program that embeds
    /// the engine has `embedded`.
    #[must_use]
    pub fn with_channel(mut self, channel: &'static str) -> Self {
        self.asker.channel = channel;
        self
    }

    /// The same session, asked from this address: the record of each statement says it.
    #[must_use]
    pub fn with_address(mut self, address: Option<IpAddr>) -> Self {
        self.asker.address = address;
        self
    }

    /// The same session, for a statement of which it is noted what it wants of which table.
    pub(crate) fn noting(&self, noted: Noted) -> Self {
        Self { noted: Some(noted), ..self.clone() }
    }

    /// What is noted of the statement that is worked on.
    pub(crate) fn noted(&self) -> Option<&Noted> {
        self.noted.as_ref()
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Who asks.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.asker.principal
    }

    /// The address that is asked from, where it is known.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.asker.address
    }

    /// The program that asks, as it calls itself.
    #[must_use]
    pub fn program(&self) -> Option<&str> {
        self.asker.program.as_deref()
    }

    /// Who asks, with which program, and on which way.
    pub(crate) fn asker(&self) -> &Asker {
        &self.asker
    }

    /// True if this principal sees and may end the queries of all.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        let administrators = &self.engine.config().administrators;
        administrators.iter().any(|group| self.asker.principal.groups.contains(group))
    }

    /// Ends a query of this principal, or as an administrator of anybody.
    ///
    /// # Errors
    ///
    /// When there is no such query, or none that this principal may end: the two read the same.
    pub fn kill(&self, query_id: &str) -> Result<()> {
        let killer = (self.principal().name.as_str(), self.is_administrator());
        self.engine.query_log().kill(query_id, killer)
    }

    /// What is set now.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.settings.read().clone()
    }

    /// The mesh as this principal sees it now.
    pub(crate) async fn visible_mesh(&self, settings: &Settings) -> Result<VisibleMesh> {
        visible_mesh(self.asking(settings), self.is_administrator()).await
    }

    /// Who asks, for decisions that are made now.
    pub(crate) fn asking<'a>(&'a self, settings: &'a Settings) -> Asking<'a> {
        let (engine, asker, now) = (&self.engine, &self.asker, self.engine.clock().now());
        Asking { engine, asker, settings, now, noted: self.noted.as_ref() }
    }

    /// Sets an option. Setting the catalog to a domain that does not exist is an error.
    ///
    /// # Errors
    ///
    /// When there is no such option, or it cannot have this value.
    pub async fn set(&self, name: &str, value: &str) -> Result<()> {
        crate::resolve::check_setting(self, name, value).await?;
        self.settings.write().set(name, value)
    }

    /// Gives an option its default back.
    ///
    /// # Errors
    ///
    /// When there is no such option.
    pub fn reset(&self, name: &str) -> Result<()> {
        self.settings.write().reset(name)
    }

    /// Reads one statement and says of which kind it is. One that cannot be read is a query that
    /// failed, and logged as such.
    ///
    /// # Errors
    ///
    /// When it is not SQL, too long, too deep, more than one statement, or not a query.
    pub fn parse(&self, sql: &str) -> Result<Statement> {
        let read = stage!("parse").in_scope(|| Statement::parse(sql, self.engine.config()));
        read.map_err(|error| self.unread(StatementText::unread(sql), error))
    }

    /// The error of what could not be read, once the log has it.
    fn unread(&self, text: StatementText, error: Error) -> Error {
        // Whoever cannot record what is wrong says nothing of it.
        if let Err(error) = self.engine.events().check() {
            return error;
        }
        let settings = self.settings();
        let mut record = Record::begin(&self.engine, (&self.asker, settings.purpose()), &text);
        record.failed(&error);
        error.of_query(record.query_id())
    }

    /// Reads a plan of Substrait in place of SQL: its protobuf message (`substrait.Plan`). One that
    /// cannot be read is a query that failed, and logged as such.
    ///
    /// # Errors
    ///
    /// When it is none, too long, or uses what is not supported.
    pub fn parse_substrait(&self, plan: &[u8]) -> Result<Statement> {
        let read = stage!("parse").in_scope(|| Statement::of_substrait(plan, self.engine.config()));
        read.map_err(|error| {
            let name = Statement::name_of_substrait(plan);
            self.unread(
                StatementText { redacted: name.as_str().into(), ..StatementText::unread(&name) },
                error,
            )
        })
    }

    /// Carries out a statement that is no query (SET, RESET, USE, KILL, ...).
    ///
    /// # Errors
    ///
    /// When it is a query, or sets what cannot be set.
    pub async fn apply(&self, statement: &Statement) -> Result<()> {
        self.engine.events().admit().await?;
        let work: BoxFuture<'_, _> = Box::pin(crate::resolve::apply(self, statement));
        let began = (self.engine.clock().now(), Instant::now());
        let applied = work.await;
        tell_of_change(self, statement, began, &applied);
        applied
    }

    /// Begins what a protocol asks without a statement, such as a listing or a savepoint: it leaves a record by this
    /// name, once what this gives is dropped.
    ///
    /// # Errors
    ///
    /// When it cannot be recorded.
    pub async fn command(&self, action: StatementAction, name: &str) -> Result<ProtocolCommand> {
        self.engine.events().admit().await?;
        Ok(ProtocolCommand::begin(self, action, name))
    }

    /// Resolves, governs and plans a query.
    ///
    /// # Errors
    ///
    /// When a name means nothing, a port cannot be opened, or the query does not make sense.
    pub async fn plan(&self, statement: &Statement) -> Result<QueryPlan> {
        self.plan_for(statement, Aim::Rows).await
    }

    /// Starts a plan that was made for this principal, by what is known of them now.
    ///
    /// # Errors
    ///
    /// As [`QueryPlan::execute_as`].
    pub async fn execute(&self, plan: &QueryPlan) -> Result<QueryStream> {
        plan.execute_as(&self.asker.principal).await
    }

    /// Plans a query for its schema and its parameters; the rest follows when it is executed.
    ///
    /// # Errors
    ///
    /// As [`Session::plan`].
    pub async fn describe(&self, statement: &Statement) -> Result<QueryPlan> {
        self.plan_for(statement, Aim::Schema).await
    }

    async fn plan_for(&self, statement: &Statement, aim: Aim) -> Result<QueryPlan> {
        // A boxed future keeps the types of the stages out of every caller's own.
        let work: BoxFuture<'_, _> = Box::pin(crate::plan::prepare(self, statement, aim));
        work.await
    }

    /// Does all of it: a query gives its rows, a session statement an empty stream.
    ///
    /// # Errors
    ///
    /// As [`Session::parse`], [`Session::plan`] and [`QueryPlan::execute`].
    pub async fn sql(&self, sql: &str) -> Result<QueryStream> {
        let statement = self.parse(sql)?;
        if statement.is_query() {
            return self.plan(&statement).await?.execute().await;
        }
        self.apply(&statement).await?;
        Ok(QueryStream::empty())
    }

    /// Every table that this principal may discover, ordered by domain, product, table.
    ///
    /// # Errors
    ///
    /// When the catalog does not answer.
    pub async fn tables(&self) -> Result<Vec<ListedTable>> {
        let work: BoxFuture<'_, _> = Box::pin(crate::mesh_catalog::list(self));
        work.await
    }

    /// The schema that `SELECT *` of one table has; opens the port.
    ///
    /// # Errors
    ///
    /// When the table does not exist or cannot be opened.
    pub async fn table_schema(&self, name: &TableName) -> Result<SchemaRef> {
        let work: BoxFuture<'_, _> = Box::pin(crate::mesh_catalog::table_schema(self, name));
        work.await
    }
}
