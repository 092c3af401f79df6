//! Stage 3: a governed query becomes a physical plan.
//!
//! ```text
//! GovernedQuery ─logical─▶ LogicalPlan ─parameters─▶ LogicalPlan ─physical─▶ ExecutionPlan
//! ```
//!
//! Uses nothing but pinned, governed tables.

mod answer;
mod bounded;
mod constants;
mod current;
mod distinct_counts;
mod exact_numbers;
mod explain;
mod filter_pushdown;
mod grouping_sets;
mod likely_types;
mod lineage;
mod logical;
mod parameters;
mod physical;
mod pieces;
mod planned_table;
mod prepare;
mod projections;
mod settings;
mod timed_tables;
mod view;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use datafusion::scalar::ScalarValue;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use crate::audit::{Noted, TableAccess};
use crate::connector::SnapshotId;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::execute::{self, QueryStream};
use crate::govern::{GovernedPort, GovernedQuery};
use crate::promises::PromiseReport;
use crate::resolve::{self, Depth, Form, Statement};
use crate::sealed::Sealed;
use crate::session::{Asker, Principal, Session, Settings};
use crate::snapshot_token::SnapshotToken;
use crate::telemetry::{Record, stage};

use answer::Answer;
use current::Change;
pub(crate) use lineage::{Way, lineage};
pub(crate) use logical::ReadTable;
use logical::nullable;
pub use parameters::Parameter;
pub(crate) use planned_table::PlannedTable;
use planned_table::{
    HiddenInput, breaches, hidden_breaches, hidden_inputs, planned_tables, reports, token_of,
    warnings,
};
pub(crate) use prepare::prepare;
pub(crate) use settings::{base_state, constant_state};
pub(crate) use view::{ViewParts, ViewQuery, query_plan, view_table};

/// How long after planning a query may start without being planned again.
const READY_MAX: TimeDelta = TimeDelta::seconds(5);

/// A planned query. It can be executed many times, each time on the same snapshots. Cheap to clone.
#[derive(Debug, Clone)]
pub struct QueryPlan(Arc<Planned>);

#[derive(Debug)]
struct Planned {
    engine: Engine,
    asker: Asker,
    statement: Statement,
    depth: Depth,
    answer: Answer,
    /// What its state is made from: a state itself is larger than all the rest of a plan.
    settings: Settings,
    config: SessionConfig,
    timeout: Duration,
    schema: SchemaRef,
    parameters: Vec<Parameter>,
    tables: Vec<PlannedTable>,
    /// What virtual tables are made from, where that is not shown.
    hidden: Vec<HiddenInput>,
    /// What was decided when it was planned.
    governed: Vec<Arc<GovernedPort>>,
    /// What was noted of its tables when it was planned.
    noted: Vec<TableAccess>,
    warnings: Vec<String>,
    /// The promises that were broken when they were last looked at.
    broken: Mutex<Vec<String>>,
    plans: Option<Sealed<Plans>>,
    /// What is told of the first execution: it begins with the planning.
    record: Mutex<Option<Record>>,
}

#[derive(Debug)]
struct Plans {
    logical: LogicalPlan,
    /// The whole answer, where every run gives the same row of constants.
    constant: Option<RecordBatch>,
    /// A physical plan can be run only once: the first execution takes it, if it comes soon.
    physical: Mutex<Option<Ready>>,
}

/// A physical plan, in which `now()` is the time at which it was made.
#[derive(Debug)]
struct Ready {
    plan: Arc<dyn ExecutionPlan>,
    made: DateTime<Utc>,
}

/// What a plan is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// To run it now.
    Rows,
    /// To learn its schema and its parameters: what runs is planned when it runs.
    Schema,
}

