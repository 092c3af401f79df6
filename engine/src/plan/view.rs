//! The query of a virtual table, as a table.
//!
//! ```text
//! ViewTable: the contract's columns <- query <- governed inputs
//! ```
//!
//! It becomes part of the caller's plan only where the caller may see all of it. Everywhere else it is
//! planned by itself, behind a barrier, and of the caller's predicates it takes those on columns that it
//! hands through as they are: what is computed could fail on a row that the query leaves out.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, Result as DataFusionResult};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown, TableType,
};
use datafusion::physical_plan::ExecutionPlan;

use super::lineage::plain_columns;
use super::logical::{ReadTable, plan_query};
use super::{physical, projections, settings};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::product;
use crate::resolve::{Depth, Form, PortTable, SessionValues, Statement};
use crate::sealed::Sealed;
use crate::session::Settings;
use crate::type_class::broken_promise;

/// Nodes of the plan of one virtual table, those of its virtual inputs included.
const NODES_MAX: usize = 5_000;

/// The query of a virtual table, and what it is planned with.
pub(crate) struct ViewQuery<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) statement: &'a Statement,
    /// What the names in it mean.
    pub(crate) tables: Vec<ReadTable>,
    /// The name of the principal that it reads as.
    pub(crate) service: &'a str,
    pub(crate) now: DateTime<Utc>,
}

/// What a virtual table is made of.
pub(crate) struct ViewParts<'a> {
    pub(crate) table: &'a PortTable,
    pub(crate) query: ViewQuery<'a>,
    /// True if it may become part of the plan of who reads it.
    pub(crate) is_inlined: bool,
}

/// The virtual table: the query with the columns that the contract promises.
///
/// # Errors
///
/// When the query makes no sense, or gives something else than is promised.
pub(crate) fn view_table(parts: ViewParts<'_>) -> Result<Arc<dyn TableProvider>> {
    let plan = Depth::DEEP.on_stack(|| {
        let plan = promised(query_plan(&parts.query)?, parts.table)?;
        check_size(&plan)?;
        Ok::<_, Error>(plan)
    })?;
    let plain = Depth::DEEP.on_stack(|| plain_columns(&plan));
    Ok(Arc::new(ViewTable {
        name: parts.table.name.to_string(),
        schema: Arc::clone(plan.schema().inner()),
        plan: Some(Sealed::new(plan)),
        plain,
        engine: parts.query.engine.clone(),
        is_inlined: parts.is_inlined,
    }))
}

/// The plan of the query, with the types that it is run with.
pub(crate) fn query_plan(asked: &ViewQuery<'_>) -> Result<LogicalPlan> {
    let Form::Query(query) = asked.statement.form()? else {
        return Err(Error::new(ErrorKind::InvalidQuery, "the file does not hold a query"));
    };
    let settings = Settings::default();
    let state = settings::query_state(asked.engine.base_state(), &settings, asked.now);
    let values = SessionValues::new(asked.service, &settings);
    let plan = plan_query(query, (&asked.tables, None), values, &state)?;
    let plan = projections::keep_apart(plan)?;
    if let Some(name) = plan.get_parameter_names()?.into_iter().next() {
        return Err(Error::new(
            ErrorKind::InvalidQuery,
            format!("the query of a virtual table has a parameter, {name}"),
        )
        .with_hint("write its value"));
    }
    Ok(state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {})?)
}

/// The plan with the columns that the contract promises, in its order and with its names; all columns if
/// it names none.
fn promised(plan: LogicalPlan, table: &PortTable) -> Result<LogicalPlan> {
    let all = plan.schema().columns();
    let place = |name: &str| -> Result<usize> {
        let mut places =
            (0..all.len()).filter(|at| all.get(*at).is_some_and(|one| one.name == name));
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (None, _) => Err(lacks(table, name, &all)),
            (Some(_), Some(_)) => {
                Err(broken(table, name, "the query gives two columns of that name"))
            }
        }
    };
    let mut columns = Vec::new();
    if table.table.columns.is_empty() {
        for column in &all {
            place(&column.name)?;
            columns.push(Expr::Column(column.clone()).alias(&column.name));
        }
    }
    for column in &table.table.columns {
        let place = place(column.source_name())?;
        check_type(table, column, plan.schema().field(place).data_type())?;
        let found = all.get(place).cloned().ok_or_else(|| lacks(table, &column.name, &all))?;
        columns.push(Expr::Column(found).alias(&column.name));
    }
    Ok(LogicalPlanBuilder::from(plan).project(columns)?.build()?)
}

fn check_type(
    table: &PortTable,
    column: &product::Column,
    found: &datafusion::arrow::datatypes::DataType,
) -> Result<()> {
    match broken_promise(column, found) {
        Some(class) => {
            let what = format!("promised is {class}, the query gives {found}");
            Err(broken(table, &column.name, &what))
        }
        None => Ok(()),
    }
}

