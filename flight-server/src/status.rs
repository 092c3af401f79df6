//! Errors become gRPC statuses; the only place that knows gRPC codes.

#![deny(clippy::wildcard_enum_match_arm, reason = "a new kind of error must choose its code")]

use samite_engine::{Error, ErrorKind};
use tonic::{Code, Status};

/// What the client gets of an error; what it does not get goes to the log.
pub(crate) fn status(error: &Error) -> Status {
    let code = code(error.kind());
    if code == Code::Internal {
        tracing::error!(?error, "call failed");
    } else if matches!(code, Code::Unavailable | Code::DataLoss) {
        tracing::warn!(?error, "call failed");
    } else {
        tracing::debug!(?error, ?code, "call failed");
    }
    Status::new(code, error.to_line())
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
            .with_context("secret", "path");
        let status = status(&error);
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(status.message(), "table \"a\" is not there (hint: look)");
    }
}
