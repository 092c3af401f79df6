//! Actions: prepared statements, cancelling, tickets that live longer, sessions.

use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedSubstraitPlanRequest,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo,
    RenewFlightEndpointRequest, Ticket,
};
use bytes::Bytes;
use prost::Message;
use samite_engine::events::StatementAction;
use samite_engine::{Error, ErrorKind, Result};

use super::state::State;
use super::statement::{plan_of, refuse_transaction};
use super::{Answers, Reply, one};
use crate::auth::Caller;
use crate::protocol::{any_action, any_bytes, raw_action};

/// The actions that work, each with what it does.
const ACTIONS: [(&str, &str); 9] = [
    ("CreatePreparedStatement", "prepares a statement"),
    ("CreatePreparedSubstraitPlan", "prepares a plan of Substrait"),
    ("ClosePreparedStatement", "closes a prepared statement"),
    ("CancelQuery", "cancels a query by its flight info (Flight SQL)"),
    ("CancelFlightInfo", "cancels a query by its flight info"),
    ("RenewFlightEndpoint", "lets the ticket of a query live longer"),
    ("SetSessionOptions", "sets options of the session"),
    ("GetSessionOptions", "gets the options of the session"),
    ("CloseSession", "ends the session"),
];

/// The actions of transactions, which are refused.
const TRANSACTIONS: [&str; 4] =
    ["BeginTransaction", "EndTransaction", "BeginSavepoint", "EndSavepoint"];

/// `CancelResult` of Flight SQL.
const CANCELLED: i32 = 1;

/// The actions that work.
pub(super) fn list() -> impl Iterator<Item = ActionType> {
    ACTIONS.into_iter().map(|(name, description)| ActionType {
        r#type: name.to_owned(),
        description: description.to_owned(),
    })
}

impl State {
    /// DoAction.
    pub(crate) async fn action(
        &self,
        caller: &Caller,
        action: &Action,
    ) -> Result<Reply<Answers<arrow_flight::Result>>> {
        let (name, body) = (action.r#type.as_str(), &action.body);
        let body = match name {
            "CreatePreparedStatement" => {
                let request: ActionCreatePreparedStatementRequest = any_action(body)?;
                any_bytes(&self.prepare(caller, &request).await?)
            }
            "CreatePreparedSubstraitPlan" => {
                let request: ActionCreatePreparedSubstraitPlanRequest = any_action(body)?;
                refuse_transaction(request.transaction_id.as_deref())?;
                let plan = plan_of(request.plan.as_ref())?;
                any_bytes(&self.prepare_plan(caller, &plan).await?)
            }
            "ClosePreparedStatement" => {
                let request: ActionClosePreparedStatementRequest = any_action(body)?;
                self.close_prepared(caller, &request.prepared_statement_handle);
                let none: Answers<arrow_flight::Result> = Box::pin(futures::stream::empty());
                return Ok(Reply::new(none));
            }
            "CancelQuery" => {
                let request: ActionCancelQueryRequest = any_action(body)?;
                let info: FlightInfo = raw_action(name, &request.info)?;
                self.cancel(caller, &info)?;
                any_bytes(&ActionCancelQueryResult { result: CANCELLED })
            }
            "CancelFlightInfo" => {
                let request: CancelFlightInfoRequest = raw_action(name, body)?;
                self.cancel(caller, &request.info.unwrap_or_default())?;
                encoded(&CancelFlightInfoResult::new(CancelStatus::Cancelled))
            }
            "RenewFlightEndpoint" => {
                let request: RenewFlightEndpointRequest = raw_action(name, body)?;
                self.renew(caller, request)?
            }
            "SetSessionOptions" => {
                let (result, token) = self.set_options(caller, raw_action(name, body)?).await?;
                let reply = Reply::with_session(encoded(&result), token);
                return Ok(reply.map(|body| one(arrow_flight::Result { body })));
            }
            "GetSessionOptions" => encoded(&self.options(caller)?),
            "CloseSession" => encoded(&self.close_session(caller)),
            other => {
                let refusal = unknown(other);
                if TRANSACTIONS.contains(&other) {
                    let (session, _) = self.session_of(caller).await?;
                    let told = session.command(StatementAction::Transaction, other).await?;
                    told.failed(refusal.kind());
                }
                return Err(refusal);
            }
        };
        Ok(Reply::new(one(arrow_flight::Result { body })))
    }

    /// Cancels the queries of a flight info. One that is cancelled already stays so.
    fn cancel(&self, caller: &Caller, info: &FlightInfo) -> Result<()> {
        let tickets: Vec<&Ticket> =
            info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref()).collect();
        if tickets.is_empty() {
            return Err(Error::new(ErrorKind::InvalidQuery, "the flight info has no ticket"));
        }
        for ticket in tickets {
            self.cancellable_of(caller, &ticket.ticket)?.cancelled.cancel();
        }
        Ok(())
    }

    /// A new ticket for the query of an endpoint, with a whole life before it.
    fn renew(&self, caller: &Caller, request: RenewFlightEndpointRequest) -> Result<Bytes> {
        let mut endpoint = request.endpoint.unwrap_or_default();
        let ticket = endpoint.ticket.unwrap_or_default();
        let query = self.query_of(caller, &ticket.ticket)?;
        self.queries.end_in(&query.id, self.query_lifetime());
        let ticket = self.ticket_of(query.id, caller)?;
        endpoint.ticket = Some(Ticket { ticket });
        Ok(encoded(&endpoint))
    }
}

fn encoded(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}

fn unknown(name: &str) -> Error {
    match name {
        _ if TRANSACTIONS.contains(&name) => {
            Error::new(ErrorKind::Unsupported, "there are no transactions: Samite is read-only")
                .with_hint("leave autocommit on")
        }
        _ => {
            let known = ACTIONS.map(|(name, _)| name).join(", ");
            let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
            Error::new(ErrorKind::Unsupported, format!("action \"{name}\" does not exist"))
                .with_hint(format!("the actions are {known}"))
        }
    }
}
