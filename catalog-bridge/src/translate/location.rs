//! Where a path of a document points to, as an absolute raw URI.
//!
//! Purely lexical: whether the place may be read, and whether it is there, is for the connectors.

/// Resolves a path that is relative to `folder` of the mesh at `root`, or absolute on this machine.
///
/// `.`, `..` and doubled slashes are resolved; a slash at the end stays. `None` if the path leaves
/// the bucket of the mesh.
pub(crate) fn absolute(root: &str, folder: &str, path: &str) -> Option<String> {
    let (scheme, authority, base) = split_uri(root);
    if path.starts_with('/') {
        return Some(format!("file://{}", normalised(path, true)?));
    }
    if let Some(path) = path.strip_prefix("file://") {
        let path = path.strip_prefix("localhost").unwrap_or(path);
        return if path.starts_with('/') { absolute(root, folder, path) } else { None };
    }
    let is_local = scheme == "file";
    let place = normalised(&format!("/{base}/{folder}/{path}"), is_local)?;
    Some(format!("{scheme}://{authority}{place}"))
}

/// A path that is relative to `folder` of the mesh, as a path relative to the mesh; `None` if it
/// leaves the mesh.
pub(crate) fn in_mesh(folder: &str, path: &str) -> Option<String> {
    let path = normalised(&format!("/{folder}/{path}"), false)?;
    Some(path.trim_start_matches('/').to_owned())
}

/// Scheme, authority and path of a raw URI.
fn split_uri(uri: &str) -> (&str, &str, &str) {
    let (scheme, rest) = uri.split_once("://").unwrap_or(("file", uri));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    (scheme, authority, path)
}

/// Resolves `.`, `..` and empty parts of an absolute path.
///
/// The parent of the root is the root itself in a file system, and nothing anywhere else.
fn normalised(path: &str, root_has_parent: bool) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() && !root_has_parent {
                    return None;
                }
            }
            part => parts.push(part),
        }
    }
    let end = if path.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    Some(format!("/{}{end}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_become_absolute_and_stay_raw() {
        let local = "file:///srv/my mesh";
        let bucket = "s3://bucket/mesh";
        let folder = "domains/a/b";
        for (root, path, expected) in [
            (local, "data/{model}.parquet", "file:///srv/my mesh/domains/a/b/data/{model}.parquet"),
            (local, "data/v2/{model}/", "file:///srv/my mesh/domains/a/b/data/v2/{model}/"),
            (local, "./data//x", "file:///srv/my mesh/domains/a/b/data/x"),
            (local, "../../c/x", "file:///srv/my mesh/domains/c/x"),
            (local, "../../../../../../etc/passwd", "file:///etc/passwd"),
            (local, "/data/../x/*.parquet", "file:///x/*.parquet"),
            (local, "file:///data/x/", "file:///data/x/"),
            (local, "a b#?%20/x", "file:///srv/my mesh/domains/a/b/a b#?%20/x"),
            (bucket, "data/x", "s3://bucket/mesh/domains/a/b/data/x"),
            (bucket, "/data/x", "file:///data/x"),
            ("s3://bucket", "x", "s3://bucket/domains/a/b/x"),
        ] {
            assert_eq!(absolute(root, folder, path).as_deref(), Some(expected), "{root} {path}");
        }
        assert_eq!(absolute(bucket, folder, "../../../../../x"), None);
        assert_eq!(absolute(local, folder, "file://elsewhere/x"), None);
    }
}