impl QueryPlan {
    /// The schema of the result; every column may hold NULL.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0.schema)
    }

    /// The parameters; empty if it has none or all have values.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.0.parameters
    }

    /// The longest that one execution takes.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.0.timeout
    }

    /// The tables, each with its snapshot.
    #[must_use]
    pub fn snapshots(&self) -> Vec<(String, SnapshotId)> {
        self.0.snapshots()
    }

    /// The same as text, to ask the same question of the same data: `SET mesh.snapshots` takes it.
    #[must_use]
    pub fn snapshot_token(&self) -> SnapshotToken {
        token_of(&self.0.tables)
    }

    /// True if it reads no table, and every execution gives the same small row of constants.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.0.plans.as_ref().is_some_and(|plans| plans.constant.is_some())
    }

    /// What the asker should know, for instance that a version ends soon, or that a promise was broken when the
    /// query was last planned or executed.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.0.warnings.clone();
        warnings.extend_from_slice(&self.0.broken.lock());
        warnings
    }

    /// The promises about time that its tables' contracts make, and whether they are kept now.
    #[must_use]
    pub fn promises(&self) -> Vec<PromiseReport> {
        reports(&self.0.tables, self.0.engine.clock().now())
    }

    /// The same query with a value for each parameter, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// When there are more or fewer values than parameters, or one has a type that does not fit.
    pub fn bind(&self, values: Vec<ScalarValue>) -> Result<Self> {
        let planned = &self.0;
        let logical = planned.plans()?.logical.clone();
        let state = planned.state(planned.engine.clock().now());
        let logical = planned.depth.on_stack(|| {
            let bound = parameters::bind(logical, &planned.parameters, values)?;
            Ok::<_, Error>(coerced(bound, &state))
        })?;
        let schema = match planned.answer {
            Answer::Rows => nullable(logical.schema().as_arrow()),
            Answer::Explanation { .. } | Answer::Analysis => Arc::clone(&planned.schema),
        };
        Ok(Self(Arc::new(Planned {
            engine: planned.engine.clone(),
            asker: planned.asker.clone(),
            statement: planned.statement.clone(),
            depth: planned.depth,
            answer: planned.answer,
            settings: planned.settings.clone(),
            config: planned.config.clone(),
            timeout: planned.timeout,
            schema,
            parameters: Vec::new(),
            tables: planned.tables.clone(),
            hidden: planned.hidden.clone(),
            governed: planned.governed.clone(),
            noted: planned.noted.clone(),
            warnings: planned.warnings.clone(),
            broken: Mutex::new(planned.broken.lock().clone()),
            plans: Some(Sealed::new(Plans { logical, constant: None, physical: Mutex::new(None) })),
            record: Mutex::new(planned.record.lock().take()),
        })))
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// When a parameter has no value, or there is no room for one more query.
    pub async fn execute(&self) -> Result<QueryStream> {
        self.execute_as(&self.0.asker.principal).await
    }

    /// Starts it, decided by what is known now of the principal that asked: groups and attributes can change after it
    /// was planned.
    ///
    /// # Errors
    ///
    /// As [`QueryPlan::execute`], and when this is another principal.
    pub async fn execute_as(&self, principal: &Arc<Principal>) -> Result<QueryStream> {
        if principal.name != self.0.asker.principal.name {
            return Err(Error::new(ErrorKind::Internal, "the plan is somebody else's"));
        }
        self.0.engine.events().admit().await?;
        let mut record = Some(self.0.record(principal));
        if let Some(row) = &self.0.plans()?.constant
            && let Some(record) = record.take()
        {
            return Ok(execute::answer(record, row.clone()));
        }
        let logged = record.as_ref().map(|record| Arc::clone(record.logged()));
        // A boxed future keeps the types of plans out of every caller's own.
        let work: BoxFuture<'_, _> = Box::pin(self.start(principal, &mut record));
        let started = match &logged {
            Some(logged) => logged.unless_killed(work).await,
            None => work.await,
        };
        started.map_err(|error| match &mut record {
            Some(record) => {
                record.failed(&error);
                error.of_query(record.query_id())
            }
            None => error,
        })
    }

    /// Lets the first execution be told of as this says.
    fn keep(&self, record: Record) {
        *self.0.record.lock() = Some(record);
    }

    /// The id of the execution that comes first; `None` once it has begun.
    #[must_use]
    pub fn query_id(&self) -> Option<String> {
        self.0.record.lock().as_ref().map(|record| record.query_id().to_owned())
    }

    async fn start(
        &self,
        principal: &Arc<Principal>,
        record: &mut Option<Record>,
    ) -> Result<QueryStream> {
        let planned = Arc::clone(&self.0);
        let engine = planned.engine.clone();
        let processor = engine.limits().processor();
        let now = engine.clock().now();
        let ready = planned.plans()?.physical.lock().take();
        let ready = ready.filter(|ready| now - ready.made <= READY_MAX);
        let asker = planned.asker_now(principal);
        let physical = match ready {
            Some(ready) if planned.is_settled(&asker) => ready.plan,
            ready => {
                let (planned, asker) = (Arc::clone(&planned), asker.into_owned());
                let noted = record.as_ref().map(|record| record.noted().clone());
                let work = async move {
                    let changes = planned.changes(&asker, now, noted.as_ref()).await?;
                    match ready {
                        Some(ready) if changes.is_empty() => Ok(ready.plan),
                        _ => planned.plan_physical(now, &changes).await,
                    }
                };
                let stage = record.as_ref().map(|record| record.stage(|| stage!("plan")));
                match stage {
                    Some(stage) => processor.run(stage.on(work)).await?,
                    None => processor.run(work).await?,
                }
            }
        };
        planned.judge(now)?;
        planned.answered(physical, (principal, record)).await
    }
}

