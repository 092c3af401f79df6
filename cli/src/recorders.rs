//! What records statements besides the engine's own ledger: the log, the audit file, OpenLineage.

use std::sync::Arc;

use async_trait::async_trait;
use samite_engine::events::{Asked, EventSink, LogEvents, QueryEvent, Recorded};
use samite_engine::{Engine, Error, ErrorKind, Result};

use crate::audit::{AuditLog, restore};
use crate::config::Configuration;
use crate::lineage::Lineage;

/// What records statements besides the engine's own ledger.
#[derive(Debug)]
pub(crate) struct Recorders {
    log: LogEvents,
    audit: Option<AuditLog>,
    lineage: Option<Lineage>,
}

impl Recorders {
    /// Begins to record as a configuration says. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When a file or an address cannot be used.
    pub(crate) fn start(configuration: &Configuration) -> Result<Self> {
        let audit = &configuration.audit;
        let lineage = &configuration.lineage;
        let token = match &lineage.credential {
            None => None,
            Some(name) => {
                let credentials = configuration.stores.credentials.get(name);
                let token = credentials.and_then(|all| all.bearer_token.clone());
                Some(token.ok_or_else(|| no_token(name))?)
            }
        };
        let namespace = match &lineage.namespace {
            Some(namespace) => namespace.clone(),
            None => format!("samite://{}", configuration.listen),
        };
        let lineage = lineage.is_on().then(|| Lineage::start(lineage, (namespace, token)));
        Ok(Self {
            audit: audit.file.as_deref().map(|file| AuditLog::open(file, audit)).transpose()?,
            lineage: lineage.transpose()?,
            ..Self::log_only(configuration)
        })
    }

    /// Records in the log alone.
    pub(crate) fn log_only(configuration: &Configuration) -> Self {
        let log = LogEvents { has_sql: configuration.engine.has_logged_sql };
        Self { log, audit: None, lineage: None }
    }

    /// Counts in an engine's metrics what becomes of records, and tells the engine what was recorded before.
    ///
    /// # Errors
    ///
    /// When a name of a metric is taken.
    pub(crate) fn attach(&self, engine: &Engine) -> Result<()> {
        if let Some(audit) = &self.audit {
            audit.count_in(engine)?;
            restore(engine, audit.path());
        }
        match &self.lineage {
            Some(lineage) => lineage.count_in(engine),
            None => Ok(()),
        }
    }

    /// Records what is left.
    pub(crate) async fn end(self: &Arc<Self>) {
        if let Some(lineage) = &self.lineage {
            lineage.end().await;
        }
        let ending = Arc::clone(self);
        let ending = tokio::task::spawn_blocking(move || {
            if let Some(audit) = &ending.audit {
                audit.end();
            }
        });
        // It has said itself what went wrong.
        drop(ending.await);
    }
}

#[deny(clippy::missing_trait_methods, reason = "a new method must reach each of them")]
#[async_trait]
impl EventSink for Recorders {
    fn check(&self) -> Result<()> {
        self.audit.as_ref().map_or(Ok(()), AuditLog::check)
    }

    async fn admit(&self) -> Result<()> {
        match &self.audit {
            Some(audit) => audit.admit().await,
            None => Ok(()),
        }
    }

    fn query_started(&self, asked: &Arc<Asked>) -> Option<Recorded> {
        if let Some(lineage) = &self.lineage {
            lineage.started(asked);
        }
        self.audit.as_ref().and_then(|audit| audit.begin(asked))
    }

    fn query_ended(&self, event: &Arc<QueryEvent>) {
        self.log.query_ended(event);
        if let Some(audit) = &self.audit {
            audit.record(event);
        }
        if let Some(lineage) = &self.lineage {
            lineage.ended(event);
        }
    }
}

fn no_token(name: &str) -> Error {
    let message = format!("[openlineage] names credential \"{name}\", which has no bearer_token");
    Error::new(ErrorKind::InvalidConfiguration, message)
        .with_hint(format!("write a section [credentials.{name}] with a bearer_token"))
}
