//! Credentials of object stores, in types that cannot be printed.

use std::fmt;

use serde::Deserialize;

/// A text that is never shown: it has no `Display`, and its `Debug` prints stars.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one who sends it.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What signs the requests to one store (`[credentials.NAME]`); which fields are needed depends on
/// the kind of store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Credentials {
    /// S3: the id of the key.
    pub access_key_id: Option<Secret>,
    /// S3: the key.
    pub secret_access_key: Option<Secret>,
    /// S3: the token of a session.
    pub session_token: Option<Secret>,
    /// Azure: the key of the account.
    pub account_key: Option<Secret>,
    /// Azure: a shared access signature, as query text.
    pub sas_token: Option<Secret>,
    /// Azure: the id of an application.
    pub client_id: Option<Secret>,
    /// Azure: the secret of an application.
    pub client_secret: Option<Secret>,
    /// Azure: the tenant of an application.
    pub tenant_id: Option<Secret>,
    /// Google: the key of a service account, as JSON.
    pub service_account_key: Option<Secret>,
    /// Azure and HTTP: a token.
    pub bearer_token: Option<Secret>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_prints_stars() {
        let credentials = Credentials {
            access_key_id: Some(Secret::new("AKIA")),
            secret_access_key: Some(Secret::new("hunter2")),
            ..Credentials::default()
        };
        let text = format!("{credentials:?}{credentials:#?}");
        assert!(
            !text.contains("hunter2") && !text.contains("AKIA") && text.contains("***"),
            "{text}"
        );
    }
}
