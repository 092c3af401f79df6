//! From a governed query to a logical plan.
//!
//! The planner sees no catalog: only the tables that the query names, already governed.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{BooleanArray, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{TableFunctionArgs, TableProvider};
use datafusion::common::{
    DFSchema, Result as DataFusionResult, TableReference, plan_datafusion_err,
};
use datafusion::config::ConfigOptions;
use datafusion::datasource::{MemTable, cte_worktable::CteWorkTable, provider_as_source};
use datafusion::execution::SessionState;
use datafusion::logical_expr::planner::{
    ContextProvider, ExprPlanner, RelationPlanner, TypePlanner,
};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    AggregateUDF, Expr, HigherOrderUDF, LogicalPlan, LogicalPlanBuilder, ScalarUDF, TableSource,
    WindowUDF,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::planner::{ParserOptions, SqlToRel};
use datafusion::sql::sqlparser::ast::{self, TableVersion};

use super::exact_numbers::spell_out;
use super::projections;
use super::timed_tables::TimedTables;
use super::view::apart;
use crate::error::{Error, ErrorKind, Result};
use crate::govern::{GovernedQuery, GovernedTable};
use crate::mesh_catalog::postgres::{self, Database};
use crate::resolve::{Form, SessionValues, Show};
use crate::session::{SETTINGS, canonical_setting};

/// Plans a query; for EXPLAIN the query that is explained.
///
/// # Errors
///
/// When the query does not make sense.
pub(super) fn plan(query: &GovernedQuery, state: &SessionState) -> Result<LogicalPlan> {
    plan_form(query.statement().form()?, query, state)
}

fn plan_form(form: &Form, query: &GovernedQuery, state: &SessionState) -> Result<LogicalPlan> {
    match form {
        Form::Query(sql) => {
            let tables: Vec<ReadTable> = query.tables().iter().map(ReadTable::from).collect();
            let values = SessionValues::new(query.principal(), query.settings());
            plan_query(sql, (&tables, query.postgres()), values, state)
        }
        Form::Substrait(plan) => {
            let tables = query.tables().iter();
            plan.over(
                state,
                tables.map(|table| (table.reference().clone(), apart(table.provider()))),
            )
        }
        Form::Explain { query: inner, .. } => plan_form(inner, query, state),
        Form::Show(Show::Columns(_)) => describe(query),
        Form::Show(Show::Settings(name)) => show_settings(query, name.as_deref()),
        Form::Show(Show::Listing(_))
        | Form::Set { .. }
        | Form::Use { .. }
        | Form::Kill(_)
        | Form::Nothing => Err(Error::new(ErrorKind::Internal, "the statement cannot be planned")),
    }
}

/// A name of a query, and what reads it.
#[derive(Debug, Clone)]
pub(crate) struct ReadTable {
    /// The name as it is written.
    pub(crate) reference: TableReference,
    /// The clause of time after it.
    pub(crate) version: Option<TableVersion>,
    pub(crate) provider: Arc<dyn TableProvider>,
}

impl From<&GovernedTable> for ReadTable {
    fn from(table: &GovernedTable) -> Self {
        Self {
            reference: table.reference().clone(),
            version: table.version().cloned(),
            provider: Arc::clone(table.provider()),
        }
    }
}

/// Plans a query over these tables, with these answers to what it asks of its session.
///
/// # Errors
///
/// When the query does not make sense.
pub(super) fn plan_query(
    sql: &ast::Query,
    (tables, postgres): (&[ReadTable], Option<&Arc<Database>>),
    values: SessionValues<'_>,
    state: &SessionState,
) -> Result<LogicalPlan> {
    let tables = Tables::new(tables, postgres, state);
    let options = ParserOptions::from(&state.config_options().sql_parser);
    let planner = SqlToRel::new_with_options(&tables, options);
    let mut sql = Box::new(sql.clone());
    spell_out(&mut sql, |expr| values.asked(expr));
    let statement = ast::Statement::Query(sql);
    let plan = planner.statement_to_plan(Parsed::Statement(Box::new(statement)))?;
    Ok(projections::name_alike(plan)?)
}

/// The tables of one query, and DataFusion's functions.
struct Tables<'a> {
    state: &'a SessionState,
    tables: HashMap<TableReference, Arc<dyn TableSource>>,
    postgres: Option<&'a Arc<Database>>,
    relation_planners: Vec<Arc<dyn RelationPlanner>>,
}

impl<'a> Tables<'a> {
    fn new(
        tables: &[ReadTable],
        postgres: Option<&'a Arc<Database>>,
        state: &'a SessionState,
    ) -> Self {
        let source = |table: &ReadTable| {
            (table.reference.clone(), provider_as_source(Arc::clone(&table.provider)))
        };
        let newest = tables.iter().filter(|table| table.version.is_none());
        let mut relation_planners: Vec<Arc<dyn RelationPlanner>> =
            vec![Arc::new(TimedTables::new(tables))];
        relation_planners.extend(state.relation_planners().iter().cloned());
        let tables = newest.map(source).collect();
        Self { state, tables, postgres, relation_planners }
    }
}

