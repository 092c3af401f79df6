//! What the server counts: calls and connections.

use prometheus::{IntCounterVec, IntGauge};
use samite_engine::Result;
use samite_engine::telemetry::Metrics;
use tonic::{Code, Status};

/// What the server counts.
#[derive(Debug, Clone)]
pub(crate) struct ServerMetrics {
    calls: IntCounterVec,
    connections: IntGauge,
}

/// A connection that is counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted(IntGauge);

impl ServerMetrics {
    /// Counts with those of the engine.
    ///
    /// # Errors
    ///
    /// When a name is taken by something else.
    pub(crate) fn new(metrics: &Metrics) -> Result<Self> {
        let calls = "Calls of Flight, by name and gRPC code; of a stream its beginning.";
        Ok(Self {
            calls: metrics.counters("flight_calls_total", calls, &["call", "code"])?,
            connections: metrics.gauge("flight_connections", "Connections that stand.")?,
        })
    }

    /// Counts a call that was answered.
    pub(crate) fn answered<T>(&self, call: &str, answer: &Result<T, Status>) {
        let code = answer.as_ref().err().map_or(Code::Ok, Status::code);
        self.calls.with_label_values(&[call, name(code)]).inc();
    }

    /// Counts a connection.
    pub(crate) fn connected(&self) -> Counted {
        self.connections.inc();
        Counted(self.connections.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The name of a code in the specification of gRPC.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
