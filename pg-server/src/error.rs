//! Errors become messages of PostgreSQL; the only place that knows its codes
//! (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).

#![deny(clippy::wildcard_enum_match_arm, reason = "a new kind of error must choose its code")]

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{ErrorResponse, NoticeResponse};
use samite_engine::error::LINE_BYTES_MAX;
use samite_engine::{Error, ErrorKind};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The statement failed.
    Error,
    /// The connection ends.
    Fatal,
}

/// The codes that are not those of a kind.
pub(crate) mod code {
    pub(crate) const ADMIN_SHUTDOWN: &str = "57P01";
    pub(crate) const DUPLICATE_CURSOR: &str = "42P03";
    pub(crate) const DUPLICATE_STATEMENT: &str = "42P05";
    pub(crate) const FAILED_TRANSACTION: &str = "25P02";
    pub(crate) const INVALID_AUTHORIZATION: &str = "28000";
    pub(crate) const INVALID_CATALOG: &str = "3D000";
    pub(crate) const INVALID_CURSOR: &str = "34000";
    pub(crate) const INVALID_PARAMETER: &str = "22023";
    pub(crate) const INVALID_STATEMENT: &str = "26000";
    pub(crate) const INVALID_SAVEPOINT: &str = "3B001";
    pub(crate) const NO_TRANSACTION: &str = "25P01";
    pub(crate) const PROTOCOL_VIOLATION: &str = "08P01";
    pub(crate) const TOO_MANY: &str = "54000";
    pub(crate) const TOO_MANY_CONNECTIONS: &str = "53300";
    pub(crate) const UNSUPPORTED: &str = "0A000";
}

/// An error with the code that a client of PostgreSQL gets.
#[derive(Debug)]
pub(crate) struct Coded {
    pub(crate) code: &'static str,
    pub(crate) error: Error,
}

impl Coded {
    /// An error with another code than that of its kind.
    pub(crate) fn new(code: &'static str, kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { code, error: Error::new(kind, message) }
    }

    /// Adds what to do.
    pub(crate) fn with_hint(self, hint: &str) -> Self {
        Self { error: self.error.with_hint(hint), ..self }
    }
}

impl From<Error> for Coded {
    fn from(error: Error) -> Self {
        Self { code: code_of(error.kind()), error }
    }
}

/// What the client gets of an error; what it does not get goes to the log.
pub(crate) fn message(coded: &Coded, severity: Severity) -> PgWireBackendMessage {
    let error = &coded.error;
    if error.kind() == ErrorKind::Internal {
        tracing::error!(?error, "statement failed");
    } else {
        tracing::debug!(?error, code = coded.code, "statement failed");
    }
    let name = match severity {
        Severity::Error => "ERROR",
        Severity::Fatal => "FATAL",
    };
    let mut fields = vec![
        (b'S', name.to_owned()),
        (b'V', name.to_owned()),
        (b'C', coded.code.to_owned()),
        (b'M', bounded(error.message())),
    ];
    fields.extend(error.detail().map(|detail| (b'D', bounded(detail))));
    fields.extend(error.hint().map(|hint| (b'H', bounded(hint))));
    PgWireBackendMessage::ErrorResponse(ErrorResponse::new(fields))
}

/// A warning.
pub(crate) fn warning(text: &str) -> PgWireBackendMessage {
    let name = "WARNING".to_owned();
    PgWireBackendMessage::NoticeResponse(NoticeResponse::new(vec![
        (b'S', name.clone()),
        (b'V', name),
        (b'C', "01000".to_owned()),
        (b'M', bounded(text)),
    ]))
}

/// A text without zero characters, which end it, and of a length that clients take.
fn bounded(text: &str) -> String {
    let end = text.floor_char_boundary(LINE_BYTES_MAX);
    text.get(..end).unwrap_or_default().replace('\0', " ")
}

fn code_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidQuery => "42601",
        ErrorKind::NotFound => "42P01",
        ErrorKind::Unsupported => code::UNSUPPORTED,
        ErrorKind::PermissionDenied => "42501",
        ErrorKind::Unauthenticated => "28P01",
        ErrorKind::InvalidConfiguration => "F0000",
        ErrorKind::ContractViolated => "55000",
        ErrorKind::CorruptSource => "XX001",
        ErrorKind::SourceUnavailable => "58030",
        ErrorKind::ResourcesExhausted => "53200",
        ErrorKind::Overloaded => "53000",
        ErrorKind::DeadlineExceeded | ErrorKind::Cancelled => "57014",
        ErrorKind::Internal => "XX000",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_gets_message_detail_and_hint_and_nothing_else() {
        let error = Error::new(ErrorKind::NotFound, "table \"a\" is not there")
            .with_detail("d\0d")
            .with_hint("look")
            .with_context("secret", "path");
        let PgWireBackendMessage::ErrorResponse(response) = message(&error.into(), Severity::Error)
        else {
            panic!("it is no error");
        };
        let fields = [
            (b'S', "ERROR"),
            (b'V', "ERROR"),
            (b'C', "42P01"),
            (b'M', "table \"a\" is not there"),
            (b'D', "d d"),
            (b'H', "look"),
        ];
        assert_eq!(response.fields, fields.map(|(field, text)| (field, text.to_owned())));
    }

    #[test]
    fn long_message_is_cut_at_a_character() {
        let text = bounded(&"ä".repeat(LINE_BYTES_MAX));
        assert!(text.len() <= LINE_BYTES_MAX && text.chars().all(|c| c == 'ä'));
    }
}
