//! DoPut: parameters of prepared statements, and session statements sent as updates.

use std::time::Duration;

use arrow_flight::sql::{Command, DoPutPreparedStatementResult, DoPutUpdateResult};
use arrow_flight::{FlightData, PutResult};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use prost::Message;
use samite_engine::resolve::Statement;
use samite_engine::{Error, ErrorKind, Result};
use tonic::Status;

use super::state::State;
use super::statement::refuse_transaction;
use super::{Reply, read_only};
use crate::auth::Caller;
use crate::prepared::{Bounds, ParameterRows};
use crate::protocol::read_command;

/// What a client sends into DoPut.
type Messages = BoxStream<'static, Result<FlightData, Status>>;

/// How long a refused client may go on sending: some take an early error for the end of the stream.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(2);

impl State {
    /// DoPut: binds parameters, or runs a session statement.
    pub(crate) async fn put(
        &self,
        caller: &Caller,
        mut messages: Messages,
    ) -> Result<Reply<PutResult>> {
        let first = match messages.next().await {
            Some(Ok(first)) => first,
            Some(Err(status)) => return Err(unreadable(status)),
            None => return Err(no_command()),
        };
        let command = first.flight_descriptor.as_ref().ok_or_else(no_command);
        let command = command.and_then(|descriptor| read_command(&descriptor.cmd));
        let mut all: Messages = stream::iter([Ok(first)]).chain(messages).boxed();
        let result = match command {
            Ok(command) => self.put_command(caller, command, &mut all).await,
            Err(error) => Err(error),
        };
        if result.is_err() {
            drain(all).await;
        }
        result
    }

    async fn put_command(
        &self,
        caller: &Caller,
        command: Command,
        messages: &mut Messages,
    ) -> Result<Reply<PutResult>> {
        match command {
            Command::CommandPreparedStatementQuery(command) => {
                let handle = command.prepared_statement_handle;
                let prepared = self.prepared(caller, &handle)?;
                prepared.bind(self.read_parameters(caller, messages, prepared.parameters()).await?);
                // The handle stays the same: one driver ignores what comes back, another needs it.
                let result =
                    DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) };
                Ok(Reply::new(PutResult { app_metadata: result.encode_to_vec().into() }))
            }
            Command::CommandStatementUpdate(command) => {
                refuse_transaction(command.transaction_id.as_deref())?;
                let statement = self.parse(caller, &command.query)?;
                self.read_parameters(caller, messages, None).await?;
                self.update(caller, &statement).await
            }
            Command::CommandPreparedStatementUpdate(command) => {
                let prepared = self.prepared(caller, &command.prepared_statement_handle)?;
                self.read_parameters(caller, messages, None).await?;
                self.update(caller, &prepared.statement).await
            }
            Command::CommandStatementIngest(_) => Err(read_only("writing a table")),
            Command::CommandStatementSubstraitPlan(_) => Err(read_only("an update")),
            other => {
                let name = other.type_url().rsplit('.').next().unwrap_or_default();
                Err(Error::new(ErrorKind::InvalidQuery, format!("{name} takes no data")))
            }
        }
    }

    async fn read_parameters(
        &self,
        caller: &Caller,
        messages: &mut Messages,
        parameters: Option<usize>,
    ) -> Result<ParameterRows> {
        let messages = std::mem::replace(messages, stream::empty().boxed());
        let bounds = Bounds::new(&self.config, parameters);
        ParameterRows::read(messages, bounds, self.parameters.of(&caller.principal)).await
    }

    /// Runs a session statement that came as an update.
    async fn update(&self, caller: &Caller, statement: &Statement) -> Result<Reply<PutResult>> {
        if statement.is_query() {
            let message = "the statement gives rows, and was sent as an update";
            return Err(Error::new(ErrorKind::InvalidQuery, message)
                .with_hint("execute it as a query; in Python: execute, not executemany"));
        }
        let token = self.apply(caller, statement).await?;
        let result = DoPutUpdateResult { record_count: 0 };
        let value = PutResult { app_metadata: Bytes::from(result.encode_to_vec()) };
        Ok(Reply::with_session(value, token))
    }
}

async fn drain(messages: Messages) {
    let reading = messages.take_while(|message| futures::future::ready(message.is_ok()));
    let reading = reading.for_each(|_| futures::future::ready(()));
    // Whether all was read or the time is over is the same to the caller.
    drop(tokio::time::timeout(DRAIN_TIME_MAX, reading).await);
}

fn no_command() -> Error {
    Error::new(ErrorKind::InvalidQuery, "the data came without a command")
        .with_hint("send a flight descriptor with the first message")
}

fn unreadable(status: Status) -> Error {
    Error::new(ErrorKind::InvalidQuery, "the data of the client cannot be read").with_source(status)
}
