//! What is counted, for whoever watches the server: Prometheus metrics.
//!
//! Nothing in them names a principal or a statement, and a product only where the configuration says so.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};

use crate::error::{Error, ErrorKind, Result};
use crate::events::{Outcome, QueryEvent};

/// The first bound of times, in seconds; each next one is twice as long.
const FIRST_SECONDS: f64 = 0.001;

/// Bounds of times: the last one is about nine minutes.
const BOUNDS: usize = 20;

/// What is counted. Other crates have theirs from here too.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    ended: IntCounterVec,
    errors: IntCounterVec,
    rows: IntCounter,
    bytes: IntCounter,
    planning: Histogram,
    waiting: Histogram,
    running: Histogram,
    running_now: IntGauge,
    waiting_now: IntGauge,
    memory_bytes: IntGauge,
    /// Those of other crates, by name.
    counters: Mutex<HashMap<String, IntCounterVec>>,
    gauges: Mutex<HashMap<String, IntGauge>>,
}

/// What is true at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Queries that run.
    pub(crate) running: usize,
    /// Queries that wait for their turn.
    pub(crate) waiting: usize,
    /// Memory that queries hold for sorting, joining and grouping.
    pub(crate) memory_bytes: usize,
}

impl Metrics {
    /// Nothing counted yet.
    ///
    /// # Errors
    ///
    /// When a name is registered twice.
    pub(crate) fn new() -> Result<Self> {
        let registry = Registry::new_custom(Some("samite".to_owned()), None).map_err(wrong)?;
        let phases = times("query_seconds", "Time of queries by phase.", &["phase"])?;
        let metrics = Self {
            ended: counters("queries_total", "Queries that ended, by state.", &["state"])?,
            errors: counters("query_errors_total", "Queries that failed, by kind.", &["kind"])?,
            rows: counter("query_rows_total", "Rows that queries handed out.")?,
            bytes: counter("query_bytes_total", "Bytes that queries handed out, as Arrow.")?,
            planning: phases.with_label_values(&["plan"]),
            waiting: phases.with_label_values(&["queue"]),
            running: phases.with_label_values(&["execute"]),
            running_now: gauge("queries_running", "Queries that run.")?,
            waiting_now: gauge("queries_waiting", "Queries that wait for their turn.")?,
            memory_bytes: gauge("query_memory_bytes", "Memory that queries hold.")?,
            counters: Mutex::default(),
            gauges: Mutex::default(),
            registry,
        };
        let registry = &metrics.registry;
        registry.register(Box::new(phases)).map_err(wrong)?;
        registry.register(Box::new(metrics.ended.clone())).map_err(wrong)?;
        registry.register(Box::new(metrics.errors.clone())).map_err(wrong)?;
        for counter in [&metrics.rows, &metrics.bytes] {
            registry.register(Box::new(counter.clone())).map_err(wrong)?;
        }
        for gauge in [&metrics.running_now, &metrics.waiting_now, &metrics.memory_bytes] {
            registry.register(Box::new(gauge.clone())).map_err(wrong)?;
        }
        // A state that was never seen is zero, not absent.
        for state in ["finished", "failed", "cancelled"] {
            metrics.ended.with_label_values(&[state]).inc_by(0);
        }
        Ok(metrics)
    }

    /// Counters, one for each value of the labels; the name gets the prefix `samite_`. Whoever asks
    /// for a name again, as a second server of the same engine does, gets the same ones.
    ///
    /// # Errors
    ///
    /// When a name is none, or taken by something else.
    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec> {
        let mut known = self.counters.lock();
        if let Some(counters) = known.get(name) {
            return Ok(counters.clone());
        }
        let new = counters(name, help, labels)?;
        self.registry.register(Box::new(new.clone())).map_err(wrong)?;
        known.insert(name.to_owned(), new.clone());
        Ok(new)
    }

    /// A gauge; as [`Metrics::counters`].
    ///
    /// # Errors
    ///
    /// As [`Metrics::counters`].
    pub fn gauge(&self, name: &str, help: &str) -> Result<IntGauge> {
        let mut known = self.gauges.lock();
        if let Some(gauge) = known.get(name) {
            return Ok(gauge.clone());
        }
        let new = gauge(name, help)?;
        self.registry.register(Box::new(new.clone())).map_err(wrong)?;
        known.insert(name.to_owned(), new.clone());
        Ok(new)
    }

    /// Counts the time of planning, whether it went well or not.
    pub(crate) fn planned(&self, elapsed: Duration) {
        self.planning.observe(elapsed.as_secs_f64());
    }

