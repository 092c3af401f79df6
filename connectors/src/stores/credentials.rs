//! Credentials of object stores, in types that cannot be printed.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::path::PathBuf;

use samite_engine::{Error, ErrorKind, Result};
use serde::Deserialize;

/// The longest file that holds a secret.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// A text that is never shown: it has no `Display`, and its `Debug` prints stars.
///
/// `${file:PATH}` in a configuration is what that file holds, for instance one that the platform
/// mounts: it is read when the secret is used, so that a renewed one counts.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Secret(Kept);

#[derive(Clone, PartialEq, Eq)]
enum Kept {
    Text(String),
    File(PathBuf),
}

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Kept::Text(text.into()))
    }

    /// The secret that a file holds.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Kept::File(path.into()))
    }

    /// True if it may change while Samite runs.
    pub(super) fn is_file(&self) -> bool {
        matches!(self.0, Kept::File(_))
    }

    /// The header of a request that shows it as a token: `Bearer` and its text.
    ///
    /// # Errors
    ///
    /// When its file cannot be read, or holds no text.
    pub fn bearer(&self) -> Result<String> {
        Ok(format!("Bearer {}", self.expose()?))
    }

    /// The text, for the one who sends it; that of a file without the end of its last line.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or holds no text.
    pub(super) fn expose(&self) -> Result<Cow<'_, str>> {
        let path = match &self.0 {
            Kept::Text(text) => return Ok(Cow::Borrowed(text)),
            Kept::File(path) => path,
        };
        let mut text = String::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text))
            .map_err(|error| {
                Error::new(
                    ErrorKind::InvalidConfiguration,
                    "the file that holds a credential of the store cannot be read",
                )
                .with_hint("look at the ${file:...} values in [credentials] of the configuration")
                .with_source(error)
            })?;
        Ok(Cow::Owned(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        match text.strip_prefix("${file:").and_then(|rest| rest.strip_suffix('}')) {
            Some(path) => Self::file(path),
            None => Self::new(text),
        }
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

impl Credentials {
    /// What is there.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let Self {
            access_key_id,
            secret_access_key,
            session_token,
            account_key,
            sas_token,
            client_id,
            client_secret,
            tenant_id,
            service_account_key,
            bearer_token,
        } = self;
        [
            access_key_id,
            secret_access_key,
            session_token,
            account_key,
            sas_token,
            client_id,
            client_secret,
            tenant_id,
            service_account_key,
            bearer_token,
        ]
        .into_iter()
        .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_of_a_file_is_what_it_holds_now() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let secret = Secret::from(format!("${{file:{}}}", path.display()));
        let error = secret.expose().expect_err("there is no file");
        assert!(!error.to_line().contains("key\""), "{}", error.to_line());
        for (written, text) in [("hunter2\n", "hunter2"), (" hunter3", " hunter3"), ("", "")] {
            std::fs::write(&path, written).expect("a file");
            assert_eq!(secret.expose().expect("a text"), text);
        }
        assert_eq!(Secret::from("${file".to_owned()).expose().expect("a text"), "${file");
    }

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
