//! `?` becomes `$1`, `$2`, ... in the order of the text.
//!
//! The engine knows numbered parameters only: to it, two `?` would be one parameter. Works on tokens,
//! so that a `?` in a string, a quoted name or a comment stays what it is.

use std::borrow::Cow;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};
use samite_engine::{Error, ErrorKind, Result};

/// The same statement with numbered parameters only.
///
/// # Errors
///
/// When it has both kinds, or cannot be split into tokens.
pub(crate) fn number_placeholders(sql: &str) -> Result<Cow<'_, str>> {
    if !sql.contains('?') {
        return Ok(Cow::Borrowed(sql));
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql)
        .with_unescape(false)
        .tokenize_with_location()
        .map_err(|error| {
            Error::new(ErrorKind::InvalidQuery, format!("syntax error: {}", error.message))
                .with_detail(format!(
                    "line {}, column {}",
                    error.location.line, error.location.column
                ))
        })?;
    let mut marks = Vec::new();
    let mut numbered = None;
    for token in &tokens {
        let Token::Placeholder(name) = &token.token else { continue };
        match name.strip_prefix('?') {
            Some("") => marks.push(token.span.start),
            Some(_) => return Err(unknown_placeholder(name)),
            None => numbered = Some(name),
        }
    }
    match (marks.is_empty(), numbered) {
        (true, _) => Ok(Cow::Borrowed(sql)),
        (false, None) => replace(sql, &marks).map(Cow::Owned),
        (false, Some(name)) => {
            let message = format!("the statement has both \"?\" and \"{name}\" as parameters");
            Err(Error::new(ErrorKind::InvalidQuery, message).with_hint("use one kind of them"))
        }
    }
}

/// Puts `$1`, `$2`, ... in place of the characters at `marks`.
fn replace(sql: &str, marks: &[Location]) -> Result<String> {
    let mut numbered = String::with_capacity(sql.len() + 2 * marks.len());
    let mut at = Location { line: 1, column: 1 };
    let mut count = 0;
    for character in sql.chars() {
        match marks.get(count) {
            Some(mark) if *mark == at && character == '?' => {
                count += 1;
                numbered.push('$');
                numbered.push_str(&count.to_string());
            }
            _ => numbered.push(character),
        }
        if character == '\n' {
            at = Location { line: at.line + 1, column: 1 };
        } else {
            at.column += 1;
        }
    }
    if count == marks.len() {
        return Ok(numbered);
    }
    Err(Error::new(ErrorKind::InvalidQuery, "a \"?\" stands where no parameter can be")
        .with_hint("write $1, $2, ..."))
}

fn unknown_placeholder(name: &str) -> Error {
    Error::new(ErrorKind::InvalidQuery, format!("parameter \"{name}\" has no known form"))
        .with_hint("write ? or $1, $2, ...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_mark_is_numbered_where_it_is_a_parameter() {
        for (sql, expected) in [
            ("SELECT 1", "SELECT 1"),
            ("SELECT ?, ?", "SELECT $1, $2"),
            (
                "SELECT '?', \"?\", `?`, ? -- ?\n, ? /* ? */",
                "SELECT '?', \"?\", `?`, $1 -- ?\n, $2 /* ? */",
            ),
            ("SELECT 'it''s ?', ?", "SELECT 'it''s ?', $1"),
            ("SELECT 'a\\', ?, '?'", "SELECT 'a\\', $1, '?'"),
            ("SELECT 'ä€😀\n', ?\n,\r\n?", "SELECT 'ä€😀\n', $1\n,\r\n$2"),
            ("SELECT $$ ? $$, ?", "SELECT $$ ? $$, $1"),
            (
                "SELECT a FROM t WHERE a=?||'x' AND b>?-1",
                "SELECT a FROM t WHERE a=$1||'x' AND b>$2-1",
            ),
            ("SELECT '?' , $1", "SELECT '?' , $1"),
            ("x IN(?,?,?)", "x IN($1,$2,$3)"),
        ] {
            assert_eq!(number_placeholders(sql).unwrap(), expected, "{sql}");
        }
    }

    #[test]
    fn mixture_and_unknown_forms_are_refused() {
        for sql in ["SELECT ?, $1", "SELECT ?1", "SELECT ?, '"] {
            let kind = number_placeholders(sql).map_err(|error| error.kind()).err();
            assert_eq!(kind, Some(ErrorKind::InvalidQuery), "{sql}");
        }
    }
}
