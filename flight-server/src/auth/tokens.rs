//! Bearer tokens of an identity provider: JWT (RFC 7519), signed with a key of its JWKS (RFC 7517).
//!
//! Only what is listed is believed: issuers, audiences, asymmetric algorithms. A token that was checked
//! is remembered for a short while, at most until it ends.

mod keys;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, AlgorithmFamily, Validation, decode, decode_header};
use moka::sync::Cache;
use samite_engine::session::Principal;
use samite_engine::{Error, ErrorKind, Result};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::config::TokenConfig;
use super::users::check_name;
use keys::Keys;

/// Tokens that are remembered.
const REMEMBERED_MAX: u64 = 10_000;

/// For how long a token that was good is known to be so.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Length of a token, in bytes.
const TOKEN_BYTES_MAX: usize = 32 << 10;

/// Groups that a token may name.
const GROUPS_MAX: usize = 1000;

/// Checks bearer tokens.
pub(super) struct Tokens {
    config: TokenConfig,
    algorithms: Vec<Algorithm>,
    keys: Keys,
    remembered: Cache<[u8; 32], Arc<Known>>,
}

#[derive(Debug)]
struct Known {
    principal: Arc<Principal>,
    ends_at: DateTime<Utc>,
}

impl Tokens {
    /// Checks tokens as `config` says.
    ///
    /// # Errors
    ///
    /// When no issuer, audience or algorithm is listed, an algorithm is unknown or symmetric, or the keys
    /// would come over an open network.
    pub(super) fn new(config: TokenConfig) -> Result<Self> {
        let wrong = |message: &str, hint: &str| {
            Error::new(ErrorKind::InvalidConfiguration, message).with_hint(hint)
        };
        if config.issuers.is_empty() {
            return Err(wrong(
                "no issuer of tokens is believed",
                "list them in [auth] jwt_issuers",
            ));
        }
        if config.audiences.is_empty() {
            let hint = "list in [auth] jwt_audiences what the tokens must be for";
            return Err(wrong("tokens for any audience are not believed", hint));
        }
        let algorithms = config.algorithms.iter().map(|name| algorithm(name));
        let algorithms = algorithms.collect::<Result<Vec<_>>>()?;
        if algorithms.is_empty() {
            let hint = "list them in [auth] jwt_algorithms, for instance [\"RS256\"]";
            return Err(wrong("no algorithm of tokens is believed", hint));
        }
        let keys = Keys::new(config.keys.clone(), config.refresh)?;
        let remembered =
            Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(REMEMBERED).build();
        Ok(Self { config, algorithms, keys, remembered })
    }

    /// Whom a token names.
    ///
    /// # Errors
    ///
    /// When it is not believed, or the keys cannot be read.
    pub(super) async fn check(&self, token: &str, now: DateTime<Utc>) -> Result<Arc<Principal>> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(refused("it is too long"));
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(known) = self.remembered.get(&digest).filter(|known| now < known.ends_at) {
            return Ok(Arc::clone(&known.principal));
        }
        let claims = self.claims(token).await?;
        let principal = Arc::new(self.principal(&claims)?);
        let end = claims.get("exp").and_then(Value::as_f64).map_or(0, |end| end as i64);
        let ends_at = DateTime::from_timestamp(end, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let known = Known { principal: Arc::clone(&principal), ends_at };
        self.remembered.insert(digest, Arc::new(known));
        Ok(principal)
    }

    async fn claims(&self, token: &str) -> Result<Map<String, Value>> {
        let header = decode_header(token).map_err(|_| refused("it is no JWT"))?;
        if !self.algorithms.contains(&header.alg) {
            return Err(refused("its algorithm is not believed"));
        }
        let candidates = self.keys.find(header.kid.as_deref(), header.alg).await?;
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&self.config.issuers);
        validation.set_audience(&self.config.audiences);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.validate_nbf = true;
        validation.leeway = self.config.leeway.as_secs();
        let mut why = "no key of its issuer fits";
        for key in candidates {
            match decode::<Map<String, Value>>(token, &key, &validation) {
                Ok(decoded) => return Ok(decoded.claims),
                Err(error) => why = reason(&error),
            }
        }
        Err(refused(why))
    }

    fn principal(&self, claims: &Map<String, Value>) -> Result<Principal> {
        let name = claims.get(&self.config.name_claim).and_then(Value::as_str).unwrap_or_default();
        check_name(name).map_err(|_| refused("it names nobody"))?;
        let mut principal = Principal::user(name);
        principal.groups = groups(claims.get(&self.config.groups_claim))?;
        principal.attributes.extend(self.attributes(claims));
        Ok(principal)
    }

    fn attributes(&self, claims: &Map<String, Value>) -> BTreeMap<String, String> {
        let mapped =
            self.config.attributes.iter().map(|mapping| {
                mapping.split_once('=').unwrap_or((mapping.as_str(), mapping.as_str()))
            });
        let found = mapped.filter_map(|(attribute, claim)| {
            let text = match claims.get(claim)? {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Bool(truth) => truth.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => return None,
            };
            Some((attribute.to_owned(), text))
        });
        found.collect()
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("config", &self.config).finish_non_exhaustive()
    }
}

/// How many keys of a document may check a token.
pub(super) fn fitting(document: &[u8], id: Option<&str>, algorithm: Algorithm) -> usize {
    keys::count(document, id, algorithm)
}

fn algorithm(name: &str) -> Result<Algorithm> {
    let algorithm = Algorithm::from_str(name).ok();
    algorithm.filter(|algorithm| algorithm.family() != AlgorithmFamily::Hmac).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidConfiguration,
            format!("tokens with algorithm \"{name}\" cannot be believed"),
        )
        .with_hint(
            "list asymmetric ones: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA",
        )
    })
}

/// Groups as a list of texts, or as one text with spaces between, as scopes are written.
fn groups(claim: Option<&Value>) -> Result<BTreeSet<String>> {
    let groups: BTreeSet<String> = match claim {
        None | Some(Value::Null) => BTreeSet::new(),
        Some(Value::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(items)) => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            texts.collect::<Option<_>>().ok_or_else(|| refused("its groups are no texts"))?
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            return Err(refused("its groups are no list"));
        }
    };
    if groups.len() > GROUPS_MAX {
        return Err(refused("it names too many groups"));
    }
    Ok(groups)
}

/// What a caller may know of why a token is not believed.
fn reason(error: &jsonwebtoken::errors::Error) -> &'static str {
    use jsonwebtoken::errors::ErrorKind as Kind;
    match error.kind() {
        Kind::ExpiredSignature => "it has expired",
        Kind::ImmatureSignature => "it is not valid yet",
        Kind::InvalidIssuer => "its issuer is not believed",
        Kind::InvalidAudience => "it is for another audience",
        Kind::MissingRequiredClaim(_) => "it lacks exp, iss or aud",
        Kind::InvalidSignature => "its signature is wrong",
        _ => "it is no valid JWT",
    }
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, "the token is not accepted")
        .with_detail(why)
        .with_hint("get a new token from your identity provider")
}

#[cfg(test)]
mod tests;
