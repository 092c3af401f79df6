//! The users who may log in, and whether a password is theirs.
//!
//! The list can be replaced while the server runs: a user who is gone is out at the next call, and a new
//! password ends the logins of the old one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params, PasswordVerifier};
use hmac::{Hmac, KeyInit, Mac};
use moka::sync::Cache;
use parking_lot::RwLock;
use samite_engine::session::Principal;
use samite_engine::{Error, ErrorKind, Result};
use sha2::Sha256;
use tokio::sync::Semaphore;

/// Passwords that are checked at once: each check takes a core and some 20 MiB for a while.
const CHECKS_MAX: usize = 2;

/// The longest wait for a check of a password.
const CHECK_WAIT: Duration = Duration::from_secs(10);

/// Memory that the check of one password may take, in KiB.
const MEMORY_KIB_MAX: u32 = 1 << 20;

/// Rounds that the check of one password may take.
const ROUNDS_MAX: u32 = 64;

/// Length of a password, in bytes.
const PASSWORD_BYTES_MAX: usize = 1 << 10;

/// For how long a password that was right is known to be so: some clients send it with each call.
const REMEMBERED: Duration = Duration::from_secs(60);

/// What the password of an unknown user is held against, so that an answer takes as long as for a
/// known one.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| hash_password(&rand::random::<u128>().to_string()).unwrap_or_default());

/// One user who may log in.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    principal: Arc<Principal>,
    password_hash: Option<String>,
}

impl User {
    /// A user with these groups and attributes. `password_hash` is the password as argon2 hashed it, in
    /// PHC form; without one the user is known by certificate only.
    ///
    /// # Errors
    ///
    /// When the name is empty or has control characters, or the hash is none of argon2 or asks for
    /// too much memory or time.
    pub fn new(
        name: &str,
        password_hash: Option<String>,
        groups: BTreeSet<String>,
        attributes: BTreeMap<String, String>,
    ) -> Result<Self> {
        check_name(name)?;
        if let Some(hash) = &password_hash {
            check_hash(name, hash)?;
        }
        let mut principal = Principal { groups, ..Principal::user(name) };
        principal.attributes.extend(attributes);
        Ok(Self { principal: Arc::new(principal), password_hash })
    }

    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// What changes when the password does.
    pub(super) fn password_hash(&self) -> &str {
        self.password_hash.as_deref().unwrap_or_default()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("principal", &self.principal).finish_non_exhaustive()
    }
}

/// A name that can be told from others in logs and messages.
pub(super) fn check_name(name: &str) -> Result<()> {
    let wrong = |why: &str| {
        Err(Error::new(ErrorKind::InvalidConfiguration, format!("a user's name {why}")))
    };
    if name.is_empty() {
        return wrong("is empty");
    }
    if name.len() > 256 {
        return wrong("is longer than 256 bytes");
    }
    if name.chars().any(char::is_control) {
        return wrong("has control characters");
    }
    Ok(())
}

fn check_hash(name: &str, hash: &str) -> Result<()> {
    let wrong = |detail: String| {
        Error::new(
            ErrorKind::InvalidConfiguration,
            format!("the password hash of user \"{name}\" cannot be used"),
        )
        .with_detail(detail)
        .with_hint("make it with samite user add")
    };
    let parsed = PasswordHash::new(hash).map_err(|_| wrong("it is not in PHC form".to_owned()))?;
    if !parsed.algorithm.as_str().starts_with("argon2") || parsed.hash.is_none() {
        return Err(wrong("it is not a hash of argon2".to_owned()));
    }
    let params =
        Params::try_from(&parsed).map_err(|_| wrong("its parameters are wrong".to_owned()))?;
    if params.m_cost() > MEMORY_KIB_MAX || params.t_cost() > ROUNDS_MAX {
        return Err(wrong(format!(
            "it takes {} KiB and {} rounds, at most {MEMORY_KIB_MAX} and {ROUNDS_MAX} are allowed",
            params.m_cost(),
            params.t_cost()
        )));
    }
    Ok(())
}

/// A password as argon2id hashes it, in PHC form, with a salt of its own.
///
/// # Errors
///
/// When the password is empty or longer than a KiB, or the system gives no random bytes.
pub fn hash_password(password: &str) -> Result<String> {
    use argon2::PasswordHasher;
    let wrong = |message: &str| Error::new(ErrorKind::InvalidConfiguration, message);
    if password.is_empty() {
        return Err(wrong("the password is empty"));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(wrong("the password is longer than 1024 bytes"));
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.map_err(|error| wrong("the password cannot be hashed").with_source(error))?.to_string())
}

/// The users who may log in. Cheap to clone; clones are the same list.
#[derive(Clone)]
pub struct Users(Arc<Inner>);

struct Inner {
    by_name: RwLock<HashMap<String, User>>,
    checks: Semaphore,
    /// Hashes of passwords that were right a moment ago, made with a key of this process.
    remembered: Cache<[u8; 32], ()>,
    key: [u8; 32],
}

impl Users {
    /// These users.
    #[must_use]
    pub fn new(users: Vec<User>) -> Self {
        let inner = Inner {
            by_name: RwLock::default(),
            checks: Semaphore::new(CHECKS_MAX),
            remembered: Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED).build(),
            key: rand::random(),
        };
        let users_table = Self(Arc::new(inner));
        users_table.replace(users);
        users_table
    }

    /// From now on these users.
    pub fn replace(&self, users: Vec<User>) {
        let by_name = users.into_iter().map(|user| (user.principal.name.clone(), user)).collect();
        *self.0.by_name.write() = by_name;
    }

    /// The user with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<User> {
        self.0.by_name.read().get(name).cloned()
    }

    /// The user with this name and password; `None` if there is none, which takes as long. Asks
    /// `may_try` when its turn has come: many guesses can arrive before the first one has failed.
    ///
    /// # Errors
    ///
    /// Those of `may_try`, and when too many passwords are checked at once.
    pub(super) async fn verify(
        &self,
        name: &str,
        password: &str,
        may_try: impl Fn() -> Result<()>,
    ) -> Result<Option<User>> {
        let user = self.find(name).filter(|user| user.password_hash.is_some());
        if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
            return Ok(None);
        }
        let hash =
            user.as_ref().map_or_else(|| NOBODY.clone(), |user| user.password_hash().to_owned());
        let digest = self.digest(&hash, password)?;
        if user.is_some() && self.0.remembered.get(&digest).is_some() {
            return Ok(user);
        }
        let check = tokio::time::timeout(CHECK_WAIT, self.0.checks.acquire()).await;
        let Ok(Ok(_place)) = check else {
            return Err(Error::new(ErrorKind::Overloaded, "too many logins at once")
                .with_hint("try again soon"));
        };
        may_try()?;
        let password = password.to_owned();
        let checking = tokio::task::spawn_blocking(move || {
            let hash = PasswordHash::new(&hash).ok()?;
            Argon2::default().verify_password(password.as_bytes(), &hash).ok()
        });
        let is_right = matches!(checking.await, Ok(Some(())));
        if is_right && user.is_some() {
            self.0.remembered.insert(digest, ());
            return Ok(user);
        }
        Ok(None)
    }

    fn digest(&self, hash: &str, password: &str) -> Result<[u8; 32]> {
        let mut digest = Hmac::<Sha256>::new_from_slice(&self.0.key).map_err(|error| {
            Error::new(ErrorKind::Internal, "passwords cannot be held").with_source(error)
        })?;
        digest.update(hash.as_bytes());
        digest.update(&[0]);
        digest.update(password.as_bytes());
        Ok(digest.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("count", &self.0.by_name.read().len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
