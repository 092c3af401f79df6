//! The sessions of clients: found by cookie, else by token, else by connection.
//!
//! A session exists once something is set in it; until then a call gets a fresh one. A client whose
//! session has ended is told so: to go on without its settings could give it other rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use samite_engine::session::Session;
use samite_engine::{Engine, Error, ErrorKind, Result};
use uuid::Uuid;

use crate::auth::Caller;
use crate::config::FlightConfig;
use crate::connection::ConnectionId;
use crate::expiring::Expiring;
use crate::share::Share;
use crate::wire::Profile;

/// What begins every token that names a session.
const TOKEN_PREFIX: &str = "samite-session-";

/// The time for which a session outlives its connection where no caller has shown its token: one
/// that lost the connection early may still come back with it.
const ORPHAN_LIFETIME: Duration = Duration::from_secs(60);

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
    /// True once a caller was known by the token.
    is_token_used: AtomicBool,
    /// True once the connection is gone on which alone the session was known.
    is_orphan: AtomicBool,
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

    /// True if nobody can be expected to come back to it.
    fn is_orphan(&self) -> bool {
        self.is_orphan.load(Ordering::Relaxed)
    }

    /// Says that a caller was known by this key.
    fn set_used(&self, key: &SessionKey) {
        if matches!(key, SessionKey::Token(_)) {
            self.is_token_used.store(true, Ordering::Relaxed);
            self.is_orphan.store(false, Ordering::Relaxed);
        }
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
        let share = Share::percent(config.principal_share_percent);
        let sessions = Expiring::new("sessions", config.sessions_max.saturating_mul(2), share);
        Self { engine, sessions, beginning: Mutex::default(), idle: config.session_idle }
    }

    /// The caller's session, if something was ever set in it.
    ///
    /// # Errors
    ///
    /// When the caller's session has ended.
    pub(crate) fn find(&self, caller: &Caller) -> Result<Option<Arc<ClientSession>>> {
        let found = self.sessions.get(&caller.session);
        let is_own =
            |found: &Arc<ClientSession>| found.session.principal().name == caller.principal.name;
        if let Some(session) = found.filter(is_own) {
            session.set_used(&caller.session);
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
            session: self.fresh(caller),
            token,
            keys: Mutex::new(keys.clone()),
            profile: Mutex::default(),
            is_token_used: AtomicBool::new(matches!(caller.session, SessionKey::Token(_))),
            is_orphan: AtomicBool::new(false),
        });
        for key in keys.iter().filter(|key| **key != SessionKey::None) {
            let entry = (key.clone(), Arc::clone(&session));
            let is_spare = ClientSession::is_orphan;
            let inserted = self.sessions.insert(&caller.principal, entry, self.idle, is_spare);
            inserted.inspect_err(|_| self.forget(&session))?;
        }
        Ok((session, true))
    }

    fn forget(&self, session: &ClientSession) {
        for key in std::mem::take(&mut *session.keys.lock()) {
            self.sessions.remove(&key);
        }
    }

    /// A session that nobody else sees.
    pub(crate) fn fresh(&self, caller: &Caller) -> Session {
        let session = self.engine.session(Arc::clone(&caller.principal));
        let session = session.with_channel("flight-sql").with_address(caller.address);
        match &caller.program {
            Some(program) => session.with_program(program),
            None => session,
        }
    }

    /// Ends the caller's session. False if there was none.
    pub(crate) fn close(&self, caller: &Caller) -> bool {
        let Ok(Some(session)) = self.find(caller) else { return false };
        self.forget(&session);
        true
    }

    /// Forgets what has ended, and what hung on a connection that is gone. A session whose token no
    /// caller has shown ends soon after its connection, and makes room for others before.
    pub(crate) fn sweep(&self, gone: &[ConnectionId]) {
        for id in gone {
            let Some(session) = self.sessions.remove(&SessionKey::Connection(*id)) else {
                continue;
            };
            if session.is_token_used.load(Ordering::Relaxed) {
                continue;
            }
            session.is_orphan.store(true, Ordering::Relaxed);
            for key in session.keys.lock().iter() {
                self.sessions.end_in(key, ORPHAN_LIFETIME);
            }
        }
        self.sessions.sweep();
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::NotFound, "the session has ended, and what was set in it is lost")
        .with_hint("connect again")
}

#[cfg(test)]
mod tests {
    use samite_engine::session::Principal;
    use samite_engine::testing::{MemoryConnector, engine_with, mesh_of};

    use super::*;

    fn sessions(sessions_max: usize) -> Sessions {
        let engine = engine_with(mesh_of(vec![]), MemoryConnector::default()).unwrap();
        Sessions::new(engine, &FlightConfig { sessions_max, ..FlightConfig::default() })
    }

    fn caller(session: SessionKey) -> Caller {
        Caller {
            principal: Arc::new(Principal::anonymous()),
            address: None,
            session,
            asked_profile: None,
            program_profile: Profile::default(),
            program: None,
            purpose: None,
            deadline: None,
            new_token: None,
            has_credentials: false,
        }
    }

    fn on_connection(id: u64) -> Caller {
        caller(SessionKey::Connection(ConnectionId(id)))
    }

    #[tokio::test]
    async fn session_whose_token_nobody_showed_makes_room_once_its_connection_is_gone() {
        let sessions = sessions(1);
        sessions.open(&on_connection(1)).unwrap();
        assert!(sessions.open(&on_connection(2)).is_err());
        sessions.sweep(&[ConnectionId(1)]);
        let (session, is_new) = sessions.open(&on_connection(2)).unwrap();
        assert!(is_new);
        let by_token = caller(SessionKey::Token(session.token().to_owned()));
        sessions.sweep(&[ConnectionId(2)]);
        assert!(!sessions.open(&by_token).unwrap().1, "it comes back soon");
        sessions.open(&on_connection(3)).err().unwrap();
    }

    #[tokio::test]
    async fn session_whose_token_was_shown_outlives_its_connection() {
        let sessions = sessions(1);
        let (session, _) = sessions.open(&on_connection(1)).unwrap();
        let by_token = caller(SessionKey::Token(session.token().to_owned()));
        sessions.find(&by_token).unwrap().unwrap();
        sessions.sweep(&[ConnectionId(1)]);
        sessions.open(&on_connection(2)).err().unwrap();
        sessions.find(&by_token).unwrap().unwrap();
    }

    #[tokio::test]
    async fn session_that_cannot_begin_leaves_nothing() {
        let sessions = sessions(1);
        sessions.open(&caller(SessionKey::None)).unwrap();
        for id in 0..3 {
            sessions.open(&on_connection(id)).err().unwrap();
        }
        sessions.open(&caller(SessionKey::None)).unwrap();
    }
}
