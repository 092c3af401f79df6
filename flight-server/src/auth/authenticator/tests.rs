//! Who gets in.

use std::collections::{BTreeMap, BTreeSet};

use super::super::users::hash_password;
use super::*;
use crate::connection::ConnectionId;

fn user(name: &str, password: Option<&str>) -> User {
    let hash = password.map(|password| hash_password(password).unwrap());
    User::new(name, hash, BTreeSet::from(["staff".to_owned()]), BTreeMap::new()).unwrap()
}

fn with_users(users: Vec<User>) -> Authenticator {
    let users = Some(Users::new(users));
    let config =
        AuthConfig { users, has_certificates: true, failures_max: 2, ..AuthConfig::default() };
    Authenticator::new(config).unwrap()
}

fn peer(certificate_name: Option<&str>) -> Peer {
    let certificate_name = certificate_name.map(Into::into);
    Peer { id: ConnectionId(1), address: Some([192, 0, 2, 1].into()), certificate_name }
}

fn basic(name: &str, password: &str) -> Credentials {
    Credentials::Basic { name: name.to_owned(), password: password.to_owned() }
}

fn bearer(token: &str) -> Credentials {
    Credentials::Bearer(token.to_owned())
}

#[tokio::test]
async fn everybody_is_anonymous_while_nothing_is_set_up() {
    let authenticator = Authenticator::new(AuthConfig::default()).unwrap();
    for credentials in [Credentials::None, basic("a", "b"), bearer("t")] {
        let identified = authenticator.identify(credentials.clone(), None).await.unwrap();
        assert_eq!(identified.principal.name, "anonymous", "{credentials:?}");
        let token = authenticator.log_in(credentials, None).await.unwrap().new_token;
        assert!(token.is_some_and(|token| !token.is_empty()));
    }
}

#[tokio::test]
async fn nobody_gets_in_without_credentials() {
    let authenticator = with_users(vec![user("anna", Some("secret"))]);
    let someone = peer(None);
    for credentials in [
        Credentials::None,
        basic("anna", "wrong"),
        basic("", ""),
        bearer("t"),
        bearer("samite-login-x"),
        bearer("samite-session-x"),
    ] {
        for refused in [
            authenticator.identify(credentials.clone(), Some(&someone)).await,
            authenticator.log_in(credentials.clone(), None).await,
        ] {
            let error = refused.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{credentials:?}");
        }
    }
}

#[tokio::test]
async fn login_gives_a_token_that_names_the_same_user() {
    let authenticator = with_users(vec![user("anna", Some("secret"))]);
    let login = authenticator.log_in(basic("anna", "secret"), None).await.unwrap();
    let token = login.new_token.unwrap();
    let identified = authenticator.identify(bearer(&token), None).await.unwrap();
    assert_eq!(identified.principal.name, "anna");
    assert!(identified.principal.groups.contains("staff"));
    assert_eq!(identified.login, login.login);
    assert_eq!(identified.new_token, None);
    // A driver that is given the token does its handshake with it.
    let again = authenticator.log_in(bearer(&token), None).await.unwrap();
    assert_eq!(again.new_token, Some(token));
}

#[tokio::test]
async fn unknown_user_and_wrong_password_read_the_same_and_lock() {
    let authenticator = with_users(vec![user("anna", Some("secret"))]);
    for name in ["anna", "nobody"] {
        let someone = peer(None);
        let mut errors = Vec::new();
        for _ in 0..3 {
            let refused = authenticator.log_in(basic(name, "wrong"), Some(&someone)).await;
            errors.push(refused.err().unwrap().message().to_owned());
        }
        let wrong = "the user or the password is wrong";
        assert_eq!(errors, [wrong, wrong, "too many failed logins"], "{name}");
    }
    let right = basic("anna", "secret");
    assert!(authenticator.log_in(right.clone(), Some(&peer(None))).await.is_err(), "locked");
    assert!(authenticator.log_in(right, None).await.is_ok(), "another address");
}

#[tokio::test]
async fn certificate_names_a_user_who_is_known() {
    let authenticator = with_users(vec![user("loader", None)]);
    for (name, is_known) in [(Some("loader"), true), (Some("other"), false), (None, false)] {
        let someone = peer(name);
        let identified = authenticator.identify(Credentials::None, Some(&someone)).await;
        assert_eq!(identified.is_ok(), is_known, "{name:?}");
    }
    // One without a password cannot log in with one.
    assert!(authenticator.log_in(basic("loader", ""), None).await.is_err());
}

#[tokio::test]
async fn guesses_that_arrive_together_are_locked_like_those_in_a_row() {
    let authenticator = with_users(vec![user("anna", Some("secret"))]);
    let someone = peer(None);
    let guesses = (0..20).map(|guess| {
        let wrong = basic("anna", &guess.to_string());
        let (authenticator, someone) = (&authenticator, &someone);
        async move { authenticator.log_in(wrong, Some(someone)).await.err().unwrap() }
    });
    let refused = futures::future::join_all(guesses).await;
    let tried = refused.iter().filter(|error| error.message().contains("wrong")).count();
    // Two are checked at once, and each may fail as the last one that was free.
    assert!((2..=4).contains(&tried), "{tried} were tried");
}
