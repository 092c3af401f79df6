//! What is known of the terminal, and printing to it.

use std::io::{IsTerminal, Write};

use samite_engine::{Error, ErrorKind};

use super::failure::Failure;
use crate::config::Environment;
use crate::output::{Drawing, TableOptions};

/// The rows of a table that a terminal shows.
const TERMINAL_ROWS_MAX: usize = 40;

/// Prints text on standard output.
///
/// # Errors
///
/// When nobody reads it any more.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Failure::from_io)
}

/// Prints one line on standard error, for the person at the terminal.
pub(crate) fn note(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Asks the person at the terminal for a secret, which is not shown.
///
/// # Errors
///
/// When there is no terminal.
pub(crate) fn ask_secret(prompt: &str) -> Result<String, Failure> {
    rpassword::prompt_password(prompt).map_err(|error| {
        Failure::Usage(
            Error::new(
                ErrorKind::InvalidConfiguration,
                "there is no terminal to ask for a password",
            )
            .with_detail(error.to_string())
            .with_hint("set the variable SAMITE_PASSWORD"),
        )
    })
}

/// True if a person reads standard output.
pub(crate) fn is_output_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// True if a person reads standard error.
pub(crate) fn is_error_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// True if a person types standard input.
pub(crate) fn is_input_terminal() -> bool {
    std::io::stdin().is_terminal()
}

/// How tables look on standard output: as wide as the terminal and not endless, or whole.
pub(crate) fn table_options(environment: &Environment) -> TableOptions {
    if !is_output_terminal() {
        return TableOptions::default();
    }
    let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let is_coloured =
        environment.get("NO_COLOR").is_none() && environment.get("TERM") != Some("dumb");
    TableOptions {
        drawing: Drawing { width, is_coloured },
        rows_max: Some(TERMINAL_ROWS_MAX),
        has_types: false,
    }
}
