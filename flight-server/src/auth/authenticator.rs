//! From credentials to a principal.
//!
//! ```text
//! Basic ─▶ Users ──┐
//! Bearer ─▶ Logins ├─▶ Identified
//!        └▶ Tokens ┤
//! certificate ─────┘
//! ```

use std::net::IpAddr;
use std::sync::Arc;

use chrono::Utc;
use samite_engine::session::Principal;
use samite_engine::{Error, ErrorKind, Result};
use uuid::Uuid;

use super::config::AuthConfig;
use super::credentials::Credentials;
use super::lockout::Lockout;
use super::login::{Logins, PREFIX};
use super::tokens::Tokens;
use super::users::{User, Users, check_name};
use crate::connection::{ConnectionId, Peer};

/// Finds out who calls. One for all listeners of a server, so that they count failures together.
#[derive(Debug)]
pub struct Authenticator {
    is_on: bool,
    anonymous: Arc<Principal>,
    users: Option<Users>,
    tokens: Option<Tokens>,
    has_certificates: bool,
    logins: Logins,
    lockout: Lockout,
}

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) struct Identified {
    /// Who.
    pub(crate) principal: Arc<Principal>,
    /// What stays the same as long as the caller is logged in, if it shows a token.
    pub(crate) login: Option<String>,
    /// The token that the caller should show from now on.
    pub(crate) new_token: Option<String>,
}

impl Authenticator {
    /// Finds out who calls as `config` says.
    ///
    /// # Errors
    ///
    /// When tokens are to be believed that cannot be checked.
    pub fn new(config: AuthConfig) -> Result<Self> {
        let tokens = config.tokens.clone().map(Tokens::new).transpose()?;
        Ok(Self { tokens, ..Self::without_tokens(config) })
    }

    /// Everybody is `anonymous`.
    #[must_use]
    pub fn open() -> Self {
        Self::without_tokens(AuthConfig::default())
    }

    fn without_tokens(config: AuthConfig) -> Self {
        Self {
            is_on: config.is_on(),
            anonymous: Arc::new(Principal::anonymous()),
            users: config.users,
            tokens: None,
            has_certificates: config.has_certificates,
            logins: Logins::new(config.login_lifetime),
            lockout: Lockout::new(config.failures_max, config.lockout),
        }
    }

    /// True if a caller has to show who it is.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Who shows these credentials over another protocol.
    ///
    /// `address` is where the caller is, `certificate_name` the common name of its certificate.
    ///
    /// # Errors
    ///
    /// When they are wrong, or there are none and some are needed.
    pub async fn principal(
        &self,
        credentials: Credentials,
        address: IpAddr,
        certificate_name: Option<&str>,
    ) -> Result<Arc<Principal>> {
        let peer = Peer {
            id: ConnectionId(0),
            address: Some(address),
            certificate_name: certificate_name.map(Arc::from),
        };
        Ok(self.identify(credentials, Some(&peer)).await?.principal)
    }

    /// What the list of users says now of the one with this name; `None` if there is no list, or it does not name them.
    #[must_use]
    pub fn listed(&self, name: &str) -> Option<Arc<Principal>> {
        Some(Arc::clone(self.users.as_ref()?.find(name)?.principal()))
    }

    /// Who shows these credentials.
    ///
    /// # Errors
    ///
    /// When they are wrong, or there are none and some are needed.
    pub(super) async fn identify(
        &self,
        credentials: Credentials,
        peer: Option<&Peer>,
    ) -> Result<Identified> {
        if !self.is_on {
            let login = match credentials {
                Credentials::Bearer(token) => Some(token),
                Credentials::None | Credentials::Basic { .. } => None,
            };
            let principal = Arc::clone(&self.anonymous);
            return Ok(Identified { principal, login, new_token: None });
        }
        match credentials {
            Credentials::Basic { name, password } => {
                let user = self.user(&name, &password, peer).await?;
                let principal = Arc::clone(user.principal());
                Ok(Identified { principal, login: None, new_token: None })
            }
            Credentials::Bearer(token) => self.bearer(&token).await,
            Credentials::None => self.certificate(peer),
        }
    }

