//! `LIKE ... ESCAPE` with another character than the backslash, which is the only one that DataFusion
//! knows.
//!
//! ```text
//! x LIKE '50!%' ESCAPE '!'   ─▶ x LIKE '50\%'
//! x LIKE $1 || '%' ESCAPE '!' ─▶ x LIKE samite_like_pattern($1 || '%', '!')
//! ```

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value};

use super::super::functions::{LIKE_PATTERN, with_backslashes};
use super::build;
use crate::error::Result;

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
/// When the pattern is a literal that ends with the character, or the character is more than one.
pub(super) fn rewrite(expr: &mut Expr) -> Result<()> {
    let (Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. }) = expr
    else {
        return Ok(());
    };
    let escape = escape_char.as_ref().and_then(|escape| text(&escape.value)).unwrap_or_default();
    let written = match put_together(pattern) {
        Some(literal) => build::text(with_backslashes(&literal, escape)?),
        None => {
            with_backslashes("", escape)?;
            let pattern = std::mem::replace(pattern.as_mut(), build::number(0));
            build::call(LIKE_PATTERN, vec![pattern, build::text(escape)])
        }
    };
    **pattern = written;
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

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::SingleQuotedString(text) => Some(text),
        _ => None,
    }
}
