//! Statements as text, one after the other (PostgreSQL, "Simple Query").

use std::sync::Arc;

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{EmptyQueryResponse, TransactionStatus};
use pgwire::messages::startup::ParameterStatus;
use samite_engine::events::StatementAction;
use samite_engine::plan::QueryPlan;
use samite_engine::resolve::Statement;
use samite_engine::{Error, ErrorKind};

use super::portal::{Portal, Progress, Work};
use super::setting::{program_of, set_by_statement};
use super::{Conversation, End};
use crate::command::{Command, Verb};
use crate::error::{Coded, code};
use crate::link::Gone;
use crate::rows::{Column, Formats, columns, columns_shown, description};
use crate::split;

/// What a client gets back for a cursor.
pub(super) const DECLARED: &str = "DECLARE CURSOR";

impl Conversation {
    /// Runs the statements of a text until one fails.
    pub(super) async fn query(&mut self, sql: &str) -> Result<(), Gone> {
        // An error of what was bound before does not stop a new statement.
        self.is_skipping = false;
        self.group += 1;
        self.statements.remove("");
        self.portals.remove("");
        match self.statements_of(sql).await {
            Ok(()) => {}
            Err(End::Gone) => return Err(Gone),
            Err(End::Failed(error)) => self.fail(&error).await?,
        }
        self.ready().await
    }

