//! The Flight service: one line for each call.
//!
//! Written by hand over arrow-flight's types: its own `FlightSqlService` cannot answer GetSchema,
//! PollFlightInfo or the session actions.

mod actions;
mod options;
mod prepared;
mod put;
mod state;
mod statement;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::{FutureExt, Stream, StreamExt};
use samite_engine::{Error, ErrorKind, Result};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument;

use crate::auth::{Caller, SESSION_COOKIE, answer_handshake};
use crate::message::{NoMessages, hand_over};
use crate::status::status;
use crate::stream::panicked;

pub(crate) use state::State;

/// The messages that answer a call.
pub(crate) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send + 'static>>;

/// The Flight service.
#[derive(Debug, Clone)]
pub(crate) struct Service(Arc<State>);

impl Service {
    pub(crate) fn new(state: Arc<State>) -> Self {
        Self(state)
    }
}

/// What a call gives, with what its headers say.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    value: T,
    /// The token of a session that this call began.
    session_token: Option<String>,
    /// The engine's id of the query.
    query_id: Option<String>,
}

impl<T> Reply<T> {
    fn new(value: T) -> Self {
        Self { value, session_token: None, query_id: None }
    }

    fn with_session(value: T, session_token: Option<String>) -> Self {
        Self { value, session_token, query_id: None }
    }

    fn map<U>(self, change: impl FnOnce(T) -> U) -> Reply<U> {
        let value = change(self.value);
        Reply { value, session_token: self.session_token, query_id: self.query_id }
    }

    fn into_response(self) -> Response<T> {
        let mut response = Response::new(self.value);
        let mut put = |name: &'static str, text: String| {
            if let Ok(value) = MetadataValue::try_from(text) {
                response.metadata_mut().insert(name, value);
            }
        };
        if let Some(token) = self.session_token {
            put("set-cookie", format!("{SESSION_COOKIE}={token}"));
            put("authorization", format!("Bearer {token}"));
        }
        if let Some(query_id) = self.query_id.filter(|id| !id.is_empty()) {
            put("x-query-id", query_id);
        }
        response
    }
}

/// Does the work of a call; whatever goes wrong in it, the client gets a status.
async fn answer<T>(
    call: &'static str,
    work: impl Future<Output = Result<Reply<T>>>,
) -> Result<Response<T>, Status> {
    let work = AssertUnwindSafe(work).catch_unwind();
    let result = work.instrument(tracing::debug_span!("flight", call)).await;
    match result.unwrap_or_else(|_| Err(panicked())) {
        Ok(reply) => Ok(reply.into_response()),
        Err(error) => Err(status(&error)),
    }
}

fn one<T: Send + 'static>(value: T) -> Answers<T> {
    Box::pin(futures::stream::iter([Ok(value)]))
}

fn split<M>(request: Request<M>) -> (Caller, M) {
    let (headers, extensions, message) = request.into_parts();
    (Caller::of(&headers, &extensions), message)
}

#[tonic::async_trait]
impl FlightService for Service {
    type HandshakeStream = Answers<HandshakeResponse>;
    type ListFlightsStream = Answers<FlightInfo>;
    type DoGetStream = NoMessages;
    type DoPutStream = Answers<PutResult>;
    type DoActionStream = Answers<arrow_flight::Result>;
    type ListActionsStream = Answers<ActionType>;
    type DoExchangeStream = Answers<FlightData>;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let (headers, _, messages): (MetadataMap, _, _) = request.into_parts();
        answer_handshake(headers, messages).await
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let (caller, descriptor) = split(request);
        answer("GetFlightInfo", self.0.flight_info(&caller, descriptor)).await
    }

    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        let (caller, descriptor) = split(request);
        answer("PollFlightInfo", self.0.poll_info(&caller, descriptor)).await
    }

    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        let (caller, descriptor) = split(request);
        answer("GetSchema", self.0.schema(&caller, &descriptor)).await
    }

    async fn do_get(
        &self,
        request: Request<Ticket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        let (caller, ticket) = split(request);
        answer("DoGet", self.0.rows(&caller, &ticket)).await.map(hand_over)
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        let (caller, messages) = split(request);
        let work = self.0.put(&caller, messages.boxed());
        answer("DoPut", async { Ok(work.await?.map(one)) }).await
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        let (caller, action) = split(request);
        answer("DoAction", self.0.action(&caller, &action)).await
    }

    async fn list_actions(
        &self,
        _request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        let actions = actions::list().map(Ok);
        let stream: Self::ListActionsStream = Box::pin(futures::stream::iter(actions));
        Ok(Response::new(stream))
    }

    async fn list_flights(
        &self,
        _request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        Err(status(&not_offered("ListFlights")))
    }

    async fn do_exchange(
        &self,
        _request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(status(&not_offered("DoExchange")))
    }
}

fn not_offered(call: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("the server does not offer {call}"))
        .with_hint("use the commands of Flight SQL")
}

/// What whoever wants to write gets.
fn read_only(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{what} is refused: Samite is read-only"))
}
