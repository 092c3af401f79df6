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
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use samite_engine::{Error, ErrorKind, Result};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument;

use crate::auth::{Caller, SESSION_COOKIE, answer_handshake};
use crate::message::{NoMessages, hand_over};
use crate::status::{QUERY_ID, status};
use crate::stream::panicked;
use crate::trace;

pub(crate) use state::State;

/// The header of a warning: what a caller should know of the tables that a query reads, one header for each.
const WARNING: &str = "x-mesh-warning";

/// Warnings of one answer, and characters of each: a client bounds its headers.
const WARNINGS_MAX: usize = 8;
const WARNING_CHARS_MAX: usize = 500;

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
    /// What the caller should know of the tables.
    warnings: Vec<String>,
    /// The token that the caller should show from now on.
    new_token: Option<String>,
    /// True if what the caller shows says who it is.
    has_credentials: bool,
}

impl<T> Reply<T> {
    fn new(value: T) -> Self {
        Self::with_session(value, None)
    }

    fn with_session(value: T, session_token: Option<String>) -> Self {
        Self {
            value,
            session_token,
            query_id: None,
            warnings: Vec::new(),
            new_token: None,
            has_credentials: false,
        }
    }

    fn map<U>(self, change: impl FnOnce(T) -> U) -> Reply<U> {
        Reply {
            value: change(self.value),
            session_token: self.session_token,
            query_id: self.query_id,
            warnings: self.warnings,
            new_token: self.new_token,
            has_credentials: self.has_credentials,
        }
    }

    /// What the call gives, without what its headers say.
    pub(crate) fn into_value(self) -> T {
        self.value
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
            if !self.has_credentials {
                put("authorization", format!("Bearer {token}"));
            }
        }
        if let Some(token) = self.new_token {
            put("authorization", format!("Bearer {token}"));
        }
        if let Some(query_id) = self.query_id.filter(|id| !id.is_empty()) {
            put(QUERY_ID, query_id);
        }
        for value in self.warnings.iter().take(WARNINGS_MAX).filter_map(|text| header(text)) {
            response.metadata_mut().append(WARNING, value);
        }
        response
    }
}

/// A text for people as the value of a header, which holds nothing but ASCII: the rest is percent-encoded, as in
/// `grpc-message`.
fn header(text: &str) -> Option<MetadataValue<Ascii>> {
    const CODED: &AsciiSet = &CONTROLS.add(b'%');
    let text: String = text.chars().take(WARNING_CHARS_MAX).collect();
    MetadataValue::try_from(utf8_percent_encode(&text, CODED).to_string()).ok()
}

fn one<T: Send + 'static>(value: T) -> Answers<T> {
    Box::pin(futures::stream::iter([Ok(value)]))
}

impl Service {
    /// Finds out who calls, and does the work of the call.
    async fn call<M, T, W>(
        &self,
        call: &'static str,
        request: Request<M>,
        work: impl FnOnce(Caller, M) -> W,
    ) -> Result<Response<T>, Status>
    where
        W: Future<Output = Result<Reply<T>>>,
    {
        let (headers, extensions, message) = request.into_parts();
        let span = trace::span_of(call, &headers);
        let work = async {
            let caller = Caller::of(&self.0.authenticator, &headers, &extensions).await?;
            // A session begun by this call does not take the place of what says who calls.
            let (new_token, has_credentials) = (caller.new_token.clone(), caller.has_credentials);
            let reply = work(caller, message).await?;
            Ok(Reply { new_token, has_credentials, ..reply })
        };
        let work = AssertUnwindSafe(work).catch_unwind();
        let work = work.instrument(tracing::debug_span!("flight", call));
        let result = work.instrument(span).await;
        let answer = match result.unwrap_or_else(|_| Err(panicked())) {
            Ok(reply) => Ok(reply.into_response()),
            Err(error) => Err(status(&error)),
        };
        self.0.metrics.answered(call, &answer);
        answer
    }
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
        let (headers, extensions, messages) = request.into_parts();
        let answering = answer_handshake(&self.0.authenticator, &headers, &extensions, messages);
        let answer = answering.await;
        self.0.metrics.answered("Handshake", &answer);
        answer
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.call("GetFlightInfo", request, async |caller, descriptor| {
            self.0.flight_info(&caller, descriptor).await
        })
        .await
    }

    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        self.call("PollFlightInfo", request, async |caller, descriptor| {
            self.0.poll_info(&caller, descriptor).await
        })
        .await
    }

    async fn get_schema(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        self.call("GetSchema", request, async |caller, descriptor| {
            self.0.schema(&caller, &descriptor).await
        })
        .await
    }

    async fn do_get(
        &self,
        request: Request<Ticket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        let answer =
            self.call("DoGet", request, async |caller, ticket| self.0.rows(&caller, &ticket).await);
        answer.await.map(hand_over)
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        self.call("DoPut", request, async |caller, messages| {
            Ok(self.0.put(&caller, messages.boxed()).await?.map(one))
        })
        .await
    }

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        self.call("DoAction", request, async |caller, action| self.0.action(&caller, &action).await)
            .await
    }

    async fn list_actions(
        &self,
        request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        self.call("ListActions", request, async |_, _| {
            let actions = futures::stream::iter(actions::list().map(Ok));
            Ok(Reply::new(Box::pin(actions) as Self::ListActionsStream))
        })
        .await
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
