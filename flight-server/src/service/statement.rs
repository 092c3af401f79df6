//! Statements: from a descriptor to a schema, a plan with its ticket, and the rows.

use std::sync::Arc;

use arrow_flight::sql::{Command, SubstraitPlan, TicketStatementQuery};
use arrow_flight::{FlightDescriptor, FlightEndpoint, FlightInfo, PollInfo, SchemaResult, Ticket};
use bytes::Bytes;
use futures::stream;
use samite_engine::events::StatementAction;
use samite_engine::plan::QueryPlan;
use samite_engine::resolve::Statement;
use samite_engine::session::Session;
use samite_engine::{Error, ErrorKind, Result};
use uuid::Uuid;

use super::state::State;
use super::{Reply, read_only};
use crate::auth::Caller;
use crate::constants::Constant;
use crate::encode::{Encoder, Measured};
use crate::message::Messages;
use crate::metadata::Asker;
use crate::protocol::{any_bytes, number_placeholders, read_command};
use crate::query::{Query, Work};
use crate::stream::Stop;
use crate::ticket;
use crate::wire::{Profile, WireSchema};

/// What runs, with its schema and the token of a session that it began.
pub(super) type Execution = (Work, Arc<WireSchema>, Option<String>);

impl State {
    /// GetFlightInfo: plans a query, or runs a session statement.
    pub(crate) async fn flight_info(
        &self,
        caller: &Caller,
        descriptor: FlightDescriptor,
    ) -> Result<Reply<FlightInfo>> {
        let command = read_command(&descriptor.cmd)?;
        if let Some(schema) = self.metadata.schema(&command) {
            let schema = WireSchema::fixed(schema)?;
            let ticket = descriptor.cmd.clone();
            return Ok(Reply::new(info(&schema, ticket, descriptor)));
        }
        let (work, schema, session_token) = match &command {
            Command::CommandStatementQuery(command) => {
                refuse_transaction(command.transaction_id.as_deref())?;
                self.execute_text(caller, &command.query).await?
            }
            Command::CommandStatementSubstraitPlan(command) => {
                refuse_transaction(command.transaction_id.as_deref())?;
                self.execute_plan(caller, &plan_of(command.plan.as_ref())?).await?
            }
            Command::CommandPreparedStatementQuery(command) => {
                self.execute_prepared(caller, &command.prepared_statement_handle).await?
            }
            other => return Err(no_query(other)),
        };
        let (query_id, warnings) = (work.query_id(), work.warnings());
        let info = self.offer(caller, work, schema, descriptor)?;
        Ok(Reply { query_id, warnings, ..Reply::with_session(info, session_token) })
    }

    /// What the execution of a text runs, with its schema and the token of a session that it began.
    async fn execute_text(&self, caller: &Caller, sql: &str) -> Result<Execution> {
        let (session, profile) = self.session_of(caller).await?;
        if let Some(known) = self.constants.find(&session, profile, sql) {
            let work = Work::once(known.plan.clone());
            return Ok((work, Arc::clone(&known.schema), None));
        }
        let statement = parse(&session, sql)?;
        if !statement.is_query() {
            let token = self.apply(caller, &statement).await?;
            return Ok((Work::Nothing, Arc::new(WireSchema::empty()?), token));
        }
        let plan = session.plan(&statement).await?;
        check_bound(&plan)?;
        let schema = Arc::new(WireSchema::of_result(&plan.schema(), profile)?);
        let known = Constant { statement, plan: plan.clone(), schema: Arc::clone(&schema) };
        self.constants.keep(&session, profile, sql, known);
        Ok((Work::once(plan), schema, None))
    }

    /// What the execution of a plan runs, with its schema.
    async fn execute_plan(&self, caller: &Caller, plan: &[u8]) -> Result<Execution> {
        let (session, profile) = self.session_of(caller).await?;
        let plan = session.plan(&session.parse_substrait(plan)?).await?;
        check_bound(&plan)?;
        let schema = Arc::new(WireSchema::of_result(&plan.schema(), profile)?);
        Ok((Work::once(plan), schema, None))
    }

