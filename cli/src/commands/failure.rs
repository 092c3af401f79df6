//! How a command can end badly, and which exit code that is.

use std::io::Write;
use std::process::ExitCode;

use samite_engine::{Error, ErrorKind};

/// How a command can end badly.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The query or the check failed: 1.
    Failed(Error),
    /// What was wrong has been printed already: 1.
    Reported,
    /// The program was used wrongly: 2.
    Usage(Error),
    /// Whoever read the output went away: 0, and not a word.
    Closed,
}

impl Failure {
    /// The program was used wrongly.
    pub(crate) fn usage_text(message: impl Into<String>) -> Self {
        Self::Usage(Error::new(ErrorKind::InvalidConfiguration, message))
    }

    /// Standard input or output does not work.
    pub(crate) fn from_io(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::Closed;
        }
        Self::Failed(
            Error::new(ErrorKind::Internal, "input or output failed")
                .with_detail(error.to_string())
                .with_source(error),
        )
    }

    /// Says on standard error what went wrong, and how the program ends.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Failed(error) => {
                print_error(&error);
                ExitCode::from(1)
            }
            Self::Usage(error) => {
                print_error(&error);
                ExitCode::from(2)
            }
            Self::Reported => ExitCode::from(1),
            Self::Closed => ExitCode::SUCCESS,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Prints message, detail and hint on standard error. A reader of it that went away is no reason
/// to fail.
pub(crate) fn print_error(error: &Error) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "error: {}", error.message());
    if let Some(detail) = error.detail() {
        let _ = writeln!(stderr, "detail: {detail}");
    }
    if let Some(hint) = error.hint() {
        let _ = writeln!(stderr, "hint: {hint}");
    }
    tracing::debug!(?error, "the whole error");
}
