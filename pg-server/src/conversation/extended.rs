//! Statements that are prepared, bound and run in steps (PostgreSQL, "Extended Query").

use std::sync::Arc;

use datafusion::scalar::ScalarValue;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{
    BindComplete, CloseComplete, ParseComplete, PortalSuspended,
};
use pgwire::messages::response::EmptyQueryResponse;
use samite_engine::plan::QueryPlan;
use samite_engine::resolve::Statement;
use samite_engine::{Error, ErrorKind};

use super::portal::{Portal, Prepared, Progress, Work};
use super::simple::{DECLARED, no_cursor};
use super::{Conversation, End};
use crate::command::Command;
use crate::error::{Coded, code};
use crate::link::Gone;
use crate::parameters::Wanted;
use crate::protocol::{Bind, Parse, Target};
use crate::rows::{Column, Formats, columns, columns_shown, description};
use crate::split;

impl Conversation {
    /// Prepares a statement.
    pub(super) async fn parse(&mut self, parse: Parse) -> Result<(), End> {
        let Parse { name, sql, types } = parse;
        if !name.is_empty() {
            if self.statements.contains_key(&name) {
                let message = format!("a statement is prepared as \"{name}\" already");
                let kind = ErrorKind::InvalidQuery;
                return Err(Coded::new(code::DUPLICATE_STATEMENT, kind, message).into());
            }
            self.check_room(self.statements.len())?;
        }
        let prepared = match split::statements(&sql).as_slice() {
            [] => Prepared { work: Work::Nothing, parameters: vec![], columns: None, plan: None },
            [text] => self.prepare(text, &types).await?,
            _ => {
                let message = "there are several statements in one text";
                return Err(Error::new(ErrorKind::InvalidQuery, message)
                    .with_hint("prepare one statement at a time")
                    .into());
            }
        };
        self.statements.insert(name, Arc::new(prepared));
        Ok(self.link.say(PgWireBackendMessage::ParseComplete(ParseComplete::new())).await?)
    }

    pub(super) async fn prepare(&mut self, sql: &str, types: &[u32]) -> Result<Prepared, End> {
        let command = Command::of(sql)?;
        self.check_transaction(&command)?;
        let (statement, work) = match &command {
            Command::Sql(_) => {
                let statement = self.session.parse(sql)?;
                (statement.clone(), Work::Statement(command, statement))
            }
            Command::Declare { query, .. } => {
                (self.session.parse(query)?, Work::Command(command.clone()))
            }
            _ => {
                let work = Work::Command(command);
                return Ok(Prepared { work, parameters: vec![], columns: None, plan: None });
            }
        };
        if !statement.is_query() {
            return Ok(Prepared { work, parameters: vec![], columns: None, plan: None });
        }
        let plan = self.plan(&statement).await?;
        self.warn(&plan).await?;
        let zone = self.zone_name();
        let parameters: Vec<Wanted> = plan
            .parameters()
            .iter()
            .enumerate()
            .map(|(index, parameter)| {
                let declared = types.get(index).copied().unwrap_or_default();
                let written = statement.is_list_of_oids(index + 1).map(oid_of);
                let declared = if declared == 0 { written.unwrap_or_default() } else { declared };
                Wanted::new(parameter, declared, &zone)
            })
            .collect::<Result<_, _>>()?;
        let columns = match &work {
            // Declaring a cursor gives no rows yet.
            Work::Command(_) => None,
            _ => Some(columns_of(&plan, &parameters, &statement)?),
        };
        Ok(Prepared { work, parameters, columns, plan: Some((plan, self.group)) })
    }

    /// A plan for the columns and parameters.
    pub(super) async fn plan(&mut self, statement: &Statement) -> Result<QueryPlan, End> {
        let session = self.session.clone();
        self.unless_stopped(session.describe(statement)).await
    }

