//! Who asks: a user of the users file, or one that the command line makes up.

use samite_engine::session::Principal;

use super::Failure;
use crate::config::Configuration;
use crate::users_file::UsersFile;

/// Reads `USER[,group=GROUP][,KEY=VALUE]`. A name alone that is in the users file has the groups
/// and attributes of that user.
///
/// # Errors
///
/// When a part is not `KEY=VALUE`, or the users file cannot be read.
pub(super) fn principal(text: &str, configuration: &Configuration) -> Result<Principal, Failure> {
    let Some((name, rest)) = text.split_once(',') else {
        return known(text, configuration);
    };
    let mut principal = Principal::user(name);
    for part in rest.split(',') {
        match part.split_once('=') {
            Some(("group", group)) => {
                principal.groups.insert(group.to_owned());
            }
            Some((key, value)) if !key.is_empty() => {
                principal.attributes.insert(key.to_owned(), value.to_owned());
            }
            _ => {
                let message = format!("\"{part}\" is neither group=GROUP nor KEY=VALUE");
                return Err(Failure::usage_text(message));
            }
        }
    }
    Ok(principal)
}

fn known(name: &str, configuration: &Configuration) -> Result<Principal, Failure> {
    let stranger = || Principal::user(name);
    let Some(path) = &configuration.security.users_file else { return Ok(stranger()) };
    let file = UsersFile::open(path.clone()).map_err(Failure::Usage)?;
    let user = file.users().find(name);
    Ok(user.map_or_else(stranger, |user| user.principal().as_ref().clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_has_the_groups_and_attributes_that_are_written() {
        let configuration = Configuration::default();
        let read = |text: &str| principal(text, &configuration);
        let ada = read("ada,group=a,group=b,country=SE,clearance=3").unwrap();
        assert_eq!(ada.name, "ada");
        assert_eq!(ada.groups.into_iter().collect::<Vec<_>>(), ["a", "b"]);
        let attributes: Vec<_> = ada.attributes.into_iter().collect();
        let expected = [("clearance", "3"), ("country", "SE")];
        assert_eq!(attributes, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(read("bo").unwrap(), Principal::user("bo"));
        for text in ["ada,", "ada,group", "ada,=x"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
