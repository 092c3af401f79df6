//! What of a location may stand in a message: everything but what may be a secret.

/// The schemes in which a container, and not a user, stands before the `@`.
const CONTAINER_SCHEMES: [&str; 7] = ["az", "azure", "abfs", "abfss", "adl", "wasb", "wasbs"];

/// A location without user and password, and without a query, which may hold a signature.
///
/// A password may hold a slash or a question mark, so this rather drops too much.
pub(crate) fn without_secrets(location: &str) -> String {
    let (scheme, rest) = match location.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
        _ => (None, location),
    };
    if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("file")) {
        return location.to_owned();
    }
    let rest = match rest.rsplit_once('@') {
        Some((user, place)) if is_user(scheme, user) => place,
        _ => rest,
    };
    let rest = rest.split_once('?').map_or(rest, |(path, _)| path);
    scheme.map_or_else(|| rest.to_owned(), |scheme| format!("{scheme}://{rest}"))
}

fn is_scheme(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn is_user(scheme: Option<&str>, text: &str) -> bool {
    let is_container = || {
        scheme.is_none_or(|scheme| {
            CONTAINER_SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme))
        })
    };
    text.contains(':') || !(text.contains('/') || is_container())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn location_shows_no_secret() {
        for (written, shown) in [
            ("https://key:secret@minio/bucket", "https://minio/bucket"),
            ("https://key:se/cr?t@minio/bucket", "https://minio/bucket"),
            ("https://token@h.example/x?sig=abc", "https://h.example/x"),
            ("https://h.example/x?mail=a@b", "https://h.example/x"),
            ("sftp://u:secret@h/x", "sftp://h/x"),
            ("jdbc:sftp://u:secret@h/x", "h/x"),
            ("key:secret@minio/bucket", "minio/bucket"),
            ("abfss://box@acc.example/x?sv=1", "abfss://box@acc.example/x"),
            ("abfss://u:p@acc.example/x", "abfss://acc.example/x"),
            ("s3://bucket/a b@c/{model}", "s3://bucket/a b@c/{model}"),
            ("file:///data/what?@.parquet", "file:///data/what?@.parquet"),
            ("/tmp/x@y", "/tmp/x@y"),
        ] {
            assert_eq!(without_secrets(written), shown, "{written}");
        }
    }
}