    /// Gives a prepared statement its values.
    pub(super) async fn bind(&mut self, bind: Bind) -> Result<(), End> {
        let prepared = self.prepared(&bind.statement)?;
        if !bind.portal.is_empty() {
            if self.portals.contains_key(&bind.portal) {
                let message = format!("a portal \"{}\" is there already", bind.portal);
                let kind = ErrorKind::InvalidQuery;
                return Err(Coded::new(code::DUPLICATE_CURSOR, kind, message).into());
            }
            self.check_room(self.portals.len())?;
        }
        let values = read_values(&prepared.parameters, &bind)?;
        let columns = match &prepared.work {
            Work::Command(command) => self.columns_of_command(command)?,
            _ => prepared.columns.clone(),
        };
        let width = columns.as_ref().map_or(0, |columns| columns.len());
        let formats = Formats::asked(&bind.result_formats, width).map_err(protocol)?;
        let plan = match &prepared.plan {
            Some((plan, group)) if *group == self.group => Some(plan.clone()),
            Some(_) => Some(self.plan_again(&prepared.work).await?),
            None => None,
        };
        let plan = match plan {
            Some(plan) if !values.is_empty() => Some(plan.bind(values)?),
            plan => plan,
        };
        let portal = Portal {
            work: prepared.work.clone(),
            plan,
            columns,
            formats,
            progress: Progress::New,
            is_held: false,
        };
        self.portals.insert(bind.portal, portal);
        Ok(self.link.say(PgWireBackendMessage::BindComplete(BindComplete::new())).await?)
    }

    /// A plan of the same statement, with the snapshots of now.
    async fn plan_again(&mut self, work: &Work) -> Result<QueryPlan, End> {
        match work {
            Work::Statement(_, statement) => self.plan(statement).await,
            Work::Command(Command::Declare { query, .. }) => {
                let statement = self.session.parse(query)?;
                self.plan(&statement).await
            }
            Work::Nothing | Work::Command(_) => {
                Err(Error::new(ErrorKind::Internal, "what has no plan cannot be planned again")
                    .into())
            }
        }
    }

    pub(super) fn prepared(&self, name: &str) -> Result<Arc<Prepared>, End> {
        self.statements.get(name).cloned().ok_or_else(|| {
            let message = match name {
                "" => "no statement is prepared".to_owned(),
                name => format!("no statement is prepared as \"{name}\""),
            };
            Coded::new(code::INVALID_STATEMENT, ErrorKind::NotFound, message).into()
        })
    }

    fn portal(&self, name: &str) -> Result<&Portal, End> {
        self.portals.get(name).ok_or_else(|| no_cursor(name).into())
    }

    /// Says what a statement or a portal takes and gives.
    pub(super) async fn describe(&mut self, target: Target) -> Result<(), End> {
        let (columns, formats) = match target {
            Target::Statement(name) => {
                let prepared = self.prepared(&name)?;
                let types = prepared.parameters.iter().map(|wanted| wanted.oid).collect();
                let types = ParameterDescription::new(types);
                self.link.say(PgWireBackendMessage::ParameterDescription(types)).await?;
                let columns = match &prepared.work {
                    Work::Command(command) => self.columns_of_command(command)?,
                    _ => prepared.columns.clone(),
                };
                (columns, Formats::text())
            }
            Target::Portal(name) => {
                let portal = self.portal(&name)?;
                (portal.columns.clone(), portal.formats.clone())
            }
        };
        let answer = match columns {
            Some(columns) => description(&columns, &formats),
            None => PgWireBackendMessage::NoData(NoData::new()),
        };
        Ok(self.link.say(answer).await?)
    }

