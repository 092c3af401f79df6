//! What an error of a store means to the one who asked.

use std::error::Error as StdError;

use datafusion::object_store::Error as StoreError;
use datafusion::object_store::client::{HttpError, HttpErrorKind};
use samite_engine::{Error, ErrorKind};

use super::answer::Failed;

/// The error of a store that was asked for `what`, for instance `data file "a.parquet"`.
///
/// The store's own text, which may hold paths of the machine and answers of the service, is for the
/// log alone.
#[must_use]
pub fn unreadable(what: &str, error: StoreError) -> Error {
    if let Some(ours) = in_chain::<Error>(&error) {
        return refused(what, ours).with_source(error);
    }
    let (kind, message, hint) = match &error {
        StoreError::NotFound { .. } => {
            (ErrorKind::CorruptSource, format!("{what} does not exist"), None)
        }
        StoreError::PermissionDenied { .. } => (
            ErrorKind::SourceUnavailable,
            format!("{what} may not be read with the configured credentials"),
            Some("look at the store's entry in [stores] of the configuration"),
        ),
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
    let mut ours = Error::new(kind, message);
    if let Some(why) = passing_reason(&error) {
        ours = ours.with_detail(why);
    }
    let ours = ours.with_source(error);
    match hint {
        Some(hint) => ours.with_hint(hint),
        None => ours,
    }
}

/// The refusal of Samite itself that a store handed through.
fn refused(what: &str, ours: &Error) -> Error {
    let message = match ours.kind() {
        ErrorKind::PermissionDenied => format!("{what} may not be read"),
        _ => format!("{what} cannot be read"),
    };
    let detail = match ours.detail() {
        Some(detail) => format!("{}: {detail}", ours.message()),
        None => ours.message().to_owned(),
    };
    let refusal = Error::new(ours.kind(), message).with_detail(detail);
    match ours.hint() {
        Some(hint) => refusal.with_hint(hint),
        None => refusal,
    }
}

/// What of it is for the one who asked: never an answer of the service, nor an address.
fn passing_reason(error: &StoreError) -> Option<String> {
    if let Some(failed) = in_chain::<Failed>(error) {
        return Some(failed.to_string());
    }
    if in_chain::<HttpError>(error).is_some_and(|error| error.kind() == HttpErrorKind::Connect) {
        return Some("the store cannot be reached".to_owned());
    }
    let StoreError::Generic { source, .. } = error else { return None };
    let text = source.to_string();
    ["429", "503"]
        .iter()
        .any(|status| text.contains(&format!("status code: {status}")))
        .then(|| "the store asks for fewer requests".to_owned())
}

/// The first error of this type among the causes.
fn in_chain<T: StdError + 'static>(error: &StoreError) -> Option<&T> {
    let mut cause = error.source();
    while let Some(current) = cause {
        if let Some(found) = current.downcast_ref() {
            return Some(found);
        }
        cause = current.source();
    }
    None
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
