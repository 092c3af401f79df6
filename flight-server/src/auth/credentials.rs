//! What a caller shows: the credentials of a header or of a handshake.

use arrow_flight::BasicAuth;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost::Message;
use samite_engine::{Error, ErrorKind, Result};
use tonic::metadata::MetadataMap;

/// Base64 with padding or without: Go's clients leave it away.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a caller shows.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing.
    None,
    /// A name and a password (RFC 7617).
    Basic {
        /// The name.
        name: String,
        /// The password.
        password: String,
    },
    /// A token (RFC 6750).
    Bearer(String),
}

impl Credentials {
    /// Those of the header `authorization`; the first that can be read, for some clients send two.
    ///
    /// # Errors
    ///
    /// When there are some, and none can be read.
    pub(super) fn of_headers(headers: &MetadataMap) -> Result<Self> {
        let mut unreadable = false;
        for value in headers.get_all("authorization") {
            match value.to_str().ok().and_then(parse) {
                Some(credentials) => return Ok(credentials),
                None => unreadable = true,
            }
        }
        if unreadable { Err(not_understood()) } else { Ok(Self::None) }
    }

    /// Those of the first message of a handshake: a protobuf `BasicAuth`, or nothing.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(super) fn of_payload(payload: &[u8]) -> Result<Self> {
        if payload.is_empty() {
            return Ok(Self::None);
        }
        let BasicAuth { username: name, password } =
            BasicAuth::decode(payload).map_err(|_| not_understood())?;
        Ok(if name.is_empty() { Self::None } else { Self::Basic { name, password } })
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic { .. } => "Basic(***)",
            Self::Bearer(_) => "Bearer(***)",
        })
    }
}

fn parse(header: &str) -> Option<Credentials> {
    let (scheme, text) = header.split_once(' ')?;
    let text = text.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return (!text.is_empty()).then(|| Credentials::Bearer(text.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(LENIENT.decode(text).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some(Credentials::Basic { name: name.to_owned(), password: password.to_owned() })
}

fn not_understood() -> Error {
    Error::new(ErrorKind::Unauthenticated, "the credentials cannot be read")
        .with_hint("send a user and a password (Basic), or a token (Bearer)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[&str]) -> Option<Credentials> {
        let mut map = MetadataMap::new();
        for header in headers {
            map.append("authorization", header.parse().expect("it is a header"));
        }
        Credentials::of_headers(&map).ok()
    }

    fn basic(name: &str, password: &str) -> Option<Credentials> {
        Some(Credentials::Basic { name: name.to_owned(), password: password.to_owned() })
    }

    #[test]
    fn header_is_read_as_clients_write_it() {
        for (headers, credentials) in [
            (vec![], Some(Credentials::None)),
            (vec!["Basic YTpi"], basic("a", "b")),
            (vec!["basic YW5uYTpzZWNyZXQ="], basic("anna", "secret")),
            (vec!["Basic YW5uYTpzZWNyZXQ"], basic("anna", "secret")),
            (vec!["Basic YTpiOmM="], basic("a", "b:c")),
            (vec!["Basic Og=="], basic("", "")),
            (vec!["Basic !!!!"], None),
            (vec!["Basic YQ=="], None),
            (vec!["Bearer t"], Some(Credentials::Bearer("t".to_owned()))),
            (vec!["bearer  t "], Some(Credentials::Bearer("t".to_owned()))),
            (vec!["Bearer "], None),
            (vec!["Digest x"], None),
            (vec!["Digest x", "Bearer t"], Some(Credentials::Bearer("t".to_owned()))),
        ] {
            assert_eq!(of(&headers), credentials, "{headers:?}");
        }
    }

    #[test]
    fn payload_holds_a_name_and_a_password() {
        let payload = |name: &str| {
            let auth = BasicAuth { username: name.to_owned(), password: "p".to_owned() };
            Credentials::of_payload(&auth.encode_to_vec()).ok()
        };
        assert_eq!(payload("anna"), basic("anna", "p"));
        assert_eq!(payload(""), Some(Credentials::None));
        assert_eq!(Credentials::of_payload(b"").ok(), Some(Credentials::None));
        assert!(Credentials::of_payload(b"\xff\xff").is_err());
    }
}