    /// Runs a portal, for so many rows at most; 0 for all.
    pub(super) async fn execute(&mut self, name: String, rows_max: usize) -> Result<(), End> {
        // While it runs it belongs to this call: where that fails, it is gone.
        let mut portal = self.portals.remove(&name).ok_or_else(|| no_cursor(&name))?;
        let tag = match portal.work.clone() {
            Work::Nothing => None,
            Work::Command(command) => {
                self.check_transaction(&command)?;
                if let (Command::Declare { name, is_held, query }, Some(plan)) =
                    (&command, portal.plan.take())
                {
                    let statement = self.session.parse(query)?;
                    let columns = columns(&plan.schema(), statement.column_names())?;
                    self.declare(name, *is_held, (plan, columns))?;
                    return Ok(self.complete(DECLARED.to_owned()).await?);
                }
                Some(self.run_command(&command, Some(&portal.formats)).await?)
            }
            Work::Statement(command, statement) => {
                self.check_transaction(&command)?;
                let Command::Sql(verb) = &command else { return Ok(()) };
                if portal.columns.is_none() {
                    Some(self.apply(&statement, verb).await?)
                } else {
                    let max = (rows_max > 0).then(|| u64::try_from(rows_max).unwrap_or(u64::MAX));
                    let sent = self.send_rows(&mut portal, max).await?;
                    if matches!(portal.progress, Progress::Running { .. }) {
                        self.portals.insert(name, portal);
                        let suspended =
                            PgWireBackendMessage::PortalSuspended(PortalSuspended::new());
                        return Ok(self.link.say(suspended).await?);
                    }
                    Some(verb.tag(sent))
                }
            }
        };
        self.portals.insert(name, portal);
        match tag {
            Some(tag) => Ok(self.complete(tag).await?),
            None => {
                let empty = PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new());
                Ok(self.link.say(empty).await?)
            }
        }
    }

    /// The columns of what a command of the connection gives.
    fn columns_of_command(&self, command: &Command) -> Result<Option<Arc<[Column]>>, End> {
        match command {
            Command::Fetch { name, .. } => Ok(self.portal(name)?.columns.clone()),
            Command::Execute { name, .. } => Ok(self.prepared(name)?.columns.clone()),
            _ => Ok(None),
        }
    }

    /// Forgets a statement or a portal; one that is not there is gone already.
    pub(super) async fn close(&mut self, target: Target) -> Result<(), End> {
        match target {
            Target::Statement(name) => drop(self.statements.remove(&name)),
            Target::Portal(name) => drop(self.portals.remove(&name)),
        }
        Ok(self.link.say(PgWireBackendMessage::CloseComplete(CloseComplete::new())).await?)
    }

    /// Ends a group of messages.
    pub(super) async fn sync(&mut self) -> Result<(), Gone> {
        self.is_skipping = false;
        self.group += 1;
        self.ready().await
    }
}

/// The type of a parameter that is written as an object identifier, or as a list of them.
fn oid_of(is_list: bool) -> u32 {
    if is_list { 1028 } else { 26 }
}

/// The columns as they are with values of the types of the parameters: `SELECT $1` has the type of its
/// value.
fn columns_of(
    plan: &QueryPlan,
    parameters: &[Wanted],
    statement: &Statement,
) -> Result<Arc<[Column]>, Error> {
    if parameters.is_empty() {
        return columns_shown(plan, statement);
    }
    let nulls = parameters.iter().map(Wanted::null).collect::<Result<Vec<_>, _>>()?;
    match plan.bind(nulls) {
        Ok(bound) => columns(&bound.schema(), statement.column_names()),
        // What NULL cannot stand for can still be bound.
        Err(_) => columns(&plan.schema(), statement.column_names()),
    }
}

/// The values of the parameters.
fn read_values(parameters: &[Wanted], bind: &Bind) -> Result<Vec<ScalarValue>, End> {
    if bind.values.len() != parameters.len() {
        let message = format!(
            "the statement has {} parameters and got {} values",
            parameters.len(),
            bind.values.len()
        );
        return Err(protocol(
            Error::new(ErrorKind::InvalidQuery, message)
                .with_hint("give one value for each parameter"),
        ));
    }
    let formats = Formats::asked(&bind.value_formats, parameters.len()).map_err(protocol)?;
    let values = parameters.iter().zip(&bind.values).enumerate();
    let read = values.map(|(index, (wanted, value))| {
        wanted.read(index + 1, value.as_deref(), formats.of(index))
    });
    Ok(read.collect::<Result<_, _>>()?)
}

/// The error for a message that does not fit what it is about.
fn protocol(error: Error) -> End {
    Coded { code: code::PROTOCOL_VIOLATION, error }.into()
}