    /// Keeps what was planned, and says how to fetch it.
    fn offer(
        &self,
        caller: &Caller,
        work: Work,
        schema: Arc<WireSchema>,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo> {
        let snapshots = work.snapshots();
        let query = Arc::new(Query::new(&caller.principal.name, work, schema));
        let lifetime = self.query_lifetime();
        let ticket = self.ticket_of(query.id, caller)?;
        let info =
            FlightInfo { app_metadata: snapshots, ..info(&query.schema, ticket, descriptor) };
        let entry = (query.id, query);
        self.queries.insert(&caller.principal, entry, lifetime, Query::was_fetched)?;
        Ok(info)
    }

    /// A new ticket of a query.
    pub(super) fn ticket_of(&self, id: Uuid, caller: &Caller) -> Result<Bytes> {
        let handle = self.tickets.issue(id, &caller.principal.name, self.query_lifetime())?;
        Ok(any_bytes(&TicketStatementQuery { statement_handle: handle }))
    }

    /// The query of a ticket.
    pub(super) fn query_of(&self, caller: &Caller, ticket: &[u8]) -> Result<Arc<Query>> {
        let id = self.tickets.check(&handle_of(ticket)?, &caller.principal.name)?;
        self.own_query(caller, id)
    }

    /// The query of a ticket that may have ended: the query may run nevertheless.
    pub(super) fn cancellable_of(&self, caller: &Caller, ticket: &[u8]) -> Result<Arc<Query>> {
        let id = self.tickets.check_signature(&handle_of(ticket)?, &caller.principal.name)?;
        self.own_query(caller, id)
    }

    fn own_query(&self, caller: &Caller, id: Uuid) -> Result<Arc<Query>> {
        let query = self.queries.get(&id);
        query.filter(|query| query.principal == caller.principal.name).ok_or_else(ticket::ended)
    }

    /// PollFlightInfo: planning is quick, so that the first answer is the last.
    pub(crate) async fn poll_info(
        &self,
        caller: &Caller,
        descriptor: FlightDescriptor,
    ) -> Result<Reply<PollInfo>> {
        let reply = self.flight_info(caller, descriptor).await?;
        Ok(reply.map(|info| PollInfo { progress: Some(1.0), ..PollInfo::new().with_info(info) }))
    }

    /// GetSchema: the schema that the rows would have; runs nothing.
    pub(crate) async fn schema(
        &self,
        caller: &Caller,
        descriptor: &FlightDescriptor,
    ) -> Result<Reply<SchemaResult>> {
        let command = read_command(&descriptor.cmd)?;
        let schema = match (&command, self.metadata.schema(&command)) {
            (_, Some(schema)) => WireSchema::fixed(schema)?,
            (Command::CommandStatementQuery(command), _) => {
                let (session, profile) = self.session_of(caller).await?;
                let statement = parse(&session, &command.query)?;
                schema_of(&session, profile, &statement).await?
            }
            (Command::CommandStatementSubstraitPlan(command), _) => {
                let (session, profile) = self.session_of(caller).await?;
                let statement = session.parse_substrait(&plan_of(command.plan.as_ref())?)?;
                schema_of(&session, profile, &statement).await?
            }
            (Command::CommandPreparedStatementQuery(command), _) => {
                self.prepared_schema(caller, &command.prepared_statement_handle).await?
            }
            (other, _) => return Err(no_query(other)),
        };
        Ok(Reply::new(SchemaResult { schema: schema.message() }))
    }

    /// DoGet: the rows of a query or of a metadata command.
    pub(crate) async fn rows(&self, caller: &Caller, ticket: &Ticket) -> Result<Reply<Messages>> {
        let command = read_command(&ticket.ticket).map_err(|_| no_ticket())?;
        if let Some(schema) = self.metadata.schema(&command) {
            return self.metadata_rows(caller, &command, WireSchema::fixed(schema)?).await;
        }
        let query = self.query_of(caller, &ticket.ticket)?;
        let hold = self.queries.hold(query.id, self.config.query_linger);
        let hold = hold.ok_or_else(ticket::ended)?;
        let stop = Stop { deadline: caller.deadline, shutdown: self.shutdown.clone() };
        let on_end = move || drop(hold);
        let started = crate::stream::start(
            (Arc::clone(&query), Arc::clone(&caller.principal)),
            &self.config,
            stop,
            on_end,
        );
        let (query_id, messages) = started.await?;
        let messages: Messages = Box::pin(messages);
        let (query_id, warnings) = (Some(query_id), query.work.warnings());
        Ok(Reply { query_id, warnings, ..Reply::new(messages) })
    }

    async fn metadata_rows(
        &self,
        caller: &Caller,
        command: &Command,
        schema: WireSchema,
    ) -> Result<Reply<Messages>> {
        let (session, profile) = self.session_of(caller).await?;
        let asker = Asker { session: &session, profile, config: &self.config };
        let told = session.command(StatementAction::Metadata, command_name(command)).await?;
        let batches = match self.metadata.answer(command, asker).await {
            Ok(batches) => batches,
            Err(error) => {
                told.failed(error.kind());
                return Err(error);
            }
        };
        told.finished(batches.iter().map(|batch| batch.num_rows() as u64).sum());
        let mut encoder = Encoder::new(Arc::new(schema), &self.config)?;
        let mut messages = vec![encoder.schema_message()];
        for batch in batches {
            for piece in encoder.pieces(&Measured::new(batch)) {
                messages.extend(encoder.encode(piece)?);
            }
        }
        Ok(Reply::new(Box::pin(stream::iter(messages.into_iter().map(Ok)))))
    }

    /// Reads a statement where nothing depends on the session.
    pub(super) fn parse(&self, caller: &Caller, sql: &str) -> Result<Statement> {
        parse(&self.sessions.fresh(caller), sql)
    }

    /// Runs a statement that is no query, once. Gives the token of the session if this began it.
    pub(super) async fn apply(
        &self,
        caller: &Caller,
        statement: &Statement,
    ) -> Result<Option<String>> {
        if !statement.changes_session() {
            self.sessions.fresh(caller).apply(statement).await?;
            return Ok(None);
        }
        let (session, is_new) = self.sessions.open(caller)?;
        let asking = session.session().for_principal(Arc::clone(&caller.principal));
        asking.with_address(caller.address).apply(statement).await?;
        Ok(is_new.then(|| session.token().to_owned()))
    }
}

/// The schema of the rows of a statement.
async fn schema_of(
    session: &Session,
    profile: Profile,
    statement: &Statement,
) -> Result<WireSchema> {
    if !statement.is_query() {
        return WireSchema::empty();
    }
    WireSchema::of_result(&session.describe(statement).await?.schema(), profile)
}

/// The message of a plan of Substrait. Its version is not looked at: what is not understood is refused.
pub(super) fn plan_of(plan: Option<&SubstraitPlan>) -> Result<Bytes> {
    plan.map(|plan| plan.plan.clone())
        .ok_or_else(|| Error::new(ErrorKind::InvalidQuery, "the command has no Substrait plan"))
}

/// Reads a statement.
pub(super) fn parse(session: &Session, sql: &str) -> Result<Statement> {
    session.parse(&number_placeholders(sql)?)
}

fn handle_of(ticket: &[u8]) -> Result<Bytes> {
    match read_command(ticket)? {
        Command::TicketStatementQuery(ticket) => Ok(ticket.statement_handle),
        _ => Err(no_ticket()),
    }
}

fn info(schema: &WireSchema, ticket: Bytes, descriptor: FlightDescriptor) -> FlightInfo {
    FlightInfo {
        schema: schema.message(),
        flight_descriptor: Some(descriptor),
        // Without a location the client fetches where it asked.
        endpoint: vec![FlightEndpoint::new().with_ticket(Ticket { ticket })],
        total_records: -1,
        total_bytes: -1,
        ordered: true,
        app_metadata: Bytes::new(),
    }
}

/// A query runs only with a value for each parameter.
fn check_bound(plan: &QueryPlan) -> Result<()> {
    match plan.parameters().first() {
        None => Ok(()),
        Some(parameter) => Err(unbound(parameter.number)),
    }
}

/// What a query gets whose parameter has no value.
pub(super) fn unbound(number: usize) -> Error {
    Error::new(ErrorKind::InvalidQuery, format!("parameter ${number} has no value"))
        .with_hint("prepare the statement and bind a value for each parameter")
}

/// What a command is called, as in `GetTables`.
fn command_name(command: &Command) -> &str {
    let name = command.type_url().rsplit('.').next().unwrap_or_default();
    name.strip_prefix("Command").unwrap_or(name)
}

/// Transactions do not exist, and so no statement can be in one.
pub(super) fn refuse_transaction(id: Option<&[u8]>) -> Result<()> {
    match id {
        None | Some([]) => Ok(()),
        Some(_) => Err(Error::new(ErrorKind::Unsupported, "there are no transactions")
            .with_hint("leave autocommit on")),
    }
}

fn no_query(command: &Command) -> Error {
    match command {
        Command::CommandStatementUpdate(_)
        | Command::CommandPreparedStatementUpdate(_)
        | Command::CommandStatementIngest(_) => read_only("an update"),
        other => {
            let name = other.type_url().rsplit('.').next().unwrap_or_default();
            Error::new(ErrorKind::InvalidQuery, format!("{name} is no query"))
        }
    }
}

fn no_ticket() -> Error {
    Error::new(ErrorKind::InvalidQuery, "the ticket is not one of this server")
        .with_hint("call GetFlightInfo, and use the ticket of its endpoint")
}
