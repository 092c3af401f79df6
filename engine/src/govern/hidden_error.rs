//! What is said of an error below a barrier: that there was one.
//!
//! The words of such an error can hold a value that is hidden. Its kind stays where it tells of
//! sources and limits, so that a client can react; the log has the words, without values.

use datafusion::error::DataFusionError;

use crate::error::{Error, ErrorKind, without_values};

/// Replaces an error from below the barrier of a table.
pub(super) fn hidden(table: &str, error: DataFusionError) -> Error {
    let cause = Error::from(error);
    let kind = match cause.kind() {
        kind @ (ErrorKind::SourceUnavailable
        | ErrorKind::CorruptSource
        | ErrorKind::ResourcesExhausted
        | ErrorKind::Overloaded
        | ErrorKind::DeadlineExceeded
        | ErrorKind::Cancelled) => kind,
        ErrorKind::InvalidQuery
        | ErrorKind::NotFound
        | ErrorKind::Unsupported
        | ErrorKind::PermissionDenied
        | ErrorKind::Unauthenticated
        | ErrorKind::InvalidConfiguration
        | ErrorKind::ContractViolated
        | ErrorKind::Internal => ErrorKind::Internal,
    };
    tracing::warn!(
        table,
        kind = cause.kind().as_str(),
        cause = without_values(&cause.to_line()),
        "a table under a policy was not read"
    );
    Error::new(kind, format!("table \"{table}\" could not be read"))
        .with_detail("you see it in part, so that the cause is not shown")
        .with_hint("tell the operator the id of the query")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_from_below_do_not_come_up() {
        let below = [
            DataFusionError::Execution("canary".to_owned()),
            Error::new(ErrorKind::SourceUnavailable, "canary").with_detail("canary").into(),
            DataFusionError::ResourcesExhausted("canary".to_owned()),
        ];
        let kinds =
            [ErrorKind::Internal, ErrorKind::SourceUnavailable, ErrorKind::ResourcesExhausted];
        for (error, kind) in below.into_iter().zip(kinds) {
            let hidden = hidden("a.b.c", error);
            assert_eq!(hidden.kind(), kind);
            assert!(!format!("{hidden:?} {}", hidden.to_line()).contains("canary"), "{hidden:?}");
        }
    }
}
