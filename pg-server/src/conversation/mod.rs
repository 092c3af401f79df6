//! What is said between a client and its session.
//!
//! ```text
//! Query ─────────────────────────────▶ simple ──┐
//! Parse ▶ Bind ▶ Execute ... Sync ───▶ extended ─┴▶ run: rows until the end, a limit, a stop
//! ```

mod copy;
mod extended;
mod named;
mod portal;
mod run;
mod savepoints;
mod setting;
mod simple;

use std::collections::HashMap;
use std::sync::Arc;

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{CommandComplete, ReadyForQuery, TransactionStatus};
use pgwire::messages::startup::ParameterStatus;
use samite_engine::session::Session;
use samite_engine::{Error, ErrorKind};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::cancel::Cancellable;
use crate::command::{Command, Verb};
use crate::error::{Coded, Severity, code, message};
use crate::link::{Gone, Link};
use crate::protocol::Frontend;
use crate::server::Shared;
use crate::startup::Open;
use crate::trace::span_of;
use crate::values::Zone;
use portal::{Portal, Prepared};
use savepoints::Savepoints;
pub(crate) use setting::set;

/// A client and its session.
pub(crate) struct Conversation {
    link: Link,
    session: Session,
    cancel: Cancellable,
    shared: Arc<Shared>,
    /// Prepared statements, by name; the unnamed one too.
    statements: HashMap<String, Arc<Prepared>>,
    /// What was bound, and cursors, by name; the unnamed one too.
    portals: HashMap<String, Portal>,
    transaction: TransactionStatus,
    savepoints: Savepoints,
    /// True if the list of users says who it is: then it can say something else tomorrow.
    is_listed: bool,
    /// True if no group of messages has begun that waits for its end.
    is_between: bool,
    /// True after an error, until the client says Sync.
    is_skipping: bool,
    /// Counts groups of messages: a Sync ends each.
    group: u64,
    /// Fires to end what runs.
    cancelled: CancellationToken,
}

/// Why something did not come to its end.
enum End {
    /// It failed; the client is told.
    Failed(Coded),
    /// The client is gone.
    Gone,
}

