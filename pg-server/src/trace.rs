//! The span of a message in a trace. The protocol has no place for the trace of the client.

use samite_engine::telemetry::TRACE_TARGET;
use tracing::Span;

use crate::protocol::Frontend;

/// The span of what a client says, if it asks for work; nothing where nobody exports traces.
pub(crate) fn span_of(message: &Frontend) -> Span {
    let Some(call) = call_of(message) else { return Span::none() };
    tracing::info_span!(
        target: TRACE_TARGET,
        "rpc",
        otel.name = call,
        otel.kind = "server",
        rpc.system = "postgresql",
        rpc.method = call,
    )
}

/// The name of the message; none for those that answer from what is there.
fn call_of(message: &Frontend) -> Option<&'static str> {
    match message {
        Frontend::Query(_) => Some("Query"),
        Frontend::Parse(_) => Some("Parse"),
        Frontend::Bind(_) => Some("Bind"),
        Frontend::Execute { .. } => Some("Execute"),
        Frontend::Describe(_)
        | Frontend::Close(_)
        | Frontend::Flush
        | Frontend::Sync
        | Frontend::Password(_)
        | Frontend::Copy
        | Frontend::FunctionCall
        | Frontend::Terminate => None,
    }
}
