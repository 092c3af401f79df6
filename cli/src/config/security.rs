//! Who may call, and how connections are encrypted: options of `[auth]` and `[server] tls_*`.

use std::path::PathBuf;
use std::time::Duration;

use samite_engine::{Error, ErrorKind, Result};
use samite_flight_server::{AuthConfig, KeySource, Tls, TlsFiles, TokenConfig, Users};

use crate::users_file::UsersFile;

/// Who may call, and how connections are encrypted.
#[derive(Debug, Clone)]
pub struct Security {
    /// The server's certificate with its chain, as PEM.
    pub tls_certificate: Option<PathBuf>,
    /// The server's private key, as PEM.
    pub tls_key: Option<PathBuf>,
    /// The authorities that clients' certificates must come from, as PEM.
    pub tls_client_authorities: Option<PathBuf>,
    /// The users who may log in.
    pub users_file: Option<PathBuf>,
    /// True if the common name of a client's certificate says who calls.
    pub has_certificates: bool,
    /// Time for which the token of a login holds.
    pub login_lifetime: Duration,
    /// Failed logins in a row after which a name is locked.
    pub login_failures_max: usize,
    /// Time for which it is locked first.
    pub login_lockout: Duration,
    /// File or URL of the keys of bearer tokens.
    pub jwks: String,
    /// The issuers that are believed.
    pub jwt_issuers: Vec<String>,
    /// What tokens must be for.
    pub jwt_audiences: Vec<String>,
    /// The algorithms that are believed.
    pub jwt_algorithms: Vec<String>,
    /// The claim with the name.
    pub jwt_name_claim: String,
    /// The claim with the groups.
    pub jwt_groups_claim: String,
    /// Attributes from claims.
    pub jwt_attributes: Vec<String>,
    /// Difference of clocks that is forgiven.
    pub jwt_leeway: Duration,
    /// Time after which the keys are read again.
    pub jwks_refresh: Duration,
    /// Where a relative path of `jwks` begins.
    pub folder: PathBuf,
}

impl Default for Security {
    fn default() -> Self {
        let auth = AuthConfig::default();
        Self {
            tls_certificate: None,
            tls_key: None,
            tls_client_authorities: None,
            users_file: None,
            has_certificates: false,
            login_lifetime: auth.login_lifetime,
            login_failures_max: auth.failures_max,
            login_lockout: auth.lockout,
            jwks: String::new(),
            jwt_issuers: Vec::new(),
            jwt_audiences: Vec::new(),
            jwt_algorithms: vec!["RS256".to_owned(), "ES256".to_owned()],
            jwt_name_claim: "sub".to_owned(),
            jwt_groups_claim: "groups".to_owned(),
            jwt_attributes: Vec::new(),
            jwt_leeway: Duration::from_secs(30),
            jwks_refresh: Duration::from_secs(600),
            folder: PathBuf::new(),
        }
    }
}

impl Security {
    /// True if callers have to show who they are.
    #[must_use]
    pub fn has_logins(&self) -> bool {
        self.users_file.is_some() || !self.jwks.is_empty() || self.has_certificates
    }

    /// True if connections are encrypted.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.tls_certificate.is_some()
    }

    /// Who may call; with the file of the users, to be looked at again.
    ///
    /// # Errors
    ///
    /// When the file of the users cannot be read.
    pub fn auth(&self) -> Result<(AuthConfig, Option<UsersFile>)> {
        let file = self.users_file.clone().map(UsersFile::open).transpose()?;
        let users: Option<Users> = file.as_ref().map(|file| file.users().clone());
        let auth = AuthConfig {
            users,
            tokens: self.tokens(),
            has_certificates: self.has_certificates,
            login_lifetime: self.login_lifetime,
            failures_max: self.login_failures_max,
            lockout: self.login_lockout,
        };
        Ok((auth, file))
    }

    fn tokens(&self) -> Option<TokenConfig> {
        let keys = match self.jwks.as_str() {
            "" => return None,
            url if url.contains("://") => KeySource::Url(url.to_owned()),
            path => KeySource::File(self.folder.join(path)),
        };
        Some(TokenConfig {
            keys,
            issuers: self.jwt_issuers.clone(),
            audiences: self.jwt_audiences.clone(),
            algorithms: self.jwt_algorithms.clone(),
            name_claim: self.jwt_name_claim.clone(),
            groups_claim: self.jwt_groups_claim.clone(),
            attributes: self.jwt_attributes.clone(),
            leeway: self.jwt_leeway,
            refresh: self.jwks_refresh,
        })
    }

    /// What encrypts connections; nothing if no certificate is named.
    ///
    /// # Errors
    ///
    /// When the files cannot be read, or do not fit together.
    pub fn tls(&self) -> Result<Option<Tls>> {
        let (Some(certificate), Some(key)) = (self.tls_certificate.clone(), self.tls_key.clone())
        else {
            return Ok(None);
        };
        let client_authorities = self.tls_client_authorities.clone();
        Tls::open(TlsFiles { certificate, key, client_authorities }).map(Some)
    }

    /// Refuses options that make no sense together.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |message: &str, hint: &str| {
            Err(Error::new(ErrorKind::InvalidConfiguration, message).with_hint(hint))
        };
        match (&self.tls_certificate, &self.tls_key) {
            (Some(_), None) => {
                return wrong("a certificate without its key", "set [server] tls_key");
            }
            (None, Some(_)) => {
                return wrong("a key without its certificate", "set [server] tls_certificate");
            }
            _ => {}
        }
        if self.tls_client_authorities.is_some() && self.tls_certificate.is_none() {
            let hint = "set [server] tls_certificate and tls_key";
            return wrong("clients' certificates need TLS", hint);
        }
        if self.has_certificates && self.tls_client_authorities.is_none() {
            let hint = "set [server] tls_client_ca to the authorities that sign them";
            return wrong("[auth] certificates needs certificates of clients", hint);
        }
        Ok(())
    }
}
