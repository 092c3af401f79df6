//! The sessions of clients: found by cookie, else by token, else by connection.
//!
//! A session exists once something is set in it; until then a call gets a fresh one. A client whose
//! session has ended is told so: to go on without its settings could give it other rows.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use samite_engine::session::{Principal, Session};
use samite_engine::{Engine, Error, ErrorKind, Result};
use uuid::Uuid;

use crate::auth::Caller;
use crate::config::FlightConfig;
use crate::connection::ConnectionId;
use crate::expiring::Expiring;
use crate::wire::Profile;

/// What begins every token that names a session.
const TOKEN_PREFIX: &str = "samite-session-";

/// What a session is found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum SessionKey {
    /// A cookie or a bearer token.
    Token(String),
    /// The connection, where the client shows neither.
    Connection(ConnectionId),
    /// Nothing: each call is on its own.
    None,
}

/// One session, with what concerns the wire alone.
#[derive(Debug)]
pub(crate) struct ClientSession {
    session: Session,
    token: String,
    keys: Mutex<Vec<SessionKey>>,
    profile: Mutex<Option<Profile>>,
}

impl ClientSession {
    /// The engine's session.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// What names this session, as cookie or bearer token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The profile that the client asked for.
    pub(crate) fn profile(&self) -> Option<Profile> {
        *self.profile.lock()
    }

    /// Asks for a profile.
    pub(crate) fn set_profile(&self, profile: Option<Profile>) {
        *self.profile.lock() = profile;
    }
}

/// The sessions of clients.
#[derive(Debug)]
pub(crate) struct Sessions {
    engine: Engine,
    sessions: Expiring<SessionKey, ClientSession>,
    /// Held while a session begins, so that two calls of a caller begin one.
    beginning: Mutex<()>,
    idle: Duration,
}

impl Sessions {
    pub(crate) fn new(engine: Engine, config: &FlightConfig) -> Self {
        // Each session is found by two keys.
        let sessions = Expiring::new("sessions", config.sessions_max.saturating_mul(2));
        Self { engine, sessions, beginning: Mutex::default(), idle: config.session_idle }
    }

    /// The caller's session, if something was ever set in it.
    ///
    /// # Errors
    ///
    /// When the caller's session has ended.
    pub(crate) fn find(&self, caller: &Caller) -> Result<Option<Arc<ClientSession>>> {
        let found = self.sessions.get(&caller.session);
        if let Some(session) = found.filter(|found| found.session.principal() == &caller.principal)
        {
            for key in session.keys.lock().iter() {
                self.sessions.end_in(key, self.idle);
            }
            return Ok(Some(session));
        }
        match &caller.session {
            SessionKey::Token(token) if token.starts_with(TOKEN_PREFIX) => Err(ended()),
            _ => Ok(None),
        }
    }

    /// The caller's session; made if there is none. The flag is true if it was made.
    ///
    /// # Errors
    ///
    /// When the caller's session has ended, or there are too many.
    pub(crate) fn open(&self, caller: &Caller) -> Result<(Arc<ClientSession>, bool)> {
        let _beginning = self.beginning.lock();
        if let Some(session) = self.find(caller)? {
            return Ok((session, false));
        }
        let token = format!("{TOKEN_PREFIX}{}", Uuid::new_v4().simple());
        let keys = vec![SessionKey::Token(token.clone()), caller.session.clone()];
        let session = Arc::new(ClientSession {
            session: self.fresh(caller.principal.clone()),
            token,
            keys: Mutex::new(keys.clone()),
            profile: Mutex::default(),
        });
        for key in keys.into_iter().filter(|key| *key != SessionKey::None) {
            self.sessions.insert(key, Arc::clone(&session), self.idle, |_| false)?;
        }
        Ok((session, true))
    }

    /// A session that nobody else sees.
    pub(crate) fn fresh(&self, principal: Principal) -> Session {
        self.engine.session(principal)
    }

    /// Ends the caller's session. False if there was none.
    pub(crate) fn close(&self, caller: &Caller) -> bool {
        let Ok(Some(session)) = self.find(caller) else { return false };
        for key in std::mem::take(&mut *session.keys.lock()) {
            self.sessions.remove(&key);
        }
        true
    }

    /// Forgets what has ended, and what hung on a connection that is gone.
    pub(crate) fn sweep(&self, gone: &[ConnectionId]) {
        self.sessions.sweep(|key, _| match key {
            SessionKey::Connection(id) => gone.contains(id),
            SessionKey::Token(_) | SessionKey::None => false,
        });
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::NotFound, "the session has ended, and what was set in it is lost")
        .with_hint("connect again")
}
