//! What callers show: headers, the payload of a handshake, documents of keys, and tokens (JWT) that a
//! believed key has signed, with any header and any claims.
//!
//! The first byte says which.

#![no_main]

use std::io::Write;
use std::sync::OnceLock;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use libfuzzer_sys::fuzz_target;
use samite_flight_server::fuzzing::{handshake, headers, keys};
use samite_flight_server::{AuthConfig, Authenticator, KeySource, TokenConfig};

/// The headers that are read before anybody is known.
const HEADERS: [&str; 6] =
    ["authorization", "cookie", "user-agent", "grpc-timeout", "x-wire-profile", "x-mesh-purpose"];

/// An identity provider with one key, and who believes it.
struct Provider {
    pair: EcdsaKeyPair,
    believer: Authenticator,
    open: Authenticator,
    /// Holds the keys as long as they are read.
    _document: tempfile::NamedTempFile,
}

fuzz_target!(init: samite_fuzz::note_panics(), |input: &[u8]| {
    let Some((kind, input)) = input.split_first() else { return };
    samite_fuzz::run(&[], || {
        match kind % 4 {
            0 => lines(input),
            1 => handshake(input),
            2 => {
                let (id, document) = halves(input);
                keys(document, std::str::from_utf8(id).ok().filter(|id| !id.is_empty()));
            }
            _ => return signed(input),
        }
        Ok(())
    });
});

/// Each line is a header: a digit for its name, and its value.
fn lines(input: &[u8]) {
    let lines = input.split(|byte| *byte == b'\n').filter_map(|line| {
        let (name, value) = line.split_first()?;
        Some((HEADERS[usize::from(*name) % HEADERS.len()], value))
    });
    let lines: Vec<_> = lines.take(16).collect();
    let provider = provider();
    for authenticator in [&provider.believer, &provider.open] {
        samite_fuzz::wait(headers(authenticator, &lines));
    }
}

/// The header and the claims of a token, which gets a signature that is right.
fn signed(input: &[u8]) -> Result<(), String> {
    let (header, claims) = halves(input);
    let header = match header {
        [] => br#"{"alg":"ES256","kid":"k"}"#,
        header => header,
    };
    let encode = |bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", encode(header), encode(claims));
    let provider = provider();
    let signature = provider.pair.sign(&SystemRandom::new(), signed.as_bytes());
    let signature = signature.map_err(|error| error.to_string())?;
    let line = format!("Bearer {signed}.{}", encode(signature.as_ref()));
    let lines = [("authorization", line.as_bytes())];
    let Some(name) = samite_fuzz::wait(headers(&provider.believer, &lines)) else { return Ok(()) };
    let claims: serde_json::Value = serde_json::from_slice(claims).unwrap_or_default();
    match claims.get("sub").and_then(serde_json::Value::as_str) == Some(name.as_str()) {
        true => Ok(()),
        false => Err(format!("{claims} is a token of {name:?}")),
    }
}

/// What stands before the first end of a line, and what behind it.
fn halves(input: &[u8]) -> (&[u8], &[u8]) {
    let at = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    (&input[..at], input.get(at + 1..).unwrap_or_default())
}

fn provider() -> &'static Provider {
    static PROVIDER: OnceLock<Provider> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let document = pair.to_pkcs8v1().expect("a document");
        let key = EncodingKey::from_ec_der(document.as_ref());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).expect("a public key");
        jwk.common.key_id = Some("k".to_owned());
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let keys = serde_json::json!({ "keys": [jwk] });
        file.write_all(keys.to_string().as_bytes()).expect("the keys are written");
        let tokens = TokenConfig {
            keys: KeySource::File(file.path().to_owned()),
            issuers: vec!["https://idp".to_owned()],
            audiences: vec!["samite".to_owned()],
            algorithms: vec!["ES256".to_owned()],
            name_claim: "sub".to_owned(),
            groups_claim: "groups".to_owned(),
            attributes: vec!["country".to_owned(), "clearance=level".to_owned()],
            leeway: Duration::ZERO,
            refresh: Duration::from_secs(1 << 30),
        };
        let config = AuthConfig { tokens: Some(tokens), ..AuthConfig::default() };
        let believer = Authenticator::new(config).expect("it is a configuration");
        Provider { pair, believer, open: Authenticator::open(), _document: file }
    })
}
