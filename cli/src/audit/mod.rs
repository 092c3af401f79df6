//! The audit file: a record for each table of each statement, when it begins to run and when it ends, as JSON lines in
//! the form of OCSF, in a chain of hashes.
//!
//! ```text
//! Asked, QueryEvent ─▶ Queue ─▶ writer (a thread) ─▶ ocsf ─▶ chain ─▶ AuditFile: audit.jsonl, audit.jsonl.000000048213, ...
//!   the first row waits ◀─┤ it is written that it began
//!                         └ full, or the file cannot be written: the next statement waits, or is refused
//! ```

mod chain;
mod file;
mod ocsf;
mod past;
mod queue;
mod verify;
mod writer;

use std::path::PathBuf;

use samite_engine::{Error, ErrorKind, Result};

pub(crate) use chain::Hash;
pub(crate) use past::restore;
pub(crate) use verify::{Statements, Stopped, Verified, verify};
pub(crate) use writer::AuditLog;

/// How statements are recorded in a file: options of `[audit]`.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// The file; none without it.
    pub file: Option<PathBuf>,
    /// The size from which on the next file is begun.
    pub file_bytes_max: u64,
    /// Files that are full and stay; all if 0.
    pub files_max: usize,
    /// When what was written is made to outlast a loss of power: `always`, `second` or `never`.
    pub sync: String,
    /// What becomes of statements that cannot be recorded: `refuse` or `warn`.
    pub on_failure: String,
    /// Statements whose records wait for being written.
    pub queue_max: usize,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self {
            file: None,
            file_bytes_max: 1 << 30,
            files_max: 0,
            sync: "second".to_owned(),
            on_failure: "refuse".to_owned(),
            queue_max: 10_000,
        }
    }
}

/// When what was written is made to outlast a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    /// After each batch of records.
    Always,
    /// Once a second.
    EachSecond,
    /// When the system does it by itself.
    Never,
}

/// What becomes of statements that cannot be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// They are refused.
    Refuse,
    /// They run, and the log says that there is no record of them.
    Warn,
}

impl AuditOptions {
    /// Refuses what makes no sense.
    pub(crate) fn check(&self) -> Result<()> {
        self.sync()?;
        self.on_failure().map(drop)
    }

    pub(crate) fn sync(&self) -> Result<Sync> {
        match self.sync.as_str() {
            "always" => Ok(Sync::Always),
            "second" => Ok(Sync::EachSecond),
            "never" => Ok(Sync::Never),
            other => Err(wrong("sync", other, "\"always\", \"second\" or \"never\"")),
        }
    }

    pub(crate) fn on_failure(&self) -> Result<OnFailure> {
        match self.on_failure.as_str() {
            "refuse" => Ok(OnFailure::Refuse),
            "warn" => Ok(OnFailure::Warn),
            other => Err(wrong("on_failure", other, "\"refuse\" or \"warn\"")),
        }
    }
}

fn wrong(option: &str, value: &str, expected: &str) -> Error {
    let message = format!("[audit] {option} cannot be \"{value}\"");
    Error::new(ErrorKind::InvalidConfiguration, message).with_hint(format!("set it to {expected}"))
}
