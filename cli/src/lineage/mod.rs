//! OpenLineage: what each query read, told to a catalog of lineage or a file.
//!
//! ```text
//! START, then COMPLETE, FAIL or ABORT ─▶ bounded channel ─▶ task ─▶ HTTP (POST), file (JSON lines)
//! ```
//!
//! Events can be lost, and are counted then: the record of what happened is the audit file.

mod event;
mod target;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use datafusion::common::runtime::SpawnedTask;
use parking_lot::Mutex;
use prometheus::IntCounterVec;
use samite_connectors::stores::Secret;
use samite_engine::events::{Asked, QueryEvent};
use samite_engine::{Engine, Result};
use tokio::sync::mpsc;

use event::Events;
use target::Target;

/// The time for the last events to be told when the server ends.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// Where lineage is told: options of `[openlineage]`.
#[derive(Debug, Clone)]
pub struct LineageOptions {
    /// The address that takes events, such as `http://marquez:5000/api/v1/lineage`.
    pub url: Option<String>,
    /// The file that events are appended to.
    pub file: Option<PathBuf>,
    /// What the names of tables are below; `samite://` and the address of the server without it.
    pub namespace: Option<String>,
    /// The *name* of the credential whose `bearer_token` is sent.
    pub credential: Option<String>,
    /// Time for the answer to one event.
    pub timeout: Duration,
    /// Events that wait for being told; further ones are lost.
    pub queue_max: usize,
}

impl Default for LineageOptions {
    fn default() -> Self {
        Self {
            url: None,
            file: None,
            namespace: None,
            credential: None,
            timeout: Duration::from_secs(5),
            queue_max: 1000,
        }
    }
}

impl LineageOptions {
    /// True if events are told to anybody.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.url.is_some() || self.file.is_some()
    }
}

/// Tells of queries.
#[derive(Debug)]
pub(crate) struct Lineage {
    events: Events,
    sender: Mutex<Option<mpsc::Sender<String>>>,
    task: Mutex<Option<SpawnedTask<()>>>,
    counters: Arc<OnceLock<IntCounterVec>>,
}

impl Lineage {
    /// Begins to tell. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When address or file cannot be used.
    pub(crate) fn start(
        options: &LineageOptions,
        (namespace, token): (String, Option<Secret>),
    ) -> Result<Self> {
        let counters = Arc::new(OnceLock::new());
        let target = Target::open(options, (token, Arc::clone(&counters)))?;
        let (sender, events) = mpsc::channel(options.queue_max.max(1));
        Ok(Self {
            events: Events::new(namespace),
            sender: Mutex::new(Some(sender)),
            task: Mutex::new(Some(SpawnedTask::spawn(target.tell_all(events)))),
            counters,
        })
    }

    /// Counts what is told, and what is lost, among the metrics of an engine.
    ///
    /// # Errors
    ///
    /// When the name is taken.
    pub(crate) fn count_in(&self, engine: &Engine) -> Result<()> {
        let help = "Events of OpenLineage, by what became of them.";
        let counters = engine.metrics().counters("openlineage_events_total", help, &["result"])?;
        for result in ["queued", "lost"] {
            counters.with_label_values(&[result]).inc_by(0);
        }
        // A second engine would count in the first one's.
        let _ = self.counters.set(counters);
        Ok(())
    }

    /// Tells that a query runs.
    pub(crate) fn started(&self, asked: &Asked) {
        if let Some(event) = self.events.start(asked) {
            self.tell(event);
        }
    }

    /// Tells how a query ended; of one that never ran, that it began, too.
    pub(crate) fn ended(&self, event: &QueryEvent) {
        let Some(end) = self.events.end(event) else { return };
        if event.running.is_none()
            && let Some(start) = self.events.start(&event.asked)
        {
            self.tell(start);
        }
        self.tell(end);
    }

    /// Tells what is left, for a few seconds.
    pub(crate) async fn end(&self) {
        self.sender.lock().take();
        let task = self.task.lock().take();
        if let Some(task) = task
            && tokio::time::timeout(END_PATIENCE, task.join()).await.is_err()
        {
            tracing::warn!("not all events of OpenLineage were told");
        }
    }

    fn tell(&self, event: String) {
        let sent = self.sender.lock().as_ref().is_some_and(|sender| sender.try_send(event).is_ok());
        if let Some(counters) = self.counters.get() {
            let result = if sent { "queued" } else { "lost" };
            counters.with_label_values(&[result]).inc();
        }
    }
}
