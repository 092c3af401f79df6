//! Doors to what callers show of themselves, for the fuzz targets.

use std::time::Duration;

use chrono::Utc;
use jsonwebtoken::Algorithm;
use tonic::Extensions;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};

use super::login::{Logins, PREFIX};
use super::tokens;
use super::users::{User, Users};
use super::{Authenticator, Caller, Credentials};
use crate::fuzzing::Verdict;

/// Headers of a call, and who calls with them. Gives the name.
pub async fn headers(
    authenticator: &Authenticator,
    lines: &[(&'static str, &[u8])],
) -> Option<String> {
    let mut map = MetadataMap::new();
    for (name, value) in lines {
        if let Ok(value) = AsciiMetadataValue::try_from(*value) {
            map.append(*name, value);
        }
    }
    let caller = Caller::of(authenticator, &map, &Extensions::new()).await.ok()?;
    Some(caller.principal.name.clone())
}

/// The first message of a handshake.
pub fn handshake(payload: &[u8]) {
    drop(Credentials::of_payload(payload));
}

/// A document of keys, and the keys in it that may check a token of each algorithm. Gives how many.
pub fn keys(document: &[u8], id: Option<&str>) -> usize {
    let algorithms = [Algorithm::RS256, Algorithm::PS512, Algorithm::ES256, Algorithm::EdDSA];
    let fitting = algorithms.iter().map(|algorithm| tokens::fitting(document, id, *algorithm));
    fitting.sum()
}

/// The token of a login: as it comes, and behind a seal that is right.
///
/// # Errors
///
/// When one is believed that was not issued, or it names somebody else.
pub fn login(inside: &[u8]) -> Verdict {
    let (logins, now) = (Logins::new(Duration::from_secs(60)), Utc::now());
    let user = User::new("ada", None, <_>::default(), <_>::default());
    let user = user.map_err(|error| error.to_string())?;
    let users = Users::new(vec![user.clone()]);
    let text = String::from_utf8_lossy(inside);
    for forged in [text.clone().into_owned(), format!("{PREFIX}{text}")] {
        if logins.check(&forged, &users, now).is_some() {
            return Err("a token that was not issued is believed".to_owned());
        }
    }
    for name in ["", "ada"] {
        let inside = [inside, name.as_bytes()].concat();
        let sealed = logins.seal(inside, &user).map_err(|error| error.to_string())?;
        if logins.check(&sealed, &users, now).is_some_and(|login| login.user != user) {
            return Err("a token names somebody else".to_owned());
        }
    }
    Ok(())
}
