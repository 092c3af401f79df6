//! Writes the records of statements to their file, on a thread of its own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chrono::Utc;
use prometheus::IntCounterVec;
use samite_engine::events::{Asked, QueryEvent, Recorded};
use samite_engine::{Engine, Error, ErrorKind, Result};

use super::chain::{Hash, seal};
use super::file::{AuditFile, ChainEnd, cannot_open};
use super::ocsf::{self, Numbering};
use super::queue::{Entry, Queue, Waiting, unrecorded};
use super::{AuditOptions, OnFailure, Sync};

/// Statements whose records are written at once.
const BATCH: usize = 1000;

/// How often what was written is made to last, and what could not be written is tried again.
const PERIOD: Duration = Duration::from_secs(1);

/// The time for the last records to be written when the server ends.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// The records of statements, on their way to a file.
#[derive(Debug)]
pub(crate) struct AuditLog {
    path: PathBuf,
    queue: Arc<Queue>,
    counters: Arc<OnceLock<IntCounterVec>>,
}

impl AuditLog {
    /// Begins to write, with a record of that.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, unless statements may run without a record.
    pub(crate) fn open(path: &Path, options: &AuditOptions) -> Result<Self> {
        let (sync, on_failure) = (options.sync()?, options.on_failure()?);
        let (file, end) = AuditFile::open(path, options)?;
        let queue = Arc::new(Queue::new(options.queue_max, on_failure));
        let counters = Arc::new(OnceLock::new());
        if end.torn_bytes > 0 {
            let bytes = end.torn_bytes;
            tracing::warn!(bytes, "the last record of the audit file was torn, and is gone");
        }
        let mut writer = Writer {
            file,
            end,
            sync,
            on_failure,
            queue: Arc::clone(&queue),
            counters: Arc::clone(&counters),
            synced: Instant::now(),
            is_unsynced: false,
            is_sync_failing: false,
        };
        match writer.write_life(ocsf::Life::Start) {
            Ok(()) => {}
            Err(error) if on_failure == OnFailure::Refuse => return Err(cannot_open(path, &error)),
            Err(error) => tracing::error!(%error, "the audit file cannot be written"),
        }
        let thread = std::thread::Builder::new().name("samite-audit".to_owned());
        thread.spawn(move || writer.run()).map_err(|error| {
            Error::new(ErrorKind::InvalidConfiguration, "the audit thread cannot be started")
                .with_source(error)
        })?;
        Ok(Self { path: path.to_owned(), queue, counters })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Counts what is written, and what is not, among the metrics of an engine.
    ///
    /// # Errors
    ///
    /// When the name is taken.
    pub(crate) fn count_in(&self, engine: &Engine) -> Result<()> {
        let help = "Records of the audit file, by what became of them.";
        let counters = engine.metrics().counters("audit_records_total", help, &["result"])?;
        for result in ["written", "lost"] {
            counters.with_label_values(&[result]).inc_by(0);
        }
        // A second engine would count in the first one's.
        let _ = self.counters.set(counters);
        Ok(())
    }

    /// Says whether one more statement can be recorded.
    ///
    /// # Errors
    ///
    /// When it cannot.
    pub(crate) fn check(&self) -> Result<()> {
        self.queue.check()
    }

    /// The same, after a wait for room.
    ///
    /// # Errors
    ///
    /// When it cannot.
    pub(crate) async fn admit(&self) -> Result<()> {
        self.queue.admit().await
    }

    /// Takes a statement that begins to run. What it gives ends once that is written.
    pub(crate) fn begin(&self, asked: &Arc<Asked>) -> Option<Recorded> {
        match self.queue.begin(Entry::Begun(Arc::clone(asked), Utc::now())) {
            Ok(Some(written)) => {
                Some(Box::pin(async { written.await.unwrap_or_else(|_| Err(unrecorded())) }))
            }
            Ok(None) => {
                lose(&self.counters, asked);
                None
            }
            Err(refusal) => Some(Box::pin(std::future::ready(Err(refusal)))),
        }
    }

    /// Takes a statement that ended.
    pub(crate) fn record(&self, event: &Arc<QueryEvent>) {
        if !self.queue.push(event) {
            lose(&self.counters, &event.asked);
        }
    }

    /// Writes what is left. Blocks until it is written, or for a few seconds.
    pub(crate) fn end(&self) {
        self.queue.close();
        if !self.queue.wait_for_end(END_PATIENCE) {
            tracing::error!("not all records of the audit file were written");
        }
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.end();
    }
}

fn lose(counters: &OnceLock<IntCounterVec>, asked: &Asked) {
    tracing::error!(
        query_id = %asked.query_id,
        principal = %asked.principal.name,
        "there is no record of a statement in the audit file"
    );
    count(counters, "lost", 1);
}

fn count(counters: &OnceLock<IntCounterVec>, result: &str, records: u64) {
    if let Some(counters) = counters.get() {
        counters.with_label_values(&[result]).inc_by(records);
    }
}

struct Writer {
    file: AuditFile,
    end: ChainEnd,
    sync: Sync,
    on_failure: OnFailure,
    queue: Arc<Queue>,
    counters: Arc<OnceLock<IntCounterVec>>,
    synced: Instant,
    is_unsynced: bool,
    is_sync_failing: bool,
}

/// Lines that are not written yet, and where the chain is once they are.
struct Batch {
    lines: String,
    hash: Hash,
    sequence: u64,
}

impl Writer {
    fn run(mut self) {
        while let Some(waiting) = self.queue.take(BATCH, PERIOD) {
            if !waiting.is_empty() {
                self.write_or_wait(waiting);
            }
            self.sync_if_due();
        }
        if let Err(error) = self.write_life(ocsf::Life::Stop).and_then(|()| self.file.sync()) {
            tracing::error!(%error, "the audit file cannot be written");
        }
        // Whoever keeps this line elsewhere sees if the end of the file goes missing.
        tracing::info!(records = self.end.sequence, hash = %self.end.hash, "audit file ended");
        self.queue.end();
    }

