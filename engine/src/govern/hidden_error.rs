//! What is said of an error below a barrier: that there was one.
//!
//! The words of such an error can hold a value that is hidden. Its kind stays where it tells of
//! sources and limits, so that a client can react; the log has the words, without values.

use datafusion::error::DataFusionError;

use crate::error::{Error, ErrorKind};

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

/// A text with a mark in place of numbers and of what is quoted.
fn without_values(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut quote = None;
    let mut in_number = false;
    let mut previous = ' ';
    for c in text.chars() {
        let is_digit = c.is_numeric();
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => {}
            // The one in "doesn't" begins nothing.
            None if c == '"' || c == '`' || (c == '\'' && !previous.is_alphanumeric()) => {
                quote = Some(c);
                shown.push('?');
            }
            None if is_digit && !in_number => shown.push('?'),
            None if is_digit => {}
            None => shown.push(c),
        }
        (in_number, previous) = (is_digit, c);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_left_out() {
        for (text, shown) in [
            ("Cannot cast string 'secret 7' to Int32", "Cannot cast string ? to Int?"),
            ("value \"a\" at 12.5 is `x`", "value ? at ?.? is ?"),
            ("it doesn't answer", "it doesn't answer"),
            ("never closed: 'abc", "never closed: ?"),
        ] {
            assert_eq!(without_values(text), shown, "{text}");
        }
    }

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
