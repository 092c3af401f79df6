//! The keys that tokens are signed with, read again now and then.
//!
//! While they cannot be read, those that were read last hold. A token with an unknown key makes them be
//! read early, but not often.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use parking_lot::RwLock;
use samite_engine::{Error, ErrorKind, Result};
use serde_json::Value;
use tokio::sync::Mutex;
use url::{Host, Url};

use crate::auth::config::KeySource;

/// The shortest time between two readings.
const EARLY: Duration = Duration::from_secs(10);

/// Time for one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Size of the document, in bytes.
const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// Keys that are tried for a token that does not name its own.
const TRIED_MAX: usize = 16;

/// The keys that tokens are signed with.
pub(super) struct Keys {
    source: KeySource,
    client: Option<reqwest::Client>,
    refresh: Duration,
    known: RwLock<Read>,
    /// Held while they are read, so that one reads for all who wait.
    reading: Mutex<()>,
}

#[derive(Default, Clone)]
struct Read {
    keys: Arc<Vec<Jwk>>,
    /// When they were asked for last, and when that went well.
    tried_at: Option<Instant>,
    read_at: Option<Instant>,
}

impl Keys {
    /// The keys of `source`; nothing is read yet.
    ///
    /// # Errors
    ///
    /// When the source is a URL that is neither https nor on loopback.
    pub(super) fn new(source: KeySource, refresh: Duration) -> Result<Self> {
        let client = match &source {
            KeySource::File(_) => None,
            KeySource::Url(url) => Some(client(url)?),
        };
        Ok(Self { source, client, refresh, known: RwLock::default(), reading: Mutex::default() })
    }

    /// The keys that a token with this key id and algorithm may be signed with.
    ///
    /// # Errors
    ///
    /// When the keys were never read, and cannot be read now.
    pub(super) async fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Vec<DecodingKey>> {
        let known = self.known.read().clone();
        let is_due = |at: Option<Instant>, age| at.is_none_or(|at| at.elapsed() >= age);
        let mut found = fitting(&known.keys, id, algorithm);
        let is_stale = is_due(known.read_at, self.refresh);
        if (found.is_empty() || is_stale) && is_due(known.tried_at, EARLY) {
            self.read(known.tried_at).await;
            found = fitting(&self.known.read().keys, id, algorithm);
        }
        if found.is_empty() && self.known.read().read_at.is_none() {
            return Err(Error::new(
                ErrorKind::SourceUnavailable,
                "tokens cannot be checked: the keys of their issuer cannot be read",
            )
            .with_hint("try again soon; the server's log says why"));
        }
        Ok(found)
    }

    /// Reads the keys, unless somebody has done so since `tried_at`.
    async fn read(&self, tried_at: Option<Instant>) {
        let _reading = self.reading.lock().await;
        if self.known.read().tried_at != tried_at {
            return;
        }
        let keys = self.fetch().await;
        let now = Some(Instant::now());
        let mut known = self.known.write();
        known.tried_at = now;
        match keys {
            Ok(keys) => {
                known.read_at = now;
                known.keys = Arc::new(keys);
            }
            Err(error) => {
                let detail = error.detail().unwrap_or_default();
                tracing::warn!(%error, detail, "the keys of tokens cannot be read; those known stay");
            }
        }
    }

    async fn fetch(&self) -> Result<Vec<Jwk>> {
        let bytes = match (&self.source, &self.client) {
            (KeySource::Url(url), Some(client)) => download(client, url).await?,
            (KeySource::File(path), _) => {
                tokio::fs::read(path).await.map_err(|error| unreadable(&error))?
            }
            (KeySource::Url(_), None) => return Err(unreadable(&"there is no client")),
        };
        parse(&bytes)
    }
}

async fn download(client: &reqwest::Client, url: &str) -> Result<Vec<u8>> {
    let failed = |error: reqwest::Error| unreadable(&error.without_url());
    let mut response = client.get(url).send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(unreadable(&format!("the answer is {}", response.status())));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > DOCUMENT_BYTES_MAX {
            return Err(unreadable(&"the document is larger than 1 MiB"));
        }
    }
    Ok(bytes)
}

/// The keys of a document. One of an unknown kind is no reason to refuse the others.
fn parse(bytes: &[u8]) -> Result<Vec<Jwk>> {
    let document: Value = serde_json::from_slice(bytes).map_err(|error| unreadable(&error))?;
    let Some(keys) = document.get("keys").and_then(Value::as_array) else {
        return Err(unreadable(&"the document has no list \"keys\""));
    };
    let keys = keys.iter().filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
    Ok(keys.filter(|key| key.common.public_key_use != Some(PublicKeyUse::Encryption)).collect())
}

/// How many keys of a document may check a token.
pub(super) fn count(document: &[u8], id: Option<&str>, algorithm: Algorithm) -> usize {
    parse(document).map_or(0, |keys| fitting(&keys, id, algorithm).len())
}

fn fitting(keys: &[Jwk], id: Option<&str>, algorithm: Algorithm) -> Vec<DecodingKey> {
    let named = keys.iter().filter(|key| match id {
        Some(id) => key.common.key_id.as_deref() == Some(id),
        None => true,
    });
    let fitting = named.filter(|key| fits(key.common.key_algorithm, algorithm));
    let decoding = fitting.filter_map(|key| DecodingKey::from_jwk(key).ok());
    // A secret in a public document is none, and must not become the key of a signature.
    let decoding = decoding
        .filter(|key| key.family() == algorithm.family() && key.family() != AlgorithmFamily::Hmac);
    decoding.take(TRIED_MAX).collect()
}

/// True if a key for `allowed` may check a signature by `algorithm`.
fn fits(allowed: Option<KeyAlgorithm>, algorithm: Algorithm) -> bool {
    // Both lists bear the names of RFC 7518.
    allowed.is_none_or(|allowed| format!("{allowed:?}") == format!("{algorithm:?}"))
}

fn client(url: &str) -> Result<reqwest::Client> {
    let wrong = |detail: &str| {
        Error::new(ErrorKind::InvalidConfiguration, "[auth] jwks cannot be used")
            .with_detail(detail)
            .with_hint("name a file, or a URL with https://")
    };
    let parsed = Url::parse(url).map_err(|_| wrong("it is no URL"))?;
    let is_loopback = match parsed.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    };
    match (parsed.scheme(), is_loopback) {
        ("https", _) | ("http", true) => {}
        _ => return Err(wrong("keys are fetched over https only, but for loopback")),
    }
    // A redirection could lead from https to http.
    let builder = reqwest::Client::builder()
        .timeout(PATIENCE)
        .https_only(!is_loopback)
        .redirect(reqwest::redirect::Policy::limited(3));
    builder.build().map_err(|error| wrong("there is no HTTP client").with_source(error))
}

fn unreadable(why: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::SourceUnavailable, "the keys of tokens cannot be read")
        .with_detail(why.to_string())
}
