//! What the parser says of text that it cannot read, in our words.

use datafusion::error::DataFusionError;

use crate::error::{Error, ErrorKind};

pub(super) fn syntax_error(error: DataFusionError) -> Error {
    let text = error.strip_backtrace();
    let text = text.lines().next().unwrap_or_default();
    let text = text
        .trim_start_matches("SQL error: ")
        .trim_start_matches("ParserError(\"")
        .trim_end_matches("\")")
        .trim_start_matches("sql parser error: ");
    Error::new(ErrorKind::InvalidQuery, format!("syntax error: {text}")).with_source(error)
}
