//! What an error of a store means to the one who asked.

use datafusion::object_store::Error as StoreError;
use samite_engine::{Error, ErrorKind};

/// The error of a store that was asked for `what`, for instance `data file "a.parquet"`.
///
/// The store's own text, which may hold paths of the machine and answers of the service, is for the
/// log alone.
#[must_use]
pub fn unreadable(what: &str, error: StoreError) -> Error {
    let (kind, message, hint) = match &error {
        StoreError::NotFound { .. } => {
            (ErrorKind::CorruptSource, format!("{what} does not exist"), None)
        }
        StoreError::PermissionDenied { source, .. } => {
            if let Some(ours) = source.downcast_ref::<Error>() {
                let refusal = Error::new(ours.kind(), format!("{what} may not be read"))
                    .with_detail(ours.message().to_owned());
                return match ours.hint() {
                    Some(hint) => refusal.with_hint(hint),
                    None => refusal,
                };
            }
            (
                ErrorKind::SourceUnavailable,
                format!("{what} may not be read with the configured credentials"),
                Some("look at the store's entry in [stores] of the configuration"),
            )
        }
        StoreError::Unauthenticated { .. } => (
            ErrorKind::SourceUnavailable,
            format!("{what} cannot be read without credentials"),
            Some("name credentials for the store in [stores] of the configuration"),
        ),
        StoreError::Precondition { .. } | StoreError::NotModified { .. } => (
            ErrorKind::SourceUnavailable,
            format!("{what} was overwritten while it was read"),
            Some("ask again"),
        ),
        StoreError::InvalidPath { .. } => {
            (ErrorKind::Unsupported, format!("{what} has a path that cannot be read"), None)
        }
        _ => (ErrorKind::SourceUnavailable, format!("{what} cannot be read now"), None),
    };
    let ours = Error::new(kind, message).with_source(error);
    match hint {
        Some(hint) => ours.with_hint(hint),
        None => ours,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_says_what_to_do() {
        let source = || "no".into();
        let path = || "x".to_owned();
        for (error, kind) in [
            (StoreError::NotFound { path: path(), source: source() }, ErrorKind::CorruptSource),
            (StoreError::Generic { store: "s3", source: source() }, ErrorKind::SourceUnavailable),
            (
                StoreError::PermissionDenied {
                    path: path(),
                    source: Box::new(super::super::locations::refusal("file:///x")),
                },
                ErrorKind::PermissionDenied,
            ),
        ] {
            let text = error.to_string();
            assert_eq!(unreadable("data file \"x\"", error).kind(), kind, "{text}");
        }
    }
}
