//! How long and how deep a statement may be.
//!
//! Parsing, planning and dropping a statement are recursive, and a stack that overflows ends the
//! process. So depth is counted on the tokens, without recursion, before anything else happens.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::config::EngineConfig;
use crate::error::{Error, ErrorKind, Result};

/// Parentheses, brackets, braces and CASE expressions inside each other.
const NESTING_MAX: usize = 100;

/// Operators of one statement: a chain of them is a tree as deep as the chain is long.
const OPERATORS_MAX: usize = 4000;

/// Operators from which on a statement is worked on with a stack of its own.
const OPERATORS_SHALLOW: usize = 64;

/// The stack for statements with many operators, in bytes; only what is touched is real memory.
const DEEP_STACK_BYTES: usize = 256 << 20;

/// How deep a statement can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Depth(usize);

impl Depth {
    /// Runs `work` on a stack that suffices for a statement of this depth.
    pub(crate) fn on_stack<R>(self, work: impl FnOnce() -> R) -> R {
        if self.0 <= OPERATORS_SHALLOW { work() } else { stacker::grow(DEEP_STACK_BYTES, work) }
    }
}

/// Checks the length and the depth of a statement.
///
/// # Errors
///
/// When it is too long or too deep, or its tokens are broken.
pub(crate) fn check(sql: &str, config: &EngineConfig) -> Result<Depth> {
    if sql.len() > config.sql_bytes_max {
        return Err(Error::new(ErrorKind::InvalidQuery, "the statement is too long")
            .with_detail(format!(
                "it has {} bytes, {} are allowed",
                sql.len(),
                config.sql_bytes_max
            ))
            .with_hint("split it, or join with a table that holds the values"));
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql)
        .tokenize()
        .map_err(|error| Error::new(ErrorKind::InvalidQuery, format!("syntax error: {error}")))?;
    let (mut nesting, mut deepest, mut operators) = (0_usize, 0_usize, 0_usize);
    for token in &tokens {
        match role(token) {
            Role::Opens => {
                nesting += 1;
                deepest = deepest.max(nesting);
            }
            Role::Closes => nesting = nesting.saturating_sub(1),
            Role::Operator => operators += 1,
            Role::Flat => {}
        }
    }
    if deepest > NESTING_MAX {
        return Err(too_deep(format!("{deepest} parentheses are open at once"), NESTING_MAX));
    }
    if operators > OPERATORS_MAX {
        return Err(too_deep(format!("it has {operators} operators"), OPERATORS_MAX));
    }
    Ok(Depth(operators + deepest))
}

fn too_deep(found: String, allowed: usize) -> Error {
    Error::new(ErrorKind::InvalidQuery, "the statement is too deep")
        .with_detail(format!("{found}, {allowed} are allowed"))
        .with_hint(
            "write IN (...) for long chains of OR, or join with a table that holds the values",
        )
}

enum Role {
    Opens,
    Closes,
    Operator,
    Flat,
}

fn role(token: &Token) -> Role {
    match token {
        Token::LParen | Token::LBracket | Token::LBrace => Role::Opens,
        Token::RParen | Token::RBracket | Token::RBrace => Role::Closes,
        Token::Word(word) if word.quote_style.is_none() => match word.keyword {
            Keyword::CASE => Role::Opens,
            Keyword::END => Role::Closes,
            keyword if deepens(keyword) => Role::Operator,
            _ => Role::Flat,
        },
        Token::Word(_)
        | Token::Number(..)
        | Token::Char(_)
        | Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::NationalStringLiteral(_)
        | Token::EscapedStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::DollarQuotedString(_)
        | Token::HexStringLiteral(_)
        | Token::Placeholder(_)
        | Token::Comma
        | Token::Period
        | Token::SemiColon
        | Token::Whitespace(_)
        | Token::EOF => Role::Flat,
        _ => Role::Operator,
    }
}

fn deepens(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::AND
            | Keyword::OR
            | Keyword::XOR
            | Keyword::NOT
            | Keyword::IS
            | Keyword::IN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::SIMILAR
            | Keyword::RLIKE
            | Keyword::REGEXP
            | Keyword::BETWEEN
            | Keyword::DIV
            | Keyword::COLLATE
            | Keyword::AT
            | Keyword::OVERLAPS
            | Keyword::UNION
            | Keyword::INTERSECT
            | Keyword::EXCEPT
            | Keyword::MINUS
            | Keyword::JOIN
            | Keyword::APPLY
            | Keyword::EXPLAIN
            | Keyword::INTERVAL
            | Keyword::PRIOR
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(sql: &str) -> Result<Depth> {
        check(sql, &EngineConfig::default())
    }

    #[test]
    fn statement_has_bounds() {
        for (sql, fits) in [
            (format!("SELECT {}1", "1+".repeat(OPERATORS_MAX)), true),
            (format!("SELECT {}1", "1+".repeat(OPERATORS_MAX + 1)), false),
            (format!("SELECT {}1{}", "(".repeat(NESTING_MAX), ")".repeat(NESTING_MAX)), true),
            (format!("SELECT {}1", "(".repeat(NESTING_MAX + 1)), false),
            (format!("SELECT 1 WHERE 1 IN ({}1)", "1,".repeat(50_000)), true),
            (format!("SELECT '{}'", "x".repeat(300 << 10)), false),
            (format!("SELECT 1 WHERE {}true", "NOT ".repeat(OPERATORS_MAX + 1)), false),
            ("SELECT '".to_owned(), false),
        ] {
            assert_eq!(verdict(&sql).is_ok(), fits, "{:.60}", sql);
        }
    }
}
