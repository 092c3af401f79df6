//! What a server tells of itself while it runs: lines of log, and traces for a collector.
//!
//! ```text
//! span, event ─▶ filter of the log ──▶ standard error, as text or JSON
//!            └─▶ spans of queries ───▶ batches ─▶ collector (OTLP over gRPC), if one is named
//! ```

mod exporter;
mod tasks;

use std::path::{Path, PathBuf};
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use samite_engine::telemetry::{LOG_TARGET, TRACE_TARGET};
use samite_engine::{Error, ErrorKind, Result};
use tonic::transport::{Certificate, ClientTlsConfig};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use exporter::Forgiving;

/// The time for one batch of spans to reach the collector.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// The time for the last spans to reach the collector when the server ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// What the targets of Samite's own crates begin with.
const OWN_TARGETS: &str = "samite";

/// What begins a certificate in a file.
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// How lines of the log are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

impl LogFormat {
    /// The format with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// What is logged and traced, and how.
#[derive(Debug, Clone)]
pub struct TelemetryOptions {
    /// How lines are written.
    pub format: LogFormat,
    /// What is logged: a level, or levels by crate.
    pub filter: String,
    /// Where traces go; nowhere without it.
    pub otlp_endpoint: Option<String>,
    /// The authority (PEM) of an `https` endpoint; without it those that the machine trusts.
    pub otlp_ca_file: Option<PathBuf>,
    /// The name of this server in traces.
    pub service_name: String,
}

/// What runs for logs and traces.
#[derive(Debug)]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Begins to log and to trace. With a collector it must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the filter, the endpoint or its authority cannot be used.
    pub fn start(options: &TelemetryOptions) -> Result<Self> {
        let provider = options.otlp_endpoint.as_deref();
        let provider = provider.map(|endpoint| provider_of(endpoint, options)).transpose()?;
        let traces = provider.as_ref().map(|provider| {
            opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("samite"))
                .with_context_activation(false)
                .with_tracked_inactivity(false)
                .with_location(false)
                .with_threads(false)
                .with_target(false)
                .with_filter(Targets::new().with_target(TRACE_TARGET, LevelFilter::INFO))
        });
        let log = log_layer(options.format).with_filter(log_filter(&options.filter)?);
        // A program that embeds this one may log in its own way already; then that stays.
        let _ = tracing_subscriber::registry().with(log).with(traces).try_init();
        tasks::keep_spans();
        Ok(Self { provider })
    }

    /// Sends what is left to the collector.
    pub async fn end(self) {
        let Some(provider) = self.provider else { return };
        let ending =
            tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_TIMEOUT));
        // The collector that is down has been warned of.
        drop(tokio::time::timeout(FLUSH_TIMEOUT + Duration::from_secs(1), ending).await);
    }
}

fn log_layer<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_current_span(false).boxed(),
    }
}

/// What is logged. A level by itself is that of Samite: what it is made of says much at `debug`, some of it values of
/// tables, and is asked for by its name. The span that names a query is in each line about it, whatever the level is.
fn log_filter(filter: &str) -> Result<Targets> {
    let targets: Targets = filter.parse().map_err(|error| {
        Error::new(ErrorKind::InvalidConfiguration, format!("\"{filter}\" says not what is logged"))
            .with_detail(format!("{error}"))
            .with_hint("write a level such as info, or samite_connectors=debug,info")
    })?;
    let targets = match targets.default_level() {
        Some(level) if level > LevelFilter::INFO => {
            let is_unnamed = targets.iter().all(|(target, _)| target != OWN_TARGETS);
            let targets = targets.with_default(LevelFilter::INFO);
            if is_unnamed { targets.with_target(OWN_TARGETS, level) } else { targets }
        }
        _ => targets,
    };
    Ok(targets
        .with_target(TRACE_TARGET, LevelFilter::OFF)
        .with_target(LOG_TARGET, LevelFilter::ERROR))
}

