//! The span of a call in a trace, which goes on with the trace of the client (`traceparent`).

use opentelemetry::global;
use opentelemetry::propagation::Extractor;
use samite_engine::telemetry::TRACE_TARGET;
use tonic::metadata::{KeyRef, MetadataMap};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The span of a call; nothing where nobody exports traces.
pub(crate) fn span_of(call: &'static str, headers: &MetadataMap) -> Span {
    let span = tracing::info_span!(
        target: TRACE_TARGET,
        "rpc",
        otel.name = call,
        otel.kind = "server",
        rpc.system = "grpc",
        rpc.method = call,
    );
    if !span.is_disabled() {
        let parent = global::get_text_map_propagator(|known| known.extract(&Headers(headers)));
        // A span that nobody exports has no parent, and needs none.
        drop(span.set_parent(parent));
    }
    span
}

struct Headers<'a>(&'a MetadataMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        let text = |key| match key {
            KeyRef::Ascii(key) => Some(key.as_str()),
            KeyRef::Binary(_) => None,
        };
        self.0.keys().filter_map(text).collect()
    }
}
