//! The engine: the seams, the options, and what all queries share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use datafusion::execution::SessionState;
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::execution::runtime_env::RuntimeEnv;

use crate::audit::{Counters, History, MovedData, Movement, MovementKey};
use crate::authorizer::{Authorizer, OpenMesh};
use crate::catalog::ProductCatalog;
use crate::config::EngineConfig;
use crate::connector::Connector;
use crate::error::{Error, ErrorKind, Result};
use crate::events::{EventSink, LogEvents};
use crate::execute::Limits;
use crate::govern::VisibleMeshes;
use crate::promises::{ShapeLog, VerdictLog};
use crate::quality::QualityLog;
use crate::sealed::Sealed;
use crate::session::{Principal, Session};
use crate::telemetry::{Metrics, QueryLog};

/// How often it is looked whether queries still run.
const SETTLE_PERIOD: Duration = Duration::from_millis(10);

/// The engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    catalog: Arc<dyn ProductCatalog>,
    connectors: Vec<Arc<dyn Connector>>,
    authorizer: Arc<dyn Authorizer>,
    events: Arc<dyn EventSink>,
    clock: Clock,
    config: EngineConfig,
    limits: Limits,
    query_log: QueryLog,
    history: History,
    movement: Movement,
    counters: Counters,
    verdicts: VerdictLog,
    shapes: ShapeLog,
    quality: QualityLog,
    visible_meshes: VisibleMeshes,
    metrics: Metrics,
    base_state: Sealed<SessionState>,
    constant_state: Sealed<SessionState>,
}

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// A clock that asks `now`.
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(Utc::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Puts an [`Engine`] together.
#[derive(Debug, Default)]
pub struct EngineBuilder {
    catalog: Option<Arc<dyn ProductCatalog>>,
    connectors: Vec<Arc<dyn Connector>>,
    authorizer: Option<Arc<dyn Authorizer>>,
    events: Option<Arc<dyn EventSink>>,
    stores: Option<Arc<dyn ObjectStoreRegistry>>,
    clock: Clock,
    config: EngineConfig,
}

impl EngineBuilder {
    /// What knows the products; needed.
    #[must_use]
    pub fn catalog(mut self, catalog: Arc<dyn ProductCatalog>) -> Self {
        self.catalog = Some(catalog);
        self
    }

    /// What opens the ports; the first that reads a server opens it.
    #[must_use]
    pub fn connectors(mut self, connectors: Vec<Arc<dyn Connector>>) -> Self {
        self.connectors = connectors;
        self
    }

    /// What decides on access; an open mesh without it.
    #[must_use]
    pub fn authorizer(mut self, authorizer: Arc<dyn Authorizer>) -> Self {
        self.authorizer = Some(authorizer);
        self
    }

    /// What records the queries; the log without it.
    #[must_use]
    pub fn events(mut self, events: Arc<dyn EventSink>) -> Self {
        self.events = Some(events);
        self
    }

    /// The object stores that scans name; none without it.
    #[must_use]
    pub fn stores(mut self, stores: Arc<dyn ObjectStoreRegistry>) -> Self {
        self.stores = Some(stores);
        self
    }

    /// What tells the time; the computer's own clock without it.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The options.
    #[must_use]
    pub fn config(mut self, config: EngineConfig) -> Self {
        self.config = config;
        self
    }

    /// Puts the engine together.
    ///
    /// # Errors
    ///
    /// When the catalog is missing, or memory and disk cannot be set up.
    pub fn build(self) -> Result<Engine> {
        let catalog = self.catalog.ok_or_else(|| {
            Error::new(ErrorKind::InvalidConfiguration, "the engine has no product catalog")
        })?;
        let limits = Limits::new(&self.config, self.stores)?;
        let base_state = crate::plan::base_state(&self.config, Arc::clone(limits.runtime()))?;
        let constant_state = crate::plan::constant_state(&base_state);
        let has_sql = self.config.has_logged_sql;
        let events = self.events.unwrap_or_else(|| Arc::new(LogEvents { has_sql }));
        let metrics = Metrics::new()?;
        let counters = Counters::new(&metrics, self.config.has_product_metrics)?;
        Ok(Engine(Arc::new(Inner {
            catalog,
            connectors: self.connectors,
            authorizer: self.authorizer.unwrap_or_else(|| Arc::new(OpenMesh)),
            events,
            clock: self.clock,
            history: History::new(self.config.audit_statements_max),
            movement: Movement::new(self.config.movement_lines_max),
            config: self.config,
            limits,
            query_log: QueryLog::default(),
            verdicts: VerdictLog::default(),
            shapes: ShapeLog::default(),
            quality: QualityLog::default(),
            visible_meshes: VisibleMeshes::default(),
            counters,
            metrics,
            base_state: Sealed::new(base_state),
            constant_state: Sealed::new(constant_state),
        })))
    }
}

impl Engine {
    /// Begins to put an engine together.
    #[must_use]
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// Opens a session for `principal`.
    #[must_use]
    pub fn session(&self, principal: impl Into<Arc<Principal>>) -> Session {
        Session::new(self.clone(), principal)
    }

    /// What knows the products.
    #[must_use]
    pub fn catalog(&self) -> &Arc<dyn ProductCatalog> {
        &self.0.catalog
    }

    /// What opens the ports.
    #[must_use]
    pub fn connectors(&self) -> &[Arc<dyn Connector>] {
        &self.0.connectors
    }

    /// What decides on access.
    #[must_use]
    pub fn authorizer(&self) -> &Arc<dyn Authorizer> {
        &self.0.authorizer
    }

    /// What records the queries.
    #[must_use]
    pub fn events(&self) -> &Arc<dyn EventSink> {
        &self.0.events
    }

    /// What tells the time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The options.
    #[must_use]
    pub fn config(&self) -> &EngineConfig {
        &self.0.config
    }

    /// Memory, disk and the number of queries that all sessions share.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// What was counted so far, in the text format of Prometheus.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn metrics_text(&self) -> Result<String> {
        self.0.metrics.text(self.0.limits.load())
    }

    /// Says whether it can answer: whether the query threads do, each thing within `patience`, and the
    /// spill folder can be written. Takes no place among the queries that run.
    ///
    /// # Errors
    ///
    /// What is wrong, without a path or a name.
    pub async fn check(&self, patience: Duration) -> Result<()> {
        crate::health::check(self, patience).await
    }

    /// Waits until no query runs, for as long as `patience` lasts: one that was cancelled holds its place until it
    /// has ended and is recorded.
    pub async fn settle(&self, patience: Duration) {
        let until = tokio::time::Instant::now() + patience;
        while self.0.limits.load().running > 0 && tokio::time::Instant::now() < until {
            tokio::time::sleep(SETTLE_PERIOD).await;
        }
    }

    /// The queries that run, and those that ran lately.
    pub(crate) fn query_log(&self) -> &QueryLog {
        &self.0.query_log
    }

    /// The last statements.
    pub(crate) fn history(&self) -> &History {
        &self.0.history
    }

    /// What is counted of decisions.
    pub(crate) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// How much went from which domain to which.
    pub(crate) fn movement(&self) -> &Movement {
        &self.0.movement
    }

    /// Counts what went from one domain to another before this engine began, as a record of it says.
    pub fn restore_movement(&self, key: MovementKey, moved: MovedData) {
        self.0.movement.add(key, moved);
    }

    /// The mesh as those see it who asked lately.
    pub(crate) fn visible_meshes(&self) -> &VisibleMeshes {
        &self.0.visible_meshes
    }

    /// The last verdict on each promise.
    pub(crate) fn verdicts(&self) -> &VerdictLog {
        &self.0.verdicts
    }

    /// The problems of shape that were met.
    pub(crate) fn shapes(&self) -> &ShapeLog {
        &self.0.shapes
    }

    /// The last result of each rule about quality.
    pub(crate) fn quality(&self) -> &QualityLog {
        &self.0.quality
    }

    /// What the state of each query is made from.
    pub(crate) fn base_state(&self) -> &SessionState {
        &self.0.base_state
    }

    /// What the physical plan of a query that reads nothing is made with.
    pub(crate) fn constant_state(&self) -> &SessionState {
        &self.0.constant_state
    }

    /// What plans run in.
    #[must_use]
    pub fn runtime(&self) -> &Arc<RuntimeEnv> {
        self.0.limits.runtime()
    }
}
