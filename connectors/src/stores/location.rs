//! A place as it is written, taken apart: scheme, authority, path.
//!
//! A location is a *raw* URI: `%`, `+`, `?`, `#` and spaces in it stand for themselves. It is made
//! canonical here, so that two ways to write one place compare equal, but nothing is looked up.

use std::fmt;

use datafusion::object_store::path::Path;
use samite_engine::connector::OpenRequest;
use samite_engine::{Error, ErrorKind, Result};

use super::shown::shown;

/// The kind of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Files of this machine.
    File,
    /// Amazon S3 and what speaks like it.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage and Data Lake Storage.
    Azure,
    /// A web server, unencrypted.
    Http,
    /// A web server.
    Https,
}

impl Scheme {
    /// The canonical name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::S3 => "s3",
            Self::Gcs => "gs",
            Self::Azure => "abfss",
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "file" => Some(Self::File),
            "s3" | "s3a" | "s3n" => Some(Self::S3),
            "gs" | "gcs" => Some(Self::Gcs),
            "az" | "azure" | "adl" | "abfs" | "abfss" | "wasb" | "wasbs" => Some(Self::Azure),
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }
}

/// The raw URI of the table that a request names.
///
/// # Errors
///
/// If its server has no location.
pub(crate) fn location_of(request: &OpenRequest) -> Result<String> {
    request.server.table_location(request.table.source_name()).ok_or_else(|| {
        let (server, table) = (&request.server.name, &request.name);
        Error::new(
            ErrorKind::ContractViolated,
            format!("server \"{server}\" of table \"{table}\" has no location"),
        )
        .with_hint("give the server in the contract a path or a location")
    })
}

/// A place: its parts are canonical, and its path has no `.`, `..` and empty segments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location {
    /// The kind of store.
    pub scheme: Scheme,
    /// The bucket, the host, or `container@account`; empty for files.
    pub authority: String,
    /// The path below it, raw.
    pub segments: Vec<String>,
}

impl Location {
    /// Takes a raw URI apart; an absolute path of this machine counts as one.
    ///
    /// # Errors
    ///
    /// If it has a scheme that Samite does not read, no bucket or host, a user in its host, or a path
    /// that leads out of its own root.
    pub fn parse(text: &str) -> Result<Self> {
        let Some((scheme, rest)) = split_scheme(text) else {
            return match text.starts_with('/') {
                true => Self::new(text, Scheme::File, String::new(), text),
                false => Err(malformed(text, "it is not absolute")
                    .with_hint("write a URI with a scheme, or an absolute path")),
            };
        };
        let Some(known) = Scheme::parse(scheme) else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("location \"{}\" has a scheme that is not read", shown(text)),
            )
            .with_hint("write file, s3, gs, abfss, az, http or https"));
        };
        if known == Scheme::File {
            let path = match rest.strip_prefix("//") {
                Some(rest) => match rest.strip_prefix("localhost/") {
                    Some(path) => path,
                    None if rest.starts_with('/') => rest,
                    None => return Err(malformed(text, "a file has no host")),
                },
                None => rest,
            };
            return Self::new(text, known, String::new(), path);
        }
        let Some(rest) = rest.strip_prefix("//") else {
            return Err(malformed(text, "it names no bucket or host"));
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.is_empty() {
            return Err(malformed(text, "it names no bucket or host"));
        }
        if authority.contains('?') {
            return Err(malformed(text, "the name of a bucket or host holds no question mark"));
        }
        match known {
            Scheme::Azure if authority.contains(':') => {
                Err(malformed(text, "the name of a container holds no password and no port"))
            }
            Scheme::Azure => Self::new(text, known, azure_authority(authority), path),
            Scheme::Http | Scheme::Https => Self::web(text, known, authority, path),
            Scheme::File | Scheme::S3 | Scheme::Gcs => {
                if authority.contains(['@', ':']) {
                    return Err(malformed(text, "the name of a bucket holds no user and no port"));
                }
                Self::new(text, known, authority.to_owned(), path)
            }
        }
    }

    fn web(text: &str, scheme: Scheme, authority: &str, path: &str) -> Result<Self> {
        if authority.contains('@') {
            return Err(malformed(text, "a user or password stands in it")
                .with_hint("name credentials in [credentials] of the configuration"));
        }
        let host = authority.to_ascii_lowercase();
        for suffix in [".blob.core.windows.net", ".dfs.core.windows.net"] {
            if let Some(account) = host.strip_suffix(suffix)
                && let Some((container, path)) = path.split_once('/')
            {
                return Self::new(text, Scheme::Azure, format!("{container}@{account}"), path);
            }
        }
        Self::new(text, scheme, host, path)
    }

    fn new(text: &str, scheme: Scheme, authority: String, path: &str) -> Result<Self> {
        let mut segments: Vec<String> = Vec::new();
        let path = path.strip_prefix('/').filter(|_| scheme == Scheme::File).unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        for segment in path.split('/').filter(|_| !path.is_empty()) {
            match segment {
                "" if scheme == Scheme::File => {}
                "" => return Err(malformed(text, "a segment of its path is empty")),
                "." => {}
                ".." => {
                    if segments.pop().is_none() {
                        return Err(malformed(text, "it leads out of its own root"));
                    }
                }
                other => segments.push(other.to_owned()),
            }
        }
        Ok(Self { scheme, authority, segments })
    }

    /// True if this is `prefix` or lies below it; whole segments count.
    #[must_use]
    pub fn is_below(&self, prefix: &Self) -> bool {
        self.scheme == prefix.scheme
            && self.authority == prefix.authority
            && self.segments.starts_with(&prefix.segments)
    }

    /// The scheme and authority, for instance `s3://bucket`.
    #[must_use]
    pub fn root(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.authority)
    }

    /// The path within the store.
    ///
    /// # Errors
    ///
    /// If a segment holds a control character.
    pub fn path(&self) -> Result<Path> {
        Path::parse(self.segments.join("/")).map_err(|error| {
            malformed(&self.to_string(), "its path cannot be read").with_source(error)
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.root(), self.segments.join("/"))
    }
}

fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    is_scheme.then_some((scheme, rest))
}

/// `container@account.dfs.core.windows.net` and `container@account` are one place.
fn azure_authority(text: &str) -> String {
    match text.split_once('@') {
        Some((container, host)) => {
            format!("{container}@{}", host.split('.').next().unwrap_or(host).to_ascii_lowercase())
        }
        None => text.to_owned(),
    }
}

fn malformed(text: &str, why: &str) -> Error {
    let message = match text {
        "" => "a location cannot be used".to_owned(),
        text => format!("location \"{}\" cannot be used", shown(text)),
    };
    Error::new(ErrorKind::InvalidConfiguration, message).with_detail(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ways_to_write_one_place_are_equal() {
        for (text, canonical) in [
            ("/srv/mesh", "file:///srv/mesh"),
            ("file:///srv//mesh/./a/../", "file:///srv/mesh"),
            ("file:/srv/mesh", "file:///srv/mesh"),
            ("file://localhost/srv/mesh", "file:///srv/mesh"),
            ("file:///srv/100% a+b?c#d", "file:///srv/100% a+b?c#d"),
            ("file:///srv/%2e%2e/x", "file:///srv/%2e%2e/x"),
            ("s3a://Bucket/a%20b/../c", "s3://Bucket/c"),
            ("s3://bucket", "s3://bucket/"),
            ("gcs://bucket/x/", "gs://bucket/x"),
            ("abfss://c@acc.dfs.core.windows.net/x", "abfss://c@acc/x"),
            ("wasbs://c@acc.blob.core.windows.net/x", "abfss://c@acc/x"),
            ("https://acc.blob.core.windows.net/c/x", "abfss://c@acc/x"),
            ("https://Example.COM:8443/A b", "https://example.com:8443/A b"),
        ] {
            let read = Location::parse(text).map(|location| location.to_string());
            assert_eq!(read.expect(text), canonical, "{text}");
        }
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in [
            "",
            "data/plays",
            "../x",
            "file:///..",
            "file:///a/../../b",
            "file://host/x",
            "s3://",
            "s3:bucket",
            "s3://bucket/../x",
            "s3://bucket//x",
            "s3://key:secret@bucket/x",
            "https://user:secret@host/x",
            "ftp://host/x",
            "ftp://u:secret@host/x",
            "s3://bucket?sig=secret",
            "abfss://c:secret@acc/x",
            "https://host//x?sig=secret",
            "hdfs://host/x",
        ] {
            let error = Location::parse(text).expect_err(text);
            assert!(!error.to_line().contains("secret"), "{text}");
        }
    }

    #[test]
    fn below_means_whole_segments() {
        let below = |text: &str, prefix: &str| {
            Location::parse(text).expect(text).is_below(&Location::parse(prefix).expect(prefix))
        };
        assert!(below("s3://b/data/x", "s3://b/data/"));
        assert!(below("s3://b/data", "s3://b/data/"));
        assert!(below("s3a://b/data/x", "s3://b"));
        for (text, prefix) in [
            ("s3://b/database", "s3://b/data"),
            ("s3://b/data/../x", "s3://b/data"),
            ("s3://bb/data", "s3://b"),
            ("http://h/data", "https://h/data"),
            ("file:///data", "file:///data/x"),
        ] {
            assert!(!below(text, prefix), "{text} {prefix}");
        }
    }
}
