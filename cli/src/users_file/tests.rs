//! What the file says, and what becomes of it.

use samite_flight_server::hash_password;

use super::*;

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

fn read(text: &str) -> Result<Vec<User>> {
    parse(Path::new("users.toml"), text)
}

#[test]
fn user_has_groups_and_attributes() {
    let text = format!(
        "[[user]]\nname = \"anna\"\npassword_hash = \"{HASH}\"\ngroups = [\"b\", \"a\"]\n\
         attributes = {{ clearance = 2, country = \"SE\", is_staff = true }}\n"
    );
    let users = read(&text).unwrap();
    let principal = users[0].principal();
    assert_eq!(principal.name, "anna");
    assert!(principal.groups.iter().eq(["a", "b"]));
    for (key, value) in [("clearance", "2"), ("country", "SE"), ("is_staff", "true")] {
        assert_eq!(principal.attributes[key], value, "{key}");
    }
}

#[test]
fn mistake_is_named_with_its_line() {
    for (text, message) in [
        ("x", "users.toml:1: "),
        ("[[user]]\nname = \"a\"\npasword = \"x\"\n", "users.toml:3: unknown field `pasword`"),
        ("\n[[users]]\nname = \"a\"\n", "users.toml:2: unknown field `users`"),
        ("[[user]]\ngroups = []\n", "missing field `name`"),
        (
            "[[user]]\nname = \"a\"\n[[user]]\nname = \"a\"\n",
            "users.toml:4: user \"a\" is there twice",
        ),
        ("[[user]]\nname = \"\"\n", "users.toml:2: a user's name is empty"),
        ("[[user]]\nname = \"a\"\npassword_hash = \"secret\"\n", "the password hash of user \"a\""),
        ("[[user]]\nname = \"a\"\nattributes = { x = [1] }\n", "attribute \"x\" of user \"a\""),
    ] {
        let error = read(text).err().unwrap();
        assert!(error.message().contains(message), "{text}: {error:?}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn users_come_and_go_and_the_rest_of_the_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.toml");
    let user = |name: &str| NewUser {
        name: name.to_owned(),
        password_hash: hash_password("secret").unwrap(),
        groups: vec!["analysts".to_owned()],
        attributes: vec![
            ("clearance".to_owned(), "2".to_owned()),
            ("zip".to_owned(), "012".to_owned()),
        ],
    };
    add(&path, &user("anna"), false).unwrap();
    let written = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("# ours\n{written}")).unwrap();
    add(&path, &user("bert \"b\""), false).unwrap();
    assert!(add(&path, &user("anna"), false).is_err(), "it is there already");
    add(&path, &user("anna"), true).unwrap();
    let users = UsersFile::open(path.clone()).unwrap();
    let anna = users.users().find("anna").unwrap();
    assert_eq!(anna.principal().attributes["zip"], "012");
    assert!(users.users().find("bert \"b\"").is_some());
    assert!(remove(&path, "bert \"b\"").unwrap());
    assert!(!remove(&path, "bert \"b\"").unwrap());
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("# ours\n"));
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}
