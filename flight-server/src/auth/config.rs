//! Who may call, and how they show who they are.

use std::path::PathBuf;
use std::time::Duration;

use super::users::Users;

/// Who may call, and how they show who they are. With nothing configured everybody is `anonymous`.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// The users who log in with a password, or whose certificates are known; `None` without passwords.
    pub users: Option<Users>,
    /// The bearer tokens (JWT) that are believed; `None` without.
    pub tokens: Option<TokenConfig>,
    /// True if the common name of a client's certificate says who calls.
    pub has_certificates: bool,
    /// Time for which the token of a login holds. One that is used gets a new one in time.
    pub login_lifetime: Duration,
    /// Failed logins in a row after which a name is locked for an address.
    pub failures_max: usize,
    /// Time for which it is locked first; each further failure doubles it.
    pub lockout: Duration,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            users: None,
            tokens: None,
            has_certificates: false,
            login_lifetime: Duration::from_secs(8 * 3600),
            failures_max: 5,
            lockout: Duration::from_secs(30),
        }
    }
}

impl AuthConfig {
    /// True if a caller has to show who it is.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.users.is_some() || self.tokens.is_some() || self.has_certificates
    }
}

/// The bearer tokens (JWT, RFC 7519) that are believed.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenConfig {
    /// Where the keys are that tokens are signed with (JWKS, RFC 7517).
    pub keys: KeySource,
    /// The issuers (`iss`) that are believed; at least one.
    pub issuers: Vec<String>,
    /// The audiences (`aud`) that tokens must be for, any one of them; at least one.
    pub audiences: Vec<String>,
    /// The algorithms that are believed: asymmetric ones, such as `RS256`.
    pub algorithms: Vec<String>,
    /// The claim that holds the principal's name.
    pub name_claim: String,
    /// The claim that holds its groups: a list of texts, or one text with spaces between.
    pub groups_claim: String,
    /// Attributes from claims: each `attribute=claim`, or the one name of both.
    pub attributes: Vec<String>,
    /// Difference of clocks that is forgiven.
    pub leeway: Duration,
    /// Time after which the keys are read again.
    pub refresh: Duration,
}

/// Where keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// In a file.
    File(PathBuf),
    /// At a URL, `https` but on loopback.
    Url(String),
}