fn lacks(table: &PortTable, column: &str, all: &[Column]) -> Error {
    let names: Vec<&str> = all.iter().take(20).map(|one| one.name.as_str()).collect();
    Error::new(
        ErrorKind::ContractViolated,
        format!("table \"{}\" lacks column \"{column}\", which its contract promises", table.name),
    )
    .with_detail(format!("the query gives {}", names.join(", ")))
    .with_hint("ask the owner of the product to mend the contract or the query")
}

fn broken(table: &PortTable, column: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::ContractViolated,
        format!(
            "column \"{column}\" of table \"{}\" is not what its contract promises",
            table.name
        ),
    )
    .with_detail(what)
    .with_hint("ask the owner of the product to mend the contract or the query")
}

/// Virtual tables that are read twice by others that are read twice multiply.
fn check_size(plan: &LogicalPlan) -> Result<()> {
    let mut nodes = 0_usize;
    plan.apply_with_subqueries(|_| {
        nodes += 1;
        Ok(match nodes > NODES_MAX {
            true => datafusion::common::tree_node::TreeNodeRecursion::Stop,
            false => datafusion::common::tree_node::TreeNodeRecursion::Continue,
        })
    })?;
    if nodes <= NODES_MAX {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidQuery, "the query of a virtual table is too large")
        .with_hint("name virtual tables less often in it"))
}

/// A query over other products, as a table.
#[derive(Debug)]
struct ViewTable {
    name: String,
    schema: SchemaRef,
    plan: Option<Sealed<LogicalPlan>>,
    /// The columns that it hands through as they are.
    plain: BTreeSet<String>,
    engine: Engine,
    is_inlined: bool,
}

impl ViewTable {
    fn plan(&self) -> DataFusionResult<&LogicalPlan> {
        let gone = || Error::new(ErrorKind::Internal, "the plan was already dropped");
        Ok(self.plan.as_deref().ok_or_else(gone)?)
    }

    /// The query with what is asked of it.
    fn asked(
        &self,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<LogicalPlan> {
        let mut plan = LogicalPlanBuilder::from(self.plan()?.clone());
        let filters: DataFusionResult<Vec<Expr>> =
            filters.iter().cloned().map(unqualified).collect();
        if let Some(filter) = conjunction(filters?) {
            plan = plan.filter(filter)?;
        }
        if let Some(projection) = projection {
            let fields = projection.iter().map(|place| self.schema.field(*place));
            let column = |name: &String| Expr::Column(Column::new_unqualified(name));
            plan = plan.project(fields.map(|field| column(field.name())))?;
        }
        if limit.is_some() {
            plan = plan.limit(0, limit)?;
        }
        plan.build()
    }
}

/// A deep plan is dropped recursively too.
impl Drop for ViewTable {
    fn drop(&mut self) {
        let plan = self.plan.take();
        Depth::DEEP.on_stack(|| drop(plan));
    }
}

/// The table as one that is no part of the plan of who reads it: plans of Substrait name tables, not
/// queries.
pub(super) fn apart(table: &Arc<dyn TableProvider>) -> Arc<dyn TableProvider> {
    match table.get_logical_plan() {
        Some(_) => Arc::new(Apart(Arc::clone(table))),
        None => Arc::clone(table),
    }
}

/// A table without its plan.
#[derive(Debug)]
struct Apart(Arc<dyn TableProvider>);

#[async_trait]
impl TableProvider for Apart {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        self.0.table_type()
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        self.0.supports_filters_pushdown(filters)
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        self.0.scan(session, projection, filters, limit).await
    }
}

/// The expression with the bare names of its columns.
fn unqualified(expr: Expr) -> DataFusionResult<Expr> {
    expr.transform(|part| match part {
        Expr::Column(column) if column.relation.is_some() => {
            Ok(Transformed::yes(Expr::Column(Column::new_unqualified(column.name))))
        }
        other => Ok(Transformed::no(other)),
    })
    .data()
}

#[async_trait]
impl TableProvider for ViewTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        self.is_inlined.then(|| self.plan.as_deref().map(Cow::Borrowed)).flatten()
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let is_plain = |filter: &&Expr| {
            let columns = filter.column_refs();
            !filter.is_volatile()
                && !columns.is_empty()
                && columns.iter().all(|column| self.plain.contains(&column.name))
        };
        let answer = |filter: &&Expr| match is_plain(filter) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let started = session.execution_props().query_execution_start_time;
        let now = started.unwrap_or_else(|| self.engine.clock().now());
        let base = self.engine.base_state();
        let state = settings::query_state(base, &Settings::default(), now);
        let plan = Depth::DEEP.on_stack(|| self.asked(projection, filters, limit))?;
        let planned = physical::plan(&plan, &state, self.engine.constant_state()).await;
        planned.map_err(|error| error.with_context("virtual table", &self.name).into())
    }
}
