//! What a password opens.

use super::*;

fn user(name: &str, password: &str) -> User {
    let hash = hash_password(password).unwrap();
    User::new(name, Some(hash), BTreeSet::new(), BTreeMap::new()).unwrap()
}

#[tokio::test]
async fn password_opens_its_own_user_alone() {
    let users = Users::new(vec![user("a", "secret a"), user("b", "secret b")]);
    for (name, password, is_right) in [
        ("a", "secret a", true),
        ("a", "secret a", true),
        ("a", "secret b", false),
        ("A", "secret a", false),
        ("c", "secret a", false),
        ("a", "", false),
        ("", "", false),
        ("a\0", "secret a", false),
    ] {
        let found = users.verify(name, password, || Ok(())).await.unwrap();
        assert_eq!(found.is_some(), is_right, "{name:?} {password:?}");
    }
    let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
    assert!(users.verify("a", &long, || Ok(())).await.unwrap().is_none());
}

#[tokio::test]
async fn replaced_user_needs_the_new_password() {
    let users = Users::new(vec![user("a", "old")]);
    assert!(users.verify("a", "old", || Ok(())).await.unwrap().is_some());
    users.replace(vec![user("a", "new")]);
    assert!(users.verify("a", "old", || Ok(())).await.unwrap().is_none());
    assert!(users.verify("a", "new", || Ok(())).await.unwrap().is_some());
    users.replace(vec![]);
    assert!(users.verify("a", "new", || Ok(())).await.unwrap().is_none());
}

#[test]
fn hash_that_is_none_or_asks_for_too_much_is_refused() {
    let salt_and_hash = "$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    for hash in [
        "",
        "secret",
        "$2b$12$abcdefghijklmnopqrstuu",
        "$argon2id$v=19$m=19456,t=2,p=1",
        &format!("$argon2id$v=19$m=4194304,t=2,p=1{salt_and_hash}"),
        &format!("$argon2id$v=19$m=19456,t=9999,p=1{salt_and_hash}"),
    ] {
        let made = User::new("a", Some(hash.to_owned()), BTreeSet::new(), BTreeMap::new());
        assert!(made.is_err(), "{hash}");
    }
    let good = format!("$argon2id$v=19$m=19456,t=2,p=1{salt_and_hash}");
    User::new("a", Some(good), BTreeSet::new(), BTreeMap::new()).unwrap();
}

#[test]
fn name_without_a_face_is_refused() {
    for name in ["", "a\nb", "a\0", &"x".repeat(257)] {
        let made = User::new(name, None, BTreeSet::new(), BTreeMap::new());
        assert!(made.is_err(), "{name:?}");
    }
}

#[test]
fn nothing_prints_a_hash() {
    let user = user("a", "secret");
    let text = format!("{user:?} {:?}", Users::new(vec![user.clone()]));
    assert!(!text.contains("argon2"), "{text}");
}