    /// As [`Self::identify`], with a token for what follows.
    ///
    /// # Errors
    ///
    /// As those of [`Self::identify`].
    pub(super) async fn log_in(
        &self,
        credentials: Credentials,
        peer: Option<&Peer>,
    ) -> Result<Identified> {
        match credentials {
            Credentials::Basic { name, password } if self.is_on => {
                let user = self.user(&name, &password, peer).await?;
                let id = Uuid::new_v4();
                let token = self.logins.issue(&user, id, Utc::now())?;
                let principal = Arc::clone(user.principal());
                let login = Some(id.simple().to_string());
                Ok(Identified { principal, login, new_token: Some(token) })
            }
            Credentials::Bearer(token) => {
                let shown = Credentials::Bearer(token.clone());
                let identified = self.identify(shown, peer).await?;
                let new_token = identified.new_token.or(Some(token));
                Ok(Identified { new_token, ..identified })
            }
            credentials @ (Credentials::None | Credentials::Basic { .. }) => {
                let identified = self.identify(credentials, peer).await?;
                let new_token = match self.is_on {
                    true => None,
                    false => Some(format!("samite-{}", Uuid::new_v4().simple())),
                };
                Ok(Identified { new_token, ..identified })
            }
        }
    }

    async fn user(&self, name: &str, password: &str, peer: Option<&Peer>) -> Result<User> {
        let Some(users) = &self.users else {
            return Err(Error::new(ErrorKind::Unauthenticated, "passwords are not accepted here")
                .with_hint("send a bearer token"));
        };
        let address = peer.and_then(|peer| peer.address);
        check_name(name).map_err(|_| wrong_password())?;
        self.lockout.check(name, address)?;
        let may_try = || self.lockout.check(name, address);
        if let Some(user) = users.verify(name, password, may_try).await? {
            self.lockout.succeeded(name, address);
            return Ok(user);
        }
        self.lockout.failed(name, address);
        tracing::warn!(user = name, address = ?address, "login failed");
        Err(wrong_password())
    }

    async fn bearer(&self, token: &str) -> Result<Identified> {
        if token.starts_with(PREFIX) {
            let users = self.users.as_ref();
            let login = users.and_then(|users| self.logins.check(token, users, Utc::now()));
            let login = login.ok_or_else(login_ended)?;
            let new_token = match login.is_old {
                true => Some(self.logins.issue(&login.user, login.id, Utc::now())?),
                false => None,
            };
            let principal = Arc::clone(login.user.principal());
            let login = Some(login.id.simple().to_string());
            return Ok(Identified { principal, login, new_token });
        }
        match &self.tokens {
            Some(tokens) => {
                let principal = tokens.check(token, Utc::now()).await?;
                Ok(Identified { principal, login: Some(token.to_owned()), new_token: None })
            }
            None => Err(login_ended()),
        }
    }

    /// Whom the certificate of the connection names: a user of the list where there is one.
    fn certificate(&self, peer: Option<&Peer>) -> Result<Identified> {
        let name = peer.and_then(|peer| peer.certificate_name.as_deref());
        let Some(name) = name.filter(|_| self.has_certificates) else {
            return Err(Error::new(ErrorKind::Unauthenticated, "who is calling?")
                .with_detail("the call has no credentials")
                .with_hint("connect with a user and a password, or with a token"));
        };
        let unknown = || {
            Error::new(ErrorKind::Unauthenticated, "the certificate names no user").with_hint(
                "connect with a certificate whose common name is a user of the users file",
            )
        };
        check_name(name).map_err(|_| unknown())?;
        let principal = match &self.users {
            Some(users) => Arc::clone(users.find(name).ok_or_else(unknown)?.principal()),
            None => Arc::new(Principal::user(name)),
        };
        Ok(Identified { principal, login: None, new_token: None })
    }
}

fn wrong_password() -> Error {
    Error::new(ErrorKind::Unauthenticated, "the user or the password is wrong")
}

fn login_ended() -> Error {
    Error::new(ErrorKind::Unauthenticated, "the login has ended, or the token is wrong")
        .with_hint("connect again")
}

#[cfg(test)]
mod tests;
