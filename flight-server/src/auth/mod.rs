//! Who is calling: the one place where a call gets its principal.
//!
//! With nothing configured everybody is `anonymous`, and a token merely tells sessions apart.

mod authenticator;
mod config;
mod credentials;
pub(crate) mod fuzzing;
mod handshake;
mod lockout;
mod login;
mod tokens;
mod users;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use samite_engine::Result;
use samite_engine::session::Principal;
use tonic::Extensions;
use tonic::metadata::MetadataMap;

pub use authenticator::Authenticator;
pub(crate) use authenticator::Identified;
pub use config::{AuthConfig, KeySource, TokenConfig};
pub use credentials::Credentials;
pub(crate) use handshake::answer_handshake;
pub use users::{User, Users, hash_password};

use crate::connection::Peer;
use crate::sessions::SessionKey;
use crate::wire::Profile;

/// The cookie that names a session.
pub(crate) const SESSION_COOKIE: &str = "arrow_flight_session_id";

/// Who is calling, and how.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Who.
    pub(crate) principal: Arc<Principal>,
    /// The address of the connection.
    pub(crate) address: Option<IpAddr>,
    /// What the session is found by.
    pub(crate) session: SessionKey,
    /// The profile that a header asks for.
    pub(crate) asked_profile: Option<Profile>,
    /// The profile of the program that calls.
    pub(crate) program_profile: Profile,
    /// The program that calls, as it calls itself.
    pub(crate) program: Option<String>,
    /// What the data is used for, if a header says it.
    pub(crate) purpose: Option<String>,
    /// When the caller stops waiting.
    pub(crate) deadline: Option<Instant>,
    /// The token that the caller should show from now on.
    pub(crate) new_token: Option<String>,
    /// True if what the caller shows says who it is: then no token of a session may take its place.
    pub(crate) has_credentials: bool,
}

impl Caller {
    /// Finds out who calls, and reads the headers of the call.
    ///
    /// # Errors
    ///
    /// When the caller does not show who it is, or what it shows is wrong.
    pub(crate) async fn of(
        authenticator: &Authenticator,
        headers: &MetadataMap,
        extensions: &Extensions,
    ) -> Result<Self> {
        let is_on = authenticator.is_on();
        let credentials = match Credentials::of_headers(headers) {
            Err(_) if !is_on => Credentials::None,
            shown => shown?,
        };
        let identified = authenticator.identify(credentials, extensions.get::<Peer>()).await?;
        Ok(Self::identified(identified, is_on, headers, extensions))
    }

    fn identified(
        identified: Identified,
        has_credentials: bool,
        headers: &MetadataMap,
        extensions: &Extensions,
    ) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let deadline = text("grpc-timeout").and_then(parse_timeout);
        Self {
            principal: identified.principal,
            address: extensions.get::<Peer>().and_then(|peer| peer.address),
            session: session_key(headers, identified.login, extensions),
            asked_profile: text("x-wire-profile").and_then(Profile::parse),
            program_profile: text("user-agent").map(Profile::of_user_agent).unwrap_or_default(),
            program: text("user-agent").map(str::to_owned),
            purpose: text("x-mesh-purpose").filter(|text| !text.is_empty()).map(str::to_owned),
            deadline: deadline.and_then(|timeout| Instant::now().checked_add(timeout)),
            new_token: identified.new_token,
            has_credentials,
        }
    }
}

fn session_key(
    headers: &MetadataMap,
    login: Option<String>,
    extensions: &Extensions,
) -> SessionKey {
    let texts = |name| headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let cookie = texts("cookie")
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == SESSION_COOKIE && !value.is_empty());
    if let Some((_, value)) = cookie {
        return SessionKey::Token(value.trim_matches('"').to_owned());
    }
    if let Some(login) = login {
        return SessionKey::Token(login);
    }
    extensions.get::<Peer>().map_or(SessionKey::None, |peer| SessionKey::Connection(peer.id))
}

/// A `grpc-timeout`: up to eight digits and a unit.
fn parse_timeout(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        'H' => Some(Duration::from_secs(count * 3600)),
        'M' => Some(Duration::from_secs(count * 60)),
        'S' => Some(Duration::from_secs(count)),
        'm' => Some(Duration::from_millis(count)),
        'u' => Some(Duration::from_micros(count)),
        'n' => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::ConnectionId;

    async fn caller(headers: &[(&'static str, &str)]) -> Caller {
        let mut map = MetadataMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(Peer { id: ConnectionId(7), address: None, certificate_name: None });
        let authenticator = Authenticator::new(AuthConfig::default()).unwrap();
        Caller::of(&authenticator, &map, &extensions).await.unwrap()
    }

    #[tokio::test]
    async fn session_is_named_by_cookie_then_token_then_connection() {
        let token = |text: &str| SessionKey::Token(text.to_owned());
        for (headers, key) in [
            (
                vec![
                    ("cookie", "a=b; arrow_flight_session_id=s; c=d"),
                    ("authorization", "Bearer t"),
                ],
                token("s"),
            ),
            (vec![("authorization", "Digest eA"), ("authorization", "bearer t")], token("t")),
            (
                vec![("cookie", "a=b"), ("authorization", "Basic eA")],
                SessionKey::Connection(ConnectionId(7)),
            ),
        ] {
            assert_eq!(caller(&headers).await.session, key, "{headers:?}");
        }
    }

    #[test]
    fn timeout_is_a_number_with_a_unit() {
        for (text, timeout) in [
            ("5S", Some(Duration::from_secs(5))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
            ("20m", Some(Duration::from_millis(20))),
            ("999999999S", None),
            ("S", None),
            ("-1S", None),
            ("1€", None),
            ("", None),
        ] {
            assert_eq!(parse_timeout(text), timeout, "{text}");
        }
    }
}
