//! Errors become gRPC statuses; the only place that knows gRPC codes.

#![deny(clippy::wildcard_enum_match_arm, reason = "a new kind of error must choose its code")]

use samite_engine::{Error, ErrorKind};
use tonic::{Code, Status};

/// The header with the id of a query, in answers and in errors.
pub(crate) const QUERY_ID: &str = "x-query-id";

/// What the client gets of an error; what it does not get goes to the log.
pub(crate) fn status(error: &Error) -> Status {
    let code = code(error.kind());
    if code == Code::Internal {
        tracing::error!(query_id = error.query_id(), ?error, "call failed");
    } else if matches!(code, Code::Unavailable | Code::DataLoss) {
        tracing::warn!(query_id = error.query_id(), ?error, "call failed");
    } else {
        tracing::debug!(query_id = error.query_id(), ?error, ?code, "call failed");
    }
    let mut status = Status::new(code, error.to_line());
    if let Some(Ok(query_id)) = error.query_id().map(str::parse) {
        status.metadata_mut().insert(QUERY_ID, query_id);
    }
    status
}

fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::InvalidQuery => Code::InvalidArgument,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Unsupported => Code::Unimplemented,
        ErrorKind::PermissionDenied => Code::PermissionDenied,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::InvalidConfiguration | ErrorKind::ContractViolated => Code::FailedPrecondition,
        ErrorKind::CorruptSource => Code::DataLoss,
        ErrorKind::SourceUnavailable | ErrorKind::Overloaded => Code::Unavailable,
        ErrorKind::ResourcesExhausted => Code::ResourceExhausted,
        ErrorKind::DeadlineExceeded => Code::DeadlineExceeded,
        ErrorKind::Cancelled => Code::Cancelled,
        ErrorKind::Internal => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_gets_one_line_and_the_code_of_its_reaction() {
        let error = Error::new(ErrorKind::NotFound, "table \"a\"\nis not there")
            .with_hint("look")
            .with_context("secret", "path")
            .of_query("4711");
        let status = status(&error);
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(status.message(), "table \"a\" is not there (hint: look)");
        assert_eq!(status.metadata().get(QUERY_ID).map(|id| id.as_bytes()), Some(&b"4711"[..]));
    }
}