    /// Writes records; while that fails, tries again and again, or gives them up, as the configuration says.
    fn write_or_wait(&mut self, mut all: Vec<Waiting>) {
        let batch = self.batch(&all);
        loop {
            match self.write(&batch) {
                Ok(()) => {
                    self.set_writable();
                    all.iter_mut().for_each(|waiting| waiting.tell(true));
                    return;
                }
                Err(error) => {
                    if self.queue.set_failing(true) {
                        tracing::error!(%error, "the audit file cannot be written");
                    }
                    let may_run = self.on_failure == OnFailure::Warn;
                    all.iter_mut().for_each(|waiting| waiting.tell(may_run));
                    if may_run || !self.queue.pause(PERIOD) {
                        all.iter().for_each(|it| lose(&self.counters, it.entry.asked()));
                        return;
                    }
                }
            }
        }
    }

    fn batch(&self, all: &[Waiting]) -> Batch {
        let mut batch =
            Batch { lines: String::new(), hash: self.end.hash, sequence: self.end.sequence };
        for Waiting { entry, .. } in all {
            for index in 0..entry.asked().tables.len().max(1) {
                let sequence = batch.sequence + 1;
                batch.add(&ocsf::record(entry, Numbering { index, sequence }));
            }
        }
        batch
    }

    fn write(&mut self, batch: &Batch) -> std::io::Result<()> {
        self.file.append(batch.lines.as_bytes())?;
        count(&self.counters, "written", batch.sequence - self.end.sequence);
        (self.end.hash, self.end.sequence) = (batch.hash, batch.sequence);
        self.is_unsynced = true;
        if self.sync == Sync::Always {
            self.sync_now();
        }
        if let Err(error) = self.file.rotate_if_full(self.end.sequence) {
            tracing::error!(%error, "the next audit file cannot be begun");
        }
        Ok(())
    }

    fn write_life(&mut self, life: ocsf::Life) -> std::io::Result<()> {
        let mut batch =
            Batch { lines: String::new(), hash: self.end.hash, sequence: self.end.sequence };
        let torn_bytes = std::mem::take(&mut self.end.torn_bytes);
        batch.add(&ocsf::life(life, Utc::now(), (batch.sequence + 1, torn_bytes)));
        self.write(&batch)
    }

    fn sync_if_due(&mut self) {
        let is_wanted = self.sync == Sync::EachSecond || self.is_sync_failing;
        if is_wanted && self.is_unsynced && self.synced.elapsed() >= PERIOD {
            self.sync_now();
        }
    }

    fn sync_now(&mut self) {
        self.synced = Instant::now();
        match self.file.sync() {
            Ok(()) => {
                (self.is_unsynced, self.is_sync_failing) = (false, false);
                self.set_writable();
            }
            Err(error) => {
                self.is_sync_failing = true;
                if self.queue.set_failing(true) {
                    tracing::error!(%error, "records of the audit file may not outlast a loss of power");
                }
            }
        }
    }

    fn set_writable(&self) {
        if !self.is_sync_failing && self.queue.set_failing(false) {
            tracing::warn!("the audit file can be written again");
        }
    }
}

impl Batch {
    fn add(&mut self, record: &str) {
        let (line, hash) = seal(record, self.hash);
        // A text takes everything.
        let _ = writeln!(self.lines, "{line}");
        self.hash = hash;
        self.sequence += 1;
    }
}