    /// Counts the wait for a place among the queries that run.
    pub(crate) fn waited(&self, elapsed: Duration) {
        self.waiting.observe(elapsed.as_secs_f64());
    }

    /// Counts a query that ended.
    pub(crate) fn ended(&self, event: &QueryEvent) {
        if let Outcome::Failed(kind) = event.outcome {
            self.errors.with_label_values(&[kind.as_str()]).inc();
        }
        self.ended.with_label_values(&[event.outcome.as_str()]).inc();
        self.rows.inc_by(event.rows);
        self.bytes.inc_by(event.bytes);
        if let Some(running) = event.running {
            self.running.observe(running.as_secs_f64());
        }
    }

    /// Everything, in the text format of Prometheus.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn text(&self, load: Load) -> Result<String> {
        let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.running_now.set(whole(load.running));
        self.waiting_now.set(whole(load.waiting));
        self.memory_bytes.set(whole(load.memory_bytes));
        TextEncoder::new().encode_to_string(&self.registry.gather()).map_err(wrong)
    }
}

fn counter(name: &str, help: &str) -> Result<IntCounter> {
    IntCounter::new(name, help).map_err(wrong)
}

fn gauge(name: &str, help: &str) -> Result<IntGauge> {
    IntGauge::new(name, help).map_err(wrong)
}

fn counters(name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec> {
    IntCounterVec::new(Opts::new(name, help), labels).map_err(wrong)
}

/// Times in seconds, by labels.
fn times(name: &str, help: &str, labels: &[&str]) -> Result<HistogramVec> {
    let bounds = prometheus::exponential_buckets(FIRST_SECONDS, 2.0, BOUNDS).map_err(wrong)?;
    HistogramVec::new(HistogramOpts::new(name, help).buckets(bounds), labels).map_err(wrong)
}

fn wrong(error: prometheus::Error) -> Error {
    Error::new(ErrorKind::Internal, "metrics cannot be counted").with_source(error)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn event(outcome: Outcome) -> QueryEvent {
        QueryEvent {
            asked: crate::events::Asked {
                query_id: "q".to_owned(),
                principal: std::sync::Arc::new(crate::session::Principal::user("anna")),
                program: None,
                channel: "embedded",
                address: None,
                purpose: None,
                action: crate::events::StatementAction::Select,
                statement: "SELECT secret".into(),
                started_at: DateTime::UNIX_EPOCH,
                tables: Vec::new(),
            },
            sql: Some("SELECT secret".to_owned()),
            ended_at: DateTime::UNIX_EPOCH,
            elapsed: Duration::from_millis(5),
            queued: Duration::ZERO,
            running: (outcome != Outcome::Failed(ErrorKind::NotFound))
                .then_some(Duration::from_millis(5)),
            outcome,
            rows: 3,
            bytes: 100,
            bytes_read: 1000,
        }
    }

    #[test]
    fn name_that_is_asked_for_again_is_the_same_counter() {
        let metrics = Metrics::new().expect("names are registered once");
        for _ in 0..2 {
            metrics.counters("calls", "c", &["call"]).expect("c").with_label_values(&["a"]).inc();
            metrics.gauge("connections", "c").expect("c").inc();
        }
        let load = Load { running: 0, waiting: 0, memory_bytes: 0 };
        let text = metrics.text(load).expect("it is text");
        assert!(text.contains("samite_calls{call=\"a\"} 2"), "{text}");
        assert!(text.contains("samite_connections 2"), "{text}");
    }

    #[test]
    fn text_counts_queries_by_state_and_names_nobody() {
        let metrics = Metrics::new().expect("names are registered once");
        metrics.ended(&event(Outcome::Finished));
        metrics.ended(&event(Outcome::Failed(ErrorKind::CorruptSource)));
        metrics.planned(Duration::from_millis(1));
        metrics.ended(&event(Outcome::Failed(ErrorKind::NotFound)));
        metrics.waited(Duration::ZERO);
        let load = Load { running: 2, waiting: 1, memory_bytes: 4096 };
        let text = metrics.text(load).expect("it is text");
        for line in [
            "samite_queries_total{state=\"finished\"} 1",
            "samite_queries_total{state=\"failed\"} 2",
            "samite_queries_total{state=\"cancelled\"} 0",
            "samite_query_errors_total{kind=\"corrupt_source\"} 1",
            "samite_query_errors_total{kind=\"not_found\"} 1",
            "samite_query_rows_total 9",
            "samite_query_seconds_count{phase=\"execute\"} 2",
            "samite_query_seconds_count{phase=\"plan\"} 1",
            "samite_queries_running 2",
            "samite_query_memory_bytes 4096",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        assert!(!text.contains("anna") && !text.contains("secret"), "{text}");
    }
}