impl Planned {
    fn plans(&self) -> Result<&Plans> {
        let gone = || Error::new(ErrorKind::Internal, "the plan was already dropped");
        self.plans.as_deref().ok_or_else(gone)
    }

    /// Looks at the promises about its tables, with what planning has read by now.
    ///
    /// # Errors
    ///
    /// When one is broken that the query may not be answered without. It is explained nevertheless.
    fn judge(&self, now: DateTime<Utc>) -> Result<()> {
        let logs = (self.engine.verdicts(), self.engine.shapes());
        let hidden = hidden_breaches(&self.hidden, logs.0, now);
        match hidden.and_then(|()| breaches(&self.tables, logs, now)) {
            Ok(broken) => *self.broken.lock() = broken,
            Err(_) if matches!(self.answer, Answer::Explanation { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The state of a query that is planned `now`.
    fn state(&self, now: DateTime<Utc>) -> SessionState {
        settings::query_state(self.engine.base_state(), &self.settings, now)
    }

    async fn plan_physical(
        &self,
        now: DateTime<Utc>,
        changes: &[Change],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(parameter) = self.parameters.first() {
            return Err(Error::new(
                ErrorKind::InvalidQuery,
                format!("parameter ${} has no value", parameter.number),
            )
            .with_hint("bind one value for each parameter"));
        }
        let state = self.state(now);
        let logical = self.current_plan(changes)?;
        physical::plan(&logical, &state, self.engine.constant_state()).await
    }

    /// What is told of an execution that begins: of the first one, that it was planned, too.
    fn record(&self, principal: &Arc<Principal>) -> Record {
        let known = self.record.lock().take();
        let mut record = known.unwrap_or_else(|| {
            let who = (&self.asker, self.settings.purpose());
            let record = Record::begin(&self.engine, who, self.statement.text());
            record.noted().go_on_with(self.noted.clone());
            record.planned(&token_of(&self.tables));
            record
        });
        record.fetched(principal);
        record
    }

    fn snapshots(&self) -> Vec<(String, SnapshotId)> {
        let tables = self.tables.iter();
        tables.map(|table| (table.name.clone(), table.snapshot.clone())).collect()
    }
}

/// A deep plan is dropped recursively too.
impl Drop for Planned {
    fn drop(&mut self) {
        let plans = self.plans.take();
        self.depth.on_stack(|| drop(plans));
    }
}

/// Plans a governed query.
///
/// # Errors
///
/// When the query does not make sense, or a source fails while it is planned.
pub async fn plan(query: GovernedQuery, session: &Session, aim: Aim) -> Result<QueryPlan> {
    let engine = session.engine().clone();
    if let Some(plans) = literals(&query, engine.base_state())? {
        let schema = nullable(plans.logical.schema().as_arrow());
        let config = engine.base_state().config().clone();
        return Ok(finish(
            &query,
            session,
            Made { answer: Answer::Rows, schema, parameters: Vec::new(), config, plans },
        ));
    }
    let now = engine.clock().now();
    let state = settings::query_state(engine.base_state(), query.settings(), now);
    let depth = query.depth();
    let raw = depth
        .on_stack(|| Ok::<_, Error>(projections::keep_apart(logical::plan(&query, &state)?)?))?;
    let typed = depth.on_stack(|| coerced(raw.clone(), &state));
    let parameters = depth.on_stack(|| parameters::of(&typed, &raw))?;
    let (answer, schema) = match query.statement().form()? {
        Form::Explain { analyze: true, .. } => (Answer::Analysis, explain::schema()),
        Form::Explain { verbose, .. } => {
            (Answer::Explanation { is_verbose: *verbose }, explain::schema())
        }
        _ => (Answer::Rows, nullable(typed.schema().as_arrow())),
    };
    // A parameter without a type would get one from the other terms, which its value may not have:
    // what is bound later is given its types anew.
    let logical = if parameters.is_empty() { typed } else { raw };
    let constant = match answer {
        Answer::Rows if parameters.is_empty() => constants::row(&logical, &schema, &state),
        _ => None,
    };
    let physical = match aim {
        Aim::Rows if constant.is_some() => None,
        Aim::Rows if parameters.is_empty() => {
            let plan = physical::plan(&logical, &state, engine.constant_state()).await?;
            Some(Ready { plan, made: now })
        }
        Aim::Rows | Aim::Schema => None,
    };
    let plans = Plans { logical, constant, physical: Mutex::new(physical) };
    let config = state.config().clone();
    let made = Made { answer, schema, parameters, config, plans };
    let plan = finish(&query, session, made);
    if aim == Aim::Rows {
        plan.0.judge(now)?;
    }
    Ok(plan)
}

/// The plan of a list of literals: its rows are known without options, types to adjust, or rules.
fn literals(query: &GovernedQuery, state: &SessionState) -> Result<Option<Plans>> {
    if !resolve::lists_literals(query.statement().form()?) {
        return Ok(None);
    }
    let logical = projections::keep_apart(logical::plan(query, state)?)?;
    let schema = nullable(logical.schema().as_arrow());
    let constant = constants::row(&logical, &schema, state);
    Ok(constant.map(|row| Plans { logical, constant: Some(row), physical: Mutex::new(None) }))
}

/// What planning made of a query.
struct Made {
    answer: Answer,
    schema: SchemaRef,
    parameters: Vec<Parameter>,
    config: SessionConfig,
    plans: Plans,
}

fn finish(query: &GovernedQuery, session: &Session, made: Made) -> QueryPlan {
    let engine = session.engine().clone();
    QueryPlan(Arc::new(Planned {
        asker: session.asker().clone(),
        statement: query.statement().clone(),
        depth: query.depth(),
        answer: made.answer,
        settings: query.settings().clone(),
        config: made.config,
        timeout: settings::timeout(engine.config(), query.settings()),
        schema: made.schema,
        parameters: made.parameters,
        tables: planned_tables(query.tables(), session.asker(), engine.clock().now()),
        hidden: hidden_inputs(query.tables(), engine.clock().now()),
        governed: query
            .tables()
            .iter()
            .filter_map(|table| table.governed_port().cloned())
            .collect(),
        noted: session.noted().map(Noted::all).unwrap_or_default(),
        warnings: warnings(query.tables()),
        broken: Mutex::default(),
        plans: Some(Sealed::new(made.plans)),
        record: Mutex::new(None),
        engine,
    }))
}

/// The plan with the types that it is run with: `SELECT 1 UNION ALL SELECT 2.5` gives numbers that
/// are not whole. A plan whose parameters have no types yet stays as it is.
fn coerced(plan: LogicalPlan, state: &SessionState) -> LogicalPlan {
    let analyzed =
        state.analyzer().execute_and_check(plan.clone(), state.config_options(), |_, _| {});
    // An error of the analysis comes again, with its own words, when the plan is made physical.
    analyzed.unwrap_or(plan)
}
