//! What all calls share, and what a call needs of it.

use std::sync::Arc;
use std::time::Duration;

use samite_engine::session::Session;
use samite_engine::{Engine, Result};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auth::{Authenticator, Caller};
use crate::config::FlightConfig;
use crate::connection::ConnectionId;
use crate::constants::Constants;
use crate::expiring::Expiring;
use crate::metadata::Metadata;
use crate::metrics::ServerMetrics;
use crate::prepared::{Budget, PreparedStatement};
use crate::query::Query;
use crate::sessions::Sessions;
use crate::share::Share;
use crate::ticket::Tickets;
use crate::wire::Profile;

/// What all calls share.
#[derive(Debug)]
pub(crate) struct State {
    pub(super) config: FlightConfig,
    pub(super) authenticator: Arc<Authenticator>,
    pub(super) metrics: ServerMetrics,
    pub(super) sessions: Sessions,
    pub(super) statements: Expiring<Uuid, PreparedStatement>,
    /// What the parameters of all statements and queries take.
    pub(super) parameters: Budget,
    pub(super) queries: Arc<Expiring<Uuid, Query>>,
    pub(super) tickets: Tickets,
    pub(super) metadata: Metadata,
    pub(super) constants: Constants,
    /// Fires when running queries must end because the server does.
    pub(super) shutdown: CancellationToken,
}

impl State {
    /// What all calls share.
    ///
    /// # Errors
    ///
    /// When the fixed answers cannot be made.
    pub(crate) fn new(
        engine: Engine,
        authenticator: Arc<Authenticator>,
        metrics: ServerMetrics,
        config: FlightConfig,
        shutdown: CancellationToken,
    ) -> Result<Self> {
        let share = Share::percent(config.principal_share_percent);
        Ok(Self {
            sessions: Sessions::new(engine, &config),
            statements: Expiring::new("prepared statements", config.statements_max, share),
            parameters: Budget::new(config.all_parameter_bytes_max, share),
            queries: Arc::new(Expiring::new("queries", config.queries_max, share)),
            tickets: Tickets::new(),
            metadata: Metadata::new(&config)?,
            constants: Constants::new(),
            shutdown,
            authenticator,
            metrics,
            config,
        })
    }

    /// Forgets what has ended.
    pub(crate) fn sweep(&self, gone: &[ConnectionId]) {
        self.sessions.sweep(gone);
        self.statements.sweep();
        self.queries.sweep();
    }

    /// The session that a statement of this caller runs in, and the types that the caller reads.
    pub(super) async fn session_of(&self, caller: &Caller) -> Result<(Session, Profile)> {
        let found = self.sessions.find(caller)?;
        let asked = found.as_ref().and_then(|found| found.profile());
        let profile = asked.or(caller.asked_profile).unwrap_or(caller.program_profile);
        let session = match (&found, &caller.purpose) {
            (Some(found), None) => {
                let session = found.session().for_principal(Arc::clone(&caller.principal));
                session.with_address(caller.address)
            }
            (None, None) => self.sessions.fresh(caller),
            (found, Some(purpose)) => {
                // The header holds for this call, not for the session.
                let session = self.sessions.fresh(caller);
                if let Some(found) = found {
                    for (name, value) in found.session().settings().iter() {
                        session.set(name, value).await?;
                    }
                }
                session.set("mesh.purpose", purpose).await?;
                session
            }
        };
        Ok((session, profile))
    }

    /// The time for which a ticket of this server holds.
    pub(super) fn query_lifetime(&self) -> Duration {
        self.config.query_lifetime
    }
}
