//! A location as a message shows it: without passwords and signatures.

/// A raw URI without a user and password in front of its host, and without the query of a remote
/// one, where signatures stand. Paths of this machine stay as they are.
///
/// Rather too much is left out than too little: a password may itself hold `/`, `?` and `@`.
pub(crate) fn shown(location: &str) -> String {
    let (scheme, rest) = match location.split_once(':') {
        _ if location.starts_with('/') => return location.to_owned(),
        Some((scheme, rest)) if !scheme.contains(['/', '@', '?']) => (scheme, rest),
        _ => ("", location),
    };
    let is_path = ["///", "//localhost/"].iter().any(|start| rest.starts_with(start))
        || (rest.starts_with('/') && !rest.starts_with("//"));
    if scheme.eq_ignore_ascii_case("file") && is_path {
        return location.to_owned();
    }
    let (rest, slashes) = match rest.strip_prefix("//") {
        Some(rest) => (rest, "//"),
        None => (rest, ""),
    };
    let (user, rest) = split_user(rest);
    let user = match user {
        None => "",
        Some(container) if is_container(scheme, container) => container,
        Some(_) => "***",
    };
    let at = if user.is_empty() { "" } else { "@" };
    let colon = if scheme.is_empty() { "" } else { ":" };
    let shown = format!("{scheme}{colon}{slashes}{user}{at}");
    match rest.split_once('?') {
        Some((path, _)) => format!("{shown}{path}?***"),
        None => format!("{shown}{rest}"),
    }
}

/// The name of a file as a message shows it: without the query that a table's metadata gave it, which
/// no store takes for one.
pub(crate) fn shown_name(name: &str) -> &str {
    match name.split_once('?') {
        Some((before, query)) if query.contains('=') => before,
        _ => name,
    }
}

/// What stands before the host, and the rest.
fn split_user(rest: &str) -> (Option<&str>, &str) {
    let authority = rest.split('/').next().unwrap_or_default();
    // After a colon a password may follow, which may hold any letter.
    let searched = if authority.contains(':') { rest } else { authority };
    match searched.rfind('@') {
        Some(at) => (rest.get(..at), rest.get(at + 1..).unwrap_or_default()),
        None => (None, rest),
    }
}

/// True if it is the container of an Azure location, `container@account`, and no user.
fn is_container(scheme: &str, text: &str) -> bool {
    let is_azure = ["az", "azure", "adl", "abfs", "abfss", "wasb", "wasbs"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    is_azure && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"$-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_users_nor_queries_are_shown() {
        for (location, expected) in [
            ("/srv/100% a+b?c#d@e", "/srv/100% a+b?c#d@e"),
            ("file:///srv/a?b@c:d", "file:///srv/a?b@c:d"),
            ("file:/srv/a?b", "file:/srv/a?b"),
            ("file://u:secret@h/x", "file://***@h/x"),
            ("data/plays", "data/plays"),
            ("s3://bucket/a@b/c", "s3://bucket/a@b/c"),
            ("https://h:8443/x", "https://h:8443/x"),
            ("https://[::1]:9000/x", "https://[::1]:9000/x"),
            ("abfss://c@acc/x?sv=1&sig=secret", "abfss://c@acc/x?***"),
            (
                "https://acc.blob.core.windows.net/c/x?sig=secret",
                "https://acc.blob.core.windows.net/c/x?***",
            ),
            ("acc.blob.core.windows.net/c/x?sig=secret", "acc.blob.core.windows.net/c/x?***"),
            ("ftp://u:secret@h/x", "ftp://***@h/x"),
            ("s3://key:sec/ret?@bucket/x", "s3://***@bucket/x"),
            ("abfss://u:secret@acc/x", "abfss://***@acc/x"),
            ("https://token@h/x?a=secret", "https://***@h/x?***"),
            ("u:secret@h/x", "u:***@h/x"),
        ] {
            assert_eq!(shown(location), expected, "{location}");
        }
    }
}