impl From<Coded> for End {
    fn from(coded: Coded) -> Self {
        Self::Failed(coded)
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl Conversation {
    /// A session that begins.
    pub(crate) fn new(open: Open, shared: Arc<Shared>) -> Self {
        let listed = shared.authenticator.listed(&open.session.principal().name);
        Self {
            is_listed: listed.is_some_and(|listed| *listed == *open.session.principal()),
            link: open.link,
            session: open.session,
            cancel: open.cancel,
            shared,
            statements: HashMap::new(),
            portals: HashMap::new(),
            transaction: TransactionStatus::Idle,
            savepoints: Savepoints::default(),
            is_between: true,
            is_skipping: false,
            group: 0,
            cancelled: CancellationToken::new(),
        }
    }

    /// Answers until the client leaves or the server stops.
    pub(crate) async fn hold(mut self) {
        let shared = Arc::clone(&self.shared);
        loop {
            let stop = async {
                // In the middle of a group of messages the client waits for the rest of its answers.
                match self.is_between {
                    true => shared.stopping.cancelled().await,
                    false => shared.stopped.cancelled().await,
                }
            };
            let said = tokio::select! {
                said = self.link.next() => said,
                () = stop => {
                    let stop = Coded::new(
                        code::ADMIN_SHUTDOWN,
                        ErrorKind::Cancelled,
                        "the server is stopping",
                    );
                    return self.leave(&stop).await;
                }
            };
            let message = match said {
                None | Some(Ok(Frontend::Terminate)) => return,
                Some(Ok(message)) => message,
                Some(Err(error)) => {
                    let error = Error::new(ErrorKind::InvalidQuery, error.to_string());
                    return self.leave(&Coded { code: code::PROTOCOL_VIOLATION, error }).await;
                }
            };
            self.is_between = matches!(message, Frontend::Query(_) | Frontend::Sync);
            if let Err(gone) = self.know_again() {
                return self.leave(&gone).await;
            }
            self.cancelled = self.cancel.begin();
            let span = span_of(&message);
            let answered = self.answer(message).instrument(span).await;
            self.cancel.end();
            if answered.is_err() {
                return;
            }
        }
    }

    /// Asks the list of users again who it is: groups and attributes can have changed since it connected.
    fn know_again(&mut self) -> Result<(), Coded> {
        if !self.is_listed {
            return Ok(());
        }
        let Some(now) = self.shared.authenticator.listed(&self.session.principal().name) else {
            let message = "the user is not there any more";
            let kind = ErrorKind::Unauthenticated;
            return Err(Coded::new(code::INVALID_AUTHORIZATION, kind, message));
        };
        if *now != *self.session.principal() {
            self.session = self.session.for_principal(now);
        }
        Ok(())
    }

    /// Says why the connection ends.
    async fn leave(&mut self, why: &Coded) {
        let told = self.link.say(message(why, Severity::Fatal)).await;
        let _ = (told, self.link.close().await);
    }

    async fn answer(&mut self, said: Frontend) -> Result<(), Gone> {
        match said {
            Frontend::Query(sql) => return self.query(&sql).await,
            Frontend::Sync => return self.sync().await,
            Frontend::FunctionCall if !self.is_skipping => {
                let refusal = Coded::new(
                    code::UNSUPPORTED,
                    ErrorKind::Unsupported,
                    "functions cannot be called by number",
                )
                .with_hint("write SELECT f(x)");
                self.fail(&refusal).await?;
                return self.ready().await;
            }
            Frontend::Flush if !self.is_skipping => return self.link.flush().await,
            _ if self.is_skipping => return Ok(()),
            _ => {}
        }
        let ended = match said {
            Frontend::Parse(parse) => self.parse(parse).await,
            Frontend::Bind(bind) => self.bind(bind).await,
            Frontend::Describe(target) => self.describe(target).await,
            Frontend::Execute { portal, rows_max } => self.execute(portal, rows_max).await,
            Frontend::Close(target) => self.close(target).await,
            // As PostgreSQL does with what comes at a time when it means nothing.
            _ => Ok(()),
        };
        match ended {
            Ok(()) => Ok(()),
            Err(End::Gone) => Err(Gone),
            Err(End::Failed(error)) => {
                self.is_skipping = true;
                self.fail(&error).await?;
                self.link.flush().await
            }
        }
    }

    /// Tells the client of an error; a transaction fails with it.
    async fn fail(&mut self, error: &Coded) -> Result<(), Gone> {
        self.transaction = self.transaction.to_error();
        self.link.say(message(error, Severity::Error)).await
    }

    /// Says that the next statement may come.
    async fn ready(&mut self) -> Result<(), Gone> {
        if matches!(self.transaction, TransactionStatus::Idle) {
            self.portals.retain(|_, portal| portal.is_held);
        }
        let ready = ReadyForQuery::new(self.transaction);
        self.link.say(PgWireBackendMessage::ReadyForQuery(ready)).await?;
        self.link.flush().await
    }

    /// Says that a statement has come to its end.
    async fn complete(&mut self, tag: String) -> Result<(), Gone> {
        let complete = CommandComplete::new(tag);
        self.link.say(PgWireBackendMessage::CommandComplete(complete)).await
    }

    /// Refuses everything but the end of a transaction that has failed.
    fn check_transaction(&self, command: &Command) -> Result<(), End> {
        let is_end =
            matches!(command, Command::Sql(Verb::Commit | Verb::Rollback) | Command::RollbackTo(_));
        if is_end || !matches!(self.transaction, TransactionStatus::Error) {
            return Ok(());
        }
        Err(Coded::new(
            code::FAILED_TRANSACTION,
            ErrorKind::InvalidQuery,
            "the transaction has failed, and what follows is ignored until it ends",
        )
        .with_hint("send ROLLBACK")
        .into())
    }

    /// What a statement that was carried out does to the transaction; the words that the client gets.
    fn turn(&mut self, verb: &Verb) -> String {
        let had_failed = matches!(self.transaction, TransactionStatus::Error);
        match verb {
            Verb::Begin(_) => self.transaction = TransactionStatus::Transaction,
            Verb::Commit | Verb::Rollback => {
                self.transaction = TransactionStatus::Idle;
                self.savepoints.clear();
                self.portals.retain(|_, portal| portal.is_held);
                if had_failed {
                    return Verb::Rollback.tag(0);
                }
            }
            Verb::Select | Verb::Other(_) => {}
        }
        verb.tag(0)
    }

    /// The zone in which instants are shown.
    fn zone(&self) -> Result<Zone, Error> {
        Zone::named(&self.zone_name())
    }

    fn zone_name(&self) -> String {
        self.session.settings().get("timezone").unwrap_or("UTC").to_owned()
    }

    /// Tells the client of a zone that changed: drivers show instants in it.
    async fn tell_zone(&mut self, before: &str) -> Result<(), Gone> {
        let now = self.zone_name();
        if now == before {
            return Ok(());
        }
        let status = ParameterStatus::new("TimeZone".to_owned(), now);
        self.link.say(PgWireBackendMessage::ParameterStatus(status)).await
    }
}

/// A status after an error.
trait ToError {
    fn to_error(self) -> Self;
}

impl ToError for TransactionStatus {
    fn to_error(self) -> Self {
        match self {
            Self::Idle => Self::Idle,
            Self::Transaction | Self::Error => Self::Error,
        }
    }
}
