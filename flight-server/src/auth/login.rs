//! The tokens that a login gives: signed, bound to the user, with an end.
//!
//! ```text
//! samite-login-BASE64URL( version (1) | id (16) | issued, end: s since 1970 (8 + 8) | name | HMAC-SHA256 (32) )
//! ```
//!
//! The hash of the user's password is part of what is signed: a new password ends the logins of the
//! old one. The key is random for each process.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use samite_engine::{Error, ErrorKind, Result};
use sha2::Sha256;
use uuid::Uuid;

use super::users::{User, Users};

/// What begins every token of a login.
pub(super) const PREFIX: &str = "samite-login-";

const VERSION: u8 = 1;
const FIXED_BYTES: usize = 1 + 16 + 8 + 8;
const SIGNATURE_BYTES: usize = 32;

/// Issues and checks the tokens of logins.
pub(super) struct Logins {
    key: [u8; 32],
    lifetime: Duration,
}

/// A login that a token stands for.
#[derive(Debug)]
pub(super) struct Login {
    /// The user, as the list has it now.
    pub(super) user: User,
    /// What stays when the token is renewed.
    pub(super) id: Uuid,
    /// True once more than half of its time is over.
    pub(super) is_old: bool,
}

impl Logins {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { key: rand::random(), lifetime }
    }

    /// A token for a login that begins, or goes on, `now`.
    pub(super) fn issue(&self, user: &User, id: Uuid, now: DateTime<Utc>) -> Result<String> {
        let lifetime = TimeDelta::from_std(self.lifetime).unwrap_or(TimeDelta::MAX);
        let end = now.checked_add_signed(lifetime).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let mut token = vec![VERSION];
        token.extend_from_slice(id.as_bytes());
        token.extend_from_slice(&now.timestamp().to_be_bytes());
        token.extend_from_slice(&end.timestamp().to_be_bytes());
        token.extend_from_slice(user.principal().name.as_bytes());
        self.seal(token, user)
    }

    /// A token with anything in it.
    pub(super) fn seal(&self, mut inside: Vec<u8>, user: &User) -> Result<String> {
        let signature = self.signer(&inside, user)?.finalize().into_bytes();
        inside.extend_from_slice(&signature);
        Ok(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(inside)))
    }

    /// The login of a token; `None` if it was not issued here, has ended, or the user is gone or has
    /// another password.
    pub(super) fn check(&self, token: &str, users: &Users, now: DateTime<Utc>) -> Option<Login> {
        let token = BASE64_URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let (signed, signature) =
            token.split_at_checked(token.len().checked_sub(SIGNATURE_BYTES)?)?;
        let (fixed, name) = signed.split_at_checked(FIXED_BYTES)?;
        let user = users.find(std::str::from_utf8(name).ok()?)?;
        self.signer(signed, &user).ok()?.verify_slice(signature).ok()?;
        let seconds = |bytes: Option<&[u8]>| Some(i64::from_be_bytes(bytes?.try_into().ok()?));
        let (issued, end) = (seconds(fixed.get(17..25))?, seconds(fixed.get(25..33))?);
        let now = now.timestamp();
        if fixed.first() != Some(&VERSION) || now >= end {
            return None;
        }
        let id = Uuid::from_slice(fixed.get(1..17)?).ok()?;
        Some(Login { user, id, is_old: now.saturating_sub(issued) > end.saturating_sub(now) })
    }

    fn signer(&self, signed: &[u8], user: &User) -> Result<Hmac<Sha256>> {
        let mut signer = Hmac::<Sha256>::new_from_slice(&self.key).map_err(|error| {
            Error::new(ErrorKind::Internal, "logins cannot be signed").with_source(error)
        })?;
        signer.update(&(signed.len() as u64).to_be_bytes());
        signer.update(signed);
        signer.update(user.password_hash().as_bytes());
        Ok(signer)
    }
}

impl std::fmt::Debug for Logins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logins").field("key", &"***").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
