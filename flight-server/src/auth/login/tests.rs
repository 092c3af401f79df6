//! What a token of a login opens, and until when.

use std::collections::{BTreeMap, BTreeSet};

use super::super::users::hash_password;
use super::*;

fn user(name: &str, password: &str) -> User {
    let hash = hash_password(password).unwrap();
    User::new(name, Some(hash), BTreeSet::new(), BTreeMap::new()).unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

#[test]
fn token_holds_for_its_time_and_says_when_it_is_old() {
    let (logins, anna) = (Logins::new(Duration::from_secs(100)), user("anna", "x"));
    let users = Users::new(vec![anna.clone()]);
    let token = logins.issue(&anna, Uuid::from_u128(7), at(0)).unwrap();
    for (seconds, is_old) in [(0, Some(false)), (50, Some(false)), (51, Some(true)), (100, None)] {
        let login = logins.check(&token, &users, at(seconds));
        assert_eq!(login.as_ref().map(|login| login.is_old), is_old, "{seconds}");
        assert!(login.is_none_or(|login| login.id == Uuid::from_u128(7)), "{seconds}");
    }
}

#[test]
fn token_opens_nothing_once_anything_about_it_is_other() {
    let (logins, anna) = (Logins::new(Duration::from_secs(100)), user("anna", "x"));
    let users = Users::new(vec![anna.clone(), user("ann", "x")]);
    let token = logins.issue(&anna, Uuid::nil(), at(0)).unwrap();
    assert!(logins.check(&token, &users, at(1)).is_some());
    let other = Logins::new(Duration::from_secs(100));
    assert!(other.check(&token, &users, at(1)).is_none(), "the key of another server");
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX).unwrap()).unwrap();
    for place in 0..bytes.len() {
        bytes[place] ^= 1;
        let changed = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(&bytes));
        assert!(logins.check(&changed, &users, at(1)).is_none(), "byte {place}");
        bytes[place] ^= 1;
    }
    for length in 0..bytes.len() {
        let cut = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(&bytes[..length]));
        assert!(logins.check(&cut, &users, at(1)).is_none(), "{length} bytes");
    }
    for text in ["", PREFIX, "samite-login-!!!", "x"] {
        assert!(logins.check(text, &users, at(1)).is_none(), "{text}");
    }
    users.replace(vec![user("anna", "another password")]);
    assert!(logins.check(&token, &users, at(1)).is_none(), "a new password");
    users.replace(vec![]);
    assert!(logins.check(&token, &users, at(1)).is_none(), "a user who is gone");
}