    async fn statements_of(&mut self, sql: &str) -> Result<(), End> {
        let statements = split::statements(sql);
        if statements.is_empty() {
            let empty = PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new());
            return Ok(self.link.say(empty).await?);
        }
        for text in statements {
            let command = Command::of(text)?;
            self.check_transaction(&command)?;
            match command {
                Command::Sql(verb) => self.run_text(text, &verb).await?,
                command => {
                    let tag = self.run_command(&command, None).await?;
                    self.complete(tag).await?;
                }
            }
        }
        Ok(())
    }

    async fn run_text(&mut self, text: &str, verb: &Verb) -> Result<(), End> {
        let statement = self.session.parse(text)?;
        if !statement.is_query() {
            let tag = self.apply(&statement, verb).await?;
            return Ok(self.complete(tag).await?);
        }
        let session = self.session.clone();
        let plan = self.unless_stopped(session.plan(&statement)).await?;
        self.warn(&plan).await?;
        let columns = columns_shown(&plan, &statement)?;
        let mut portal = Portal {
            columns: Some(Arc::clone(&columns)),
            plan: Some(plan),
            work: Work::Nothing,
            formats: Formats::text(),
            progress: Progress::New,
            is_held: false,
        };
        self.begin(&mut portal).await?;
        self.link.say(description(&columns, &portal.formats)).await?;
        let sent = self.send_rows(&mut portal, None).await?;
        Ok(self.complete(verb.tag(sent)).await?)
    }

    /// Carries out what changes the session; the words that the client gets.
    pub(super) async fn apply(
        &mut self,
        statement: &Statement,
        verb: &Verb,
    ) -> Result<String, End> {
        let zone = self.zone_name();
        if !set_by_statement(&self.session, statement.sql()).await? {
            let session = self.session.clone();
            self.unless_stopped(session.apply(statement)).await?;
        }
        if let Some(program) = program_of(statement.sql()) {
            self.session = self.session.clone().with_program(program);
            let name = "application_name".to_owned();
            let status = ParameterStatus::new(name, program.replace('\0', ""));
            self.link.say(PgWireBackendMessage::ParameterStatus(status)).await?;
        }
        self.tell_zone(&zone).await?;
        // What was planned before may mean something else now.
        self.group += 1;
        Ok(self.turn(verb))
    }

    /// Carries out a command of the connection; the words that the client gets. Rows have
    /// `formats`; without, they are described, and texts.
    pub(super) async fn run_command(
        &mut self,
        command: &Command,
        formats: Option<&Formats>,
    ) -> Result<String, End> {
        match command {
            Command::Sql(verb) => Ok(verb.tag(0)),
            Command::Declare { name, is_held, query } => {
                let statement = self.session.parse(query)?;
                if !statement.is_query() {
                    let message = "a cursor is declared for a query only";
                    return Err(Error::new(ErrorKind::Unsupported, message).into());
                }
                let session = self.session.clone();
                let plan = self.unless_stopped(session.plan(&statement)).await?;
                self.warn(&plan).await?;
                let columns = columns(&plan.schema(), statement.column_names())?;
                self.declare(name, *is_held, (plan, columns))?;
                Ok(DECLARED.to_owned())
            }
            Command::Fetch { name, rows } => self.fetch(name, *rows, formats).await,
            Command::Prepare { name, types, query } => {
                self.prepare_named(name, types, query).await?;
                Ok("PREPARE".to_owned())
            }
            Command::Execute { name, values } => self.execute_named(name, values, formats).await,
            Command::Close(Some(name)) => match self.portals.remove(name) {
                Some(_) => Ok("CLOSE CURSOR".to_owned()),
                None => Err(no_cursor(name).into()),
            },
            Command::Close(None) => {
                self.portals.clear();
                Ok("CLOSE CURSOR ALL".to_owned())
            }
            Command::Deallocate(Some(name)) => match self.statements.remove(name) {
                Some(_) => Ok("DEALLOCATE".to_owned()),
                None => Err(Coded::new(
                    code::INVALID_STATEMENT,
                    ErrorKind::NotFound,
                    format!("no statement is prepared as \"{name}\""),
                )
                .into()),
            },
            Command::Deallocate(None) => {
                self.statements.clear();
                Ok("DEALLOCATE ALL".to_owned())
            }
            Command::Savepoint(_) | Command::Release(_) | Command::RollbackTo(_) => {
                self.go_to(command).await
            }
            Command::Copy(copy) => self.copy(copy).await,
            Command::Discard => {
                let told = self.session.command(StatementAction::Set, "DISCARD ALL").await?;
                told.finished(0);
                let zone = self.zone_name();
                self.statements.clear();
                self.portals.clear();
                let names: Vec<_> = self.session.settings().iter().map(|(name, _)| name).collect();
                names.into_iter().try_for_each(|name| self.session.reset(name))?;
                self.tell_zone(&zone).await?;
                Ok("DISCARD ALL".to_owned())
            }
        }
    }

    /// Marks a place in a transaction, forgets one, or goes back to it; the words that the client gets.
    async fn go_to(&mut self, command: &Command) -> Result<String, End> {
        let (text, tag) = match command {
            Command::Savepoint(_) => ("SAVEPOINT", "SAVEPOINT"),
            Command::Release(_) => ("RELEASE SAVEPOINT", "RELEASE"),
            _ => ("ROLLBACK TO SAVEPOINT", "ROLLBACK"),
        };
        let told = self.session.command(StatementAction::Transaction, text).await?;
        let gone = match command {
            Command::Savepoint(name) => self.savepoints.mark(self.transaction, name),
            Command::Release(name) => self.savepoints.release(name),
            Command::RollbackTo(name) => self.savepoints.find(name),
            _ => Ok(()),
        };
        match gone {
            Ok(()) => told.finished(0),
            Err(refusal) => {
                told.failed(refusal.error.kind());
                return Err(refusal.into());
            }
        }
        if matches!(command, Command::RollbackTo(_)) {
            self.transaction = TransactionStatus::Transaction;
        }
        Ok(tag.to_owned())
    }

    /// Gives a plan a name, under which its rows are fetched.
    pub(super) fn declare(
        &mut self,
        name: &str,
        is_held: bool,
        (plan, columns): (QueryPlan, Arc<[Column]>),
    ) -> Result<(), End> {
        if self.portals.contains_key(name) {
            let message = format!("a cursor \"{name}\" is there already");
            let kind = ErrorKind::InvalidQuery;
            return Err(Coded::new(code::DUPLICATE_CURSOR, kind, message).into());
        }
        self.check_room(self.portals.len())?;
        let portal = Portal {
            columns: Some(columns),
            plan: Some(plan),
            work: Work::Nothing,
            formats: Formats::text(),
            progress: Progress::New,
            is_held,
        };
        self.portals.insert(name.to_owned(), portal);
        Ok(())
    }

    async fn fetch(
        &mut self,
        name: &str,
        rows: Option<usize>,
        formats: Option<&Formats>,
    ) -> Result<String, End> {
        // While it runs it belongs to this call: where that fails, it is closed.
        let mut portal = self.portals.remove(name).ok_or_else(|| no_cursor(name))?;
        portal.set_formats(formats.cloned().unwrap_or_else(Formats::text));
        if formats.is_none() {
            let columns = portal.columns.clone().unwrap_or_default();
            self.link.say(description(&columns, &portal.formats)).await?;
        }
        let rows_max = rows.map(|rows| u64::try_from(rows).unwrap_or(u64::MAX));
        let sent = self.send_rows(&mut portal, rows_max).await?;
        self.portals.insert(name.to_owned(), portal);
        Ok(format!("FETCH {sent}"))
    }

    /// Refuses one more than may be kept.
    pub(super) fn check_room(&self, kept: usize) -> Result<(), End> {
        let max = self.shared.config.statements_max;
        if kept < max {
            return Ok(());
        }
        let message = format!("a connection keeps at most {max} prepared statements and cursors");
        Err(Coded::new(code::TOO_MANY, ErrorKind::ResourcesExhausted, message)
            .with_hint("close those that are not needed any more")
            .into())
    }
}

/// The error for a cursor that is not there.
pub(super) fn no_cursor(name: &str) -> Coded {
    let message = format!("there is no cursor \"{name}\"");
    Coded::new(code::INVALID_CURSOR, ErrorKind::NotFound, message)
}
