//! Prepared statements: made, run with what is bound, closed.

use std::sync::Arc;

use arrow_flight::sql::ActionCreatePreparedStatementRequest;
use bytes::Bytes;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::scalar::ScalarValue;
use samite_engine::plan::QueryPlan;
use samite_engine::resolve::Statement;
use samite_engine::session::Session;
use samite_engine::{Error, ErrorKind, Result};
use uuid::Uuid;

use super::state::State;
use super::statement::{Execution, parse, refuse_transaction, unbound};
use crate::auth::Caller;
use crate::prepared::{Part, PreparedStatement, parameter_count, parameter_schema};
use crate::protocol::Prepared;
use crate::query::Work;
use crate::wire::{Profile, WireSchema};

impl State {
    /// Makes a prepared statement. A query is planned for its schemas only; nothing runs.
    pub(super) async fn prepare(
        &self,
        caller: &Caller,
        request: &ActionCreatePreparedStatementRequest,
    ) -> Result<Prepared> {
        refuse_transaction(request.transaction_id.as_deref())?;
        let (session, profile) = self.session_of(caller).await?;
        let known = self.constants.find(&session, profile, &request.query);
        let statement = match &known {
            Some(known) => known.statement.clone(),
            None => parse(&session, &request.query)?,
        };
        let known = known.map(|known| known.plan.clone());
        self.keep_prepared(caller, (session, profile), statement, known).await
    }

    /// Makes a prepared statement of a plan of Substrait.
    pub(super) async fn prepare_plan(&self, caller: &Caller, plan: &[u8]) -> Result<Prepared> {
        let (session, profile) = self.session_of(caller).await?;
        let statement = session.parse_substrait(plan)?;
        self.keep_prepared(caller, (session, profile), statement, None).await
    }

    async fn keep_prepared(
        &self,
        caller: &Caller,
        (session, profile): (Session, Profile),
        statement: Statement,
        known: Option<QueryPlan>,
    ) -> Result<Prepared> {
        let is_query = statement.is_query();
        let prepared = Arc::new(PreparedStatement::new(&caller.principal.name, statement));
        let (dataset_schema, parameter_schema) = if is_query {
            let plan = match known {
                Some(known) => known,
                None => session.describe(&prepared.statement).await?,
            };
            prepared.set_parameters(parameter_count(plan.parameters()));
            let parameters = parameter_schema(plan.parameters(), profile);
            prepared.keep_plan(&plan, session.settings());
            let rows = WireSchema::of_result(&plan.schema(), profile)?;
            (rows.message(), WireSchema::of_result(&parameters, profile)?.message())
        } else {
            let empty = WireSchema::empty()?.message();
            (empty.clone(), empty)
        };
        let handle = Uuid::new_v4();
        let idle = self.config.statement_idle;
        self.statements.insert(&caller.principal, (handle, prepared), idle, |_| false)?;
        Ok(Prepared {
            prepared_statement_handle: Bytes::copy_from_slice(handle.as_bytes()),
            dataset_schema,
            parameter_schema,
            is_update: Some(!is_query),
        })
    }

    /// The prepared statement with this handle.
    pub(super) fn prepared(
        &self,
        caller: &Caller,
        handle: &[u8],
    ) -> Result<Arc<PreparedStatement>> {
        let missing = || {
            Error::new(ErrorKind::NotFound, "the prepared statement does not exist")
                .with_hint("prepare it again; one that is not used for long is closed")
        };
        let id = Uuid::from_slice(handle).map_err(|_| missing())?;
        let prepared = self.statements.get(&id).ok_or_else(missing)?;
        if prepared.principal != caller.principal.name {
            return Err(missing());
        }
        self.statements.end_in(&id, self.config.statement_idle);
        Ok(prepared)
    }

    /// What an execution runs, with its schema and the token of a session that it began.
    pub(super) async fn execute_prepared(
        &self,
        caller: &Caller,
        handle: &[u8],
    ) -> Result<Execution> {
        let prepared = self.prepared(caller, handle)?;
        if !prepared.statement.is_query() {
            let token = self.apply(caller, &prepared.statement).await?;
            return Ok((Work::Nothing, Arc::new(WireSchema::empty()?), token));
        }
        let (session, profile) = self.session_of(caller).await?;
        let plan = plan(&session, &prepared).await?;
        let (work, schema) = bound(plan, &prepared)?;
        Ok((work, Arc::new(WireSchema::of_result(&schema, profile)?), None))
    }

    /// The schema of the rows; that of unbound parameters where nothing is bound.
    pub(super) async fn prepared_schema(
        &self,
        caller: &Caller,
        handle: &[u8],
    ) -> Result<WireSchema> {
        let prepared = self.prepared(caller, handle)?;
        if !prepared.statement.is_query() {
            return WireSchema::empty();
        }
        let (session, profile) = self.session_of(caller).await?;
        let plan = session.describe(&prepared.statement).await?;
        let schema = match prepared.bound() {
            Some(_) => bound(plan, &prepared)?.1,
            None => plan.schema(),
        };
        WireSchema::of_result(&schema, profile)
    }

    /// Closes a prepared statement. One that is closed already, or was never there, is no error.
    pub(super) fn close_prepared(&self, caller: &Caller, handle: &[u8]) {
        if self.prepared(caller, handle).is_ok()
            && let Ok(id) = Uuid::from_slice(handle)
        {
            self.statements.remove(&id);
        }
    }
}

/// A plan of this moment, with the snapshots of this moment.
async fn plan(session: &Session, prepared: &PreparedStatement) -> Result<QueryPlan> {
    match prepared.take_plan(&session.settings()) {
        Some(plan) => Ok(plan),
        None => session.plan(&prepared.statement).await,
    }
}

/// What runs with the parameters that are bound, and its schema.
fn bound(plan: QueryPlan, prepared: &PreparedStatement) -> Result<(Work, SchemaRef)> {
    let bound = prepared.bound();
    let Some(parameter) = plan.parameters().first() else {
        if let Some(rows) = bound.filter(|rows| !rows.has_no_columns()) {
            rows.values(&[])?;
        }
        return Ok(once(plan, None));
    };
    let values = bound.ok_or_else(|| unbound(parameter.number))?.values(plan.parameters())?;
    check_types(&values.rows)?;
    let schema = match values.rows.as_slice() {
        [] => plan.schema(),
        [row] => return Ok(once(plan.bind(row.clone())?, Some(values.share))),
        [row, ..] => plan.bind(row.clone())?.schema(),
    };
    // All runs together have the time of one.
    let timeout = plan.timeout();
    Ok((Work::ForEach { plan: Box::new(plan), values, timeout }, schema))
}

fn once(plan: QueryPlan, share: Option<Part>) -> (Work, SchemaRef) {
    let schema = plan.schema();
    (Work::Once { plan: Box::new(plan), _share: share }, schema)
}

/// One schema holds for all rows, so that a parameter has one type in all of them.
fn check_types(rows: &[Vec<ScalarValue>]) -> Result<()> {
    let types = |row: &[ScalarValue]| row.iter().map(ScalarValue::data_type).collect::<Vec<_>>();
    let Some(first) = rows.first().map(|row| types(row)) else { return Ok(()) };
    for row in rows {
        for (number, (data_type, first)) in (1..).zip(types(row).iter().zip(&first)) {
            if data_type != first && *data_type != DataType::Null {
                let message = format!("parameter ${number} has not the same type in all rows");
                return Err(Error::new(ErrorKind::InvalidQuery, message)
                    .with_detail(format!("{first} and {data_type}")));
            }
        }
    }
    Ok(())
}
