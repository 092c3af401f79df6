//! The seam to whatever records what happened.

use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

use crate::error::{ErrorKind, Result};
use crate::session::Principal;

pub use crate::audit::{
    AccessDecision, MovedData, MovementKey, PortAddress, TableAccess, TableReads, to_domain,
};

/// How a query ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every row was handed out.
    Finished,
    /// It failed.
    Failed(ErrorKind),
    /// Its reader went away, or somebody cancelled it.
    Cancelled,
}

impl Outcome {
    /// The name, in logs, metrics and listings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatementAction {
    /// It reads rows.
    Select,
    /// It says how rows would be read.
    Explain,
    /// It reads tables of Samite's own only, or shows what is set.
    List,
    /// It sets something in its session.
    Set,
    /// It ends a query.
    Kill,
    /// It begins or ends a transaction, or marks a place in one.
    Transaction,
    /// It is a command of a protocol that lists what there is, such as `GetTables` of Flight SQL.
    Metadata,
    /// It could not be read as a statement.
    Unread,
}

impl StatementAction {
    /// The name, in records and listings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Explain => "explain",
            Self::List => "list",
            Self::Set => "set",
            Self::Kill => "kill",
            Self::Transaction => "transaction",
            Self::Metadata => "metadata",
            Self::Unread => "unread",
        }
    }

    /// True for what drivers send by themselves, much and often: it reads no table.
    #[must_use]
    pub(crate) fn is_aside(self) -> bool {
        match self {
            Self::Set | Self::Transaction | Self::Metadata => true,
            Self::Select | Self::Explain | Self::List | Self::Kill | Self::Unread => false,
        }
    }
}

/// One statement: who asked what, of which tables.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The id that the client got too.
    pub query_id: String,
    /// Who asked.
    pub principal: Arc<Principal>,
    /// With which program, as it calls itself.
    pub program: Option<Arc<str>>,
    /// The way in: `flight-sql`, `postgresql` or `embedded`.
    pub channel: &'static str,
    /// The address of the client, where it is known.
    pub address: Option<IpAddr>,
    /// What for; `None` if nobody said.
    pub purpose: Option<String>,
    /// What the statement does.
    pub action: StatementAction,
    /// Its text without literals and comments.
    pub statement: Arc<str>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// The tables that it names, as far as they were looked at before it ended.
    pub tables: Vec<TableAccess>,
}

impl Asked {
    /// True if something of a product was to be read.
    #[must_use]
    pub fn names_products(&self) -> bool {
        self.tables.iter().any(|table| table.port.is_some())
    }
}

/// One statement, after its end.
#[derive(Debug, Clone)]
pub struct QueryEvent {
    /// Who asked what, with what was read of each table.
    pub asked: Asked,
    /// The statement as it came, if the configuration lets it be logged.
    pub sql: Option<String>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How long it was planned, waited for its turn, and ran.
    pub elapsed: Duration,
    /// How long it waited for its turn.
    pub queued: Duration,
    /// How long it ran; `None` if it did not.
    pub running: Option<Duration>,
    /// How it ended.
    pub outcome: Outcome,
    /// The rows that were handed out.
    pub rows: u64,
    /// The bytes that were handed out, as Arrow in memory.
    pub bytes: u64,
    /// The bytes that were read from ports.
    pub bytes_read: u64,
}

/// What ends once something is recorded.
pub type Recorded = BoxFuture<'static, Result<()>>;

/// Records what happened.
#[async_trait]
pub trait EventSink: Debug + Send + Sync {
    /// Says whether one more statement can be recorded. Must not block.
    ///
    /// # Errors
    ///
    /// When it cannot: then it is refused.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The same for a statement that may begin, for which it may wait.
    ///
    /// # Errors
    ///
    /// As [`EventSink::check`].
    async fn admit(&self) -> Result<()> {
        self.check()
    }

    /// Records that a statement that names tables begins to run; one that is refused before never does. Must not
    /// block: what it gives, if anything, ends once the record is written, and no row leaves before. Where that fails,
    /// so does the statement.
    fn query_started(&self, _asked: &Arc<Asked>) -> Option<Recorded> {
        None
    }

    /// Records the end of a statement, also of one that could not be planned. Must not block.
    fn query_ended(&self, event: &Arc<QueryEvent>);
}

/// Writes each query to the log: at `info`, but for what reads no table and goes well, at `debug`.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogEvents {
    /// True if the text of each statement is written too; it can hold what is confidential.
    pub has_sql: bool,
}

#[async_trait]
impl EventSink for LogEvents {
    fn query_ended(&self, event: &Arc<QueryEvent>) {
        let asked = &event.asked;
        if asked.action.is_aside() || asked.action == StatementAction::Kill {
            return;
        }
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let error = match event.outcome {
            Outcome::Failed(kind) => Some(kind.as_str()),
            Outcome::Finished | Outcome::Cancelled => None,
        };
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    query_id = %asked.query_id,
                    principal = %asked.principal.name,
                    outcome = event.outcome.as_str(),
                    error,
                    rows = event.rows,
                    bytes = event.bytes,
                    bytes_read = event.bytes_read,
                    elapsed_ms = millis(event.elapsed),
                    queued_ms = millis(event.queued),
                    sql = event.sql.as_deref().filter(|_| self.has_sql),
                    "query ended"
                )
            };
        }
        if event.outcome == Outcome::Finished && !asked.names_products() {
            log!(debug);
        } else {
            log!(info);
        }
    }
}