fn provider_of(endpoint: &str, options: &TelemetryOptions) -> Result<SdkTracerProvider> {
    let wrong = |detail: String| {
        let message = format!("traces cannot be sent to \"{endpoint}\"");
        Error::new(ErrorKind::InvalidConfiguration, message).with_detail(detail)
    };
    let mut exporter =
        SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(EXPORT_TIMEOUT);
    // The exporter itself would trust nobody.
    if is_encrypted(endpoint) {
        let authority = options.otlp_ca_file.as_deref().map(authority).transpose();
        let authority = authority.map_err(|error| {
            wrong(error).with_hint("name a file with a certificate in [telemetry] otlp_ca_file")
        })?;
        exporter = exporter.with_tls_config(match authority {
            Some(authority) => ClientTlsConfig::new().ca_certificate(authority),
            None => ClientTlsConfig::new().with_enabled_roots(),
        });
    } else if options.otlp_ca_file.is_some() {
        return Err(wrong("there is an authority, and the address is not encrypted".to_owned())
            .with_hint("write https://, or leave [telemetry] otlp_ca_file away"));
    }
    let exporter = exporter.build().map_err(|error| {
        wrong(error.to_string()).with_hint("write an address such as http://127.0.0.1:4317")
    })?;
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(Forgiving::new(exporter))
        .with_resource(Resource::builder().with_service_name(options.service_name.clone()).build())
        .build())
}

fn is_encrypted(endpoint: &str) -> bool {
    endpoint.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

/// The certificates of a file, or why there are none.
fn authority(file: &Path) -> Result<Certificate, String> {
    let pem = std::fs::read(file)
        .map_err(|error| format!("the file of its authority cannot be read: {error}"))?;
    let has_certificate = pem.windows(BEGIN.len()).any(|part| part == BEGIN);
    has_certificate
        .then(|| Certificate::from_pem(pem))
        .ok_or_else(|| "the file of its authority holds no certificate".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_is_a_level_or_levels_by_crate() {
        for filter in ["info", "samite_connectors=debug,info", "off", "WARN"] {
            assert!(log_filter(filter).is_ok(), "{filter}");
        }
        for filter in ["info=loud", "a=b=c"] {
            let error = log_filter(filter).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::InvalidConfiguration, "{filter}");
        }
    }

    #[test]
    fn level_by_itself_is_that_of_samite() {
        use tracing::Level;
        for (filter, target, level, expected) in [
            ("trace", "samite_engine::plan", Level::TRACE, true),
            ("trace", "samite", Level::TRACE, true),
            ("trace", "deltalake_core::kernel", Level::DEBUG, false),
            ("trace", "datafusion::physical_planner", Level::INFO, true),
            ("debug,datafusion=trace", "datafusion::physical_planner", Level::TRACE, true),
            ("debug,samite=warn", "samite_engine", Level::INFO, false),
            ("debug,samite_engine=warn", "samite_connectors", Level::DEBUG, true),
            ("warn", "deltalake_core::kernel", Level::INFO, false),
        ] {
            let enabled = log_filter(filter).unwrap().would_enable(target, &level);
            assert_eq!(enabled, expected, "{filter}: {target} at {level}");
        }
    }

    #[test]
    fn name_of_a_query_is_in_the_log_whatever_is_logged_and_its_trace_is_not() {
        use tracing::Level;
        for filter in ["error", "info", "trace", "samite_engine=debug"] {
            let filter = log_filter(filter).unwrap();
            assert!(filter.would_enable(LOG_TARGET, &Level::ERROR));
            assert!(!filter.would_enable(TRACE_TARGET, &Level::INFO));
        }
    }

    #[tokio::test]
    async fn collector_that_cannot_be_trusted_is_refused_at_the_start() {
        let (file, empty) = (tempfile::NamedTempFile::new().unwrap(), Path::new("/nowhere/ca.pem"));
        for (endpoint, ca_file, detail) in [
            ("https://127.0.0.1:1", Some(file.path()), "the file of its authority holds no"),
            ("https://127.0.0.1:1", Some(empty), "the file of its authority cannot be read"),
            ("http://127.0.0.1:1", Some(file.path()), "the address is not encrypted"),
        ] {
            let options = TelemetryOptions {
                format: LogFormat::Text,
                filter: "info".to_owned(),
                otlp_endpoint: Some(endpoint.to_owned()),
                otlp_ca_file: ca_file.map(Path::to_owned),
                service_name: "samite".to_owned(),
            };
            let error = provider_of(endpoint, &options).err().unwrap();
            assert!(error.detail().unwrap_or_default().contains(detail), "{error:?}");
        }
    }
}