impl ContextProvider for Tables<'_> {
    fn get_table_source(&self, name: TableReference) -> DataFusionResult<Arc<dyn TableSource>> {
        self.tables.get(&name).cloned().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("table \"{name}\" does not exist")).into()
        })
    }

    fn get_table_function_source(
        &self,
        name: &str,
        args: Vec<Expr>,
    ) -> DataFusionResult<Arc<dyn TableSource>> {
        let function = self
            .state
            .table_functions()
            .get(name)
            .cloned()
            .ok_or_else(|| plan_datafusion_err!("table function \"{name}\" does not exist"))?;
        let context = SimplifyContext::builder()
            .with_config_options(Arc::clone(self.state.config_options()))
            .with_query_execution_start_time(
                self.state.execution_props().query_execution_start_time,
            )
            .build();
        let simplifier = ExprSimplifier::new(context);
        let schema = DFSchema::empty();
        let args = args
            .into_iter()
            .map(|arg| simplifier.coerce(arg, &schema).and_then(|arg| simplifier.simplify(arg)))
            .map(|arg| arg.map(without_type_of_null))
            .collect::<DataFusionResult<Vec<_>>>()?;
        let args = TableFunctionArgs::new(&args, self.state);
        Ok(provider_as_source(function.create_table_provider_with_args(args)?))
    }

    fn create_cte_work_table(
        &self,
        name: &str,
        schema: SchemaRef,
    ) -> DataFusionResult<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(name, schema))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        self.state.expr_planners()
    }

    fn get_relation_planners(&self) -> &[Arc<dyn RelationPlanner>] {
        &self.relation_planners
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        None
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        let known = self.state.scalar_functions().get(name).cloned();
        known.or_else(|| postgres::function(self.postgres?, name))
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.state.higher_order_functions().get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.state.aggregate_functions().get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.state.window_functions().get(name).cloned()
    }

    fn get_variable_type(&self, _variable_names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        self.state.scalar_functions().keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.state.higher_order_functions().keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.state.aggregate_functions().keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.state.window_functions().keys().cloned().collect()
    }
}

/// Table functions know NULL without a type only.
fn without_type_of_null(arg: Expr) -> Expr {
    match arg {
        Expr::Literal(value, metadata) if value.is_null() => {
            Expr::Literal(ScalarValue::Null, metadata)
        }
        arg => arg,
    }
}

/// The schema with every column allowed to hold NULL: what is promised to a client must hold for
/// every plan of the query.
pub(super) fn nullable(schema: &Schema) -> SchemaRef {
    let fields: Vec<Field> =
        schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    Arc::new(Schema::new(fields))
}

/// The columns of the one table of the query.
fn describe(query: &GovernedQuery) -> Result<LogicalPlan> {
    let table = query
        .tables()
        .first()
        .ok_or_else(|| Error::new(ErrorKind::Internal, "no table to describe"))?;
    let promise = table.port().map(|(port, _)| &port.table);
    let description = |name: &str| -> Option<String> {
        promise?.columns.iter().find(|column| column.name == name)?.description.clone()
    };
    let schema = table.provider().schema();
    let fields = schema.fields();
    let batch = RecordBatch::try_new(
        Arc::new(Schema::new(vec![
            Field::new("column_name", DataType::Utf8, false),
            Field::new("data_type", DataType::Utf8, false),
            Field::new("is_nullable", DataType::Boolean, false),
            Field::new("description", DataType::Utf8, true),
        ])),
        vec![
            Arc::new(
                fields.iter().map(|field| Some(field.name().as_str())).collect::<StringArray>(),
            ),
            Arc::new(
                fields
                    .iter()
                    .map(|field| Some(field.data_type().to_string()))
                    .collect::<StringArray>(),
            ),
            Arc::new(
                fields.iter().map(|field| Some(field.is_nullable())).collect::<BooleanArray>(),
            ),
            Arc::new(fields.iter().map(|field| description(field.name())).collect::<StringArray>()),
        ],
    );
    rows(batch)
}

/// One setting, or all.
fn show_settings(query: &GovernedQuery, name: Option<&str>) -> Result<LogicalPlan> {
    let wanted = name.map(canonical_setting).transpose()?;
    let shown: Vec<_> = SETTINGS
        .iter()
        .filter(|setting| wanted.is_none_or(|wanted| wanted == setting.name))
        .collect();
    let batch = RecordBatch::try_new(
        Arc::new(Schema::new(vec![
            Field::new("name", DataType::Utf8, false),
            Field::new("value", DataType::Utf8, true),
            Field::new("description", DataType::Utf8, false),
        ])),
        vec![
            Arc::new(shown.iter().map(|setting| Some(setting.name)).collect::<StringArray>()),
            Arc::new(
                shown
                    .iter()
                    .map(|setting| query.settings().get(setting.name).or(setting.default))
                    .collect::<StringArray>(),
            ),
            Arc::new(
                shown.iter().map(|setting| Some(setting.description)).collect::<StringArray>(),
            ),
        ],
    );
    rows(batch)
}

/// A plan that gives one batch.
pub(super) fn rows(
    batch: Result<RecordBatch, datafusion::arrow::error::ArrowError>,
) -> Result<LogicalPlan> {
    let batch = batch.map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]])?;
    let scan = LogicalPlanBuilder::scan("rows", provider_as_source(Arc::new(table)), None)?;
    Ok(scan.build()?)
}
