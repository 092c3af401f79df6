//! `LIKE ... ESCAPE` with another character than the backslash, which is the only one that DataFusion
//! knows.
//!
//! ```text
//! x LIKE '50!%' ESCAPE '!' ─▶ x LIKE '50\%'
//! ```

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value};

use super::super::unsupported::refusal;
use super::build;
use crate::error::{Error, ErrorKind, Result};

/// What escapes in every pattern.
const BACKSLASH: char = '\\';

/// True for a pattern with a character of its own that escapes.
pub(super) fn is_foreign(expr: &Expr) -> bool {
    match expr {
        Expr::Like { escape_char: Some(escape), .. }
        | Expr::ILike { escape_char: Some(escape), .. } => {
            text(&escape.value).is_some_and(|escape| escape != "\\")
        }
        _ => false,
    }
}

/// Writes such a pattern with backslashes.
///
/// # Errors
///
/// When the pattern is no literal, or the character is more than one.
pub(super) fn rewrite(expr: &mut Expr) -> Result<()> {
    let (Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. }) = expr
    else {
        return Ok(());
    };
    let escape = escape_char.as_ref().and_then(|escape| text(&escape.value)).unwrap_or_default();
    let mut letters = escape.chars();
    let escape = letters.next();
    if letters.next().is_some() {
        return Err(Error::new(ErrorKind::InvalidQuery, "ESCAPE takes one character"));
    }
    let Some(literal) = put_together(pattern) else {
        return Err(refusal("ESCAPE with a pattern that is no literal")
            .with_hint("escape with a backslash and leave ESCAPE out"));
    };
    **pattern = build::text(with_backslashes(&literal, escape)?);
    *escape_char = None;
    Ok(())
}

/// The text of a literal, or of several in a row.
fn put_together(pattern: &Expr) -> Option<String> {
    match pattern {
        Expr::Value(value) => text(&value.value).map(str::to_owned),
        Expr::Nested(inner) => put_together(inner),
        Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => {
            Some(put_together(left)? + &put_together(right)?)
        }
        _ => None,
    }
}

fn with_backslashes(pattern: &str, escape: Option<char>) -> Result<String> {
    let mut written = String::with_capacity(pattern.len());
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        let (letter, is_escaped) = match Some(letter) == escape {
            true => (letters.next().ok_or_else(unfinished)?, true),
            false => (letter, false),
        };
        let needs_escape = match letter {
            '%' | '_' => is_escaped,
            letter => letter == BACKSLASH,
        };
        if needs_escape {
            written.push(BACKSLASH);
        }
        written.push(letter);
    }
    Ok(written)
}

fn unfinished() -> Error {
    Error::new(ErrorKind::InvalidQuery, "the pattern ends with the escape character")
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::SingleQuotedString(text) => Some(text),
        _ => None,
    }
}
