//! Which tokens are believed.

use std::io::Write;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use super::super::config::KeySource;
use super::*;

/// An identity provider with one key.
struct Provider {
    key: EncodingKey,
    jwks: tempfile::NamedTempFile,
}

impl Provider {
    fn new(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let key = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(id.to_owned());
        let strange = json!({ "kty": "strange", "kid": "0" });
        let secret = json!({ "kty": "oct", "kid": "secret", "k": "AAAA" });
        let keys = json!({ "keys": [strange, secret, jwk] });
        let mut jwks = tempfile::NamedTempFile::new().unwrap();
        jwks.write_all(keys.to_string().as_bytes()).unwrap();
        Self { key, jwks }
    }

    fn config(&self) -> TokenConfig {
        TokenConfig {
            keys: KeySource::File(self.jwks.path().to_owned()),
            issuers: vec!["https://idp".to_owned()],
            audiences: vec!["samite".to_owned()],
            algorithms: vec!["ES256".to_owned()],
            name_claim: "sub".to_owned(),
            groups_claim: "groups".to_owned(),
            attributes: vec!["country".to_owned(), "clearance=level".to_owned()],
            leeway: Duration::ZERO,
            refresh: Duration::from_secs(600),
        }
    }

    fn sign(&self, id: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: id.map(str::to_owned), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &self.key).unwrap()
    }
}

fn claims() -> Value {
    json!({
        "iss": "https://idp", "aud": ["other", "samite"], "sub": "anna",
        "exp": Utc::now().timestamp() + 60, "groups": ["b", "a"], "country": "SE", "level": 2,
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

async fn refusal(tokens: &Tokens, token: &str) -> Option<String> {
    let refused = tokens.check(token, Utc::now()).await.err()?;
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    // A few letters are in any text.
    assert!(token.len() < 8 || !format!("{refused:?}").contains(token), "{refused:?}");
    refused.detail().map(str::to_owned)
}

#[tokio::test]
async fn token_names_a_principal_with_groups_and_attributes() {
    let provider = Provider::new("k1");
    let tokens = Tokens::new(provider.config()).unwrap();
    for id in [Some("k1"), None] {
        let token = provider.sign(id, &claims());
        let principal = tokens.check(&token, Utc::now()).await.unwrap();
        assert_eq!(principal.name, "anna");
        assert!(principal.groups.iter().eq(["a", "b"]));
        assert_eq!(principal.attributes["country"], "SE");
        assert_eq!(principal.attributes["clearance"], "2");
    }
    let token = provider.sign(None, &with("groups", json!("x y")));
    let principal = tokens.check(&token, Utc::now()).await.unwrap();
    assert!(principal.groups.iter().eq(["x", "y"]));
}

#[tokio::test]
async fn token_that_is_not_what_it_should_be_is_refused() {
    let provider = Provider::new("k1");
    let tokens = Tokens::new(provider.config()).unwrap();
    let past = Utc::now().timestamp() - 60;
    for (claims, why) in [
        (with("exp", json!(past)), "it has expired"),
        (with("exp", Value::Null), ""),
        (with("exp", json!("tomorrow")), ""),
        (with("nbf", json!(past + 3600)), "it is not valid yet"),
        (with("nbf", json!("now")), ""),
        (with("iss", json!("https://evil")), "its issuer is not believed"),
        (with("aud", json!("other")), "it is for another audience"),
        (with("aud", json!([])), ""),
        (with("sub", json!("")), "it names nobody"),
        (with("sub", json!("a\nb")), "it names nobody"),
        (with("sub", json!(7)), "it names nobody"),
        (with("groups", json!({ "a": 1 })), "its groups are no list"),
        (with("groups", json!([1])), "its groups are no texts"),
    ] {
        let refused = refusal(&tokens, &provider.sign(Some("k1"), &claims)).await;
        assert!(refused.as_deref().unwrap().contains(why), "{claims}: {refused:?}");
    }
}

#[tokio::test]
async fn signature_that_is_wrong_or_missing_is_refused() {
    let (provider, other) = (Provider::new("k1"), Provider::new("k1"));
    let tokens = Tokens::new(provider.config()).unwrap();
    let good = provider.sign(Some("k1"), &claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, body) = signed.split_once('.').unwrap();
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let none = part(json!({ "alg": "none", "typ": "JWT" }));
    let symmetric = part(json!({ "alg": "HS256", "kid": "secret" }));
    let embedded = part(json!({ "alg": "ES256", "kid": "k1", "jku": "https://evil/keys" }));
    let admin = part(with("sub", json!("admin")));
    for token in [
        other.sign(Some("k1"), &claims()),
        provider.sign(Some("unknown"), &claims()),
        format!("{none}.{body}."),
        format!("{none}.{body}.{signature}"),
        format!("{symmetric}.{body}.{signature}"),
        format!("{embedded}.{body}.{signature}"),
        format!("{header}.{admin}.{signature}"),
        format!("{header}.{body}."),
        format!("{header}.{body}"),
        format!("{header}.{body}.{signature}="),
        format!("{good}.x"),
        "x".repeat(TOKEN_BYTES_MAX + 1),
        String::new(),
        "...".to_owned(),
    ] {
        assert!(refusal(&tokens, &token).await.is_some(), "{token}");
    }
    assert!(tokens.check(&good, Utc::now()).await.is_ok());
}

#[tokio::test]
async fn remembered_token_ends_in_its_time() {
    let provider = Provider::new("k1");
    let tokens = Tokens::new(provider.config()).unwrap();
    let token = provider.sign(Some("k1"), &claims());
    tokens.check(&token, Utc::now()).await.unwrap();
    let later = Utc::now() + chrono::TimeDelta::seconds(61);
    assert!(tokens.remembered.get(&<[u8; 32]>::from(Sha256::digest(&token))).is_some());
    let known = tokens.remembered.get(&<[u8; 32]>::from(Sha256::digest(&token))).unwrap();
    assert!(known.ends_at <= later);
}

#[tokio::test]
async fn keys_that_cannot_be_read_are_the_servers_trouble() {
    let provider = Provider::new("k1");
    let missing = KeySource::File("/no/such/file".into());
    let tokens = Tokens::new(TokenConfig { keys: missing, ..provider.config() }).unwrap();
    let refused = tokens.check(&provider.sign(None, &claims()), Utc::now()).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::SourceUnavailable);
}

#[test]
fn configuration_that_believes_too_much_is_refused() {
    let good = Provider::new("k1").config();
    let url = |url: &str| KeySource::Url(url.to_owned());
    for config in [
        TokenConfig { issuers: vec![], ..good.clone() },
        TokenConfig { audiences: vec![], ..good.clone() },
        TokenConfig { algorithms: vec![], ..good.clone() },
        TokenConfig { algorithms: vec!["none".to_owned()], ..good.clone() },
        TokenConfig { algorithms: vec!["HS256".to_owned()], ..good.clone() },
        TokenConfig { keys: url("http://idp/keys"), ..good.clone() },
        TokenConfig { keys: url("ftp://idp/keys"), ..good.clone() },
        TokenConfig { keys: url("nonsense"), ..good.clone() },
    ] {
        assert!(Tokens::new(config.clone()).is_err(), "{config:?}");
    }
    for keys in [url("https://idp/keys"), url("http://127.0.0.1:1/keys")] {
        assert!(Tokens::new(TokenConfig { keys, ..good.clone() }).is_ok());
    }
}
