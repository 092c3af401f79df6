//! What signs requests, made anew from the files that hold it: a renewed key counts without a
//! restart.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use datafusion::object_store::aws::{AwsCredential, AwsCredentialProvider};
use datafusion::object_store::azure::{AzureAccessKey, AzureCredential, AzureCredentialProvider};
use datafusion::object_store::{CredentialProvider, Error as StoreError, Result as StoreResult};
use parking_lot::Mutex;
use samite_engine::{Error, ErrorKind, Result};

use super::credentials::{Credentials, Secret};

/// How long what the files said counts.
const AGE_MAX: Duration = Duration::from_secs(5);

/// The credential that `make` makes of what the secrets say now.
struct Fresh<T> {
    credentials: Credentials,
    make: fn(&Credentials) -> Result<T>,
    is_from_files: bool,
    kept: Mutex<(Instant, Arc<T>)>,
}

impl<T> Fresh<T> {
    /// Makes the first one, so that a mistake shows when the store is opened.
    fn new(credentials: &Credentials, make: fn(&Credentials) -> Result<T>) -> Result<Self> {
        let kept = Mutex::new((Instant::now(), Arc::new(make(credentials)?)));
        let is_from_files = credentials.secrets().any(Secret::is_file);
        Ok(Self { credentials: credentials.clone(), make, is_from_files, kept })
    }
}

impl<T> fmt::Debug for Fresh<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh").finish_non_exhaustive()
    }
}

#[async_trait]
impl<T: Send + Sync> CredentialProvider for Fresh<T> {
    type Credential = T;

    async fn get_credential(&self) -> StoreResult<Arc<T>> {
        let mut kept = self.kept.lock();
        if self.is_from_files && kept.0.elapsed() > AGE_MAX {
            let made = (self.make)(&self.credentials).map_err(|error| StoreError::Generic {
                store: "credentials",
                source: Box::new(error),
            })?;
            *kept = (Instant::now(), Arc::new(made));
        }
        Ok(Arc::clone(&kept.1))
    }
}

/// What signs requests to S3.
///
/// # Errors
///
/// When a part of it is missing or cannot be read.
pub(super) fn fresh_aws(credentials: &Credentials) -> Result<AwsCredentialProvider> {
    Ok(Arc::new(Fresh::new(credentials, aws)?))
}

fn aws(credentials: &Credentials) -> Result<AwsCredential> {
    let needed = |secret: &Option<Secret>, name: &str| match secret {
        Some(secret) => Ok(secret.expose()?.into_owned()),
        None => Err(missing(name)),
    };
    let token = credentials.session_token.as_ref().map(Secret::expose).transpose()?;
    Ok(AwsCredential {
        key_id: needed(&credentials.access_key_id, "access_key_id")?,
        secret_key: needed(&credentials.secret_access_key, "secret_access_key")?,
        token: token.map(std::borrow::Cow::into_owned),
    })
}

/// What signs requests to Azure; none where an application does, whose tokens are fetched.
///
/// # Errors
///
/// When it cannot be read, or is no key.
pub(super) fn fresh_azure(credentials: &Credentials) -> Result<Option<AzureCredentialProvider>> {
    let Credentials { account_key, sas_token, bearer_token, .. } = credentials;
    if account_key.is_none() && sas_token.is_none() && bearer_token.is_none() {
        return Ok(None);
    }
    Ok(Some(Arc::new(Fresh::new(credentials, azure)?)))
}

fn azure(credentials: &Credentials) -> Result<AzureCredential> {
    if let Some(key) = &credentials.account_key {
        let key = AzureAccessKey::try_new(&key.expose()?).map_err(|_| {
            Error::new(ErrorKind::InvalidConfiguration, "account_key of the store is no key")
        })?;
        return Ok(AzureCredential::AccessKey(key));
    }
    if let Some(token) = &credentials.sas_token {
        let text = token.expose()?;
        let pairs = url::form_urlencoded::parse(text.trim_start_matches('?').as_bytes());
        return Ok(AzureCredential::SASToken(pairs.into_owned().collect()));
    }
    match &credentials.bearer_token {
        Some(token) => Ok(AzureCredential::BearerToken(token.expose()?.into_owned())),
        None => Err(missing("account_key")),
    }
}

fn missing(name: &str) -> Error {
    Error::new(
        ErrorKind::InvalidConfiguration,
        format!("the credentials of the store have no {name}"),
    )
    .with_hint("add it to [credentials] of the configuration")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn renewed_key_of_a_file_counts_and_a_written_one_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        std::fs::write(&path, "one\n").expect("a file");
        let credentials = Credentials {
            access_key_id: Some(Secret::new("id")),
            secret_access_key: Some(Secret::new("key")),
            session_token: Some(Secret::file(&path)),
            ..Credentials::default()
        };
        let fresh = Fresh::new(&credentials, aws).expect("a credential");
        for (written, is_old, token) in [("two", false, "one"), ("two", true, "two")] {
            std::fs::write(&path, written).expect("a file");
            if is_old {
                fresh.kept.lock().0 = Instant::now().checked_sub(2 * AGE_MAX).expect("a moment");
            }
            let found = fresh.get_credential().await.expect("a credential");
            assert_eq!(found.token.as_deref(), Some(token));
        }
        std::fs::remove_file(&path).expect("it is gone");
        fresh.kept.lock().0 = Instant::now().checked_sub(2 * AGE_MAX).expect("a moment");
        assert!(fresh.get_credential().await.is_err());
        assert!(!format!("{fresh:?}").contains("two"));
    }

    #[test]
    fn half_a_key_is_named() {
        let half =
            Credentials { access_key_id: Some(Secret::new("hunter2")), ..Credentials::default() };
        let error = fresh_aws(&half).expect_err("half a key").to_line();
        assert!(error.contains("secret_access_key") && !error.contains("hunter2"), "{error}");
    }
}
